"""Why a forecast is what it is, as bars: what pushes it up, and what down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tui.language import tr
from tui.paint import Line, clip, fit, rule
from tui.predict.drawing import number, percent
from tui.predict.panes import day_name
from tui.predict.reasons import PastDay, Reasons

if TYPE_CHECKING:
    from tui.predict.asking import Forecast

_NAME, _VALUE, _USUAL, _AMOUNT = 15, 9, 17, 11
_USUAL_FROM, _FEATURES_FROM = 68, 12
_WIDEST_HALF = 24
_FEATURES = 4


def reasons_lines(
    forecast: Forecast, reasons: Reasons, day: int | None, width: int, height: int
) -> list[Line]:
    """What moves the forecast of a day most, in so many lines.

    Args:
        forecast: What is explained.
        reasons: Why.
        day: The day under the cursor: one ahead, or a known one, of which it is then told what it
            does; None: all days ahead together.
        width: Columns.
        height: Lines at most.
    """
    if day is not None and day <= 0:
        return _effects(forecast, reasons, day, width)[:height]
    total, count = number(reasons.total(day)), len(reasons.forecast)
    title = tr("Why {value} in {days} days", value=total, days=count)
    if day is not None:
        title = tr("Why {value} on {day}", value=total, day=day_name(forecast.day(day), day))
    pushes = reasons.strongest(day)
    lines = [rule(width, title, tr("days that move it most")), _sum(reasons, day, width)]
    features = _features(reasons, width) if height >= _FEATURES_FROM else []
    shown = pushes[: max(0, height - len(lines) - len(features))]
    most = max((abs(push.amount) for push in shown), default=0.0)
    for push in shown:
        lines.append(_bar(push.day, push.amount, most, width, is_certain=push.is_certain))
    return [*lines, *features][:height]


def _sum(reasons: Reasons, day: int | None, width: int) -> Line:
    """From what would be usual to the forecast."""
    amounts = [push.amount for push in reasons.strongest(day)]
    up = sum(amount for amount in amounts if amount > 0)
    down = sum(amount for amount in amounts if amount < 0)
    usual = tr("usual weekdays: {value}", value=number(reasons.without(day)))
    line: Line = [(f" {usual}", "dim"), ("  ", ""), *_signed(up), ("  ", ""), *_signed(down)]
    taken = sum(len(text) for text, _ in line)
    if taken > width:
        return [(clip(f" {usual}", width), "dim")]
    return line


def _signed(amount: float) -> Line:
    sign, look = ("▲", "green") if amount >= 0 else ("▼", "red")
    return [(f"{sign} {_amount(amount)}", look)]


def _amount(amount: float) -> str:
    text = number(abs(amount))
    return f"{'-' if amount < 0 else '+'}{text}"


def _bar(day: PastDay, amount: float, most: float, width: int, *, is_certain: bool) -> Line:
    """A past day: what it was, and how far it pushes."""
    name = day_name(day.day, day.offset)
    line: Line = [(f" {fit(name, _NAME)}", ""), (fit(number(day.value), _VALUE, "right"), "cyan")]
    taken = 1 + _NAME + _VALUE + _AMOUNT
    if width >= _USUAL_FROM:
        usual = "" if day.usual is None else tr("usual {value}", value=number(day.usual))
        line.append((fit(usual, _USUAL, "right"), "dim"))
        taken += _USUAL
    return [*line, *_push(amount, most, width - taken, is_certain=is_certain)]


def _push(amount: float, most: float, room: int, *, is_certain: bool = True) -> Line:
    """An amount with its sign, and a bar to the right of the middle or to the left of it."""
    sign, look = ("▲", "green") if amount >= 0 else ("▼", "red")
    look = look if is_certain else "dim"
    line: Line = [(fit(f"{sign} {_amount(amount)}", _AMOUNT, "right"), look)]
    half = min(_WIDEST_HALF, (room - 3) // 2)
    if half < 3:
        return line
    long = round(abs(amount) / most * half) if most else 0
    left, right = (0, long) if amount >= 0 else (long, 0)
    return [
        *line,
        (" " * (half - left + 1), ""),
        ("━" * left, look),
        ("│", "rule"),
        ("━" * right, look),
    ]


def _features(reasons: Reasons, width: int) -> list[Line]:
    if not reasons.importance:
        return []
    named = [f"{name} {percent(part)}" for name, part in reasons.importance[:_FEATURES]]
    text = tr("its trees look at {features}", features=", ".join(named))
    return [[], [(clip(f" {text}", width), "dim")]]


def _effects(forecast: Forecast, reasons: Reasons, offset: int, width: int) -> list[Line]:
    """How far a known day moves each day ahead."""
    name = day_name(forecast.day(offset), offset)
    found = reasons.of_day(offset)
    if found is None:
        said = tr("the model looks at the last {days} days only", days=len(reasons.days))
        return [rule(width, name), [(clip(f" {said}", width), "dim")]]
    day, row = found
    usual = "" if day.usual is None else tr("usual {value}", value=number(day.usual))
    lines = [rule(width, tr("What {day} does", day=name), f"{number(day.value)}  {usual}".rstrip())]
    most = max((abs(amount) for amount in row), default=0.0)
    for ahead, (amount, error) in enumerate(zip(row, reasons.errors, strict=True), 1):
        lines.append(_effect(forecast, ahead, amount, most, width, abs(amount) > 2 * error))
    return lines


def _effect(
    forecast: Forecast, ahead: int, amount: float, most: float, width: int, is_certain: bool
) -> Line:
    name = day_name(forecast.day(ahead), ahead)
    value = fit(number(_at(forecast.values, ahead)), _VALUE, "right")
    room = width - 1 - _NAME - _VALUE - _AMOUNT
    push = _push(amount, most, room, is_certain=is_certain)
    return [(f" {fit(name, _NAME)}", ""), (value, "yellow"), *push]


def _at(values: Sequence[float], ahead: int) -> float:
    return values[ahead - 1] if ahead <= len(values) else float("nan")
