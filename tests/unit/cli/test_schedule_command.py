"""`engine schedule`."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.tables.runs import RunTable
from engine.tables.schedules import ScheduleTable
from engine.workspace import Workspace
from tests.unit.cli.conftest import EngineCommand
from tests.unit.engine_thread import EngineThread, wait_until

pytestmark = pytest.mark.usefixtures("light_engine")

NIGHTLY = ("schedule", "add", "train_flow", "--cron", "0 3 * * *", "--timezone", "Asia/Seoul")


@pytest.fixture
def schedules(workspace: Workspace) -> ScheduleTable:
    return ScheduleTable(workspace.database)


def seconds(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()


def test_before_the_first_schedule_the_list_says_how_to_make_one(command: EngineCommand) -> None:
    answer = command("schedule", "list")

    assert answer.code == 0
    assert "engine schedule add full_flow --cron" in answer.out
    assert command("schedule", "list", "--json").json == []


def test_a_flow_is_scheduled_by_a_cron_expression(
    command: EngineCommand, schedules: ScheduleTable, workspace: Workspace
) -> None:
    (workspace.configs / "engine.yaml").write_text("timezone: Asia/Seoul\n")

    answer = command(*NIGHTLY, "--name", "nightly")

    first, second = answer.out.splitlines()
    assert (answer.code, answer.err) == (0, "")
    assert first == "added: nightly, train_flow 0 3 * * * (Asia/Seoul)"
    times = second.removeprefix("  next: ").split(", ")
    assert len(times) == 3
    assert {text.partition(" ")[2] for text in times} == {"03:00"}
    assert schedules.get("nightly").cron == "0 3 * * *"


def test_a_flow_is_scheduled_every_so_often(
    command: EngineCommand, schedules: ScheduleTable
) -> None:
    before = time.time()
    for period, every, words in (
        ("90s", 90.0, "every 90 s"),
        ("90", 90.0, "every 90 s"),
        ("30m", 1800.0, "every 30 min"),
        ("1.5h", 5400.0, "every 90 min"),
        ("6h", 21600.0, "every 6 h"),
        ("2d", 172800.0, "every 2 d"),
    ):
        answer = command("schedule", "add", "data_flow", "--every", period, "--replace")

        assert answer.out.splitlines()[0] == f"added: data_flow, data_flow {words}"
        schedule = schedules.get("data_flow")
        assert schedule.every_seconds == every
        assert schedule.next_time is not None
        assert before + every <= schedule.next_time <= time.time() + every


def test_a_schedule_is_data_too(
    command: EngineCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = command(
        *NIGHTLY,
        *("--json", "--catch-up", "all", "--priority", "3", "--epochs", "2", "--data", "a.csv"),
        *("--set", "model.window=21", "--tag", "night", "--tag", "재고"),
    )

    data = answer.json
    times = data.pop("next_times")
    assert data == {
        "name": "train_flow",
        "flow": "train_flow",
        "cron": "0 3 * * *",
        "every_seconds": None,
        "timezone": "Asia/Seoul",
        "overrides": ["model.window=21"],
        "flags": {"epochs": 2, "data": str(tmp_path / "a.csv")},
        "priority": 3,
        "catch_up": "all",
        "enabled": True,
        "last_time": None,
        "last_run": None,
        "problem": "",
        "tags": ["night", "재고"],
    }
    # Three in the morning in Seoul is six in the evening of the day before in Greenwich.
    assert [datetime.fromisoformat(text).astimezone(UTC).hour for text in times] == [18, 18, 18]
    assert seconds(times[1]) - seconds(times[0]) == 86400
    assert command("schedule", "list", "--json").json == [{**data, "next_times": times}]


def test_the_list_has_a_line_for_each_schedule(command: EngineCommand) -> None:
    command(*NIGHTLY)
    command("schedule", "add", "data_flow", "--every", "6h", "--name", "data.6h")
    command("schedule", "pause", "train_flow")

    heading, data, train = command("schedule", "list").out.splitlines()

    assert heading.split() == ["name", "flow", "when", "next", "last", "run"]
    assert data.split()[:5] == ["data.6h", "data_flow", "every", "6", "h"]
    assert train.split()[0] == "train_flow"
    assert train.split()[-1] == "paused"


def test_either_a_cron_expression_or_a_period_is_needed(
    command: EngineCommand, schedules: ScheduleTable
) -> None:
    for options in ([], ["--cron", "0 3 * * *", "--every", "1h"]):
        answer = command("schedule", "add", "data_flow", *options)
        data = command("schedule", "add", "data_flow", *options, "--json")

        assert answer.code == 2
        assert "Give either --cron or --every." in answer.err
        assert data.json["error"]["kind"] == "UsageError"
    assert schedules.all() == []


def test_a_schedule_that_cannot_be_is_refused_and_not_added(
    command: EngineCommand, schedules: ScheduleTable
) -> None:
    for options, reason in (
        (["--cron", "0 25 * * *"], "'0 25 * * *' is not a cron expression: "),
        (["--cron", "nightly"], "'nightly' is not a cron expression: "),
        (["--cron", ""], "'' is not a cron expression: "),
        (["--cron", "0 3 30 2 *"], "'0 3 30 2 *' is not a cron expression: "),
        (["--cron", "0 3 * * *", "--timezone", "Asia/Soul"], "there is no time zone 'Asia/Soul'"),
        (["--every", "often"], "'often' is not a period. For example 90s, 30m, 6h or 1d"),
        (["--every", "-1h"], "'-1h' is not a period"),
        (["--every", ""], "'' is not a period"),
        (["--every", "1s"], "10"),
        (["--every", "9999d"], "every"),
        (["--every", "1h", "--set", "model.windw=3"], 'did you mean "model.window"?'),
        (["--every", "1h", "--epochs", "0"], "--epochs: train.hparams.epochs: "),
        (["--every", "1h", "--name", "Every Hour"], "name"),
        (["--every", "1h", "--name", "../x"], "name"),
    ):
        answer = command("schedule", "add", "train_flow", *options)

        assert (answer.code, answer.out) == (2, ""), options
        assert answer.err.startswith("error: ")
        assert reason in answer.err
    assert schedules.all() == []


@pytest.mark.parametrize(
    "options", [["--name", "Every Hour"], ["--every", "1s"]], ids=["name", "period"]
)
def test_what_is_wrong_with_a_schedule_is_said_in_the_words_of_the_command_line(
    command: EngineCommand, options: list[str]
) -> None:
    rest = [] if "--every" in options else ["--every", "1h"]

    answer = command("schedule", "add", "train_flow", *options, *rest)

    assert answer.code == 2
    # Neither a regular expression nor a path into a JSON document tells anybody what to write.
    assert "regex" not in answer.err
    assert "$." not in answer.err


def test_an_option_that_allows_no_such_value_is_a_usage_error(
    command: EngineCommand, schedules: ScheduleTable
) -> None:
    line = ("schedule", "add", "data_flow", "--every", "1h")
    wrong = [("--catch-up", "some"), ("--priority", "101"), ("--epochs", "many")]

    assert {command(*line, *options).code for options in wrong} == {2}
    assert schedules.all() == []


def test_a_second_schedule_of_a_name_is_a_conflict_unless_it_replaces_the_first(
    command: EngineCommand, schedules: ScheduleTable
) -> None:
    command("schedule", "add", "train_flow", "--every", "1h")

    refused = command("schedule", "add", "train_flow", "--every", "2h")
    data = command("schedule", "add", "train_flow", "--every", "2h", "--json")
    assert schedules.get("train_flow").every_seconds == 3600.0
    replaced = command("schedule", "add", "train_flow", "--cron", "0 3 * * *", "--replace")

    assert (refused.code, refused.out) == (8, "")
    assert "there is a schedule 'train_flow' already" in refused.err
    assert "Give it another name, or replace the one there is" in refused.err
    assert (data.code, data.json["error"]["kind"]) == (8, "ConflictError")
    assert replaced.code == 0
    assert schedules.get("train_flow").cron == "0 3 * * *"
    assert schedules.get("train_flow").every_seconds is None


def test_a_schedule_rests_and_goes_on(command: EngineCommand, schedules: ScheduleTable) -> None:
    command("schedule", "add", "train_flow", "--every", "1h")

    paused = command("schedule", "pause", "train_flow")
    assert not schedules.get("train_flow").enabled
    resumed = command("schedule", "resume", "train_flow")

    assert (paused.code, paused.out) == (0, "paused: train_flow, train_flow every 1 h\n")
    first, second = resumed.out.splitlines()
    assert first == "resumed: train_flow, train_flow every 1 h"
    assert second.startswith("  next: ")
    assert schedules.get("train_flow").enabled
    data = command("schedule", "pause", "train_flow", "--json").json
    assert (data["enabled"], data["next_times"]) == (False, [])
    assert command("schedule", "resume", "train_flow", "--json").json["enabled"]


def test_a_schedule_is_removed(command: EngineCommand, schedules: ScheduleTable) -> None:
    command("schedule", "add", "train_flow", "--every", "1h")
    command("schedule", "add", "data_flow", "--every", "1h")

    answer = command("schedule", "remove", "train_flow")
    data = command("schedule", "remove", "data_flow", "--json").json

    assert (answer.code, answer.out) == (0, "removed: train_flow, train_flow every 1 h\n")
    assert data["name"] == "data_flow"
    assert schedules.all() == []


def test_a_schedule_that_does_not_exist_is_not_found(command: EngineCommand) -> None:
    for verb in ("remove", "pause", "resume"):
        for name in ("nope", "No Such", "../x", ""):
            answer = command("schedule", verb, name)

            assert answer.code == 5
            assert answer.err == (
                f"error: there is no schedule {name!r}. `engine schedule list` lists them\n"
            )


def test_a_schedule_that_fired_says_which_run_came_of_it(
    command: EngineCommand,
    table: RunTable,
    schedules: ScheduleTable,
    light_engine: EngineThread,
    workspace: Workspace,
) -> None:
    command("schedule", "add", "eval_flow", "--every", "1h", "--seed", "4")
    light_engine.stop()
    schedules.set_next("eval_flow", time.time() - 1.0)
    with EngineThread(workspace):
        wait_until(lambda: schedules.get("eval_flow").last_run is not None)
        (data,) = command("schedule", "list", "--json").json
        _, line = command("schedule", "list").out.splitlines()

    (run,) = table.newest(9)
    assert (run.flow, run.origin) == ("eval_flow", "schedule eval_flow")
    assert run.request["flags"] == {"seed": 4}
    assert data["last_run"] == run.id
    assert seconds(data["last_time"]) < time.time()
    assert seconds(data["next_times"][0]) > time.time()
    assert line.split()[-1] == run.id[:8]


def test_a_schedule_that_could_not_launch_says_why(
    command: EngineCommand,
    table: RunTable,
    schedules: ScheduleTable,
    light_engine: EngineThread,
    workspace: Workspace,
) -> None:
    command("schedule", "add", "eval_flow", "--every", "1h")
    light_engine.stop()
    (workspace.configs / "eval_flow_config.yaml").write_text("flow_module: eval_flow\nevaluat: 1\n")
    schedules.set_next("eval_flow", time.time() - 1.0)
    with EngineThread(workspace):
        wait_until(lambda: schedules.get("eval_flow").problem != "")
        listed = command("schedule", "list").out.splitlines()

    assert listed[-1].startswith("eval_flow: ")
    assert "evaluat: unknown key" in listed[-1]
    assert table.newest(9) == []


def test_a_schedule_that_never_fires_again_is_not_said_to_rest(
    command: EngineCommand, schedules: ScheduleTable
) -> None:
    command(*NIGHTLY)
    # As the engine does when the time zone of a schedule is gone from the machine.
    schedules.set_next("train_flow", None)

    assert "paused" not in command("schedule", "list").out
