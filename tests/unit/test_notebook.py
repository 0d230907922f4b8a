"""What a notebook is given, and the notebook that the project brings along."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine import notebook
from engine.errors import NotFoundError
from engine.workspace import Workspace
from tests.unit.cli.rows import add_ended_run, add_run
from tests.unit.deployments import deploy, prepare_dataset
from tests.unit.engine_thread import EngineThread

QUICKSTART = Path(__file__).parents[2] / "docs" / "notebooks" / "quickstart.ipynb"


@pytest.fixture(scope="module")
def cells() -> list[dict[str, Any]]:
    document = json.loads(QUICKSTART.read_text(encoding="utf-8"))
    assert (document["nbformat"], document["nbformat_minor"]) == (4, 5)
    found: list[dict[str, Any]] = document["cells"]
    return found


def code_of(cells: list[dict[str, Any]]) -> str:
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def test_the_notebook_is_kept_without_what_came_out_of_it(cells: list[dict[str, Any]]) -> None:
    ids = [cell["id"] for cell in cells]
    assert len(set(ids)) == len(ids)
    for cell in cells:
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
        else:
            assert cell["cell_type"] == "markdown"


def test_the_code_of_the_notebook_names_only_what_there_is(cells: list[dict[str, Any]]) -> None:
    tree = ast.parse(code_of(cells))
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "notebook"
    }

    for node in imported:
        module = importlib.import_module(str(node.module))
        for name in node.names:
            assert hasattr(module, name.name) or importlib.import_module(
                f"{node.module}.{name.name}"
            )
    assert used >= {"launch", "runs", "versions", "forecast"}
    assert [name for name in used if not hasattr(notebook, name)] == []


def test_importing_it_costs_no_table_library() -> None:
    code = (
        "import sys, engine.notebook; print([n for n in ('pandas', 'numpy') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_in_a_new_workspace_there_is_nothing_deployed(workspace: Workspace) -> None:
    assert notebook.versions(workspace).empty
    with pytest.raises(NotFoundError, match="there is no champion yet"):
        notebook.forecast(workspace)


def test_runs_come_as_a_table(workspace: Workspace) -> None:
    with EngineThread(workspace) as running:
        table = running.engine.table
        add_run(table, "3f2a77c1-0000-4000-8000-000000000001")
        add_ended_run(table, workspace, "3f2a77c1-0000-4000-8000-000000000002", state="FAILED")

        found = notebook.runs(workspace)

    assert set(found["state"]) == {"PENDING", "FAILED"}
    assert found["started"].dt.tz is not None
    assert found.loc[found["state"] == "PENDING", "seconds"].isna().all()


def test_versions_come_with_their_aliases_and_scores(
    workspace: Workspace, bundles: tuple[Path, Path]
) -> None:
    old = deploy(workspace, bundles[0])
    new = deploy(workspace, bundles[1])

    found = notebook.versions(workspace)

    assert dict(found["alias"]) == {new.id: "champion", old.id: "previous"}
    assert found["mase"].notna().all()


def test_a_forecast_stands_beside_what_came(
    workspace: Workspace, bundles: tuple[Path, Path], tmp_path: Path
) -> None:
    dataset = prepare_dataset(workspace, tmp_path)
    deploy(workspace, bundles[0], dataset=dataset.id)
    name = dataset.ids[0]
    history = notebook.history(workspace, name)

    past = notebook.forecast(workspace, series=name, held_back=7)
    ahead = notebook.forecast(workspace, series=name, steps=3)

    assert list(past["actual"]) == list(history["y"].tail(7))
    assert list(past["ds"]) == list(history["ds"].tail(7))
    assert ahead["actual"].isna().all()
    assert ahead["ds"].iloc[0] == history["ds"].iloc[-1] + past["ds"].diff().iloc[-1]
    with pytest.raises(NotFoundError, match="no series 'nobody'"):
        notebook.history(workspace, "nobody")
    with pytest.raises(NotFoundError, match="Hold back fewer days"):
        notebook.forecast(workspace, series=name, held_back=len(history))
