from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from engine.charts.flow_timeline import FLOWS, FlowRun, FlowsView, flow_timeline

NOW = datetime(2026, 3, 5, 14, 0, 0, tzinfo=UTC).timestamp()
HOUR = 3600.0
HOSTILE = "\x1b[2J[red]재고[/]\n\u202e"


def run(
    state: str,
    created: float,
    started: float | None = None,
    ended: float | None = None,
    flow: str = "train_flow",
) -> FlowRun:
    """A run; times in minutes before now."""
    times = [None if time is None else NOW - 60 * time for time in (started, ended)]
    return FlowRun(flow, state, NOW - 60 * created, *times)


def draw(*runs: FlowRun, width: int = 100, **options: object) -> FlowsView:
    asked: dict[str, object] = {"seconds": HOUR, "colour": False, **options}
    return flow_timeline(runs, NOW, width=width, **asked)  # type: ignore[arg-type]


def cells(view: FlowsView, flow: str = "train_flow") -> str:
    line = view.lines[view.flows.index(flow)]
    return line[view.bars_at : view.bars_at + view.bars_width]


def at(view: FlowsView, minutes: float) -> int:
    """The cell of so many minutes before now."""
    return round(view.bars_width * (60 - minutes) / 60)


def test_every_flow_has_one_row_also_without_runs() -> None:
    view = draw(run("COMPLETED", 30, 30, 20), run("COMPLETED", 9, 8, 7, flow="my_flow"))

    assert view.flows == (*FLOWS, "my_flow")
    assert [line.split(" ")[0] for line in view.lines] == list(view.flows)
    assert cells(view, "data_flow").strip() == ""
    assert "▇" in cells(view, "my_flow")


def test_waiting_and_running_are_told_apart_and_stand_where_the_time_is() -> None:
    view = draw(run("COMPLETED", 50, 40, 20))

    row = cells(view)
    assert row == (
        " " * at(view, 50)
        + "░" * (at(view, 40) - at(view, 50))
        + "▇" * (at(view, 20) - at(view, 40))
        + " " * (view.bars_width - at(view, 20))
    )
    column = view.bars_at + row.index("▇")
    time = view.time_at(column)
    assert time is not None
    assert abs(time.timestamp() - (NOW - 40 * 60)) < 60


def test_what_is_open_goes_on_until_now() -> None:
    view = draw(run("RUNNING", 10, 5), run("PENDING", 10, flow="eval_flow"))

    assert cells(view).endswith("▇▇")
    assert cells(view, "eval_flow").endswith("░░")
    assert "▇" not in cells(view, "eval_flow")


def test_what_has_just_been_launched_is_seen() -> None:
    assert cells(draw(run("PENDING", 0))).endswith(" ░")
    assert cells(draw(run("RUNNING", 0, 0))).endswith(" ▇")


@pytest.mark.parametrize(("state", "sign"), [("FAILED", "✗"), ("CRASHED", "!"), ("CANCELLED", "⊘")])
def test_a_bad_end_has_its_sign_at_the_end_of_the_bar(state: str, sign: str) -> None:
    view = draw(run(state, 50, 50, 20), run(state, 50, None, 20, flow="eval_flow"))

    row = cells(view)
    assert row.strip() == "▇" * (len(row.strip()) - 1) + sign
    assert row.index(sign) == at(view, 20) - 1
    assert cells(view, "eval_flow").strip().strip("░") == sign


def test_of_runs_in_one_cell_the_one_that_asks_most_for_attention_shows() -> None:
    day = 24 * 60

    failed = draw(
        *(run("COMPLETED", 1, 1, 1) for _ in range(9)), run("FAILED", 1, 1, 1), colour=True
    )
    waits = draw(run("COMPLETED", 60, 60, 0), run("PENDING", 30), seconds=HOUR)
    waited = draw(run("COMPLETED", 60, 60, 0), run("COMPLETED", 60, 1, 0), seconds=HOUR)
    cancelled = draw(run("RUNNING", day, day), run("CANCELLED", 60, 30, 20))

    assert "\x1b[38;5;1m✗" in failed.lines[1]
    assert cells(waits).endswith("░░")
    assert set(cells(waited)) == {"▇"}
    assert "⊘" not in cells(cancelled)


def test_the_runs_in_the_window_are_counted_by_state() -> None:
    view = draw(
        *(run("COMPLETED", 30, 30, 20) for _ in range(12)),
        run("FAILED", 30, 30, 20),
        run("RUNNING", 3, 3),
        run("FAILED", 300, 300, 200),
    )

    assert view.lines[1].endswith(" ✗ 1  ● 1  ✓ 12")


def test_all_runs_fit_into_a_window_without_a_length() -> None:
    view = draw(run("COMPLETED", 60 * 24 * 90, 60 * 24 * 90, 60 * 24 * 89), seconds=None)

    assert view.start == datetime.fromtimestamp(NOW, UTC) - timedelta(days=90)
    assert cells(view).startswith("▇")
    assert draw(seconds=None).start == datetime.fromtimestamp(NOW - HOUR, UTC)


def test_the_axis_is_wall_clock_time_of_the_reader() -> None:
    seoul = timezone(timedelta(hours=9), "KST")

    view = draw(run("COMPLETED", 30, 30, 20), tz=seoul)

    assert view.heading == "2026-03-05 22:00:00 – 23:00:00 KST"
    assert view.axis[1].split() == ["22:00", "22:10", "22:20", "22:30", "22:40", "22:50", "23:00"]
    column = view.column_of(datetime.fromtimestamp(NOW - 30 * 60, UTC))
    assert column is not None
    assert view.axis[0][column] == "┬" or view.axis[0][column + 1] == "┬"


@pytest.mark.parametrize(
    "jumped",
    [
        run("COMPLETED", 10, 30, 40),
        run("FAILED", 30, 20, 50),
        run("RUNNING", -600, -700),
        run("COMPLETED", -10, -20, -30),
        run("COMPLETED", 30, 30, None),
        run("CRASHED", 30, None, None),
        run("LIMBO", 30, 20, 10),
        run("SCHEDULED", -60),
    ],
)
def test_times_that_make_no_sense_still_leave_a_mark(jumped: FlowRun) -> None:
    for seconds in (HOUR, None):
        view = draw(jumped, seconds=seconds)

        assert cells(view).strip() != ""
        assert " 1" in view.lines[1]


@pytest.mark.parametrize("name", ["train_flow", "재고_예측_" * 20, HOSTILE])
@pytest.mark.parametrize("width", [0, 1, 11, 24, 40, 60, 80, 200])
def test_every_line_fits_the_screen(name: str, width: int) -> None:
    runs = [
        run(state, 40 + i, 30, 20 - i, flow=name)
        for i, state in enumerate(("COMPLETED", "FAILED", "CANCELLED", "CRASHED", "RUNNING", "X"))
    ]
    for colour, ascii in ((True, False), (False, False), (False, True)):
        view = draw(*runs, width=width, colour=colour, ascii=ascii)

        for line in (*view.lines, *view.axis, view.heading):
            plain = Text.from_ansi(line).plain if colour else line
            assert cell_len(plain) <= width
            assert all(char.isprintable() for char in plain)
            assert not ascii or line.isascii()


@pytest.mark.parametrize("options", [{"seconds": 0.0}, {"seconds": -1.0}, {"width": -1}])
def test_sizes_that_mean_nothing_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        draw(**options)  # type: ignore[arg-type]


minutes = st.floats(-200, 5000)
some_runs = st.lists(
    st.builds(
        run,
        st.sampled_from(("COMPLETED", "FAILED", "RUNNING", "PENDING", "CANCELLED")),
        minutes,
        st.none() | minutes,
        st.none() | minutes,
        st.sampled_from(FLOWS),
    ),
    max_size=20,
)


@settings(deadline=None)
@given(some_runs, st.none() | st.floats(1, 1e6), st.integers(30, 200))
def test_any_runs_can_be_drawn_and_are_counted(
    runs: list[FlowRun], seconds: float | None, width: int
) -> None:
    view = draw(*runs, width=width, seconds=seconds)

    assert len(view.lines) == len(FLOWS)
    assert all(cell_len(line) <= width for line in view.lines)
    for flow in FLOWS:
        if seconds is None and any(run.flow == flow for run in runs):
            assert cells(view, flow).strip() != ""


def test_ten_thousand_runs_that_all_overlap_are_one_row() -> None:
    view = draw(*(run("COMPLETED", 5000 + i, 4000 + i, 0) for i in range(10_000)), seconds=None)

    assert cells(view).endswith("▇")
    assert view.lines[1].endswith(" ✓ 10000")
