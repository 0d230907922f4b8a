"""A series and its forecast as a line chart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import chain

from engine.charts.canvas import Band, Layer, Point
from engine.charts.plot import Entry, Page, compose, finite_range
from engine.charts.scales import Scale, Tick, day_ticks, number_scale, tight


def forecast_chart(
    history_dates: Sequence[date],
    history: Sequence[float],
    forecast_dates: Sequence[date],
    forecast: Sequence[float],
    *,
    title: str,
    width: int,
    height: int,
    colour: bool = True,
    ascii: bool = False,
    actual: Sequence[float] | None = None,
    lower: Sequence[float] | None = None,
    upper: Sequence[float] | None = None,
    numbered: bool = False,
    history_name: str = "history",
) -> str:
    """Draw the last days of a series and its forecast behind a line that says "now".

    History is a line, each day of the forecast a dot, what then really happened a cross, and the
    interval a shaded area: they differ by marker as well as by colour. Values that are not
    finite are gaps.

    Args:
        history_dates: Days of the history, ascending.
        history: Its values, as many.
        forecast_dates: Days of the forecast, ascending.
        forecast: Its values, as many.
        title: Heading, shown escaped.
        width: Columns to fill.
        height: Lines to stay within.
        colour: Whether to write ANSI colour codes.
        ascii: Keep to ASCII.
        actual: What happened on the forecast days, as far as it is known.
        lower: Lower end of the interval on each forecast day; with `upper`.
        upper: Upper end of the interval on each forecast day; with `lower`.
        numbered: Count the days from the last of the history instead of naming them, where it is
            not known which ones they are.
        history_name: What the legend calls the history.

    Returns:
        The chart, or a sentence when there is nothing to draw or no room to draw it.

    Raises:
        ValueError: Dates and values differ in number, or only one end of the interval is given.
    """
    page = Page(width, height, colour, ascii)
    band = _band(forecast_dates, lower, upper)
    past = _points("history", history_dates, history)
    ahead = _points("forecast", forecast_dates, forecast)
    known = _points("actual", forecast_dates[: len(actual or ())], actual or ())
    values = finite_range(
        chain((up for _, up in (*past, *ahead, *known)), *((lo, hi) for _, lo, hi in band))
    )
    if values is None:
        return page.sentence("No values to draw.")
    if page.too_small:
        return page.sentence("Too small for a chart.")

    days = (*history_dates, *forecast_dates)
    first, last = min(days), max(days)
    ticks = day_ticks(first, last, page.x_ticks)
    if numbered:
        ticks = _numbered_ticks(first, last, forecast_dates, page.x_ticks)
    x = Scale(first.toordinal(), last.toordinal(), ticks)
    y = tight(number_scale(*values, page.y_ticks), *values, room=0.05)
    layers, legend = _layers(past, ahead, known, band, y, ascii, history_name)
    dash = "-" if ascii else "–"
    note = "" if numbered else f"{first:%Y-%m-%d} {dash} {last:%Y-%m-%d}"
    return compose(page, title, note, layers, x, y, legend)


def _numbered_ticks(
    first: date, last: date, forecast_dates: Sequence[date], most: int
) -> tuple[Tick, ...]:
    """Days as their distance from the last one of the history, which is 0."""
    zero = forecast_dates[0].toordinal() - 1 if forecast_dates else last.toordinal()
    low, high = first.toordinal() - zero, last.toordinal() - zero
    scale = number_scale(low, max(high, low + 1), most, whole=True)
    # Days that are still to come are told apart by their sign.
    return tuple(
        (zero + at, f"{at:+.0f}" if at else "0") for at, _ in scale.ticks if low <= at <= high
    )


def _layers(
    past: list[Point],
    ahead: list[Point],
    known: list[Point],
    band: list[tuple[float, float, float]],
    y: Scale,
    ascii: bool,
    history_name: str,
) -> tuple[list[Layer | Band], list[Entry]]:
    line, dot, cross, shade, bar = "*ox:|" if ascii else ("braille", "●", "×", "░", "┊")
    layers: list[Layer | Band] = []
    legend: list[Entry] = []
    if band:
        layers.append(Band(band, shade, "grey"))
    if past and ahead:
        now = (past[-1][0] + ahead[0][0]) / 2
        layers.append(Layer([(now, y.low), (now, y.high)], bar, "grey"))
    if past:
        layers.append(Layer(past, line, "cyan"))
        legend.append(Entry("*" if ascii else "⡠⠊", history_name, "cyan"))
    if ahead:
        if not ascii:
            # The fine line shows how the dots, days apart on a wide screen, belong together.
            layers.append(Layer([*past[-1:], *ahead], line, "yellow"))
        layers.append(Layer(ahead, dot, "yellow", connected=False))
        days = "day" if len(ahead) == 1 else "days"
        legend.append(Entry(dot, f"forecast, {len(ahead)} {days}", "yellow"))
    if band:
        legend.append(Entry(shade, "interval", "grey"))
    if known:
        layers.append(Layer(known, cross, "magenta", connected=False))
        legend.append(Entry(cross, "actual", "magenta"))
    return layers, legend


def _points(name: str, days: Sequence[date], values: Sequence[float]) -> list[Point]:
    if len(days) != len(values):
        raise ValueError(f"{name} has {len(values)} values for {len(days)} days")
    return [(day.toordinal(), float(value)) for day, value in zip(days, values, strict=True)]


def _band(
    days: Sequence[date], lower: Sequence[float] | None, upper: Sequence[float] | None
) -> list[tuple[float, float, float]]:
    if lower is None and upper is None:
        return []
    if lower is None or upper is None or not len(lower) == len(upper) == len(days):
        raise ValueError("lower and upper must both have one value for each forecast day")
    return [
        (day.toordinal(), float(low), float(high))
        for day, low, high in zip(days, lower, upper, strict=True)
    ]
