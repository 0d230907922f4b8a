"""Which hyperparameters of a model type are worth trying, and in which ranges around its defaults.

The defaults were chosen with care; a dozen trials cannot explore much more than their
neighbourhood. Ranges come from the bounds that a type declares for its hyperparameters, so that a
type of the user's own takes part without saying more.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from models.hyperparameters import Hyperparameters

# A name with one of these words says how long to train or how much to look at: more costs time,
# and early stopping decides the rest.
_WORDS_OF_BUDGETS = frozenset(
    {"batch", "epochs", "folds", "passes", "patience", "rounds", "samples", "stopping"}
)
# Validation windows know their weekday, covariates and days, so they cannot judge training without;
# the average of the weights has no range of a scale; how much a rare class counts is for people to
# say; and how exactly numbers are kept makes a model faster, not better.
_WORDS_NOT_JUDGED = frozenset({"balance", "bf16", "ema", "unknown"})
# Known names: (lowest, highest), instead of a range around the default.
_RANGES = {
    "bagging_fraction": (0.5, 1.0),
    "dropout_rate": (0.0, 0.4),
    "erase": (0.0, 0.5),
    "feature_fraction": (0.4, 1.0),
}
# Known names: the range is from default / factor to default * factor.
_FACTORS = {
    "init_lr": 2.5,
    "l2_regularization": 10.0,
    "learning_rate": 2.0,
    "min_data_in_leaf": 3.0,
    "num_leaves": 2.5,
    "weight_decay": 10.0,
}
_FACTOR = 2.0
_SPAN_OF_A_PART = 0.3


@dataclasses.dataclass(frozen=True)
class Range:
    """The numbers to try for one hyperparameter.

    Args:
        low: Smallest.
        high: Largest, above it.
        is_log: Whether they are tried on a logarithmic scale.
        is_whole: Whether only whole numbers are.
    """

    low: float
    high: float
    is_log: bool
    is_whole: bool


@dataclasses.dataclass(frozen=True)
class Choices:
    """The values to try for one hyperparameter that is no number: at least two."""

    values: tuple[Any, ...]


Space = dict[str, Range | Choices]


def search_space(kind: type[Hyperparameters], start: Hyperparameters) -> Space:
    """What is worth trying, by name.

    A value that is not the type's default was set by somebody, and stays.

    Args:
        kind: The type's hyperparameters.
        start: The values that the ranges are laid around.
    """
    types = kind.types()
    space: Space = {}
    for field in dataclasses.fields(kind):
        value = getattr(start, field.name)
        words = set(field.name.split("_"))
        if value != field.default or words & (_WORDS_OF_BUDGETS | _WORDS_NOT_JUDGED):
            continue
        found = _values(field, types[field.name], value)
        if found is not None:
            space[field.name] = found
    return space


def differing(kind: type[Hyperparameters], values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the values that are not the type's defaults."""
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}
    return {name: value for name, value in values.items() if value != defaults[name]}


def _values(field: dataclasses.Field[Any], expected: type, value: Any) -> Range | Choices | None:
    """What to try for one hyperparameter; None when nothing sensible is known of it."""
    if expected is bool:
        return Choices((value, not value))
    if expected is str:
        words = tuple(field.metadata.get("choices", ()))
        return Choices(words) if len(words) > 1 else None
    low, high, is_log = _range(field, value)
    if expected is int:
        low, high = round(low), round(high)
    return Range(low, high, is_log, expected is int) if low < high else None


def _range(field: dataclasses.Field[Any], value: float) -> tuple[float, float, bool]:
    """Lowest and highest value to try, and whether they are tried on a logarithmic scale."""
    low, high = field.metadata.get("low"), field.metadata.get("high")
    if field.name in _RANGES:
        first, last = _RANGES[field.name]
        first, last, is_log = min(first, value), max(last, value), False
    elif field.name not in _FACTORS and isinstance(value, float) and (low, high) == (0.0, 1.0):
        # A part of something: as far down as up.
        first, last, is_log = value - _SPAN_OF_A_PART, value + _SPAN_OF_A_PART, False
    else:
        factor = _FACTORS.get(field.name, _FACTOR)
        if value <= 0:
            return 0.0, 0.0, False  # no scale to multiply
        first, last, is_log = value / factor, value * factor, True
    first = first if low is None else max(first, low)
    last = last if high is None else min(last, high)
    return first, last, is_log
