"""A forecast in words and numbers: its heading, the day under the cursor, and a table by day."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from tui.language import tr
from tui.paint import Line, clip, fit, pad, rule, width_of
from tui.predict.drawing import number, percent
from tui.predict.stock_pane import chance, look_of

if TYPE_CHECKING:
    from tui.predict.asking import Forecast
    from tui.predict.forecasts import Series
    from tui.predict.stock import Inventory

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY_WIDTH = 15
_NUMBER_WIDTH = 10
_GAP = 2


def heading(
    width: int, name: str, series: Series | None, forecast: Forecast | None, *, asking: bool
) -> list[Line]:
    """Which series, what it is like, and who answered how fast: three lines."""
    note = tr("asking…") if asking else _answered(forecast)
    lines: list[Line] = [rule(width, name, note)]
    lines.append([(clip(f" {_facts(series, forecast)}", width), "")])
    if forecast is None:
        return [*lines, []]
    by = [
        forecast.version,
        tr("window {days}", days=forecast.window),
        tr("horizon {days}", days=forecast.horizon),
        forecast.model_type,
    ]
    unknown = [name for name, _, ahead in forecast.covariates if ahead < len(forecast.values)]
    if forecast.covariates and not unknown:
        names = ", ".join(name for name, _, _ in forecast.covariates)
        by.insert(0, tr("with {names}", names=names))
    said: Line = [(clip(" " + " · ".join(by), width), "dim")]
    if unknown:
        note = tr("! not known for all days to come: {names}", names=", ".join(unknown))
        said = [(clip(f" {note}", width), "warn")]
    if forecast.known_days is not None:
        note = tr("! only {known} of {days} days are known; the others are filled from its own",
                  known=forecast.known_days, days=forecast.window)  # fmt: skip
        said = [(clip(f" {note}", width), "warn")]
    return [*lines, said]


def _answered(forecast: Forecast | None) -> str:
    if forecast is None:
        return ""
    took = f"{forecast.latency_ms:.1f} ms"
    place = forecast.address.removeprefix("http://")
    return f"{took} · {tr('predictor {address}', address=place) if place else 'engine predict'}"


def _facts(series: Series | None, forecast: Forecast | None) -> str:
    if series is not None:
        mean, zeros, days = series.mean, series.zero_share, series.days
        last, day = series.last_value, series.last_day
    elif forecast is not None:
        values = forecast.history
        mean, days = sum(values) / len(values), len(values)
        zeros = sum(value == 0 for value in values) / days
        last = values[-1]
        day = forecast.last_day.isoformat() if forecast.last_day else ""
    else:
        return ""
    parts = [
        tr("mean {value}", value=number(mean)),
        tr("zeros {share}", share=percent(zeros)),
        tr("last {value}", value=number(last)) + (f" ({day})" if day else ""),
        tr("{days} days", days=f"{days:,}"),
    ]
    return " · ".join(parts)


def readout(
    width: int, forecast: Forecast, day: int | None, stock: Inventory | None = None
) -> Line:
    """What the day under the cursor says; without a cursor, the forecast as a whole."""
    if day is None:
        total = sum(forecast.values)
        count = len(forecast.values)
        text = tr(
            "next {days} days: {total} in all, {mean} a day",
            days=count,
            total=number(total),
            mean=number(total / count),
        )
        return [(clip(f" {text}", width), "accent")]
    name = day_name(forecast.day(day), day)
    if day <= 0:
        at = len(forecast.history) - 1 + day
        value = number(forecast.history[at])
        return pad([(f" {name}  ", "strong"), (value, "cyan"), (f"  {tr('was')}", "dim")], width)
    line: Line = [(f" {name}  ", "strong"), (number(forecast.values[day - 1]), "yellow strong")]
    if forecast.lower:
        low, high = number(forecast.lower[day - 1]), number(forecast.upper[day - 1])
        level = f"{forecast.level:g}"
        line.append((f"  {low} … {high}", ""))
        if stock is None:
            line.append((f"  {tr('{level} % interval', level=level)}", "dim"))
    if stock is not None and day <= len(stock.days):
        likely = stock.days[day - 1].stockout_by
        risk = (chance(likely), look_of(likely))
        said: Line = [(f"  {tr('out by then')} ", "dim"), risk]
        line += said if width_of([*line, *said]) <= width else [("  ", ""), risk]
    return pad(line, width)


def columns_of(forecast: Forecast, width: int, stock: Inventory | None = None) -> int:
    """How many days stand in a line of the table: as many as there is room for, and weeks."""
    room = (width + _GAP) // (_cell_width(forecast, stock) + _GAP)
    weeks = -(-len(forecast.values) // 7)
    return max(1, min(3, room, weeks))


def rows_of(forecast: Forecast, width: int, stock: Inventory | None = None) -> int:
    """How many lines the table takes, without its heading."""
    return -(-len(forecast.values) // columns_of(forecast, width, stock))


def table(
    forecast: Forecast, width: int, height: int, day: int | None, stock: Inventory | None = None
) -> tuple[list[Line], int]:
    """The forecast by day, scrolled to the cursor.

    Args:
        forecast: The numbers.
        width: Columns.
        height: Lines, with the heading.
        day: Under the cursor.
        stock: Where it is known, the risk that it is out by each day is told too.

    Returns:
        The lines, a heading first, and the number of the first row that is seen.
    """
    columns, rows = columns_of(forecast, width, stock), rows_of(forecast, width, stock)
    names = [tr("Day"), tr("Forecast")]
    if forecast.lower:
        names += [tr("Lower"), tr("Upper")]
    names += [tr("Out by")] if stock is not None else []
    head = fit(f" {names[0]}", _DAY_WIDTH)
    head += "".join(fit(name, _NUMBER_WIDTH, "right") for name in names[1:])
    lines: list[Line] = [pad([((head + " " * _GAP) * columns, "column")], width, "column")]
    seen = max(0, height - 1)
    marked = (day - 1) % rows if day is not None and day > 0 else 0
    first = min(max(0, marked - seen // 2), max(0, rows - seen))
    for row in range(first, min(rows, first + seen)):
        line: Line = []
        for column in range(columns):
            ahead = column * rows + row + 1
            if ahead <= len(forecast.values):
                line += _cell(forecast, ahead, stock, "cursor" if ahead == day else "")
                line.append((" " * _GAP, ""))
        lines.append(line)
    return lines, first


def day_in_table(
    forecast: Forecast, width: int, row: int, x: int, stock: Inventory | None = None
) -> int | None:
    """Which day of the forecast stands in a row and column of the table."""
    column = x // (_cell_width(forecast, stock) + _GAP)
    ahead = column * rows_of(forecast, width, stock) + row + 1
    is_there = column < columns_of(forecast, width, stock) and 0 < ahead <= len(forecast.values)
    return ahead if is_there else None


def _cell_width(forecast: Forecast, stock: Inventory | None) -> int:
    numbers = (3 if forecast.lower else 1) + (stock is not None)
    return _DAY_WIDTH + _NUMBER_WIDTH * numbers


def _cell(forecast: Forecast, ahead: int, stock: Inventory | None, under: str) -> Line:
    name = day_name(forecast.day(ahead), ahead)
    line: Line = [
        (fit(f" {name}", _DAY_WIDTH), under),
        (
            fit(number(forecast.values[ahead - 1]), _NUMBER_WIDTH, "right"),
            f"yellow {under}".strip(),
        ),
    ]
    if forecast.lower:
        for end in (forecast.lower, forecast.upper):
            line.append(
                (fit(number(end[ahead - 1]), _NUMBER_WIDTH, "right"), f"dim {under}".strip())
            )
    if stock is not None:
        risk = stock.days[ahead - 1].stockout_by if ahead <= len(stock.days) else None
        text, look = ("-", "dim") if risk is None else (chance(risk), look_of(risk))
        line.append((fit(text, _NUMBER_WIDTH, "right"), f"{look} {under}".strip()))
    return line


def day_name(day: dt.date | None, ahead: int) -> str:
    """A day with its weekday; where it is not known, how far ahead it is."""
    if day is None:
        return f"{ahead:+d}" if ahead else "0"
    weekday = tr(_WEEKDAYS[day.weekday()])
    return f"{weekday} {day.isoformat()}"
