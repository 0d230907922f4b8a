from __future__ import annotations

from pathlib import Path

import pytest

from engine.workspace import Workspace
from tests.unit.deployments import make_bundle


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty workspace."""
    return Workspace(tmp_path / "workspace").create()


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Serving bundles of two models that differ in their window; tests only read them."""
    root = tmp_path_factory.mktemp("bundles")
    return make_bundle(root / "short", window=14), make_bundle(root / "long", window=21)
