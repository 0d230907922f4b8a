"""Write a source, load it, clean it: in one call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.config.series_settings import DatasetRules
from engine.data.rows import LoadedRows
from engine.data.rules import CleanData
from engine.data.sources import load_rows
from engine.errors import EngineError
from tests.unit.data.ledgers import clean, settings_for


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., LoadedRows]:
    """Write text or bytes to ledger.csv and load it."""

    def write_and_load(content: str | bytes, **given: Any) -> LoadedRows:
        raw = content.encode() if isinstance(content, str) else content
        (tmp_path / "ledger.csv").write_bytes(raw)
        return load_rows(settings_for(**given), root=tmp_path)

    return write_and_load


@pytest.fixture
def complaint(load: Callable[..., LoadedRows]) -> Callable[..., str]:
    """The message that loading a text ends with."""

    def message(content: str | bytes, **given: Any) -> str:
        with pytest.raises(EngineError) as caught:
            load(content, **given)
        return str(caught.value)

    return message


@pytest.fixture
def prepare(load: Callable[..., LoadedRows]) -> Callable[..., CleanData]:
    """Load a text and apply rules, given as `gaps="zero"`; `more` are further settings."""

    def load_and_clean(content: str, more: dict[str, Any] | None = None, **rules: Any) -> CleanData:
        given = {"rules": DatasetRules(**rules), **(more or {})}
        return clean(load(content, **given), settings_for(**given))

    return load_and_clean
