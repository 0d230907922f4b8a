from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from engine.charts.folding import fold
from engine.timeline import Bar, Segment, Timeline, count_states

START = datetime(2026, 3, 5, tzinfo=UTC)


def bar(
    name: str,
    depth: int = 1,
    state: str = "COMPLETED",
    *spans: tuple[str, float, float],
    kind: str = "task",
) -> Bar:
    segments = tuple(
        Segment(what, START + timedelta(seconds=a), START + timedelta(seconds=b))  # type: ignore[arg-type]
        for what, a, b in spans
    )
    return Bar(name, name, kind, depth, state, segments)  # type: ignore[arg-type]


def timeline(*bars: Bar) -> Timeline:
    return Timeline(bars, START, START + timedelta(seconds=60))


def names(folded: Timeline) -> list[str]:
    return [bar.name for bar in folded.bars]


def test_a_timeline_that_fits_stays_as_it_is() -> None:
    whole = timeline(bar("train_model-0"), bar("train_model-1"))

    assert fold(whole, 2) == whole


def test_like_tasks_in_a_row_become_one_bar_that_counts_states() -> None:
    states = ["COMPLETED"] * 9 + ["FAILED", "RUNNING", "RUNNING"]
    whole = timeline(
        bar("train_flow", 0, "RUNNING", kind="flow"),
        bar("build_model-0"),
        *(bar(f"train_model-{i}", 1, state) for i, state in enumerate(states)),
        bar("build_model-1"),
    )

    folded = fold(whole, 4)

    assert names(folded) == ["train_flow", "build_model-0", "train_model x12", "build_model-1"]
    assert folded.bars[2].counts == (("COMPLETED", 9), ("FAILED", 1), ("RUNNING", 2))
    assert folded.bars[2].state == "FAILED"


def test_tasks_of_two_flows_are_not_mixed() -> None:
    whole = timeline(
        bar("a", 0, kind="flow"),
        bar("load-0"),
        bar("b", 0, kind="flow"),
        bar("load-1"),
        bar("load-2"),
    )

    assert names(fold(whole, 4)) == ["a", "load-0", "b", "load x2"]


def test_a_folded_bar_runs_where_any_of_them_ran() -> None:
    whole = timeline(
        bar("t-0", 1, "COMPLETED", ("waiting", 0, 5), ("running", 5, 10)),
        bar("t-1", 1, "COMPLETED", ("waiting", 0, 8), ("running", 8, 20)),
        bar("t-2", 1, "COMPLETED", ("waiting", 15, 30), ("running", 30, 31)),
    )

    (folded,) = fold(whole, 1).bars

    assert folded.segments == (
        bar("", 1, "", ("waiting", 0, 5), ("running", 5, 20), ("waiting", 20, 30)).segments
        + bar("", 1, "", ("running", 30, 31)).segments
    )


def test_tasks_that_took_no_time_still_ran() -> None:
    whole = timeline(bar("t-0", 1, "COMPLETED", ("running", 5, 5)), bar("t-1"))

    assert fold(whole, 1).bars[0].has_run


def test_finished_flows_hide_their_tasks_before_those_that_need_attention() -> None:
    whole = timeline(
        bar("full_flow", 0, "FAILED", kind="flow"),
        bar("data_flow", 1, kind="flow"),
        bar("load", 2),
        bar("split", 2),
        bar("train_flow", 1, "FAILED", kind="flow"),
        bar("build", 2),
        bar("train", 2, "FAILED"),
    )

    folded = fold(whole, 5)

    assert names(folded) == ["full_flow", "data_flow", "train_flow", "build", "train"]
    assert folded.bars[1].counts == (("COMPLETED", 2),)


def test_the_rows_that_matter_least_go_last_and_none_is_lost() -> None:
    whole = timeline(
        *(bar(chr(ord("a") + i) * 3, 0, kind="flow") for i in range(20)),
        bar("broken", 0, "FAILED", kind="flow"),
        bar("busy", 0, "RUNNING", kind="flow"),
    )

    folded = fold(whole, 4)

    assert names(folded) == ["ttt", "broken", "busy", "19 more"]
    assert count_states(folded.bars) == count_states(whole.bars)


@pytest.mark.parametrize("rows", range(1, 40))
def test_it_never_has_more_rows_than_asked_for(rows: int) -> None:
    whole = timeline(
        bar("f", 0, "RUNNING", kind="flow"),
        *(bar(f"t-{i}", 1) for i in range(10)),
        *(bar(f"{'xyz'[i % 3]}-{i}", 1) for i in range(20)),
    )

    assert len(fold(whole, rows).bars) <= rows


def test_less_than_one_row_is_refused() -> None:
    with pytest.raises(ValueError, match="max_rows"):
        fold(timeline(), 0)
