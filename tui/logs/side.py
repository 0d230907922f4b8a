"""What stands beside a log where there is room: the runs, and all of the line under the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.schema import RunInfo
from tui.language import tr
from tui.logs.line import run_style
from tui.logs.source import LogLine
from tui.paint import Line, clip, fit, pad, rule, wrap
from tui.runs.preview import preview_lines
from tui.states import duration, sign, style

if TYPE_CHECKING:
    from tui.control_center import ControlCenter


def short_name(run: RunInfo) -> str:
    """A run in few columns: flow and name."""
    return f"{run.flow.removesuffix('_flow')} {run.name}"


def run_rows(
    app: ControlCenter, runs: list[RunInfo], hidden: frozenset[str], current: str, width: int
) -> list[Line]:
    """A row for each run: state, name in the colour that its lines have, duration."""
    rows: list[Line] = []
    for run in runs:
        is_hidden = run.id in hidden
        took = duration(run.started, run.ended, app.now())
        under = "idle-cursor" if run.id == current else ""
        row: Line = [
            (f" {sign(run.state)} ", f"{style(run.state)} {under}".strip()),
            (
                fit(short_name(run), max(4, width - 14)),
                f"{'dim' if is_hidden else run_style(run.id)} {under}".strip(),
            ),
            (fit(tr("hidden") if is_hidden else took, 10, "right"), f"dim {under}".strip()),
        ]
        rows.append(pad(row, width, under))
    return rows


def line_rows(line: LogLine | None, width: int, height: int) -> list[Line]:
    """All of a line, wrapped; what does not fit is told."""
    if line is None or height <= 0:
        return []
    rows: list[Line] = [[(f" {part}", "")] for part in wrap(line.text[: width * height], width - 2)]
    if len(rows) <= height:
        return rows
    more: Line = [(clip(" " + tr("… enter shows all of it"), width), "dim")]
    return [*rows[: height - 1], more]


def side_of_all(
    app: ControlCenter,
    runs: list[RunInfo],
    hidden: frozenset[str],
    line: LogLine | None,
    width: int,
    height: int,
) -> list[Line]:
    """Beside the merged log: the runs, and the line."""
    room = max(3, height * 3 // 5)
    current = line.run_id if line is not None else ""
    rows = run_rows(app, runs[: room - 1], hidden, current, width)
    rows += [[] for _ in range(room - 1 - len(rows))]
    below = height - room - 1
    note = tr("{count} hidden", count=len(hidden)) if hidden else ""
    return [
        rule(width, tr("Runs"), note),
        *rows,
        rule(width, tr("Line")),
        *line_rows(line, width, below),
    ]


def side_of_one(
    app: ControlCenter, run: RunInfo | None, line: LogLine | None, width: int, height: int
) -> list[Line]:
    """Beside the log of one run: what the run is, and the line."""
    room = max(3, height // 2)
    rows = preview_lines(app, run, width, room - 1) if run is not None else []
    rows += [[] for _ in range(room - 1 - len(rows))]
    below = height - room - 1
    return [rule(width, tr("Run")), *rows, rule(width, tr("Line")), *line_rows(line, width, below)]
