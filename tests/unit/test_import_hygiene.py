"""What must start fast loads nothing heavy; each case asks a fresh interpreter."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = ("prefect", "torch", "lightgbm", "statsmodels", "pandas", "mlflow", "textual")
SERVING_HEAVY = (
    "prefect",
    "torch",
    "lightgbm",
    "statsmodels",
    "pandas",
    "mlflow",
    "textual",
    "onnx",
)

COMMAND = """
import sys
from engine.cli.guard import run_guarded
from engine.cli.main import engine
assert run_guarded(engine, {arguments!r}) == 0
"""


def loaded(code: str, workspace: str) -> set[str]:
    """Top-level modules that an interpreter has loaded after running `code`."""
    report = "\nimport json, sys\nsys.stderr.write(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code + report],
        capture_output=True,
        text=True,
        env={"MLOPS_WORKSPACE": workspace},
        check=True,
    )
    return {name.partition(".")[0] for name in json.loads(done.stderr.splitlines()[-1])}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["run", "--help"],
        ["run", "full_flow", "--help"],
        ["runs"],
        ["runs", "--json"],
        ["models"],
        ["config", "show", "engine"],
    ],
    ids=" ".join,
)
def test_a_command_that_only_answers_loads_nothing_heavy(
    arguments: list[str], tmp_path: object
) -> None:
    modules = loaded(COMMAND.format(arguments=arguments), str(tmp_path))
    assert not modules & set(HEAVY)


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"]], ids=" ".join)
def test_help_loads_not_even_numpy_rich_or_pydantic(arguments: list[str], tmp_path: object) -> None:
    modules = loaded(COMMAND.format(arguments=arguments), str(tmp_path))
    assert not modules & {"numpy", "rich", "pydantic", "yaml", "httpx", "plotext"}


@pytest.mark.parametrize(
    "module",
    [
        "tui.app",
        "engine.execution.launch",
        "engine.prefect_server.api",
        "engine.prefect_server.supervise",
        "engine.runs.table",
        "engine.timeline",
        "engine.charts.gantt",
        "engine.config.loading",
        "engine.store.aliases",
        "models.registry",
    ],
)
def test_a_module_that_clients_use_loads_nothing_heavy(module: str, tmp_path: object) -> None:
    assert not loaded(f"import {module}", str(tmp_path)) & set(HEAVY)


@pytest.mark.parametrize("module", ["models.forecasting.bundle", "engine.data.dataset"])
def test_what_forecasts_are_served_with_needs_no_training_library(
    module: str, tmp_path: object
) -> None:
    assert not loaded(f"import {module}", str(tmp_path)) & set(SERVING_HEAVY)
