"""The chart of a forecast, drawn beside the loop, and a cursor on its days."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from tui.language import tr
from tui.paint import Line, crop, from_ansi, pad

if TYPE_CHECKING:
    from tui.control_center import ControlCenter
    from tui.predict.asking import Forecast

_DAYS_A_COLUMN = 0.75
_LEAST_HISTORY = 28
# So many days before the forecast for each day of it: it is what one wants to see.
_HISTORY_A_DAY = 3
# Where the days are not known they are numbered; the axis begins somewhere.
_SOME_DAY = dt.date(2001, 1, 1)


@dataclass(frozen=True)
class Chart:
    """A drawn chart.

    Attributes:
        lines: Its lines; the last two are the axis and its labels.
        width: Columns.
        left: Column of the first day.
        past: How many days of the history it shows; the days are numbered from 1 - past on, 0 is
            the last known one.
        ahead: How many days of the forecast.
    """

    lines: tuple[Line, ...]
    width: int
    left: int
    past: int
    ahead: int

    def column_of(self, day: int) -> int:
        """Where a day is."""
        columns = self.width - self.left
        share = (day - 1 + self.past) / max(1, self.past + self.ahead - 1)
        return self.left + min(columns - 1, int(share * columns))

    def day_at(self, column: int) -> int:
        """Which day is at a column, or the nearest one."""
        share = (column - self.left + 0.5) / max(1, self.width - self.left)
        at = round(min(1.0, max(0.0, share)) * (self.past + self.ahead - 1))
        return at + 1 - self.past

    def with_cursor(self, day: int | None) -> list[Line]:
        """Its lines with a day marked."""
        if day is None or not 1 - self.past <= day <= self.ahead or not self.left:
            return list(self.lines)
        column = self.column_of(day)
        return [_marked(line, self.width, column) for line in self.lines[:-1]] + [self.lines[-1]]


def _marked(line: Line, width: int, column: int) -> Line:
    full = pad(line, width)
    text, style = (crop(full, column, column + 1) or [(" ", "")])[0]
    shown = "│" if text.isspace() else text
    mark = (shown, f"{style} cursor".strip())
    return [*crop(full, 0, column), mark, *crop(full, column + 1, width)]


class Drawing:
    """Draws what is wanted in a thread: a large chart takes longer than a key may.

    Args:
        app: The application.
    """

    def __init__(self, app: ControlCenter) -> None:
        self._app = app
        self._wanted: tuple[Forecast, int, int, bool] | None = None
        self._drawn: tuple[Forecast, int, int, bool] | None = None
        self.chart: Chart | None = None

    def of(self, forecast: Forecast, width: int, height: int) -> Chart | None:
        """The chart in that size, or the last one that was drawn while it is drawn anew."""
        wanted = (forecast, width, height, self._app.painter.ascii)
        if wanted != self._drawn and wanted != self._wanted:
            self._wanted = wanted
            self._app.link.look("forecast chart", self._draw)
        return self.chart

    async def _draw(self) -> None:
        while self._wanted is not None and self._wanted != self._drawn:
            wanted = self._wanted
            self.chart = await asyncio.to_thread(draw, *wanted)
            self._drawn = wanted
        self._wanted = None


def draw(forecast: Forecast, width: int, height: int, ascii: bool = False) -> Chart:
    """Draw a forecast with the days before it into so many columns and lines."""
    from engine.charts.forecast import forecast_chart

    ahead = len(forecast.values)
    wanted = max(_LEAST_HISTORY, min(ahead * _HISTORY_A_DAY, int(width * _DAYS_A_COLUMN)))
    past = min(len(forecast.history), wanted)
    history = forecast.history[len(forecast.history) - past :]
    last_day = forecast.last_day or _SOME_DAY

    def days(first: int, last: int) -> list[dt.date]:
        return [last_day + dt.timedelta(days=offset) for offset in range(first, last)]

    # Its title and legend are left to the screen, which says them in its language.
    text = forecast_chart(
        days(1 - past, 1),
        history,
        days(1, ahead + 1),
        forecast.values,
        title="",
        width=width,
        height=max(8, height + 2),
        ascii=ascii,
        lower=forecast.lower or None,
        upper=forecast.upper or None,
        numbered=forecast.last_day is None,
    )
    lines = [_merged(from_ansi(line)) for line in text.split("\n")[1:-1]]
    left = _left("".join(part for part, _ in lines[-2])) if len(lines) >= 2 else 0
    return Chart(tuple(lines), width, left, past, ahead)


def _merged(line: Line) -> Line:
    """The same line in as few spans as can be: it is cut and measured often."""
    return [
        ("".join(text for text, _ in group), style)
        for style, group in groupby(line, key=lambda span: span[1])
    ]


def _left(axis: str) -> int:
    """The first column right of the corner where the axes meet; 0 where there is none."""
    corner = next((at for at, char in enumerate(axis) if char in "└+├┼"), None)
    return 0 if corner is None else corner + 1


def legend(forecast: Forecast, chart: Chart, level: float, ascii: bool) -> Line:
    """What the marks of the chart mean, and why there is no interval though one is asked for."""
    line, dot, shade = ("*", "o", ":") if ascii else ("⡠⠊", "●", "░")
    parts: Line = [
        (f" {line} ", "cyan"),
        (tr("last {days} days", days=chart.past), "dim"),
        (f"   {dot} ", "yellow"),
        (tr("forecast, {days} days", days=chart.ahead), "dim"),
    ]
    if forecast.lower:
        parts += [
            (f"   {shade} ", "dim"),
            (tr("{level} % interval", level=f"{forecast.level:g}"), "dim"),
        ]
    elif level:
        parts.append((f"   {tr('this version has no intervals')}", "warn"))
    return parts


def number(value: float) -> str:
    """A value with as many digits as one reads."""
    if not math.isfinite(value):
        return "-"
    if abs(value) >= 1e9:
        return f"{value:.4g}"
    return f"{value:,.0f}" if abs(value) >= 1e5 else f"{value:,.2f}"


def percent(share: float) -> str:
    """A share from 0 to 1."""
    return f"{share * 100:.0f} %"
