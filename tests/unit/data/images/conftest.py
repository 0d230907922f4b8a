"""A data set of series, to be told from those of pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.data.dataset import write_dataset
from engine.data.sources import load_rows
from tests.unit.data.ledgers import clean, ledger, settings_for


@pytest.fixture
def series_id(tmp_path: Path) -> Callable[[Path], str]:
    """Write one into a folder of data sets, and tell its id."""

    def write(datasets_dir: Path) -> str:
        text = ledger({"nut": [10, 20, 30, 40, 50, 60, 70], "bolt": [1, 2, 3, 4, 5, 6, 7]})
        (tmp_path / "ledger.csv").write_text(text)
        settings = settings_for()
        prepared = clean(load_rows(settings, root=tmp_path), settings)
        written = write_dataset(
            prepared.frame, report=prepared.report, settings=settings, datasets_dir=datasets_dir
        )
        return written.id

    return write
