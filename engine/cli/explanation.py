"""What `engine predict --explain` tells: which past days pushed a forecast up or down."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from engine.cli.features import feature_lines, importance_of

if TYPE_CHECKING:
    from engine.cli.forecasting import Forecaster, InProcess, Question
    from models.arrays import FloatArray, Windows
    from models.forecasting.explanation import Explanation

_DAYS_SHOWN = 10


@dataclass(frozen=True)
class WhyOptions:
    """Whether a forecast is to be explained, and which of its days; None: all together."""

    is_asked: bool
    day: int | None


def explanation_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--explain` and `--day`, handed on as one `why` argument."""

    @click.option(
        "--explain", "is_asked", is_flag=True, help="Tell which past days pushed it up or down."
    )
    @click.option(
        "--day",
        type=click.IntRange(1, 365),
        metavar="N",
        help="With --explain: only the N-th day ahead; default: all together.",
    )
    @wraps(function)
    def wrapped(*args: Any, is_asked: bool, day: int | None, **kwargs: Any) -> Any:
        if day is not None and not is_asked:
            raise click.UsageError("--day goes with --explain.")
        return function(*args, why=WhyOptions(is_asked, day), **kwargs)

    return wrapped


@dataclass(frozen=True)
class Why:
    """An explanation of one forecast, with the days that it is about.

    Attributes:
        found: The attribution.
        values: The window, oldest first.
        last_day: Day of its last value; None: not known.
        day: Which day ahead is told of; None: all together.
        importance: Part of each feature of the model in what it gained, where it can tell.
    """

    found: Explanation
    values: list[float]
    last_day: dt.date | None
    day: int | None
    importance: dict[str, float]

    @property
    def level(self) -> float:
        """Mean of the window."""
        return sum(self.values) / len(self.values)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able data."""
        found = self.found
        days = [self._date(at) for at in range(len(self.values))]
        return {
            "day": self.day,
            "level": self.level,
            "baseline": found.baseline.tolist(),
            "forecast": found.forecast.tolist(),
            "days": [
                {
                    "day": None if day is None else day.isoformat(),
                    "weekday": None if day is None else day.weekday(),
                    "value": value,
                    "usual": usual,
                }
                for day, value, usual in zip(days, self.values, found.usual.tolist(), strict=True)
            ],
            "contributions": found.contributions.tolist(),
            "standard_error": found.standard_error.max(axis=0).tolist(),
            "importance": self.importance,
        }

    def lines(self, width: int, *, colour: bool, ascii: bool) -> Iterator[str]:
        """The explanation for people, in lines of so many columns."""
        from engine.charts.bars import bar_list

        yield from self._summary()
        contributions = self.found.of_day(self.day)
        order = sorted(range(len(self.values)), key=lambda at: -abs(contributions[at]))
        strongest = [at for at in order[:_DAYS_SHOWN] if contributions[at] != 0]
        if strongest:
            yield "What pushed it most, of the days that it was made from:"
            yield from bar_list(
                [(self._label(at), float(contributions[at])) for at in strongest],
                width,
                show="{:+,.2f}".format,
                colour=colour,
                ascii=ascii,
            )
        yield from feature_lines(self.importance, width, colour=colour, ascii=ascii)

    def _summary(self) -> Iterator[str]:
        found, day = self.found, self.day
        if day is None:
            count = len(found.forecast)
            what = "The next day" if count == 1 else f"The next {count} days together"
            level = self.level * count
            baseline, forecast = float(found.baseline.sum()), float(found.forecast.sum())
        else:
            date = None if self.last_day is None else self.last_day + dt.timedelta(days=day)
            what = f"Day {day}" if date is None else f"{date:%a %Y-%m-%d}"
            level = self.level
            baseline, forecast = float(found.baseline[day - 1]), float(found.forecast[day - 1])
        yield f"{what}: {forecast:,.2f}"
        yield f"  {level:12,.2f}  level: the mean of the last {len(self.values)} days"
        yield f"  {baseline - level:+12,.2f}  weekday, and what the model makes of a usual window"
        yield f"  {forecast - baseline:+12,.2f}  what was unusual in these days"

    def _label(self, at: int) -> str:
        day = self._date(at)
        name = f"day {at + 1 - len(self.values)}" if day is None else f"{day:%a %Y-%m-%d}"
        return f"{name}: {self.values[at]:,.4g}, usually {self.found.usual[at]:,.4g}"

    def _date(self, at: int) -> dt.date | None:
        if self.last_day is None:
            return None
        return self.last_day - dt.timedelta(days=len(self.values) - 1 - at)


def why_of(why: WhyOptions, forecaster: Forecaster, question: Question, steps: int) -> Why | None:
    """Explain the forecast of a question, where that was asked for.

    Raises:
        DataError: The values overflow the model.
        click.UsageError: A day that is not forecast, or the running predictor was to answer.
    """
    from engine.cli.forecasting import InProcess

    if not why.is_asked:
        return None
    if not isinstance(forecaster, InProcess):
        raise click.UsageError("A forecast is explained here: leave --through-predictor out.")
    if why.day is not None and why.day > steps:
        raise click.UsageError(f"--day is one of the {steps} days that are forecast.")
    return Why(
        _explanation(forecaster, question, steps),
        question.values[-forecaster.window :],
        question.last_day,
        why.day,
        importance_of(forecaster.lineage.get("training", {})),
    )


def _explanation(forecaster: InProcess, question: Question, steps: int) -> Explanation:
    from engine.cli.known_ahead import known_window
    from engine.errors import DataError
    from models.errors import ModelProblem
    from models.forecasting.explanation import explain
    from models.forecasting.short import extended_windows

    def ask(windows: Windows) -> FloatArray:
        # A day that fills others, because there are too few, takes part with all of them.
        return forecaster.model.forecast(extended_windows(windows, forecaster.window), steps)

    try:
        return explain(ask, known_window(question, forecaster.window, forecaster.covariates))
    except ModelProblem as problem:
        raise DataError(str(problem), where=f"version {forecaster.version}") from problem
