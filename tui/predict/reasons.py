"""Why a forecast is what it is: how far each past day moves it, as `engine predict` tells it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import ModelError
from tui import told
from tui.language import tr


@dataclass(frozen=True, slots=True)
class PastDay:
    """A day that the model looks at.

    Attributes:
        offset: 0 for the last known day, -1 for the one before.
        day: Which day; None: not known.
        value: What it was.
        usual: Mean of its weekday; None: not known.
    """

    offset: int
    day: dt.date | None
    value: float
    usual: float | None


@dataclass(frozen=True, slots=True)
class Push:
    """How far a day moves a forecast, and the sampling error of that."""

    day: PastDay
    amount: float
    error: float

    @property
    def is_certain(self) -> bool:
        """Whether it is more than the error of its estimate."""
        return abs(self.amount) > 2 * self.error


@dataclass(frozen=True, slots=True)
class Reasons:
    """An explanation.

    Attributes:
        days: What the model looks at, the oldest first.
        baseline: By day ahead, the forecast if every past day had been as its weekday usually is.
        forecast: By day ahead.
        pushes: A row a past day, a column a day ahead.
        errors: By day ahead, the largest sampling error in the column.
        importance: Parts of the features in what was gained, the largest first; () where the
            model cannot tell.
    """

    days: tuple[PastDay, ...]
    baseline: tuple[float, ...]
    forecast: tuple[float, ...]
    pushes: tuple[tuple[float, ...], ...]
    errors: tuple[float, ...]
    importance: tuple[tuple[str, float], ...]

    def strongest(self, ahead: int | None) -> list[Push]:
        """What moves a day ahead most, or all of them together; the strongest first."""
        columns = self._columns(ahead)
        error = math.hypot(*(self.errors[at] for at in columns))
        found = [
            Push(day, sum(row[at] for at in columns), error)
            for day, row in zip(self.days, self.pushes, strict=True)
        ]
        return sorted(found, key=lambda push: -abs(push.amount))

    def without(self, ahead: int | None) -> float:
        """The baseline of a day ahead, or of all of them together."""
        return sum(self.baseline[at] for at in self._columns(ahead))

    def total(self, ahead: int | None) -> float:
        """The forecast of a day ahead, or of all of them together."""
        return sum(self.forecast[at] for at in self._columns(ahead))

    def of_day(self, offset: int) -> tuple[PastDay, tuple[float, ...]] | None:
        """A past day, and how far it moves each day ahead; None where it is not looked at."""
        for day, row in zip(self.days, self.pushes, strict=True):
            if day.offset == offset:
                return day, row
        return None

    def _columns(self, ahead: int | None) -> range:
        if ahead is None or not 1 <= ahead <= len(self.forecast):
            return range(len(self.forecast))
        return range(ahead - 1, ahead)


def reasons_of(said: Any) -> Reasons:
    """The part "explanation" of an answer.

    Raises:
        ModelError: There is none that makes sense.
    """
    found = told.mapping(told.mapping(said).get("explanation"))
    days = told.mappings(found.get("days"))
    baseline, forecast = _known(found.get("baseline")), _known(found.get("forecast"))
    rows = tuple(_known(row) for row in told.entries(found.get("contributions")))
    errors = _known(found.get("standard_error")) or (0.0,) * len(forecast)
    sizes = {len(baseline), len(errors), *map(len, rows)}
    if not days or not forecast or sizes != {len(forecast)} or len(rows) != len(days):
        raise ModelError(tr("the answer has no explanation in it"))
    return Reasons(
        days=tuple(_past(one, at + 1 - len(days)) for at, one in enumerate(days)),
        baseline=baseline,
        forecast=forecast,
        pushes=rows,
        errors=errors,
        importance=told.parts(found.get("importance")),
    )


def _past(one: Mapping[str, Any], offset: int) -> PastDay:
    return PastDay(
        offset=offset,
        day=told.day(one.get("day")),
        value=told.number(one.get("value")) or 0.0,
        usual=told.number(one.get("usual")),
    )


def _known(values: Any) -> tuple[float, ...]:
    """Numbers; one that is none counts as 0."""
    return tuple(value or 0.0 for value in told.numbers(values))
