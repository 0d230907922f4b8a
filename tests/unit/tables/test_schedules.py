from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import ConflictError, NotFoundError
from engine.tables.schedules import ScheduleRecord, ScheduleTable
from tests.unit.several_processes import at_once

NIGHTLY = ScheduleRecord(
    name="nightly",
    flow="full_flow",
    cron="0 3 * * *",
    every_seconds=None,
    timezone="Asia/Seoul",
    created=1000.5,
    next_time=2000.5,
    request={
        "overrides": ["model.window=14", "data.path=재고.csv"],
        "flags": {"model_type": "LSTM"},
    },
    priority=5,
    catch_up="all",
)
HOURLY = ScheduleRecord(
    name="hourly",
    flow="data_flow",
    cron=None,
    every_seconds=3600.0,
    timezone="UTC",
    created=1000.5,
    next_time=None,
    enabled=False,
)


@pytest.fixture
def table(tmp_path: Path) -> ScheduleTable:
    return ScheduleTable(tmp_path / "engine.db")


@pytest.fixture
def nightly(table: ScheduleTable) -> ScheduleTable:
    """The table with one schedule in it."""
    table.put(NIGHTLY, replace=False)
    return table


@pytest.mark.parametrize("schedule", [NIGHTLY, HOURLY], ids=lambda schedule: schedule.name)
def test_a_schedule_is_read_as_it_was_put(table: ScheduleTable, schedule: ScheduleRecord) -> None:
    table.put(schedule, replace=False)

    assert table.get(schedule.name) == schedule


def test_all_schedules_come_by_name(table: ScheduleTable) -> None:
    assert table.all() == []
    for name in ("weekly", "daily", "nightly"):
        table.put(replace(NIGHTLY, name=name), replace=False)

    assert [schedule.name for schedule in table.all()] == ["daily", "nightly", "weekly"]


def test_a_name_that_is_taken_is_refused(nightly: ScheduleTable) -> None:
    with pytest.raises(ConflictError, match="a schedule 'nightly' already"):
        nightly.put(replace(HOURLY, name="nightly"), replace=False)

    assert nightly.all() == [NIGHTLY]


def test_a_schedule_may_be_replaced_when_that_is_meant(nightly: ScheduleTable) -> None:
    other = replace(HOURLY, name="nightly")

    nightly.put(other, replace=True)
    nightly.put(HOURLY, replace=True)  # also when there is none of the name

    assert nightly.all() == [HOURLY, other]


@pytest.mark.parametrize("name", ["", "night", "nightl_", "%", "NIGHTLY", "'; --", "\0"])
def test_what_is_not_the_name_of_a_schedule_finds_nothing(
    nightly: ScheduleTable, name: str
) -> None:
    with pytest.raises(NotFoundError, match="there is no schedule"):
        nightly.get(name)


def test_a_schedule_that_rests_has_no_next_time_until_it_fires_again(
    nightly: ScheduleTable,
) -> None:
    nightly.disable("nightly")
    assert nightly.get("nightly") == replace(NIGHTLY, enabled=False, next_time=None)

    nightly.enable("nightly", next_time=3000.5)
    assert nightly.get("nightly") == replace(NIGHTLY, next_time=3000.5)


def test_the_next_time_can_move_and_go_away(nightly: ScheduleTable) -> None:
    nightly.set_next("nightly", 2500.5)
    assert nightly.get("nightly") == replace(NIGHTLY, next_time=2500.5)

    nightly.set_next("nightly", None)
    assert nightly.get("nightly") == replace(NIGHTLY, next_time=None)


def test_a_schedule_knows_the_run_that_it_fired_last(nightly: ScheduleTable) -> None:
    nightly.fired("nightly", time=2000.5, run_id="a1", problem="", next_time=3000.5)

    assert nightly.get("nightly") == replace(
        NIGHTLY, last_time=2000.5, last_run="a1", next_time=3000.5
    )


def test_a_launch_that_did_not_come_about_leaves_its_reason_until_one_does(
    nightly: ScheduleTable,
) -> None:
    nightly.fired("nightly", time=2000.5, run_id="a1", problem="", next_time=3000.5)
    nightly.fired("nightly", time=3000.5, run_id=None, problem="no such file", next_time=4000.5)
    failed = nightly.get("nightly")
    assert (failed.last_time, failed.last_run) == (3000.5, "a1")
    assert (failed.problem, failed.next_time) == ("no such file", 4000.5)

    nightly.fired("nightly", time=4000.5, run_id="a2", problem="", next_time=None)
    fired = nightly.get("nightly")
    assert (fired.last_run, fired.problem, fired.next_time) == ("a2", "", None)


def test_a_reason_with_a_file_name_that_is_not_utf8_can_be_stored(nightly: ScheduleTable) -> None:
    nightly.fired(
        "nightly", time=2000.5, run_id=None, problem="\udcff.csv: no such file", next_time=None
    )

    assert nightly.get("nightly").problem == r"\udcff.csv: no such file"


def test_a_schedule_that_is_removed_is_gone_and_the_others_stay(nightly: ScheduleTable) -> None:
    nightly.put(HOURLY, replace=False)

    nightly.remove("nightly")
    nightly.remove("nightly")

    assert nightly.all() == [HOURLY]


def test_a_schedule_that_was_removed_meanwhile_does_not_come_back(nightly: ScheduleTable) -> None:
    nightly.remove("nightly")

    nightly.fired("nightly", time=2000.5, run_id="a1", problem="", next_time=3000.5)
    nightly.enable("nightly", next_time=3000.5)

    assert nightly.all() == []


def test_of_several_that_add_the_same_name_at_once_one_succeeds(tmp_path: Path) -> None:
    code = """
from pathlib import Path
from engine.errors import ConflictError
from engine.tables.schedules import ScheduleRecord, ScheduleTable
table = ScheduleTable(Path(sys.argv[1]))
record = ScheduleRecord("nightly", sys.argv[2], "0 3 * * *", None, "UTC", 1000.5, None)
wait_for_start()
try:
    table.put(record, replace=False)
    print("added")
except ConflictError:
    print("refused")
"""
    path = tmp_path / "engine.db"
    flows = ["data_flow", "train_flow", "eval_flow"]

    answers = at_once(code, [[str(path), flow] for flow in flows])

    assert sorted(answers) == ["added\n", "refused\n", "refused\n"]
    assert ScheduleTable(path).get("nightly").flow == flows[answers.index("added\n")]
