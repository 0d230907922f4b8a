from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

WriteConfig = Callable[[str, str], Path]


@pytest.fixture
def configs(tmp_path: Path) -> Path:
    """The configs folder of an empty workspace."""
    folder = tmp_path / "configs"
    folder.mkdir()
    return folder


@pytest.fixture
def write_config(configs: Path) -> WriteConfig:
    """Write one flow's settings file into the workspace: `write_config("train_flow", text)`."""

    def write(flow: str, body: str) -> Path:
        path = configs / f"{flow}_config.yaml"
        path.write_text(f"flow_module: {flow}\n{body}", encoding="utf-8")
        return path

    return write
