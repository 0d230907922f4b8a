"""What `engine predict` knows beside the values: covariates, and how many days are known at all."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.cli.covariate_files import read_covariates

if TYPE_CHECKING:
    from engine.cli.forecasting import Forecaster, Question
    from engine.data.dataset import Dataset
    from models.arrays import FloatArray, Windows

_MOST_AHEAD = 365
"""Days to come of which covariates are kept; no forecast is longer."""


@dataclass(frozen=True)
class KnownCovariate:
    """How much of a covariate that a model knows was given to it.

    Attributes:
        name: Of the covariate.
        days: Days of the window on which it is known.
        days_to_come: Days that are forecast, likewise.
    """

    name: str
    days: int
    days_to_come: int


def with_covariates(
    question: Question,
    forecaster: Forecaster,
    *,
    steps: int,
    dataset: Dataset | None,
    file: Path | None,
) -> Question:
    """Add what is known of the covariates that the model knows; what a file says goes first.

    Args:
        question: Without them.
        forecaster: Who answers.
        steps: Days to forecast.
        dataset: That the series is from; None for pasted values.
        file: With covariates of further days, or None.

    Raises:
        NotFoundError: There is no such file.
        ConflictError: There is a file, but the model knows no covariates.
        DataError: The file cannot be read, or says nothing that the model knows.
    """
    names = forecaster.covariates
    count = len(question.values)
    length = count + _MOST_AHEAD
    known = {name: [math.nan] * length for name in names}
    if dataset is not None and question.series is not None:
        for name in set(names) & set(dataset.covariates):
            own = dataset.covariate(name)[dataset.ids.index(question.series)]
            assert question.last_day is not None, "a series of a data set has days"
            first = (question.last_day - dataset.split.first_day).days - count + 1
            days = own[first : first + length]
            known[name][: len(days)] = days.tolist()
    if file is not None:
        said = read_covariates(file, question.series)
        assert question.last_day is not None, "the command line asks for it"
        first_day = question.last_day - dt.timedelta(days=count - 1)
        seen = question.last_day - dt.timedelta(days=min(count, forecaster.window) - 1)
        said.check(names, seen, question.last_day + dt.timedelta(days=steps))
        for day, numbers in said.days.items():
            place = (day - first_day).days
            for name, number in numbers.items():
                if 0 <= place < length and not math.isnan(number):
                    known[name][place] = number
    return replace(question, covariates=known)


def windows_of(question: Question, window: int, names: Sequence[str]) -> Windows:
    """The one window that a question asks about; fewer days than the window are filled.

    Args:
        question: With at least one value.
        window: Values that the model sees.
        names: Covariates that it knows, in its order.
    """
    from models.forecasting.short import extended_windows

    return extended_windows(known_window(question, window, names), window)


def known_window(question: Question, window: int, names: Sequence[str]) -> Windows:
    """What is known of the one window that a question asks about: at most so many values."""
    import numpy as np

    from models.arrays import Windows, weekday_of

    weekday = np.array([weekday_of(question.last_day)])
    seen = question.values[-window:]
    covariates: FloatArray | None = None
    if names and question.covariates:
        columns = [numbers_seen(question, name, window) for name in names]
        covariates = np.array(columns, dtype=np.float64).T[None]
    return Windows(np.array([seen]), weekday, covariates)


def numbers_seen(
    question: Question, name: str, window: int, steps: int = _MOST_AHEAD
) -> list[float]:
    """A covariate on the days that the model sees, and on so many days to come."""
    count = len(question.values)
    return list(question.covariates[name][max(count - window, 0) : count + steps])


def known_covariates(question: Question, window: int, steps: int) -> list[KnownCovariate]:
    """How much of each covariate that the model knows is known."""
    seen = min(len(question.values), window)
    found = []
    for name in question.covariates:
        is_known = [
            not math.isnan(number) for number in numbers_seen(question, name, window, steps)
        ]
        found.append(KnownCovariate(name, sum(is_known[:seen]), sum(is_known[seen:])))
    return found


def known_data(question: Question, window: int, steps: int) -> dict[str, Any]:
    """What was known, as JSON-able data."""
    days = min(len(question.values), window)
    return {
        "extended": days < window,
        "known_days": days,
        "covariates": [vars(one) for one in known_covariates(question, window, steps)],
    }


def known_sentences(question: Question, window: int, steps: int) -> list[str]:
    """What was known, for people; nothing where all that there is to know is."""
    from models.forecasting.short import told

    days = min(len(question.values), window)
    sentences = [told(days, window)] if days < window else []
    for one in known_covariates(question, window, steps):
        if not one.days and not one.days_to_come:
            sentences.append(f"covariate {one.name}: nothing is known of it")
        else:
            sentences.append(
                f"covariate {one.name}: known on {one.days} of {days} days, and on "
                f"{one.days_to_come} of {steps} to come"
            )
    return sentences
