"""The columns of a list of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.schema import RunInfo
from engine.states import FINAL_STATES
from tui.language import tr
from tui.paint import Align, Line, fit, pad
from tui.states import TimeMode, duration, moment, sign, style, word

if TYPE_CHECKING:
    from tui.control_center import ControlCenter


_TIMES: dict[TimeMode, int] = {"ago": 9, "clock": 12, "date": 19}
_LONGEST_NAME = 24
_LEAST_SAID = 24


def columns_for(width: int, times: TimeMode = "ago") -> dict[str, int]:
    """Which columns there is room for, and how wide they are."""
    columns = {"state": 11, "flow": 11, "name": 16, "model": 13, "began": _TIMES[times], "took": 9}
    if width >= 100:
        columns["id"] = 8
    rest = width - 2 - sum(columns.values()) - len(columns)
    if rest >= 12:
        more = min(_LONGEST_NAME - columns["name"], max(0, rest - 1 - _LEAST_SAID))
        columns["name"] += more
        columns["said"] = rest - 1 - more
    else:
        columns["name"] += rest
    return columns


_TITLES = {"said": "", "began": "Began", "took": "Took", "id": "Id"}


def align_of(column: str) -> Align:
    """At which side a column's text stands."""
    return "right" if column == "took" else "left"


def heading(columns: dict[str, int], width: int) -> Line:
    """The names of the columns."""
    line: Line = [(" ", "column")]
    for name, size in columns.items():
        title = tr(_TITLES.get(name, name.capitalize()))
        line.append((fit(title, size, align_of(name)) + " ", "column"))
    return pad(line, width, "column")


def values_of(app: ControlCenter, run: RunInfo) -> dict[str, tuple[str, str]]:
    """A run's columns with their styles."""
    now = app.now()
    pace = app.board.pace(run, now)
    slow = run.state not in FINAL_STATES and pace is not None and pace > 1.5
    return {
        "state": (f"{sign(run.state)} {word(run.state)}", style(run.state)),
        "flow": (run.flow, ""),
        "name": (run.name, ""),
        "model": (str(run.parameters.get("model_type") or ""), "accent"),
        "began": (moment(run.started or run.created, app.time_mode, now, app.zone), "dim"),
        "took": (duration(run.started, run.ended, now), "warn" if slow else "dim"),
        "id": (run.id[:8], "dim"),
        "said": (run.waiting or run.message, "dim"),
    }
