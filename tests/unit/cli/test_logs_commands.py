"""`engine logs` and `engine watch`."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.client import EngineClient, calls
from engine.runs.log import LOG_FILE
from engine.runs.progress import ProgressWriter
from engine.tables.runs import RunTable
from engine.workspace import Workspace
from tests.unit.cli.conftest import EngineCommand
from tests.unit.cli.rows import RUN_ID, add_ended_run, add_run, write_log
from tests.unit.engine_thread import EngineThread, meanwhile, process_of_a_run, wait_until

_MAIN = "from engine.cli.main import main; main()"


@pytest.fixture
def ended_run(table: RunTable, workspace: Workspace, light_engine: EngineThread) -> Path:
    """The folder of a run that failed, with a log of three lines."""
    return add_ended_run(table, workspace)


def test_the_log_is_printed_with_what_would_move_the_cursor_escaped(
    command: EngineCommand, ended_run: Path
) -> None:
    assert command("logs", "3f2a").out == "one\ntwo \\x1b]0;title\\x07\n셋\n"
    assert command("logs", "3f2a", "-n", "1").out == "셋\n"
    assert command("logs", "3f2a", "--lines", "99").out.splitlines()[0] == "one"


def test_the_segments_of_a_log_are_one_log(command: EngineCommand, ended_run: Path) -> None:
    write_log(ended_run, "four\nfive\n", segment=1)
    write_log(ended_run, "six\n", segment=2)

    assert command("logs", "3f2a").out.splitlines()[2:] == ["셋", "four", "five", "six"]
    assert command("logs", "3f2a", "-n", "1").out == "six\n"
    assert command("logs", "3f2a", "-n", "4").out == "셋\nfour\nfive\nsix\n"


def test_a_log_of_which_a_part_was_removed_says_so_where_it_is_missing(
    command: EngineCommand, ended_run: Path
) -> None:
    write_log(ended_run, "late\n", segment=3)

    lines = command("logs", "3f2a").out.splitlines()

    assert lines[2:] == [
        "셋",
        "... 2 part(s) of this log were removed to keep it within its size ...",
        "late",
    ]


def test_a_log_that_does_not_fit_into_one_answer_is_printed_whole(
    command: EngineCommand, ended_run: Path
) -> None:
    # Three bytes a character: a cut in the middle of one would show.
    lines = [f"{number} {'날' * 30}" for number in range(5000)]
    write_log(ended_run, "".join(f"{line}\n" for line in lines))

    assert command("logs", "3f2a").out.splitlines() == lines
    assert command("logs", "3f2a", "-n", "4000").out.splitlines() == lines[-4000:]


def test_the_last_words_of_a_run_that_died_in_the_middle_of_a_line_are_printed(
    command: EngineCommand, ended_run: Path
) -> None:
    write_log(ended_run, "one\nout of memo")

    for options in ([], ["-f"], ["-n", "1", "-f"], ["-n", "1"]):
        assert command("logs", "3f2a", *options).out.splitlines()[-1] == "out of memo"


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_a_number_of_lines_that_is_none_is_refused(command: EngineCommand, number: str) -> None:
    # No engine is asked.
    assert command("logs", RUN_ID, "-n", number).code == 2


def test_following_the_log_of_an_ended_run_ends(command: EngineCommand, ended_run: Path) -> None:
    answer = command("logs", "3f2a", "--follow", "-n", "1")

    assert (answer.code, answer.out) == (0, "셋\n")


@pytest.mark.usefixtures("light_engine")
def test_a_run_that_has_not_begun_has_an_empty_log(command: EngineCommand, table: RunTable) -> None:
    add_run(table, "b1")

    answer = command("logs", "b1")

    assert (answer.code, answer.out, answer.err) == (0, "", "")


def test_a_log_is_followed_across_segments_until_its_run_has_ended(
    command: EngineCommand, table: RunTable, workspace: Workspace
) -> None:
    add_run(table, "b1")
    folder = workspace.run_folder("b1")
    write_log(folder, "before\n")
    with process_of_a_run(table, "b1") as process, EngineThread(workspace) as light_engine:

        def go_on() -> None:
            wait_until(lambda: light_engine.engine.feed.wants_log("b1"))
            with (folder / LOG_FILE).open("a") as log:
                log.write("while it is followed\n")
            write_log(folder, "in a new segment\nand with its last br", segment=1)
            process.kill()

        with meanwhile(go_on):
            answer = command("logs", "b1", "-f")

    assert answer.code == 0
    assert answer.out.splitlines() == [
        "before",
        "while it is followed",
        "in a new segment",
        "and with its last br",
    ]


def test_the_log_of_a_run_can_be_followed_before_it_begins(
    command: EngineCommand, table: RunTable, light_engine: EngineThread, workspace: Workspace
) -> None:
    add_run(table, "b1")

    def end() -> None:
        wait_until(lambda: light_engine.engine.feed.wants_log("b1"))
        cancel(workspace, "b1")

    with meanwhile(end):
        answer = command("logs", "b1", "--follow")

    assert (answer.code, answer.out) == (0, "")


def test_watching_a_run_that_has_ended_shows_what_it_came_to_and_has_its_exit_code(
    command: EngineCommand, ended_run: Path
) -> None:
    answer = command("watch", "3f2a")

    assert answer.code == 3
    assert "load_time_series_csv" in answer.out
    assert f"data_flow bold-otter ({RUN_ID}): FAILED\n" in answer.out
    assert answer.out == command("run", "show", "3f2a").out


def test_watching_for_machines_gives_the_same_as_showing(
    command: EngineCommand, ended_run: Path
) -> None:
    answer = command("watch", "3f2a", "--json")

    assert (answer.code, answer.err) == (3, "")
    assert answer.json == command("run", "show", "3f2a", "--json").json


@pytest.mark.usefixtures("light_engine")
def test_watching_has_the_exit_code_of_the_run(command: EngineCommand, table: RunTable) -> None:
    for number, (state, error_kind, code) in enumerate(
        [
            ("COMPLETED", "", 0),
            ("FAILED", "", 1),
            ("FAILED", "ConfigError", 2),
            ("FAILED", "DeployRefusedError", 4),
            ("CRASHED", "", 1),
            ("CANCELLED", "", 130),
        ]
    ):
        run_id = add_run(table, f"run-{number}", state=state, error_kind=error_kind)

        assert command("watch", run_id).code == code
        assert command("watch", run_id, "--json").json["exit_code"] == code


def test_the_steps_of_a_run_are_told_while_it_is_watched(
    command: EngineCommand, table: RunTable, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing is recorded about this run in Prefect, for which the end would be waited.
    monkeypatch.setattr("engine.cli.follow._RECORD_SECONDS", 0.0)
    add_run(table, "b1", "train_flow")
    folder = workspace.run_folder("b1")
    folder.mkdir()
    task = {"id": "t1", "name": "train_model", "flow": "train_flow"}
    with process_of_a_run(table, "b1") as process, EngineThread(workspace) as light_engine:

        def go_on() -> None:
            wait_until(lambda: listeners(light_engine) == 1)
            progress = ProgressWriter(folder)
            progress.write("task", state="RUNNING", **task)
            progress.write("epoch", step="train_model", done=1, total=1, loss=0.25)
            progress.write("task", state="COMPLETED", **task)
            progress.close()
            wait_until(lambda: steps_seen(light_engine, "b1") == ["COMPLETED"])
            table.finish("b1", "COMPLETED", "")
            process.kill()

        with meanwhile(go_on):
            answer = command("watch", "b1")

    assert answer.code == 0
    assert "train_model: completed in " in answer.err
    assert "train_flow bold-otter (b1): COMPLETED\n" in answer.out


@pytest.mark.parametrize(
    ("line", "ends"),
    [(["watch", "b1"], False), (["logs", "-f", "b1"], False), (["run", "data_flow"], True)],
    ids=["watch", "logs", "run"],
)
def test_ctrl_c_ends_a_run_only_where_it_was_launched(
    table: RunTable, light_engine: EngineThread, line: list[str], ends: bool
) -> None:
    add_run(table, "b1")
    with subprocess.Popen(
        [sys.executable, "-c", _MAIN, *line], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        wait_until(lambda: listeners(light_engine) == 1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()

    states = [run.state for run in table.newest(2)]
    assert process.returncode == 130
    assert states == (["CANCELLED", "PENDING"] if ends else ["PENDING"])
    assert b"Traceback" not in errors
    assert (b"press Ctrl-C again to end it at once" in errors) == ends


@pytest.mark.usefixtures("light_engine")
def test_what_a_run_that_is_watched_waits_for_is_told_once(
    table: RunTable, workspace: Workspace
) -> None:
    add_run(table, "b1")
    with subprocess.Popen(
        [sys.executable, "-c", _MAIN, "watch", "b1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        told = process.stderr.readline()
        cancel(workspace, "b1")
        out, rest = process.communicate()

    assert process.returncode == 130
    assert told == "... the Prefect server is starting, which takes a few seconds\n"
    assert rest == ""
    assert "data_flow bold-otter (b1): CANCELLED\n  cancelled before it started\n" in out


def listeners(light_engine: EngineThread) -> int:
    """How many listen to the feed of the engine."""
    return len(light_engine.engine.feed._subscriptions)


def steps_seen(light_engine: EngineThread, run_id: str) -> list[str]:
    steps = light_engine.engine.tails.steps(run_id) or []
    return [step.state for step in steps]


def cancel(workspace: Workspace, run_id: str) -> None:
    """Cancel a run, as somebody else would."""
    with EngineClient(workspace, autostart=False) as client:
        client.send(calls.cancel(run_id))
