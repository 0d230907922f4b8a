"""The columns of the lists of data sets and of series."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.data.data_sets import DataSet, Series, number
from tui.language import tr
from tui.paint import Align, Line, fit, pad, wrap
from tui.states import moment, size

if TYPE_CHECKING:
    from tui.control_center import ControlCenter


def set_columns(width: int) -> dict[str, int]:
    """Which columns of the list of data sets there is room for."""
    columns = {"id": 16 if width >= 100 else 8, "name": 0}
    for name, wide, least in (
        ("series", 14, 40),
        ("days", 23, 78),
        ("rows", 15, 64),
        ("size", 8, 110),
        ("when", 11, 100),
    ):
        if width >= least:
            columns[name] = wide
    columns["name"] = max(6, width - 4 - sum(columns.values()) - len(columns))
    return columns


def set_row(
    app: ControlCenter, one: DataSet, columns: dict[str, int], width: int, under: str
) -> Line:
    """A data set; `under` is the style of the cursor, where it stands here."""
    line: Line = [(" ● " if one.is_latest else "   ", f"accent {under}".strip())]
    if one.problem:
        line.append((fit(f"{one.id} {one.problem}", width - 3), f"bad {under}".strip()))
        return pad(line, width, under)
    for name, wide in columns.items():
        text, look, align = _set_value(app, one, name)
        line.append((fit(text, wide, align) + " ", f"{look} {under}".strip()))
    return pad(line, width, under)


def _set_value(app: ControlCenter, one: DataSet, name: str) -> tuple[str, str, Align]:
    if name == "when":
        now = app.now()
        return moment(one.created, app.time_mode, now, app.zone), "dim", "right"
    if name == "series":
        series = tr("{count} series", count=f"{one.series:,}")
        pictures = tr("{count} pictures", count=f"{one.pictures:,}")
        return (pictures if one.is_of_pictures else series), "", "right"
    if name == "rows":
        rows = tr("{count} rows", count=f"{one.rows:,}")
        classes = tr("{count} classes", count=f"{one.classes:,}")
        return (classes if one.is_of_pictures else rows), "", "right"
    if name == "days":
        days = "" if one.is_of_pictures else f"{one.first_day} – {one.last_day}"
        return days, "", "left"
    if name == "size":
        return size(one.bytes), "dim", "right"
    return (one.name, "strong", "left") if name == "name" else (one.id, "dim", "left")


def no_set_lines(asking: bool, problem: str, width: int) -> list[Line]:
    """Why there is no data set to be seen, and what to do."""
    if problem:
        return [[], *([(f"  {text}", "bad")] for text in wrap(problem, width - 4))]
    if asking:
        return [[], [("  " + tr("asking for the data sets"), "dim")]]
    return [
        [],
        [("  ", ""), (tr("No data set yet."), "strong")],
        [("  ", ""), ("r", "key"), ("  " + tr("runs a flow: data_flow prepares one"), "")],
        [("  ", ""), ("]", "key"), ("  " + tr("shows where its settings come from"), "")],
    ]


SERIES_COLUMNS: dict[str, tuple[str, int, Align]] = {
    "name": ("Series", 10, "left"),
    "trend": ("Over time", 16, "left"),
    "mean": ("Mean", 9, "right"),
    "zeros": ("Zeros", 6, "right"),
    "last": ("Last", 9, "right"),
    "days": ("Days", 6, "right"),
    "until": ("Until", 10, "right"),
}


def series_columns(width: int) -> dict[str, tuple[str, int, Align]]:
    """Which columns of the list of series there is room for; the name gets the rest."""
    columns = dict(SERIES_COLUMNS)
    for name, least in (("until", 84), ("days", 72), ("last", 58)):
        if width < least:
            del columns[name]
    title, least, align = columns["name"]
    rest = width - 2 - sum(wide for _, wide, _ in columns.values()) - len(columns)
    columns["name"] = (title, least + max(0, rest), align)
    return columns


def series_heading(columns: dict[str, tuple[str, int, Align]], width: int) -> Line:
    """The names of the columns."""
    heads = [fit(tr(title), wide, align) for title, wide, align in columns.values()]
    return pad([(" " + " ".join(heads), "column")], width, "column")


def series_row(
    one: Series, columns: dict[str, tuple[str, int, Align]], width: int, under: str
) -> Line:
    """A series."""
    line: Line = [(" ", under)]
    for name, (_, wide, align) in columns.items():
        text, look = series_value(one, name)
        line.append((fit(text, wide, align) + " ", f"{look} {under}".strip()))
    return pad(line, width, under)


def series_value(one: Series, name: str) -> tuple[str, str]:
    """The text of a column and its style."""
    if name == "zeros":
        return f"{one.zero_share:.0%}", "warn" if one.zero_share > 0.5 else "dim"
    return {
        "name": (one.id, ""),
        "trend": (one.trend, "run"),
        "mean": (number(one.mean), ""),
        "last": (number(one.last_value), ""),
        "days": (f"{one.count:,}", "dim"),
        "until": (one.last_day, "dim"),
    }[name]
