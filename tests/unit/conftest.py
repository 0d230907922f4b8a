from __future__ import annotations

from pathlib import Path

import pytest

from engine.workspace import Workspace
from tests.unit.deployments import make_bundle
from tests.unit.picture_bundles import make_picture_bundle


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty workspace."""
    return Workspace(tmp_path / "workspace").create()


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Serving bundles of two models that differ in their window; tests only read them."""
    root = tmp_path_factory.mktemp("bundles")
    return make_bundle(root / "short", window=14), make_bundle(root / "long", window=21)


@pytest.fixture(scope="session")
def colour_bundles(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Serving bundles of two classifiers that differ in their size; tests only read them."""
    root = tmp_path_factory.mktemp("picture-bundles")
    return make_picture_bundle(root / "small", side=8), make_picture_bundle(root / "large")
