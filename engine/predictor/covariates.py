"""Covariates of a request: numbers known in advance, such as a promotion, checked and laid out."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from engine.predictor.messages import LARGEST_VALUE
from engine.refusal import RefusalError
from models.arrays import FloatArray

_UNPROCESSABLE = 422
_NAME_SHOWN = 60

Given = Mapping[str, Sequence[float | None]]


def lay_out(
    given: Given | None, known: Sequence[str], *, days: int, steps: int, where: str
) -> FloatArray | None:
    """Put the covariates of one series into the order that the model has them in.

    A list says something about each day of `input_data` and may go on with days to come. What
    does not is refused, not cut or stretched: a list of another length was probably made for
    other days, and a forecast that takes one day for another looks like any other.

    Args:
        given: Numbers by name; null is unknown, and so is what is left out.
        known: Names that the model knows, in its order.
        days: Values of `input_data`.
        steps: Days to forecast.
        where: Place of the covariates in the request, for messages.

    Returns:
        float64 (days + some of steps, len(known)), NaN where unknown; None: nothing is given.

    Raises:
        RefusalError: 422, with the place.
    """
    if not given:
        return None
    for name in given:
        if name not in known:
            raise RefusalError(_UNPROCESSABLE, _not_known(name, known, where))
    longest = max(len(numbers) for numbers in given.values())
    laid_out = np.full((max(days, longest), len(known)), np.nan)
    for name, numbers in given.items():
        place = f"{where}.{name}"
        if not days <= len(numbers) <= days + steps:
            raise RefusalError(
                _UNPROCESSABLE,
                f"{place}: {len(numbers)} numbers, but there are {days} days in input_data and "
                f"{steps} to come: give one for each of the former and up to {steps} more, null "
                "where it is not known",
            )
        laid_out[: len(numbers), known.index(name)] = numbers_of(numbers, place)
    return laid_out


def numbers_of(numbers: Sequence[float | None], where: str) -> FloatArray:
    """The numbers as an array, null as NaN.

    Raises:
        RefusalError: 422: one that no covariate can have.
    """
    array = np.array(numbers, dtype=np.float64)
    too_large = np.abs(array) > LARGEST_VALUE
    if too_large.any():
        index = int(np.argmax(too_large))
        raise RefusalError(
            _UNPROCESSABLE, f"{where}[{index}]: {array[index]:g} is beyond ±{LARGEST_VALUE:g}"
        )
    return array


def _not_known(name: str, known: Sequence[str], where: str) -> str:
    if not known:
        return f"{where}: the model knows no covariates; leave `covariates` out"
    cut = name if len(name) <= _NAME_SHOWN else name[: _NAME_SHOWN - 1] + "…"
    return f"{where}: the model does not know {cut!r}; it knows {', '.join(known)}"


def named(place: str, body: bytes) -> str:
    """A place inside covariates with the name in it, which the decoder leaves out.

    `covariates[...][3]` becomes `covariates.promo[3]`: the first that is no number or null.
    """
    parent, unnamed, _ = place.partition("covariates[...]")
    if not unnamed:
        return place
    try:
        part: Any = json.loads(body)
        for step in parent.replace("]", "").replace("[", ".").strip(".").split("."):
            part = part[int(step) if step.isdigit() else step] if step else part
        return next(_faults(part["covariates"], f"{parent}covariates"), place)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return place


def not_finite(covariates: Any, where: str) -> str | None:
    """Where the first number that is not finite stands in what a caller sent; None: nowhere."""
    if not isinstance(covariates, dict):
        return None
    for name, numbers in covariates.items():
        for index, value in enumerate(numbers if isinstance(numbers, list) else []):
            if isinstance(value, float) and not math.isfinite(value):
                return f"{where}.{name}[{index}]"
    return None


def _faults(covariates: Mapping[str, Any], where: str) -> Iterator[str]:
    for name, numbers in covariates.items():
        if not isinstance(numbers, list):
            yield f"{where}.{name}"
            continue
        for index, value in enumerate(numbers):
            is_number = isinstance(value, int | float | None) and not isinstance(value, bool)
            if not is_number or (isinstance(value, float) and not math.isfinite(value)):
                yield f"{where}.{name}[{index}]"
