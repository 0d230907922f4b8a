from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import click
import pytest

from engine.cli.guard import run_guarded
from engine.cli.options import json_option
from engine.errors import ConflictError, DataError, EngineError, error_of_dict
from engine.tables.runs import RunTable
from engine.workspace import Workspace
from tests.unit.cli.rows import add_ended_run, write_log

ERROR = DataError("3 rows have no date", where="ledger.csv:7", fix="Correct them")


def failing_with(error: BaseException) -> click.Command:
    @click.command()
    @json_option
    def command() -> None:
        raise error

    return command


def test_an_error_for_people_is_one_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_guarded(failing_with(ERROR), []) == 3

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "error: ledger.csv:7: 3 rows have no date. Correct them\n"


def test_an_error_for_machines_is_a_document_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_guarded(failing_with(ERROR), ["--json"]) == 3

    captured = capsys.readouterr()
    assert captured.err == ""
    assert json.loads(captured.out) == {
        "error": {
            "kind": "DataError",
            "message": "3 rows have no date",
            "where": "ledger.csv:7",
            "fix": "Correct them",
        },
        "exit_code": 3,
    }


def test_an_error_of_the_engine_is_told_as_if_it_had_happened_here(
    capsys: pytest.CaptureFixture[str],
) -> None:
    far_away = ConflictError("there is a schedule 'nightly' already", fix="Give it another name")

    assert run_guarded(failing_with(error_of_dict(far_away.to_dict())), []) == 8

    assert capsys.readouterr().err == (
        "error: there is a schedule 'nightly' already. Give it another name\n"
    )


def test_ctrl_c_is_cancelled(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_guarded(failing_with(KeyboardInterrupt()), []) == 130
    assert capsys.readouterr().err == "cancelled\n"


@pytest.mark.parametrize("error", [ValueError("a bug"), AssertionError("a bug")])
def test_a_bug_is_not_dressed_up_as_an_error_of_the_user(error: Exception) -> None:
    with pytest.raises(type(error), match="a bug"):
        run_guarded(failing_with(error), [])


@pytest.mark.parametrize(("answer", "code"), [(None, 0), (0, 0), (4, 4), ("text", 0)])
def test_a_command_may_answer_with_its_exit_code(answer: object, code: int) -> None:
    @click.command()
    def command() -> object:
        return answer

    assert run_guarded(command, []) == code


def test_an_error_with_characters_that_the_terminal_lacks_is_told_escaped(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ascii_stderr = os.fdopen(os.dup(2), "w", encoding="ascii", errors="strict")
    monkeypatch.setattr(sys, "stderr", ascii_stderr)
    with ascii_stderr:
        assert run_guarded(failing_with(EngineError("없음 \udcff")), []) == 1

    assert capfd.readouterr().err == "error: \\uc5c6\\uc74c \\udcff\n"


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["config", "reference"], ["config", "reference", "--json"], ["nope", "--json"]],
)
def test_a_reader_that_went_away_is_no_error(arguments: list[str]) -> None:
    code = "from engine.cli.main import main; main()"
    reader, writer = os.pipe()
    os.close(reader)
    try:
        process = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writer)

    assert process.stderr == ""
    assert process.returncode == 0


@pytest.mark.usefixtures("light_engine")
@pytest.mark.parametrize("options", [[], ["--follow"]], ids=["logs", "logs -f"])
def test_a_reader_that_goes_away_in_the_middle_is_no_error(
    table: RunTable, workspace: Workspace, options: list[str]
) -> None:
    folder = add_ended_run(table, workspace)
    # More than a pipe holds.
    write_log(folder, "a line of the log\n" * 20_000)
    code = "from engine.cli.main import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "logs", "3f2a", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "a line of the log\n"
        process.stdout.close()
        assert process.stderr is not None
        errors = process.stderr.read()

    assert errors == ""
    assert process.returncode == 0


def test_ctrl_c_in_a_real_process_ends_it_with_130() -> None:
    code = (
        "import sys, click\n"
        "from engine.cli.guard import run_guarded\n"
        "@click.command()\n"
        "def command():\n"
        "    print('begun', flush=True)\n"
        "    sys.stdin.read()\n"
        "sys.exit(run_guarded(command, []))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()

    assert process.returncode == 130
    assert errors == "cancelled\n"
