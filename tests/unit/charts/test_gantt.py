from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from rich.cells import cell_len
from rich.text import Text

from engine.charts.gantt import bar_cells, length_text, timeline_chart
from engine.timeline import Bar, RunRow, Segment, TaskRow, Timeline, build_timeline

START = datetime(2026, 3, 5, 14, 2, 11, tzinfo=UTC)
SIZES = [(80, 24), (120, 40), (200, 60), (40, 8), (24, 3), (33, 9)]
HOSTILE = "\x1b]52;c;ZXZpbA==\x07\x1b[2J\u202eevil\nline\t[red]bold[/] \x9b31m \udc80"


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def flow(name: str, start: float, end: float | None, state: str, *tasks: TaskRow) -> RunRow:
    parent = None if name == "full_flow" else "full_flow"
    ended = None if end is None else at(end)
    return RunRow(
        name, "amber-lynx", name, state, at(start - 1), at(start), ended, parent, tasks=tasks
    )


def tasks(state: str, start: float, *names: str) -> tuple[TaskRow, ...]:
    return tuple(
        TaskRow(
            name,
            name,
            state if name == names[-1] else "COMPLETED",
            at(start + 2 * i),
            at(start + 2 * i + 0.5),
            at(start + 2 * i + 2),
        )
        for i, name in enumerate(names)
    )


@pytest.fixture
def full_flow() -> Timeline:
    done = "COMPLETED"
    rows = [
        flow("full_flow", 1, 41, "FAILED"),
        flow(
            "data_flow",
            2,
            10,
            done,
            *tasks(
                done,
                2,
                "load_time_series_csv",
                "validate_data",
                "prepare_time_series_data",
                "split_time_series_data",
            ),
        ),
        flow(
            "train_flow", 11, 20, done, *tasks(done, 11, "build_model", "train_model", "save_model")
        ),
        flow("eval_flow", 21, 24, done, *tasks(done, 21, "evaluate_model")),
        flow(
            "deploy_flow",
            30,
            41,
            "FAILED",
            *tasks(
                "FAILED",
                30,
                "compare",
                "upload_model",
                "put_model_to_service",
                "check_service_health",
            ),
        ),
    ]
    return build_timeline(rows, at(60))


def named(timeline: Timeline, name: str) -> Timeline:
    return replace(timeline, bars=tuple(replace(bar, name=name) for bar in timeline.bars))


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize(
    "name", ["train_model", "재고예측-모델-학습-" * 9, HOSTILE, "e" + "\u0301" * 99]
)
def test_every_line_fits_the_screen(
    full_flow: Timeline, name: str, width: int, height: int
) -> None:
    for colour in (False, True):
        lines = timeline_chart(named(full_flow, name), width, height, colour=colour).split("\n")

        assert len(lines) <= height
        for line in lines:
            assert cell_len(Text.from_ansi(line).plain) <= width


def test_durations_stay_in_one_column_whatever_the_names_are_made_of(full_flow: Timeline) -> None:
    bars = list(full_flow.bars)
    bars[3] = replace(bars[3], name="데이터 검증")

    lines = timeline_chart(replace(full_flow, bars=tuple(bars)), 90, 24, colour=False).split("\n")

    assert {cell_len(line) for line in lines[1:18]} == {90}


def test_each_row_has_state_name_bar_and_duration(full_flow: Timeline) -> None:
    lines = timeline_chart(full_flow, 100, 30, colour=False).split("\n")

    train = next(line for line in lines if "train_model" in line)
    assert train.startswith("✓ ")
    assert "▇" in train
    assert train.endswith(" 1.5 s")
    assert next(line for line in lines if "check_service_health" in line).startswith("✗ ")
    assert "amber-lynx" in lines[1]


def test_the_tree_of_flows_and_tasks_is_visible(full_flow: Timeline) -> None:
    text = timeline_chart(full_flow, 100, 30, colour=False)

    assert "\n✓ ├ data_flow " in text
    assert "\n✓ │ ├ load_time_series_csv " in text
    assert "\n✓ │ └ split_time_series_data " in text
    assert "\n✗ └ deploy_flow " in text
    assert "\n✗   └ check_service_health " in text


def test_bars_start_and_end_where_the_axis_says(full_flow: Timeline) -> None:
    lines = timeline_chart(full_flow, 120, 30, colour=False).split("\n")
    axis = next(line for line in lines if "┬" in line)
    labels = lines[lines.index(axis) + 1]
    at_zero, at_five, *_ = [i for i, char in enumerate(axis) if char == "┬"]
    second = (at_five - at_zero) / 5

    assert labels.split()[:4] == ["+0", "s", "+5", "s"]
    eval_flow = next(line for line in lines if "eval_flow" in line)
    assert eval_flow.index("━") == pytest.approx(at_zero + 21 * second, abs=1)
    assert eval_flow.rindex("━") == pytest.approx(at_zero + 24 * second, abs=1)


def test_there_is_no_cell_between_waiting_and_running() -> None:
    segments = (
        Segment("waiting", at(1.3), at(4.9)),
        Segment("running", at(4.9), at(5.0)),
        Segment("waiting", at(5.0), at(9.1)),
        Segment("running", at(9.1), at(37.7)),
    )
    bar = Bar("a", "a", "task", 0, "COMPLETED", segments)
    timeline = Timeline((bar,), at(0), at(41.7))

    for width in range(10, 200):
        cells = bar_cells(bar, timeline, width)
        assert all(right[1] <= left[2] + 1 for left, right in pairwise(cells))
        assert sum(kind == "running" for kind, _, _ in cells) == 2
        assert all(0 <= first <= last < width for _, first, last in cells)


def test_waiting_looks_lighter_than_running(full_flow: Timeline) -> None:
    row = next(
        line
        for line in timeline_chart(full_flow, 200, 30, colour=False).split("\n")
        if "evaluate_model" in line
    )

    assert row.count("░") == 2
    assert "░▇" in row


def test_colour_is_only_added_never_needed(full_flow: Timeline) -> None:
    plain = timeline_chart(full_flow, 100, 30, colour=False)
    coloured = timeline_chart(full_flow, 100, 30)

    assert "\x1b" not in plain
    assert "\x1b[31m✗" in coloured
    assert Text.from_ansi(coloured).plain == plain


@pytest.mark.parametrize("name", ["train_model", "재고 모델", HOSTILE])
def test_ascii_means_ascii(full_flow: Timeline, name: str) -> None:
    text = timeline_chart(named(full_flow, name), 100, 30, colour=False, ascii=True)

    assert text.isascii()
    assert "\n+ " in text
    assert "\nx " in text
    assert "#" in text


def test_names_cannot_reach_the_terminal_or_a_markup_parser(full_flow: Timeline) -> None:
    text = timeline_chart(named(full_flow, HOSTILE), 200, 30, colour=False)

    assert all(char.isprintable() or char == "\n" for char in text)
    assert r"\x1b]52;c;ZXZpbA==\x07\x1b[2J\u202eevil\nline\t[red]bold[/]" in text
    text.encode("utf-8")


@pytest.mark.parametrize(
    ("bar", "expected"),
    [
        (Bar("a", "a", "task", 0, "COMPLETED", (Segment("running", at(0), at(12.34)),)), "12.3 s"),
        (Bar("a", "a", "task", 0, "COMPLETED", (Segment("running", at(0), at(125)),)), "2 m 05 s"),
        (Bar("a", "a", "task", 0, "PENDING", (Segment("waiting", at(0), at(9)),)), "waiting"),
        (Bar("a", "a", "task", 0, "CANCELLED", ()), "never ran"),
        (
            Bar("a", "a", "task", 0, "FAILED", (Segment("running", at(0), at(0)),), "", True),
            "?",
        ),
        (
            Bar(
                "a",
                "a",
                "flow",
                0,
                "CRASHED",
                (Segment("running", at(0), at(5)),),
                end_estimated=True,
            ),
            "~5.0 s",
        ),
    ],
)
def test_lengths_read_like_speech_and_admit_what_is_not_known(bar: Bar, expected: str) -> None:
    assert length_text(bar) == expected


def test_the_legend_counts_tasks_by_state(full_flow: Timeline) -> None:
    legend = timeline_chart(full_flow, 100, 30, colour=False).split("\n")[-1]

    assert legend == "░ waits   ▇ runs   ✓ 11 completed   ✗ 1 failed"


def test_the_heading_is_in_the_timezone_of_the_reader(full_flow: Timeline) -> None:
    seoul = timezone(timedelta(hours=9), "KST")

    heading = timeline_chart(full_flow, 100, 30, colour=False, tz=seoul).split("\n")[0]

    assert heading == "2026-03-05 23:02:11 – 23:02:52 KST"


def test_a_long_timeline_is_folded_to_the_screen(full_flow: Timeline) -> None:
    lines = timeline_chart(full_flow, 80, 12, colour=False).split("\n")

    assert len(lines) == 12
    assert any("data_flow (4)" in line for line in lines)
    assert any("check_service_health" in line for line in lines)


def test_unknown_states_and_no_time_at_all_are_drawn() -> None:
    bars = tuple(
        Bar(str(i), f"task {i}", "task", 30, state, (Segment("running", at(0), at(0)),))
        for i, state in enumerate(("LIMBO", "PAUSED", "\x1b[31m"))
    )

    text = timeline_chart(Timeline(bars, at(0), at(0)), 60, 20, colour=False)

    assert "? " in text
    assert "0.0 s" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [(80, 24, "No runs yet."), (5, 2, "No r…"), (0, 5, ""), (9, 0, "")],
)
def test_without_runs_there_is_a_sentence(width: int, height: int, expected: str) -> None:
    assert timeline_chart(Timeline((), at(0), at(0)), width, height) == expected


@pytest.mark.parametrize("size", [(1, 1), (23, 24), (80, 2), (-1, 9)])
def test_a_window_too_small_gets_a_sentence(full_flow: Timeline, size: tuple[int, int]) -> None:
    text = timeline_chart(full_flow, *size)

    assert "\n" not in text
    assert cell_len(text) <= max(0, size[0])


def test_importing_the_charts_does_not_load_plotext() -> None:
    program = (
        "import sys, engine.charts.forecast, engine.charts.curves, engine.charts.bars\n"
        "import engine.charts.gantt, engine.charts.screen_gantt, engine.charts.flow_timeline\n"
        "sys.exit('plotext' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
