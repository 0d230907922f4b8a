"""`engine cancel` and `engine delete`."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from engine.errors import NotFoundError
from engine.tables.handoffs import Handoffs
from engine.tables.runs import RunTable
from engine.workspace import Workspace
from tests.unit.cli.conftest import EngineCommand
from tests.unit.cli.rows import RUN_ID, add_ended_run, add_run
from tests.unit.engine_thread import EngineThread, process_of_a_run, wait_until

pytestmark = pytest.mark.usefixtures("light_engine")


def states(table: RunTable) -> dict[str, str]:
    return {run.id: run.state for run in table.newest(100)}


def test_a_run_that_waits_is_cancelled_at_once(command: EngineCommand, table: RunTable) -> None:
    add_run(table)

    answer = command("cancel", "3f2a")

    assert (answer.code, answer.err) == (0, "")
    assert answer.out == "data_flow bold-otter (3f2a77c1): cancelled\n"
    assert states(table) == {RUN_ID: "CANCELLED"}


def test_several_runs_are_cancelled_by_their_ids(command: EngineCommand, table: RunTable) -> None:
    for run_id in ("a1", "b1", "c1"):
        add_run(table, run_id)

    data = command("cancel", "c1", "a1", "--json").json

    assert [(run["id"], run["state"]) for run in data["runs"]] == [
        ("c1", "CANCELLED"),
        ("a1", "CANCELLED"),
    ]
    assert data["runs"][0]["exit_code"] == 130
    assert data["refused"] == {}
    assert states(table) == {"a1": "CANCELLED", "b1": "PENDING", "c1": "CANCELLED"}


@pytest.mark.parametrize(
    ("options", "cancelled"),
    [
        (["--all"], {"a1", "b1", "c1"}),
        (["--flow", "train_flow"], {"b1", "c1"}),
        (["--state", "pending"], {"a1", "b1"}),
        (["--state", "PENDING", "--flow", "train_flow"], {"b1"}),
        (["--all", "--flow", "data_flow"], {"a1"}),
        (["--flow", "eval_flow"], set()),
    ],
)
def test_runs_are_cancelled_by_what_they_are(
    command: EngineCommand, table: RunTable, options: list[str], cancelled: set[str]
) -> None:
    add_run(table, "a1", "data_flow")
    add_run(table, "b1", "train_flow")
    add_run(table, "c1", "train_flow")
    add_run(table, "d1", "train_flow", state="COMPLETED")
    with process_of_a_run(table, "c1"):
        answer = command("cancel", *options, "--json")

    assert answer.code == 0
    assert {run["id"] for run in answer.json["runs"]} == cancelled
    changed = {run for run, state in states(table).items() if state.startswith("CANCEL")}
    assert changed == cancelled


@pytest.mark.parametrize(
    ("options", "number"), [([], signal.SIGTERM), (["--now"], signal.SIGKILL)], ids=["", "now"]
)
def test_a_run_that_goes_on_is_asked_to_end_or_killed(
    command: EngineCommand, table: RunTable, options: list[str], number: signal.Signals
) -> None:
    add_run(table)
    with process_of_a_run(table, RUN_ID) as process:
        answer = command("cancel", RUN_ID, *options)
        process.wait()

    assert answer.out == "data_flow bold-otter (3f2a77c1): cancelling\n"
    assert process.returncode == -number


def test_a_run_that_was_cancelled_while_it_went_on_ends_as_cancelled(
    command: EngineCommand, table: RunTable, workspace: Workspace, light_engine: EngineThread
) -> None:
    light_engine.stop()
    add_run(table)
    with process_of_a_run(table, RUN_ID), EngineThread(workspace):
        command("cancel", RUN_ID)
        wait_until(lambda: table.get(RUN_ID).is_final)

    assert states(table) == {RUN_ID: "CANCELLED"}


def test_a_run_that_has_ended_or_never_was_is_not_cancelled_and_the_others_are(
    command: EngineCommand, table: RunTable
) -> None:
    add_run(table, state="COMPLETED")
    add_run(table, "b1")

    answer = command("cancel", RUN_ID, "b1", "nope")

    assert answer.code == 8
    assert answer.out == "data_flow bold-otter (b1): cancelled\n"
    assert answer.err == (
        "note: 3f2a77c1: it has ended already\n"
        "note: nope: there is no run 'nope'. `engine runs` lists them\n"
    )
    assert states(table) == {RUN_ID: "COMPLETED", "b1": "CANCELLED"}


def test_what_was_refused_is_data_too(command: EngineCommand, table: RunTable) -> None:
    add_run(table, state="COMPLETED")

    answer = command("cancel", RUN_ID, "--json")

    assert (answer.code, answer.err) == (8, "")
    assert answer.json == {"runs": [], "refused": {RUN_ID: "it has ended already"}}


@pytest.mark.parametrize("verb", ["cancel", "delete"])
def test_a_run_that_is_named_twice_is_meant_once(
    command: EngineCommand, table: RunTable, verb: str
) -> None:
    add_run(table, state="COMPLETED" if verb == "delete" else "")

    answer = command(verb, "3f2a", RUN_ID, "--json")

    assert [run["id"] for run in answer.json["runs"]] == [RUN_ID]


def test_that_there_is_nothing_to_do_is_no_failure(command: EngineCommand) -> None:
    for line in (["cancel", "--all"], ["delete", "--all", "--yes"]):
        answer = command(*line)

        assert (answer.code, answer.out, answer.err) == (0, f"nothing to {line[0]}\n", "")


@pytest.mark.parametrize("verb", ["cancel", "delete"])
def test_without_a_word_about_which_runs_nothing_is_asked_or_done(
    command: EngineCommand, table: RunTable, verb: str
) -> None:
    add_run(table, "a1")
    add_run(table, "b1", state="COMPLETED")

    for stdin in ("y\n", ""):
        answer = command(verb, stdin=stdin)

        assert (answer.code, answer.out) == (2, "")
        assert "Which runs? Give ids, --flow, --state or --all." in answer.err
        assert "for ever" not in answer.err
    assert states(table) == {"a1": "PENDING", "b1": "COMPLETED"}


def test_ids_and_a_choice_together_are_refused(command: EngineCommand, table: RunTable) -> None:
    add_run(table)

    for verb in ("cancel", "delete"):
        for option in (["--all"], ["--flow", "data_flow"]):
            answer = command(verb, RUN_ID, *option)

            assert answer.code == 2
            assert "Give either ids or one of --flow, --state, --all." in answer.err
    assert states(table) == {RUN_ID: "PENDING"}


def test_a_state_that_does_not_go_with_the_command_is_refused(command: EngineCommand) -> None:
    assert command("cancel", "--state", "completed").code == 2
    assert command("delete", "--state", "running").code == 2


def test_a_run_is_deleted_with_its_folder_and_without_a_question(
    command: EngineCommand, table: RunTable, workspace: Workspace
) -> None:
    folder: Path = add_ended_run(table, workspace)

    answer = command("delete", "3f2a")

    assert (answer.code, answer.err) == (0, "")
    assert answer.out == "data_flow bold-otter (3f2a77c1): deleted\n"
    assert not folder.exists()
    assert list(workspace.runs.iterdir()) == []
    with pytest.raises(NotFoundError):
        table.get(RUN_ID)


@pytest.mark.parametrize(
    ("options", "left"),
    [
        (["--all"], {"a1"}),
        (["--flow", "train_flow"], {"a1", "b1"}),
        (["--state", "failed"], {"a1", "b1", "c1"}),
    ],
)
def test_runs_are_deleted_by_what_they_are_when_one_agrees(
    command: EngineCommand, table: RunTable, options: list[str], left: set[str]
) -> None:
    add_run(table, "a1", "data_flow")
    add_run(table, "b1", "data_flow", state="COMPLETED")
    add_run(table, "c1", "train_flow", state="COMPLETED")
    add_run(table, "d1", "train_flow", state="FAILED")

    refused = command("delete", *options, stdin="n\n")
    # A script that has nobody to ask ends the same way as one who says no.
    unanswered = command("delete", *options)
    assert set(states(table)) == {"a1", "b1", "c1", "d1"}
    agreed = command("delete", *options, stdin="y\n")

    assert (refused.code, unanswered.code, agreed.code) == (130, 130, 0)
    assert "Delete all of these runs for ever?" in refused.err
    assert refused.err.endswith("cancelled\n")
    assert set(states(table)) == left


def test_one_who_says_yes_beforehand_is_not_asked(command: EngineCommand, table: RunTable) -> None:
    add_run(table, "b1", state="COMPLETED")

    answer = command("delete", "--all", "-y")

    assert (answer.code, answer.err) == (0, "")
    assert states(table) == {}


def test_the_question_is_no_part_of_the_data(command: EngineCommand, table: RunTable) -> None:
    add_run(table, "b1", state="COMPLETED")

    answer = command("delete", "--all", "--json", stdin="y\n")

    assert answer.out.startswith("{\n")
    assert [run["id"] for run in answer.json["runs"]] == ["b1"]


def test_a_run_that_goes_on_is_not_deleted_and_the_others_are(
    command: EngineCommand, table: RunTable
) -> None:
    add_run(table)
    add_run(table, "b1", state="FAILED")

    answer = command("delete", RUN_ID, "b1", "nope")

    assert answer.code == 8
    assert answer.out == "data_flow bold-otter (b1): deleted\n"
    assert "note: 3f2a77c1: it has not ended yet\n" in answer.err
    assert "note: nope: there is no run 'nope'" in answer.err
    assert states(table) == {RUN_ID: "PENDING"}


def test_a_run_that_has_ended_is_not_said_not_to_have_ended(
    command: EngineCommand, table: RunTable
) -> None:
    # Its record in Prefect is not true yet, because there is no Prefect server here.
    add_run(table, state="CANCELLED", closed=False)

    answer = command("delete", RUN_ID)

    assert answer.code == 8
    assert states(table) == {RUN_ID: "CANCELLED"}
    assert "has not ended yet" not in answer.err
    assert "Cancel it first" not in answer.err


def test_what_the_next_flow_takes_up_is_kept_unless_forced(
    command: EngineCommand, table: RunTable, workspace: Workspace
) -> None:
    add_ended_run(table, workspace, state="COMPLETED")
    Handoffs(workspace.database).leave("candidate", RUN_ID, RUN_ID)

    kept = command("delete", RUN_ID)
    assert states(table) == {RUN_ID: "COMPLETED"}
    forced = command("delete", RUN_ID, "--force")

    assert kept.code == 8
    assert kept.err == (
        "note: 3f2a77c1: it left the newest candidate, which the next flow takes up\n"
    )
    assert forced.code == 0
    assert states(table) == {}


def test_what_a_run_that_is_deleted_in_bulk_left_is_kept_and_told(
    command: EngineCommand, table: RunTable, workspace: Workspace
) -> None:
    add_run(table, "a1", state="COMPLETED")
    add_run(table, "b1", state="COMPLETED")
    Handoffs(workspace.database).leave("dataset", "0" * 16, "a1")

    answer = command("delete", "--all", "--yes", "--json")

    assert [run["id"] for run in answer.json["runs"]] == ["b1"]
    assert list(answer.json["refused"]) == ["a1"]
    assert states(table) == {"a1": "COMPLETED"}
