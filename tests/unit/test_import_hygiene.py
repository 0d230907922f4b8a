"""What starts fast and stays small does not load what is slow and large.

Each case runs in a fresh interpreter: what an earlier test imported must not hide anything.
"""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import engine.cli
import engine.client
import engine.daemon
import engine.predictor
import tui
from engine.workspace import Workspace
from tests.unit.deployments import deploy, prepare_dataset
from tests.unit.engine_thread import EngineThread

HEAVY = [
    "prefect",
    "torch",
    "lightgbm",
    "optuna",
    "statsmodels",
    "pandas",
    "mlflow",
    "textual",
    "sqlalchemy",
    "onnx",
    "onnxruntime",
    "plotext",
    "scipy",
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


def commands(*lines: list[str], workspace: Workspace | None = None) -> str:
    """The code of several command lines, one after the other."""
    place = ["--workspace", str(workspace.root)] if workspace else []
    return "".join(command("engine", *place, *line) for line in lines)


def modules_of(package: ModuleType) -> list[str]:
    """The names of all modules in a package, and in those in it."""
    found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    return [package.__name__, *(module.name for module in found)]


# What even the light parts may use, and what only talks must do without.
LIGHT = ["numpy", "pydantic", "rich", "yaml", "httpx", "msgspec", "psutil", "cronsim", "asyncio"]


@pytest.mark.parametrize(
    "code",
    [command("engine", "--help"), command("mlops-tui", "--help", module="tui.app")],
    ids=["engine --help", "mlops-tui --help"],
)
def test_what_only_talks_loads_nothing_heavy_and_nothing_light(code: str) -> None:
    assert loaded(code, [*HEAVY, *LIGHT]) == []


def test_the_help_of_a_command_loads_no_more_than_the_command_line() -> None:
    # One interpreter for all, here and below: what all together do not load, none of them does.
    code = commands(
        ["run", "--help"],
        ["run", "full_flow", "--help"],
        ["runs", "--help"],
        ["cancel", "--help"],
        ["schedule", "add", "--help"],
        ["notifications", "--help"],
        ["up", "--help"],
        ["serve", "--help"],
        ["backtest", "--help"],
        ["backtest", "run", "--help"],
        ["mlflow", "ui", "--help"],
    )

    assert loaded(code, [*HEAVY, *LIGHT]) == []


def test_what_surrounds_a_run_loads_nothing_heavy() -> None:
    modules = [
        "engine.cli.follow",  # whoever launches a run stays beside it until its end
        "engine.client",
        "engine.config.resolve",
        "engine.daemon.main",
        "engine.notify.webhook",
        "engine.prefect_server.api",
        "engine.prefect_server.launch",
        "engine.prefect_server.records",
        "engine.runs.limits",
        "engine.runs.log",
        "engine.runs.outcome",
        "engine.tables.runs",
        "engine.store.aliases",
        "engine.timeline",
        "engine.charts.gantt",
        "engine.charts.screen_gantt",
        "engine.charts.flow_timeline",
        "models.registry",
    ]

    code = "\n".join(f"import {module}" for module in modules)
    assert loaded(code, [*HEAVY, "apprise"]) == []


def test_every_module_of_the_engine_process_is_light() -> None:
    code = "\n".join(f"import {name}" for name in modules_of(engine.daemon))

    assert "engine.daemon.http.answers" in code
    assert loaded(code, [*HEAVY, "apprise", "pyarrow"]) == []


def test_every_module_of_the_predictor_is_light_but_for_what_runs_the_model() -> None:
    code = "\n".join(f"import {name}" for name in modules_of(engine.predictor))
    heavy = [name for name in HEAVY if name != "onnxruntime"]

    assert "engine.predictor.app" in code
    assert loaded(code, [*heavy, "pydantic", "fastapi", "httpx", "yaml"]) == []


def test_a_client_of_the_engine_needs_no_part_of_a_server_and_no_settings() -> None:
    # The terminal and scripts use it: it must not cost them what the engine itself needs.
    server = ["starlette", "uvicorn", "pydantic", "yaml", "numpy", "psutil", "cronsim", "sqlite3"]
    code = "\n".join(f"import {name}" for name in modules_of(engine.client))

    assert loaded(code, [*HEAVY, *server, "engine.daemon"]) == []


def test_the_terminal_loads_nothing_heavy_on_any_screen() -> None:
    heavy = [name for name in HEAVY if name not in ("textual", "plotext")]
    code = "\n".join(f"import {name}" for name in modules_of(tui))

    assert "tui.screens.runs" in code
    assert loaded(code, [*heavy, "numpy", "pydantic", "pyarrow", "sqlite3", "starlette"]) == []


def test_the_first_frame_needs_neither_client_nor_charts() -> None:
    # Each of them costs a part of the time until something is seen.
    assert loaded("import tui.control_center", ["httpx", "plotext", "yaml", "psutil"]) == []


def test_what_is_said_of_an_engine_that_cannot_start_is_light() -> None:
    assert loaded("import engine.exits, engine.schema", [*HEAVY, *set(LIGHT) - {"msgspec"}]) == []


@pytest.mark.parametrize("module", ["models.forecasting.bundle", "engine.data.dataset"])
def test_what_serves_forecasts_is_light_until_it_is_used(module: str) -> None:
    assert loaded(f"import {module}", HEAVY) == []


def test_a_command_that_looks_things_up_loads_nothing_heavy(workspace: Workspace) -> None:
    code = commands(
        ["models"],
        ["config", "check"],
        ["config", "check", "full_flow", "--set", "train.seed=9", "--json"],
        ["config", "form", "full_flow", "--json"],
        ["run", "full_flow", "--dry-run", "--data", __file__, "--json"],
        ["config", "show", "--json"],
        ["config", "reference", "--json"],
        ["mlflow", "status", "--json"],
        workspace=workspace,
    )

    assert loaded(code, HEAVY) == []


def test_a_command_about_versions_and_data_sets_reads_no_settings_and_loads_no_arrays(
    workspace: Workspace, bundles: tuple[Path, Path]
) -> None:
    # A screen asks these again and again, each time in a new process.
    deploy(workspace, bundles[0])
    deploy(workspace, bundles[1])
    code = commands(
        ["models", "--json"],
        ["models", "show", "champion", "--json"],
        ["models", "compare", "champion", "previous", "--json"],
        ["models", "log", "--json"],
        ["models", "rollback", "--json"],
        ["data", "list", "--json"],
        ["backtest", "list", "--json"],
        ["backtest", "show", "--json"],
        ["drift", "--checks", "--json"],
        ["actuals", "list", "--json"],
        workspace=workspace,
    )
    folder = workspace.backtests / ("0" * 8)
    folder.mkdir()
    keys = ("id", "name", "process", "done", "total", "dataset", "dataset_name", "options")
    shown = {**dict.fromkeys((*keys, "metric", "verdict")), "state": "finished", "created": 1.0}
    (folder / "backtest.json").write_text(json.dumps({**shown, "contenders": []}))

    assert loaded(code, [*HEAVY, *LIGHT, "pyarrow"]) == []


def test_a_command_that_asks_the_engine_loads_nothing_heavy_and_no_part_of_a_server(
    workspace: Workspace,
) -> None:
    code = commands(
        ["runs"],
        ["run", "data_flow", "--detach"],
        ["cancel", "--all"],
        ["schedule", "list"],
        ["status"],
        workspace=workspace,
    )
    with EngineThread(workspace):
        assert loaded(code, [*HEAVY, "numpy", "starlette", "uvicorn"]) == []


def test_a_command_about_values_loads_arrays_and_no_settings(
    workspace: Workspace, tmp_path: Path
) -> None:
    dataset = prepare_dataset(workspace, tmp_path)
    kept = '{"at": 1, "model_name": "v", "series_id": "a", "last_date": null, "prediction": [1]}\n'
    (workspace.predictor / "forecasts-0.jsonl").write_text(kept)
    code = commands(
        ["data", "show", "--series", dataset.ids[0], "--json"],
        ["quality", "--json"],
        workspace=workspace,
    )

    assert loaded(code, [*HEAVY, "pydantic", "yaml", "httpx", "rich"]) == []


def test_a_forecast_loads_what_serves_a_model_and_not_what_trains_it(
    workspace: Workspace, bundles: tuple[Path, Path], tmp_path: Path
) -> None:
    deploy(workspace, bundles[0], dataset=prepare_dataset(workspace, tmp_path).id)
    line = ["engine", "predict", "--json", "--workspace", str(workspace.root)]
    heavy = [name for name in HEAVY if name != "onnxruntime"]

    assert loaded(command(*line), heavy) == []


def test_the_modules_of_the_command_line_are_light_at_the_top() -> None:
    code = "\n".join(f"import {name}" for name in modules_of(engine.cli))

    assert "import engine.cli.main" in code
    assert loaded(code, [*HEAVY, "numpy", "pyarrow", "starlette", "uvicorn", "engine.daemon"]) == []
