from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from engine.cli.exit_codes import ExitCode
from engine.cli.main import _COMMANDS
from engine.workspace import Workspace
from tests.unit.cli.conftest import EngineCommand


def test_the_help_lists_every_command_and_exit_status(command: EngineCommand) -> None:
    answer = command("--help")

    assert answer.code == 0
    for name in _COMMANDS:
        assert f"\n  {name} " in answer.out
    shown = " ".join(answer.out.split())
    for code in set(ExitCode) - {ExitCode.OK}:
        assert f" {code:d} " in shown.partition("Exit status: ")[2]


@pytest.mark.parametrize("name", _COMMANDS)
def test_every_command_explains_itself(command: EngineCommand, name: str) -> None:
    for flag in ("--help", "-h"):
        answer = command(name, flag)
        assert answer.code == 0
        assert answer.out.startswith(f"Usage: engine {name} ")


def test_the_version_is_that_of_the_distribution(command: EngineCommand) -> None:
    assert command("--version").out == f"engine, version {version('mlops-tui')}\n"


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["rnus"], "runs"),
        (["run", "full_flwo"], "full_flow"),
        (["run", "shwo", "1"], "show"),
        (["cancle", "1"], "cancel"),
        (["wacht", "1"], "watch"),
    ],
)
def test_an_unknown_command_is_refused_with_the_nearest_and_the_list(
    command: EngineCommand, arguments: list[str], meant: str
) -> None:
    answer = command(*arguments)

    assert answer.code == 2
    assert answer.out == ""
    assert f'Did you mean "{meant}"? Choose one of: ' in answer.err


def test_a_command_like_no_other_is_refused_with_the_list(command: EngineCommand) -> None:
    answer = command("zzz")

    assert answer.code == 2
    assert 'There is no "zzz" here. Choose one of: run, watch, runs, ' in answer.err


@pytest.mark.parametrize(
    "line",
    [
        *(["run", flow] for flow in ("data_flow", "full_flow")),
        *(["schedule", verb] for verb in ("add", "list", "pause", "resume", "remove")),
        *(["notifications", verb] for verb in ("list", "test")),
        *(["models", verb] for verb in ("show", "rollback")),
    ],
    ids=" ".join,
)
def test_every_command_of_a_group_explains_itself(command: EngineCommand, line: list[str]) -> None:
    answer = command(*line, "--help")

    assert answer.code == 0
    assert answer.out.startswith(f"Usage: engine {' '.join(line)} ")
    assert "--json" in answer.out
    assert "--workspace" in answer.out


@pytest.mark.parametrize(
    "arguments",
    [
        ["zzz", "--json"],
        ["runs", "--bogus", "--json"],
        ["runs", "--json", "--bogus"],
        ["runs", "--json", "--limit", "0"],
        ["logs", "--json"],
    ],
)
def test_a_command_line_that_is_wrong_is_told_to_machines_too(
    command: EngineCommand, arguments: list[str]
) -> None:
    answer = command(*arguments)

    assert answer.code == 2
    assert answer.json["exit_code"] == 2
    assert answer.json["error"]["kind"] == "UsageError"
    assert answer.json["error"]["message"]
    assert answer.err == ""


@pytest.mark.parametrize("place", ["before", "after", "both"])
def test_the_workspace_may_be_named_before_and_after_the_command(
    command: EngineCommand, tmp_path: Path, place: str
) -> None:
    chosen = Workspace(tmp_path / "chosen").create()
    (chosen.configs / "train_flow_config.yaml").write_text(
        "flow_module: train_flow\nmodel: {window: 21}\n"
    )
    option = ["--workspace", str(chosen.root)]
    other = ["--workspace", str(tmp_path / "other")]
    lines = {
        "before": [*option, "config", "show", "train_flow"],
        "after": ["config", "show", "train_flow", *option],
        # What stands nearer to the command counts.
        "both": [*other, "config", "show", "train_flow", *option],
    }

    answer = command(*lines[place], "--json")

    assert answer.json["settings"]["model"]["window"] == 21


def test_a_workspace_that_is_a_file_is_refused(command: EngineCommand, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    answer = command("runs", "--workspace", tmp_path / "file")

    assert answer.code == 2
    assert "is a file" in answer.err


def test_a_workspace_that_cannot_be_made_is_an_error_of_storage(command: EngineCommand) -> None:
    answer = command("runs", "--workspace", "/proc/ws")

    assert answer.code == 7
    assert answer.err.startswith("error: /proc/ws: the workspace cannot be written")


@pytest.mark.usefixtures("light_engine")
def test_the_installed_command_ends_with_the_exit_code(workspace: Workspace) -> None:
    code = "from engine.cli.main import main; main()"

    def exit_status(*arguments: str) -> int:
        line = [sys.executable, "-c", code, *arguments]
        return subprocess.run(line, capture_output=True, check=False).returncode

    assert exit_status("runs", "--workspace", str(workspace.root)) == 0
    assert exit_status("logs", "nope", "--workspace", str(workspace.root)) == 5
    assert exit_status("cancel", "nope", "--workspace", str(workspace.root)) == 5


def test_output_that_a_terminal_cannot_show_is_escaped(workspace: Workspace) -> None:
    (workspace.configs / "train_flow_config.yaml").write_text(
        "flow_module: train_flow\nmodel: {model_type: 모델}\n", encoding="utf-8"
    )
    code = "from engine.cli.main import main; main()"
    line = [sys.executable, "-c", code, "config", "show", "train_flow", "--json"]
    environment = {"PYTHONIOENCODING": "ascii", "MLOPS_WORKSPACE": str(workspace.root)}

    process = subprocess.run(line, capture_output=True, env=environment, check=False)

    assert process.stdout.isascii()
    assert process.stderr.isascii()
    assert b"Traceback" not in process.stderr
