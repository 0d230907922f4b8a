from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from engine.charts.rows import critical_path, ghost_of, timeline_rows
from engine.charts.screen_gantt import GanttView, gantt_lines, window_cells
from engine.charts.time_axis import whole, zoom
from engine.timeline import Bar, RunRow, Segment, TaskRow, Timeline, build_timeline

START = datetime(2026, 3, 5, 14, 2, 11, tzinfo=UTC)
HOSTILE = "\x1b]52;c;ZXZpbA==\x07\x1b[2J\u202eevil\nline\t[red]bold[/] \x9b31m \udc80"
SIZES = [(80, 24), (120, 40), (200, 60), (40, 8), (24, 5), (14, 3), (3, 2), (0, 0)]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def task(name: str, ready: float, start: float, end: float, state: str = "COMPLETED") -> TaskRow:
    return TaskRow(name, name, state, at(ready), at(start), at(end))


def full_flow(slower: float = 1.0) -> Timeline:
    """A run of two flows; everything in it may take longer."""

    def of(name: str, start: float, end: float, state: str, *tasks: TaskRow) -> RunRow:
        parent = None if name == "full_flow" else "full_flow"
        return RunRow(
            name, "amber-lynx", name, state, at(start), at(start), at(end), parent, tuple(tasks)
        )

    k = slower
    return build_timeline(
        [
            of("full_flow", 0, 40 * k, "FAILED"),
            of("data_flow", 0, 10 * k, "COMPLETED", task("load", 0, 0, 10 * k)),
            of(
                "train_flow",
                10 * k,
                40 * k,
                "FAILED",
                task("build_model", 10 * k, 15 * k, 20 * k),
                *(task(f"train_model-{i}", 20 * k, 21 * k, 30 * k) for i in range(12)),
                task("save_model", 30 * k, 30 * k, 40 * k, "FAILED"),
            ),
        ],
        at(100),
    )


def a_week_earlier(timeline: Timeline) -> Timeline:
    week = timedelta(days=7)
    bars = tuple(
        replace(
            bar,
            segments=tuple(
                replace(part, start=part.start - week, end=part.end - week) for part in bar.segments
            ),
        )
        for bar in timeline.bars
    )
    return Timeline(bars, timeline.start - week, timeline.end - week)


def draw(timeline: Timeline, width: int = 100, height: int = 30, **options: object) -> GanttView:
    window = whole(timeline)
    asked: dict[str, object] = {
        "start": window.start,
        "end": window.end,
        "colour": False,
        "height": height,
    }
    asked.update(options)
    return gantt_lines(timeline_rows(timeline), width, **asked)  # type: ignore[arg-type]


def line_of(view: GanttView, name: str) -> str:
    (line,) = (line for line in view.lines if name in line)
    return line


def cells_of(view: GanttView, name: str) -> str:
    return line_of(view, name)[view.bars_at : view.bars_at + view.bars_width]


def one_bar(*segments: tuple[str, float, float], state: str = "COMPLETED") -> Timeline:
    parts = tuple(Segment(kind, at(a), at(b)) for kind, a, b in segments)  # type: ignore[arg-type]
    bar = Bar("bar", "bar", "task", 0, state, parts)
    return Timeline((bar,), parts[0].start, parts[-1].end)


def test_each_row_has_state_tree_name_bar_and_duration() -> None:
    view = draw(full_flow())

    assert [line[:24].rstrip() for line in view.lines] == [
        "✗  ▾ full_flow amber-lyn",
        "✓  ├ ▾ data_flow         ".rstrip(),
        "✓  │ └ load",
        "✗  └ ▾ train_flow",
        "✓    ├ build_model",
        "✓    ├ ▸ train_model x12",
        "✗    └ save_model",
    ]
    assert line_of(view, "build_model").endswith("      5.0 s")
    assert {cell_len(line) for line in view.lines} == {100}
    assert "░░▇▇" in cells_of(view, "build_model")
    assert set(cells_of(view, "full_flow")) == {"━"}


def test_bars_stand_where_the_view_says_that_their_time_is() -> None:
    view = draw(full_flow(), width=120)

    for name, start, end in (("save_model", 30, 40), ("load", 0, 10)):
        line = line_of(view, name)
        first, last = line.index("▇"), line.rindex("▇")
        assert view.column_of(at(start + 0.1)) == pytest.approx(first, abs=1)
        assert view.column_of(at(end - 0.1)) == pytest.approx(last, abs=1)
        time = view.time_at(first)
        assert time is not None
        assert abs(time - at(start)) < timedelta(seconds=1)
    assert view.time_at(view.bars_at - 1) is None
    assert view.time_at(view.bars_at + view.bars_width) is None
    assert view.column_of(at(-1)) is None
    for column in range(view.bars_at, view.bars_at + view.bars_width):
        time = view.time_at(column)
        assert time is not None
        assert view.column_of(time) == column


def test_only_some_of_the_rows_are_drawn() -> None:
    timeline = full_flow()
    everything = draw(timeline)

    view = draw(timeline, height=2, first_row=4)

    assert view.lines == everything.lines[4:6]
    assert (view.row_at(0), view.row_at(1), view.row_at(2), view.row_at(-1)) == (4, 5, None, None)
    assert view.axis == everything.axis
    assert draw(timeline, height=5, first_row=99).lines == ()


def test_a_bar_is_cut_where_the_window_ends() -> None:
    timeline = one_bar(("waiting", 0, 10), ("running", 10, 20))

    inside = draw(timeline, start=at(12), end=at(15))
    across = draw(timeline, start=at(5), end=at(15))

    assert set(cells_of(inside, "bar")) == {"▇"}
    cells = cells_of(across, "bar")
    assert cells.count("░") == pytest.approx(cells.count("▇"), abs=1)
    assert cells == "░" * cells.count("░") + "▇" * cells.count("▇")


def test_an_arrow_points_to_a_bar_outside_of_the_window() -> None:
    timeline = full_flow()

    view = draw(timeline, start=at(12), end=at(18))

    assert cells_of(view, "load") == "‹" + " " * (view.bars_width - 1)
    assert cells_of(view, "save_model") == " " * (view.bars_width - 1) + "›"
    # Its end and start are the ends of the window: still outside.
    assert cells_of(draw(timeline, start=at(10), end=at(18)), "load").startswith("‹ ")
    assert cells_of(draw(timeline, start=at(10), end=at(30)), "save_model").endswith(" ›")


def test_each_attempt_has_a_border() -> None:
    attempts = ((at(0), at(10)), (at(10), at(15)), (at(20), at(30)))
    retried = TaskRow("t", "flaky", "COMPLETED", at(0), at(0), at(30), attempts)
    timeline = build_timeline(
        [RunRow("r", "", "f", "COMPLETED", at(0), at(0), at(30), None, (retried,))], at(40)
    )

    cells = cells_of(draw(timeline), "flaky")

    first, second, waiting = cells.index("│"), cells.index("░"), cells.count("░")
    assert cells == (
        "▇" * first
        + "│"
        + "▇" * (second - first - 1)
        + "░" * waiting
        + "▇" * (len(cells) - second - waiting)
    )
    assert first == pytest.approx(len(cells) / 3, abs=1)


def test_the_stretches_of_a_group_are_not_attempts() -> None:
    tasks = [task(f"t-{i}", 10 * i, 10 * i, 10 * i + 10) for i in range(4)]
    tasks.append(task("t-9", 60, 60, 70))
    timeline = build_timeline(
        [RunRow("r", "", "f", "COMPLETED", at(0), at(0), at(70), None, tuple(tasks))], at(90)
    )

    assert "│" not in cells_of(draw(timeline), "t x5")


def test_the_critical_path_has_a_mark() -> None:
    timeline = full_flow()

    view = draw(timeline, critical=critical_path(timeline))

    marked = [line[3:24].strip(" │├└▾▸") for line in view.lines if line[1] == "◆"]
    assert marked == [
        "full_flow amber-lyn",
        "data_flow",
        "load",
        "train_flow",
        "build_model",
        "train_model x12",
        "save_model",
    ]
    assert draw(timeline, critical=frozenset({"train_model-7"})).lines[5][1] == "◆"
    assert all(line[1] == " " for line in draw(timeline).lines)


def test_a_ghost_shows_what_is_slower_than_last_time() -> None:
    view = draw(full_flow(2.0), ghost=ghost_of(a_week_earlier(full_flow())))

    load, save = cells_of(view, "load"), cells_of(view, "save_model")
    assert load.index("┊") == round(view.bars_width * 10 / 80)
    assert load.rstrip() == "▇" * load.index("┊") + "┊" + "▇" * (load.count("▇") - load.index("┊"))
    # What had ended last time before it began now has its mark before its bar.
    assert save.index("┊") == round(view.bars_width * 40 / 80)
    assert save.index("┊") < save.index("▇")
    assert not any("┊" in line for line in draw(full_flow()).lines)


def test_a_ghost_outside_of_the_window_is_not_drawn() -> None:
    view = draw(full_flow(2.0), ghost=ghost_of(full_flow()), start=at(60), end=at(80))

    assert not any("┊" in line for line in view.lines)


def test_ticks_are_round_when_zoomed() -> None:
    timeline = full_flow()
    window = zoom(timeline, whole(timeline), 8, at(22))

    view = draw(timeline, width=120, start=window.start, end=window.end)

    labels = view.axis[1].split("+")
    assert [label.strip() for label in labels[1:]] == ["20 s", "21 s", "22 s", "23 s", "24 s"]
    for label, second in (("+21 s", 21), ("+23 s", 23)):
        column = view.column_of(at(second))
        assert column is not None
        assert "┬" in view.axis[0][column - 1 : column + 2]
        assert view.axis[1].index(label) == pytest.approx(column - 2, abs=2)


def test_without_labels_there_are_only_bars() -> None:
    view = draw(full_flow(), width=60, labels=False)

    assert (view.bars_at, view.bars_width) == (0, 60)
    assert set("".join(view.lines)) <= set("▇━░╌ ")


@pytest.mark.parametrize(
    "name",
    ["train_model", "재고예측-모델-학습-" * 9, HOSTILE, "e" + "\u0301" * 99],
    ids=["short", "wide", "hostile", "marks"],
)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_line_fits_the_screen(name: str, width: int, height: int) -> None:
    timeline = full_flow()
    named = replace(timeline, bars=tuple(replace(bar, name=name) for bar in timeline.bars))
    for colour, ascii in ((True, False), (False, False), (False, True)):
        view = draw(
            named,
            width,
            height,
            colour=colour,
            ascii=ascii,
            ghost=ghost_of(named),
            critical=critical_path(named),
        )

        assert len(view.lines) == min(height, len(timeline_rows(named)))
        for line in (*view.lines, *view.axis, view.heading):
            plain = Text.from_ansi(line).plain if colour else line
            assert cell_len(plain) <= width
            assert all(char.isprintable() for char in plain)
            assert not ascii or line.isascii()


def test_bars_stay_in_one_column_whatever_the_names_are_made_of() -> None:
    timeline = full_flow()
    bars = list(timeline.bars)
    bars[2] = replace(bars[2], name="데이터 검증")

    view = draw(replace(timeline, bars=tuple(bars)))

    assert {cell_len(line) for line in view.lines} == {100}


def test_names_stay_literal() -> None:
    timeline = full_flow()
    bars = tuple(replace(bar, name=HOSTILE) for bar in timeline.bars)

    view = draw(replace(timeline, bars=bars), 250)

    assert r"\x1b]52;c;ZXZpbA==\x07\x1b[2J\u202eevil\nline\t[red]bold[/]" in view.lines[2]


def test_colour_is_only_added_never_needed() -> None:
    timeline = full_flow()
    path = critical_path(timeline)

    plain = draw(timeline, critical=path)
    coloured = draw(timeline, critical=path, colour=True)

    assert "\x1b" not in "".join(plain.lines)
    assert "\x1b[31m✗" in coloured.lines[0]
    assert [Text.from_ansi(line).plain.rstrip() for line in coloured.lines] == [
        line.rstrip() for line in plain.lines
    ]


def test_the_heading_is_in_the_timezone_of_the_reader() -> None:
    view = draw(full_flow(), tz=timezone(timedelta(hours=9), "KST"))

    assert view.heading == "2026-03-05 23:02:11 – 23:02:51 KST"


def test_a_run_of_no_length_and_a_clock_that_jumped_are_drawn() -> None:
    instant = one_bar(("running", 0, 0))
    jumped = build_timeline(
        [RunRow("r", "", "f", "FAILED", at(0), at(50), at(10), None, (task("t", 30, 5, 2),))],
        at(60),
    )

    assert cells_of(draw(instant), "bar").startswith("▇ ")
    assert line_of(draw(jumped), "f ").endswith(" ?")
    assert "▇" in line_of(draw(jumped), "└ t")
    assert draw(Timeline((), at(0), at(0))).lines == ()


def test_a_bar_without_times_is_an_empty_row() -> None:
    bar = Bar("a", "a", "task", 0, "CANCELLED", ())

    view = draw(Timeline((bar,), at(0), at(0)))

    assert cells_of(view, "a").strip() == ""
    assert view.lines[0].endswith("never ran")


@pytest.mark.parametrize(
    "options", [{"start": at(5), "end": at(5)}, {"height": -1}, {"first_row": -1}]
)
def test_windows_that_mean_nothing_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must"):
        draw(full_flow(), **options)  # type: ignore[arg-type]


def test_bars_keep_their_place_while_rows_go_by() -> None:
    bars = tuple(
        Bar(str(i), "x" * (i % 30 + 1), "task", 0, "COMPLETED", (Segment("running", at(0), at(1)),))
        for i in range(5000)
    )
    timeline = Timeline(bars, at(0), at(1))

    views = [draw(timeline, 200, 60, first_row=first) for first in (0, 7, 2500, 4960)]

    assert len({(view.bars_at, view.bars_width) for view in views}) == 1
    assert [len(view.lines) for view in views] == [60, 60, 60, 40]


times = st.lists(st.integers(0, 1000), min_size=1, max_size=12).map(sorted)


@settings(deadline=None)
@given(times, st.integers(1, 200), st.integers(-100, 1000), st.integers(1, 1200), st.booleans())
def test_no_gap_and_nothing_outside_in_any_window(
    edges: list[int], width: int, low: int, length: int, first_waits: bool
) -> None:
    kinds = ("waiting", "running") if first_waits else ("running", "waiting")
    segments = tuple(
        Segment(kinds[i % 2], at(a), at(b))  # type: ignore[arg-type]
        for i, (a, b) in enumerate(itertools.pairwise(edges))
    )
    bar = Bar("a", "a", "task", 0, "COMPLETED", segments)

    cells = window_cells(bar, at(low), at(low + length), width)

    assert all(0 <= first <= last < width for _, first, last in cells)
    for left, right in itertools.pairwise(cells):
        assert right[1] <= left[2] + 1
    ran = [
        part
        for part in segments
        if part.kind == "running" and part.end > at(low) and part.start < at(low + length)
    ]
    assert sum(kind == "running" for kind, _, _ in cells) >= sum(part.seconds > 0 for part in ran)


def test_what_ran_for_a_moment_is_not_hidden_by_what_waited_beside_it() -> None:
    timeline = one_bar(
        ("waiting", 0, 500), ("running", 500, 500.1), ("waiting", 500.1, 1000), state="PAUSED"
    )

    cells = cells_of(draw(timeline), "bar")

    assert cells.count("▇") == 1
    assert cells.count("░") == len(cells) - 1
