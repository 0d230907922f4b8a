from __future__ import annotations

from collections.abc import Iterator

import pytest

from models import registry


@pytest.fixture
def restored_registry() -> Iterator[None]:
    """Forget the models that a test registers."""
    registry.names()
    models, files = dict(registry._models), dict(registry._plugin_files)
    yield
    for current, before in ((registry._models, models), (registry._plugin_files, files)):
        current.clear()
        current.update(before)
