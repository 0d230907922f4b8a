"""Stock below the chart: how likely it runs out by each day, and what to order."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tui.language import tr
from tui.paint import Line, clip, pad, width_of
from tui.predict.drawing import number
from tui.predict.stock import Inventory

if TYPE_CHECKING:
    from tui.predict.asking import Forecast
    from tui.predict.drawing import Chart

_LEVELS = "▁▂▃▄▅▆▇█"
_LOW, _HIGH = 0.05, 0.5
_SEEN = 0.0005
_LONG_DAYS = 365


def chance(probability: float) -> str:
    """A probability for people: below a tenth of a percent no number is known well."""
    if probability < _SEEN:
        return "< 0.1 %"
    return f"{probability * 100:.1f} %" if probability < 0.1 else f"{probability * 100:.0f} %"


def look_of(probability: float) -> str:
    """The style of a probability that stock runs out."""
    return "good" if probability < _LOW else "warn" if probability < _HIGH else "bad"


def stock_lines(
    forecast: Forecast, stock: Inventory, chart: Chart | None, width: int, key: str
) -> list[Line]:
    """The risk by day under the days of the chart, and what to order.

    Args:
        forecast: Of the series.
        stock: What it means.
        chart: Where the days are; None while there is no chart.
        width: Columns.
        key: What asks for the stock on hand.
    """
    return [_risk(stock, chart, width), _order(forecast, stock, width, key)]


def _risk(stock: Inventory, chart: Chart | None, width: int) -> Line:
    spark = _spark(stock, chart, width)
    begin = chart.column_of(1) if chart is not None and chart.left else width - len(stock.days) - 1
    room = begin - 1
    for parts in _labels(stock):
        if width_of(parts) <= room:
            return [*pad(parts, begin), *spark]
    # Where the days of the chart begin too far left, the row stands by itself.
    label = _labels(stock)[-1]
    return pad([*label, ("  ", ""), *spark], width)


def _labels(stock: Inventory) -> list[Line]:
    """What the row says, from generous to short."""
    days = len(stock.days)
    likely = chance(stock.at_most)
    if stock.at_most > stock.at_least + _SEEN:
        likely = f"{chance(stock.at_least)} … {likely}"
    look = look_of(stock.at_most)
    out = tr("out within {days} days", days=days)
    short: Line = [(f" {out} ", ""), (likely, f"{look} strong")]
    if stock.on_hand is None:
        below = tr("stock at {value} or below", value=_plainly(stock.threshold))
        return [[(f" {below} ·", "dim"), *short], short]
    held = tr("on hand {value}", value=_plainly(stock.on_hand))
    lasts = _lasts(stock)
    lasting: Line = [(f" {held}", ""), (f" {lasts}", "dim"), (" ·", "rule"), *short]
    return [lasting, [(f" {held}", ""), (" ·", "rule"), *short], short]


def _plainly(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else number(value)


def _lasts(stock: Inventory) -> str:
    if stock.cover_days is None:
        return tr("lasts: nothing is expected to go")
    if stock.cover_days > _LONG_DAYS:
        return tr("lasts more than a year")
    return tr("lasts {days} days", days=f"{stock.cover_days:.1f}")


def _spark(stock: Inventory, chart: Chart | None, width: int) -> Line:
    """A block a column: the higher, the likelier it is out by that day."""
    if chart is None or not chart.left:
        return [_block(day.stockout_by) for day in stock.days]
    line: Line = []
    for column in range(chart.column_of(1), min(width, chart.width)):
        ahead = min(len(stock.days), max(1, chart.day_at(column)))
        line.append(_block(stock.days[ahead - 1].stockout_by))
    return line


def _block(probability: float) -> tuple[str, str]:
    level = min(len(_LEVELS) - 1, int(probability * len(_LEVELS)))
    return _LEVELS[level], look_of(probability)


def _order(forecast: Forecast, stock: Inventory, width: int, key: str) -> Line:
    if stock.is_stock:
        return []
    if stock.lead_time is None or stock.reorder_point is None or stock.order_quantity is None:
        said = tr("with a lead time it says how much to order")
        return [(f" {key} ", "key"), (clip(said, width - 4), "dim")]
    is_whole = all(float(value).is_integer() for value in (*forecast.history, stock.on_hand or 0))
    need = _amount(stock.reorder_point, is_whole)
    days = stock.lead_time + stock.review
    level = f"{stock.service_level:g} %" if stock.service_level is not None else "-"
    why = tr("{days} days at {level} need {amount}", days=days, level=level, amount=need)
    if stock.order_quantity > 0:
        order = tr("order {amount} now", amount=_amount(stock.order_quantity, is_whole))
        return [(f" ▸ {order}", "warn strong"), (clip(f"  {why}", width - 24), "")]
    return [(f" ✓ {tr('no order is needed now')}", "good"), (clip(f"  {why}", width - 28), "")]


def _amount(value: float, is_whole: bool) -> str:
    # What is a little above a whole number by rounding is that number.
    return f"{math.ceil(value - 1e-9):,}" if is_whole else number(value)
