"""Which hyperparameters of a model type are worth trying, and in which ranges around its defaults.

The defaults were chosen with care; a dozen trials cannot explore much more than their
neighbourhood. Ranges come from the bounds that a type declares for its hyperparameters, so that a
type of the user's own takes part without saying more.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_type_hints

from models.hyperparameters import Hyperparameters

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

# How long to train and how much to look at: more costs time, and early stopping decides the rest.
_BUDGETS = frozenset(
    {
        "batch_size",
        "epochs",
        "max_samples",
        "patience",
        "rounds",
        "samples_per_epoch",
        "stopping_rounds",
    }
)
# Validation windows know their weekday, so they cannot judge the first; the second has no range.
_NOT_SEARCHED = _BUDGETS | {"unknown_weekday_rate", "ema_decay"}
# Known names: (lowest, highest), instead of a range around the default.
_RANGES = {
    "bagging_fraction": (0.5, 1.0),
    "dropout_rate": (0.0, 0.4),
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


def search_space(
    kind: type[Hyperparameters], start: Hyperparameters
) -> dict[str, BaseDistribution]:
    """Ranges by name, for those hyperparameters of a type that are worth trying.

    A value that is not the type's default was set by somebody, and stays.

    Args:
        kind: The type's hyperparameters.
        start: The values that the ranges are laid around.
    """
    types = get_type_hints(kind)
    space: dict[str, BaseDistribution] = {}
    for field in dataclasses.fields(kind):
        value = getattr(start, field.name)
        if field.name in _NOT_SEARCHED or value != field.default:
            continue
        distribution = _distribution(field, types[field.name], value)
        if distribution is not None:
            space[field.name] = distribution
    return space


def differing(kind: type[Hyperparameters], values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the values that are not the type's defaults."""
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}
    return {name: value for name, value in values.items() if value != defaults[name]}


def _distribution(
    field: dataclasses.Field[Any], expected: type, value: Any
) -> BaseDistribution | None:
    """The range of one hyperparameter; None when nothing sensible is known of it."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if expected is bool:
        return CategoricalDistribution((value, not value))
    if expected is str:
        choices = field.metadata.get("choices", ())
        return CategoricalDistribution(choices) if len(choices) > 1 else None
    low, high, log = _range(field, value)
    if not low < high:
        return None
    if expected is float:
        return FloatDistribution(low, high, log=log)
    whole = (round(low), round(high))
    return IntDistribution(*whole, log=log and whole[0] >= 1) if whole[0] < whole[1] else None


def _range(field: dataclasses.Field[Any], value: float) -> tuple[float, float, bool]:
    """Lowest and highest value to try, and whether they are tried on a logarithmic scale."""
    low, high = field.metadata.get("low"), field.metadata.get("high")
    if field.name in _RANGES:
        first, last = _RANGES[field.name]
        first, last, log = min(first, value), max(last, value), False
    elif field.name not in _FACTORS and isinstance(value, float) and (low, high) == (0.0, 1.0):
        # A part of something: as far down as up.
        first, last, log = value - _SPAN_OF_A_PART, value + _SPAN_OF_A_PART, False
    else:
        factor = _FACTORS.get(field.name, _FACTOR)
        # Where the default is 0 or less there is no scale to multiply.
        first, last, log = (
            (value / factor, value * factor, True) if value > 0 else (0.0, 0.0, False)
        )
    first = first if low is None else max(first, low)
    last = last if high is None else min(last, high)
    return first, last, log
