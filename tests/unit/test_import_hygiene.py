"""What starts fast and stays small does not load what is slow and large.

Each case runs in a fresh interpreter: what an earlier test imported must not hide anything.
"""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import engine.cli
from engine.workspace import Workspace
from tests.unit.deployments import deploy, prepare_dataset

HEAVY = [
    "prefect",
    "torch",
    "lightgbm",
    "statsmodels",
    "pandas",
    "mlflow",
    "textual",
    "sqlalchemy",
    "onnx",
    "onnxruntime",
    "plotext",
]
_REPORT = """
import sys
sys.stderr.write("\\n" + ",".join(name for name in {heavy!r} if name in sys.modules))
"""
_COMMAND = """
import sys
sys.argv = {argv!r}
from {module} import main
try:
    status = main()
except SystemExit as end:
    status = end.code
assert not status, status
"""


def loaded(code: str, heavy: list[str]) -> list[str]:
    """Run code in a fresh interpreter; return which of the heavy modules it loaded."""
    process = subprocess.run(
        [sys.executable, "-c", code + _REPORT.format(heavy=heavy)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    names = process.stderr.rpartition("\n")[2]
    return names.split(",") if names else []


def command(*argv: str, module: str = "engine.cli.main") -> str:
    return _COMMAND.format(argv=list(argv), module=module)


@pytest.mark.parametrize(
    "code",
    [command("engine", "--help"), command("mlops-tui", module="tui.app")],
    ids=["engine --help", "mlops-tui"],
)
def test_what_only_talks_loads_nothing_heavy_and_no_numpy(code: str) -> None:
    assert loaded(code, [*HEAVY, "numpy", "pydantic", "rich", "yaml", "httpx"]) == []


@pytest.mark.parametrize(
    "arguments", [["run", "--help"], ["run", "full_flow", "--help"]], ids=" ".join
)
def test_the_help_of_a_command_loads_no_more_than_the_command_line(arguments: list[str]) -> None:
    assert (
        loaded(
            command("engine", *arguments), [*HEAVY, "numpy", "pydantic", "rich", "yaml", "httpx"]
        )
        == []
    )


@pytest.mark.parametrize(
    "module",
    [
        "engine.cli.follow",  # the launcher of a run stays beside it until its end
        "engine.config.loading",
        "engine.execution.launch",
        "engine.prefect_server.api",
        "engine.prefect_server.supervise",
        "engine.runs.table",
        "engine.store.aliases",
        "engine.timeline",
        "engine.charts.gantt",
        "models.registry",
    ],
)
def test_what_surrounds_a_run_loads_nothing_heavy(module: str) -> None:
    assert loaded(f"import {module}", HEAVY) == []


@pytest.mark.parametrize("module", ["models.forecasting.bundle", "engine.data.dataset"])
def test_what_serves_forecasts_is_light_until_it_is_used(module: str) -> None:
    assert loaded(f"import {module}", HEAVY) == []


@pytest.mark.parametrize(
    "arguments",
    [["runs"], ["models"], ["config", "check"], ["config", "reference", "--json"]],
    ids=" ".join,
)
def test_a_command_that_looks_things_up_loads_nothing_heavy(
    workspace: Workspace, arguments: list[str]
) -> None:
    line = ["engine", "--workspace", str(workspace.root), *arguments]

    assert loaded(command(*line), HEAVY) == []


def test_a_forecast_loads_what_serves_a_model_and_not_what_trains_it(
    workspace: Workspace, bundles: tuple[Path, Path], tmp_path: Path
) -> None:
    deploy(workspace, bundles[0], dataset=prepare_dataset(workspace, tmp_path).id)
    line = ["engine", "predict", "--json", "--workspace", str(workspace.root)]
    heavy = [name for name in HEAVY if name not in {"onnx", "onnxruntime"}]

    assert loaded(command(*line), heavy) == []


def test_the_modules_of_the_command_line_are_light_at_the_top() -> None:
    modules = [f"engine.cli.{module.name}" for module in pkgutil.iter_modules(engine.cli.__path__)]
    # One interpreter for all: none of them may load anything.
    code = "\n".join(f"import {module}" for module in modules)

    assert "engine.cli.main" in modules
    assert loaded(code, [*HEAVY, "numpy", "pyarrow"]) == []
