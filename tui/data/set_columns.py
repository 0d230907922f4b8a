"""The columns of the lists of data sets and of series."""

from __future__ import annotations

from tui.data.data_sets import Series, number
from tui.paint import Align


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
