"""The quickstart notebook, executed in a new workspace as a reader would execute it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.workspace import Workspace
from tests.e2e.harness import Engine

pytestmark = pytest.mark.long

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebooks" / "quickstart.ipynb"
_CELL_SECONDS = 300


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """An empty workspace that takes whatever ports are free; its engine ends with the tests."""
    made = Workspace(tmp_path_factory.mktemp("notebook")).create()
    ports = "predictor: {port: 0}\nflow_api: {port: 0}\nweb_page: {port: 0}\n"
    (made.configs / "engine.yaml").write_text(ports)
    yield made
    Engine(made, Path()).run("down", "--cancel-runs")


@pytest.fixture(scope="module")
def cells(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """The cells after all of them have run, by their ids."""
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    pytest.importorskip("matplotlib")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _environment(workspace).items():
            patch.setenv(name, value)
        client = nbclient.NotebookClient(
            notebook,
            timeout=_CELL_SECONDS,
            kernel_name="python3",
            resources={"metadata": {"path": str(workspace.root)}},
        )
        asyncio.run(client.async_execute())
    return {cell["id"]: cell for cell in notebook.cells}


def _environment(workspace: Workspace) -> dict[str, str]:
    """What a kernel needs: the workspace, this very project, this very interpreter first."""
    kernels = workspace.root / "jupyter" / "kernels" / "python3"
    kernels.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": "Python 3", "language": "python"}
    (kernels / "kernel.json").write_text(json.dumps(spec))
    found = [str(NOTEBOOK.parents[2]), os.environ.get("PYTHONPATH", "")]
    return {
        "MLOPS_WORKSPACE": str(workspace.root),
        "JUPYTER_PATH": str(workspace.root / "jupyter"),
        "PYTHONPATH": os.pathsep.join(filter(None, found)),
        "IPYTHONDIR": str(workspace.root / "ipython"),
    }


def outputs(cell: dict[str, Any], kind: str) -> list[str]:
    """What a cell shows of one kind, such as text/html."""
    return [str(one["data"][kind]) for one in cell["outputs"] if kind in one.get("data", {})]


def test_every_cell_runs_and_says_nothing_on_the_standard_error(
    cells: dict[str, dict[str, Any]],
) -> None:
    said = {
        name: one
        for name, cell in cells.items()
        for one in cell.get("outputs", [])
        if one["output_type"] == "error" or one.get("name") == "stderr"
    }

    assert said == {}


def test_the_tables_show_the_runs_and_the_champion(cells: dict[str, dict[str, Any]]) -> None:
    (runs,) = outputs(cells["runs"], "text/html")
    (versions,) = outputs(cells["versions"], "text/html")
    (forecast,) = outputs(cells["forecast"], "text/html")

    assert runs.count("COMPLETED") == 2
    assert "champion" in versions
    assert "previous" in versions
    assert "LightGBM" in versions
    assert forecast.count("<tr") == 1 + 7


@pytest.mark.parametrize("name", ["compare", "curve", "plot"])
def test_the_plots_are_drawn(cells: dict[str, dict[str, Any]], name: str) -> None:
    (picture,) = outputs(cells[name], "image/png")

    assert len(picture) > 5_000


def test_a_second_reading_finds_what_is_there(
    cells: dict[str, dict[str, Any]], workspace: Workspace
) -> None:
    from engine import notebook

    assert cells
    assert len(notebook.versions(workspace)) == 2
