from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.charts.rows import Row, critical_path, ghost_of, timeline_rows
from engine.timeline import Bar, Segment, Timeline, count_states

START = datetime(2026, 3, 5, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def task(
    name: str, start: float = 0, end: float = 1, *, depth: int = 1, state: str = "COMPLETED"
) -> Bar:
    return Bar(name, name, "task", depth, state, (Segment("running", at(start), at(end)),))


def flow(
    name: str, start: float = 0, end: float = 60, *, depth: int = 0, state: str = "COMPLETED"
) -> Bar:
    return Bar(name, name, "flow", depth, state, (Segment("running", at(start), at(end)),))


def timeline(*bars: Bar) -> Timeline:
    return Timeline(bars, START, at(60))


def names(rows: list[Row]) -> list[str]:
    return [row.bar.name for row in rows]


@pytest.fixture
def run() -> Timeline:
    return timeline(
        flow("full_flow", state="RUNNING"),
        flow("data_flow", 0, 10, depth=1),
        task("load", 0, 5, depth=2),
        task("split", 5, 10, depth=2),
        flow("train_flow", 10, 60, depth=1, state="RUNNING"),
        task("build_model", 10, 12, depth=2),
        *(
            task(
                f"train_model-{i}", 12 + i, 20 + i, depth=2, state="FAILED" if i == 7 else "RUNNING"
            )
            for i in range(12)
        ),
        task("save_model", 50, 60, depth=2),
    )


def test_many_like_tasks_are_one_row_that_counts_them(run: Timeline) -> None:
    rows = timeline_rows(run)

    assert names(rows) == [
        "full_flow",
        "data_flow",
        "load",
        "split",
        "train_flow",
        "build_model",
        "train_model x12",
        "save_model",
    ]
    group = rows[6]
    assert (group.can_open, group.is_open, group.is_group) == (True, False, True)
    assert group.bar.counts == (("FAILED", 1), ("RUNNING", 11))
    assert group.bar.state == "FAILED"
    assert group.members == tuple(f"train_model-{i}" for i in range(12))


def test_an_opened_group_shows_its_tasks_one_level_deeper(run: Timeline) -> None:
    group = timeline_rows(run)[6].id

    rows = timeline_rows(run, opened=frozenset({group}))

    assert len(rows) == 20
    assert rows[6].is_open
    assert [row.depth for row in rows[6:9]] == [2, 3, 3]
    assert names(rows)[7:9] == ["train_model-0", "train_model-1"]
    assert not rows[7].can_open


def test_a_closed_flow_hides_what_it_called_and_counts_it(run: Timeline) -> None:
    rows = timeline_rows(run, closed=frozenset({"data_flow", "train_flow", "no such flow"}))

    assert names(rows) == ["full_flow", "data_flow", "train_flow"]
    assert [(row.can_open, row.is_open) for row in rows] == [
        (True, True),
        (True, False),
        (True, False),
    ]
    assert rows[1].bar.counts == (("COMPLETED", 2),)
    assert rows[2].bar.counts == (("COMPLETED", 2), ("FAILED", 1), ("RUNNING", 11))


def test_a_flow_that_called_nothing_cannot_be_opened() -> None:
    (row,) = timeline_rows(timeline(flow("idle")), closed=frozenset({"idle"}))

    assert not row.can_open
    assert row.bar.counts == ()


@pytest.mark.parametrize(("group_from", "rows"), [(2, 2), (3, 2), (4, 4)])
def test_fewer_tasks_than_a_group_stay_as_they_are(group_from: int, rows: int) -> None:
    whole = timeline(flow("f"), *(task(f"t-{i}") for i in range(3)))

    assert len(timeline_rows(whole, group_from=group_from)) == rows


def test_a_group_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match="group_from"):
        timeline_rows(timeline(), group_from=1)


def test_nothing_has_no_rows_no_path_and_no_ghost() -> None:
    assert timeline_rows(timeline()) == []
    assert critical_path(timeline()) == frozenset()
    assert ghost_of(timeline()).ends == {}


def test_tasks_of_two_flows_are_not_grouped() -> None:
    rows = timeline_rows(
        timeline(
            flow("a"),
            *(task(f"load-{i}") for i in range(3)),
            flow("b"),
            *(task(f"load-{i}") for i in range(3)),
        )
    )

    assert not any(row.is_group for row in rows)


def test_branches_know_where_a_flow_goes_on(run: Timeline) -> None:
    rows = timeline_rows(run)

    def goes_on(index: int, level: int) -> bool:
        return bool(rows[index].continues >> level & 1)

    assert goes_on(1, 1)  # train_flow follows data_flow
    assert goes_on(2, 1)
    assert goes_on(2, 2)  # split follows load
    assert not goes_on(3, 2)
    assert not goes_on(4, 1)
    assert not goes_on(7, 2)


@st.composite
def trees(draw: st.DrawFn) -> Timeline:
    bars = [flow("root")]
    inside = 0
    for index in range(draw(st.integers(0, 30))):
        depth = draw(st.integers(1, inside + 1))
        first = draw(st.integers(0, 50))
        if draw(st.integers(0, 3)) == 0:
            bars.append(flow(f"f{index}", first, first + 5, depth=depth))
            inside = depth
        else:
            kind = draw(st.sampled_from("xy"))
            bar = task(f"{kind}-{index}", first, first + draw(st.integers(0, 5)), depth=depth)
            bars.append(bar)
            inside = depth - 1
    return timeline(*bars)


@settings(deadline=None, max_examples=40)
@given(trees(), st.integers(2, 5), st.data())
def test_no_bar_is_lost_or_shown_twice(
    whole: Timeline, group_from: int, data: st.DataObject
) -> None:
    groups = [row.id for row in timeline_rows(whole, group_from=group_from) if row.is_group]
    flows = [bar.id for bar in whole.bars if bar.kind == "flow"]
    opened = frozenset(data.draw(st.sets(st.sampled_from(groups))) if groups else ())
    closed = frozenset(data.draw(st.sets(st.sampled_from(flows))))

    rows = timeline_rows(whole, opened, closed, group_from)

    own = [row.bar for row in rows if not (row.is_group and row.is_open)]
    hidden_or_shown = sum(n for _, n in count_states(own))
    # A closed flow counts what it hides, not itself.
    closed_rows = sum(not row.is_open and row.can_open and not row.is_group for row in rows)
    assert hidden_or_shown + closed_rows == len(whole.bars)
    assert len({row.id for row in rows}) == len(rows)


@settings(deadline=None, max_examples=40)
@given(trees())
def test_branches_are_those_of_the_rows_below(whole: Timeline) -> None:
    rows = timeline_rows(whole, group_from=2)

    for index, row in enumerate(rows):
        for level in range(1, row.depth + 1):
            below = next((later for later in rows[index + 1 :] if later.depth <= level), None)
            expected = below is not None and below.depth == level
            assert bool(row.continues >> level & 1) == expected


def test_the_critical_path_goes_back_from_the_end() -> None:
    path = critical_path(
        timeline(
            flow("full_flow", 0, 50),
            flow("data_flow", 0, 10, depth=1),
            task("load", 0, 4, depth=2),
            task("check", 1, 9, depth=2),
            task("split", 9, 10, depth=2),
            flow("side_flow", 0, 30, depth=1),
            task("side", 0, 30, depth=2),
            flow("train_flow", 31, 50, depth=1),
            task("short", 31, 35, depth=2),
            task("long", 31, 50, depth=2),
        )
    )

    # train_flow began after side_flow, which left no time for data_flow.
    assert path == {"full_flow", "side_flow", "side", "train_flow", "long"}


def test_what_began_before_the_other_ended_did_not_wait_for_it() -> None:
    path = critical_path(
        timeline(flow("f", 0, 20), task("a", 0, 5), task("b", 4, 12), task("c", 5, 20))
    )

    assert path == {"f", "a", "c"}


def test_waiting_for_a_slot_counts_as_waiting_for_who_had_it() -> None:
    waited = Bar(
        "second",
        "second",
        "task",
        1,
        "COMPLETED",
        (Segment("waiting", at(0), at(10)), Segment("running", at(10), at(20))),
    )

    assert critical_path(timeline(flow("f", 0, 20), task("first", 0, 10), waited)) == {
        "f",
        "first",
        "second",
    }


def test_what_never_ran_and_other_runs_are_not_on_the_path() -> None:
    idle = Bar("idle", "idle", "task", 1, "PENDING", (Segment("waiting", at(0), at(60)),))

    path = critical_path(
        timeline(flow("old", 0, 20), task("o", 0, 20), flow("new", 0, 60), task("n", 0, 9), idle)
    )

    assert path == {"new", "n"}


def test_tasks_of_no_length_end_the_walk_too() -> None:
    path = critical_path(timeline(flow("f", 0, 0), *(task(str(i), 0, 0) for i in range(5))))

    assert path == {"f", "0", "1", "2", "3", "4"}


@settings(deadline=None, max_examples=40)
@given(trees())
def test_the_path_of_one_flow_never_overlaps(whole: Timeline) -> None:
    path = critical_path(whole)

    assert "root" in path
    outer: list[str] = []
    inside: dict[str, list[Bar]] = {}
    for bar in whole.bars:
        del outer[bar.depth :]
        if bar.id in path and outer:
            assert outer[-1] in path
            inside.setdefault(outer[-1], []).append(bar)
        if bar.kind == "flow":
            outer.append(bar.id)
    for bars in inside.values():
        stretches = sorted((bar.segments[0].start, bar.segments[-1].end) for bar in bars)
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(stretches))


def test_a_ghost_finds_rows_by_their_names_and_numbers(run: Timeline) -> None:
    before = timeline(
        flow("full_flow", 0, 30),
        flow("train_flow", 2, 30, depth=1),
        *(task(f"train_model-{i:x}a3", 3, 10 + i, depth=2) for i in range(3)),
        task("save_model", 20, 29, depth=2),
    )
    ghost = ghost_of(before)
    rows = {row.bar.name: row for row in timeline_rows(run)}

    assert ghost.end_of(rows["full_flow"]) == timedelta(seconds=30)
    assert ghost.end_of(rows["save_model"]) == timedelta(seconds=29)
    assert ghost.end_of(rows["data_flow"]) is None
    # The last of the three that there were.
    assert ghost.end_of(rows["train_model x12"]) == timedelta(seconds=12)


def test_five_thousand_tasks_become_few_rows_and_every_one_can_be_opened() -> None:
    whole = timeline(flow("f"), *(task(f"train_model-{i}", 0, 1) for i in range(5000)))

    closed = timeline_rows(whole)
    opened = timeline_rows(whole, opened=frozenset({closed[1].id}))

    assert names(closed) == ["f", "train_model x5000"]
    assert len(opened) == 5002
