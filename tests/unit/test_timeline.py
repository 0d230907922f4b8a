from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from engine.timeline import Bar, RunRow, TaskRow, Timeline, build_timeline, count_states

START = datetime(2026, 3, 5, 14, 2, 11, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def task(
    name: str,
    created: float,
    start: float | None = None,
    end: float | None = None,
    state: str = "COMPLETED",
    attempts: tuple[tuple[float, float | None], ...] = (),
) -> TaskRow:
    return TaskRow(
        id=f"task-{name}",
        name=name,
        state=state,
        created=at(created),
        start=None if start is None else at(start),
        end=None if end is None else at(end),
        attempts=tuple((at(a), None if b is None else at(b)) for a, b in attempts),
    )


def run(
    name: str,
    created: float,
    start: float | None = None,
    end: float | None = None,
    state: str = "COMPLETED",
    parent: str | None = None,
    tasks: tuple[TaskRow, ...] = (),
) -> RunRow:
    return RunRow(
        id=name,
        name=f"made-up-{name}",
        flow_name=name,
        state=state,
        created=at(created),
        start=None if start is None else at(start),
        end=None if end is None else at(end),
        parent_id=parent,
        tasks=tasks,
    )


def parts(bar: Bar) -> list[tuple[str, float, float]]:
    return [
        (p.kind, (p.start - START).total_seconds(), (p.end - START).total_seconds())
        for p in bar.segments
    ]


def only_task(row: TaskRow, now: float = 100, **of_run: object) -> Bar:
    flow = replace(run("flow", 0, 0, None, state="RUNNING", tasks=(row,)), **of_run)
    return build_timeline([flow], at(now)).bars[1]


def test_a_run_tree_becomes_indented_rows_in_the_order_of_their_start() -> None:
    rows = [
        run("train_flow", 5, 6, 9, parent="full_flow", tasks=(task("train_model", 6, 6, 8),)),
        run("full_flow", 0, 1, 10),
        run(
            "data_flow",
            1,
            1,
            5,
            parent="full_flow",
            tasks=(task("validate_data", 3, 3, 4), task("load_time_series_csv", 1, 2, 3)),
        ),
    ]

    timeline = build_timeline(rows, at(60))

    assert [(bar.depth, bar.kind, bar.name) for bar in timeline.bars] == [
        (0, "flow", "full_flow"),
        (1, "flow", "data_flow"),
        (2, "task", "load_time_series_csv"),
        (2, "task", "validate_data"),
        (1, "flow", "train_flow"),
        (2, "task", "train_model"),
    ]
    assert (timeline.start, timeline.end) == (at(0), at(10))


def test_there_is_no_gap_between_waiting_and_running() -> None:
    bar = only_task(task("train_model", 1, state="RUNNING", attempts=((3, 5), (9, 20), (21, None))))

    assert parts(bar) == [
        ("waiting", 1, 3),
        ("running", 3, 5),
        ("waiting", 5, 9),
        ("running", 9, 20),
        ("waiting", 20, 21),
        ("running", 21, 100),
    ]
    assert all(left.end == right.start for left, right in pairwise(bar.segments))
    assert (bar.waiting_seconds, bar.running_seconds) == (7, 92)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param(
            task("a", 2, 4, state="RUNNING"),
            [("waiting", 2, 4), ("running", 4, 100)],
            id="what runs ends now",
        ),
        pytest.param(
            task("a", 2, state="PENDING"), [("waiting", 2, 100)], id="what waits waits until now"
        ),
        pytest.param(task("a", 300, state="SCHEDULED"), [], id="the future is not drawn"),
        pytest.param(
            task("a", 2, state="SCHEDULED", attempts=((4, 8),)),
            [("waiting", 2, 4), ("running", 4, 8), ("waiting", 8, 100)],
            id="between two attempts it waits",
        ),
        pytest.param(
            task("a", 2, None, 6), [("waiting", 2, 6), ("running", 6, 6)], id="a cached result"
        ),
        pytest.param(
            task("a", 2, None, 6, state="CANCELLED"), [("waiting", 2, 6)], id="cancelled before it"
        ),
        pytest.param(task("a", 4.5, 4, 6), [("running", 4, 6)], id="skew below a second"),
    ],
)
def test_segments_follow_from_state_and_times(
    row: TaskRow, expected: list[tuple[str, float, float]]
) -> None:
    bar = only_task(row)

    assert parts(bar) == expected
    assert not bar.clock_jumped


@pytest.mark.parametrize(
    "row",
    [
        task("end before start", 0, 50, 20),
        task("start before creation", 60, 20, 70),
        task("attempts overlap", 0, attempts=((10, 30), (20, 40))),
        task("starts in the future", 0, 200, state="RUNNING"),
    ],
    ids=lambda row: row.name,
)
def test_a_clock_that_jumps_is_clamped_and_marked(row: TaskRow) -> None:
    bar = only_task(row)

    assert bar.clock_jumped
    assert all(part.seconds >= 0 for part in bar.segments)
    assert all(left.end == right.start for left, right in pairwise(bar.segments))


@pytest.mark.parametrize("state", ["CRASHED", "CANCELLED", "FAILED"])
def test_an_end_that_nobody_recorded_is_the_last_time_that_is_known(state: str) -> None:
    rows = [
        run("full_flow", 0, 1, None, state=state),
        run(
            "train_flow",
            1,
            2,
            None,
            state=state,
            parent="full_flow",
            tasks=(task("build_model", 2, 2, 7), task("train_model", 7, 8, None, state=state)),
        ),
    ]

    bars = build_timeline(rows, at(5000)).bars

    assert [bar.end_estimated for bar in bars] == [True, True, False, True]
    assert [parts(bar)[-1][2] for bar in bars] == [8, 8, 7, 8]


def test_a_crashed_task_without_an_end_ends_with_its_run() -> None:
    bar = only_task(task("a", 2, 4, state="CRASHED"), state="CRASHED", end=at(9))

    assert parts(bar) == [("waiting", 2, 4), ("running", 4, 9)]
    assert bar.end_estimated


def test_runs_whose_parent_is_missing_or_circular_are_shown() -> None:
    rows = [
        run("orphan", 0, 1, 2, parent="elsewhere"),
        run("hen", 3, 3, 4, parent="egg"),
        run("egg", 5, 5, 6, parent="hen"),
        run("self", 7, 7, 8, parent="self"),
    ]

    assert [(bar.name, bar.depth) for bar in build_timeline(rows, at(9)).bars] == [
        ("orphan", 0),
        ("hen", 0),
        ("egg", 1),
        ("self", 0),
    ]


def test_a_very_deep_tree_of_runs_is_walked() -> None:
    rows = [run("0", 0, 0, 9)]
    rows += [run(str(i), 0, 0, None, state="CRASHED", parent=str(i - 1)) for i in range(1, 2000)]

    assert build_timeline(rows, at(9)).bars[-1].depth == 1999


def test_nothing_to_show_is_an_empty_timeline_at_now() -> None:
    assert build_timeline([], at(3)) == Timeline((), at(3), at(3))


@pytest.mark.parametrize(
    ("rows", "now"),
    [
        ([], datetime(2026, 1, 1)),
        ([replace(run("a", 0), start=datetime(2026, 1, 1))], at(0)),
        ([run("a", 0, tasks=(replace(task("t", 0), created=datetime(2026, 1, 1)),))], at(0)),
    ],
    ids=["now", "run", "task"],
)
def test_a_time_without_a_timezone_is_refused(rows: list[RunRow], now: datetime) -> None:
    with pytest.raises(ValueError, match="timezone"):
        build_timeline(rows, now)


def test_the_timeline_travels_as_json() -> None:
    timeline = build_timeline([run("flow", 0, 1, 3, tasks=(task("a", 1, 1.5, 2),))], at(9))

    sent = json.loads(json.dumps(timeline.to_dict()))

    assert sent["start"] == "2026-03-05T14:02:11+00:00"
    assert [bar["name"] for bar in sent["bars"]] == ["flow", "a"]
    assert sent["bars"][0]["running_seconds"] == 2
    assert sent["bars"][1]["segments"][1] == {
        "kind": "running",
        "start": "2026-03-05T14:02:12.500000+00:00",
        "end": "2026-03-05T14:02:13+00:00",
    }


def test_states_are_counted_through_folded_bars() -> None:
    bars = build_timeline([run("a", 0, 0, 1), run("b", 0, 0, 1, state="FAILED")], at(1)).bars
    folded = replace(bars[0], counts=(("COMPLETED", 3), ("FAILED", 1)))

    assert count_states([folded, bars[1]]) == (("COMPLETED", 3), ("FAILED", 2))
