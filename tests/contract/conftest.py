from __future__ import annotations

import pytest

from tests.own_registry import use_own_registry


@pytest.fixture
def restored_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the models that a test registers."""
    use_own_registry(monkeypatch)
