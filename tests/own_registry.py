from __future__ import annotations

import pytest

from models import registry
from models.data_types import DATA_TYPES


def use_own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test register and remove models that no other test sees."""
    for data_type in DATA_TYPES:
        registry.names(data_type)
    copied = {data_type: dict(known) for data_type, known in registry._models.items()}
    monkeypatch.setattr(registry, "_models", copied)
    monkeypatch.setattr(registry, "_plugin_files", {})
