"""By what versions can be sorted, and which of them are the best."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tui.models.facts import IMAGES, SERIES, Model
from tui.models.pictures import PictureMeasures


@dataclass(frozen=True, slots=True)
class Order:
    """What versions can be sorted by.

    Attributes:
        key: The value; None sorts last, whichever way.
        most_first: Whether the largest comes first until it is turned around.
    """

    key: Callable[[Model], Any]
    most_first: bool = False


def _distance(value: float | None) -> float | None:
    return None if value is None else abs(value)


def _of_pictures(name: str) -> Callable[[Model], float | None]:
    def value(model: Model) -> float | None:
        own: PictureMeasures | None = model.pictures.own if model.pictures else None
        return getattr(own, name) if own is not None else None

    return value


def _error(model: Model) -> tuple[str, float] | None:
    """What a version is judged by; errors of different data types say nothing about each other."""
    own = model.pictures.own.error if model.pictures else model.evaluation.own.mase
    return None if own is None else (model.data_type, own)


ORDERS: dict[str, Order] = {
    "deployed": Order(lambda model: model.created, most_first=True),
    "mase": Order(lambda model: model.evaluation.own.mase),
    "accuracy": Order(_of_pictures("accuracy"), most_first=True),
    "score": Order(_error),
    "gain": Order(lambda model: model.gain, most_first=True),
    "rmsse": Order(lambda model: model.evaluation.own.rmsse),
    "wape": Order(lambda model: model.evaluation.own.wape),
    "bias": Order(lambda model: _distance(model.evaluation.own.bias)),
    "f1": Order(_of_pictures("macro_f1"), most_first=True),
    "loss": Order(_of_pictures("log_loss")),
    "ece": Order(_of_pictures("ece")),
    "trained": Order(lambda model: model.training.seconds),
    "type": Order(lambda model: model.model_type.casefold()),
}
_ORDERS_OF = {
    SERIES: ("deployed", "mase", "gain", "rmsse", "wape", "bias", "trained", "type"),
    IMAGES: ("deployed", "accuracy", "gain", "f1", "loss", "ece", "trained", "type"),
    "": ("deployed", "score", "gain", "trained", "type"),
}
_MEASURES_OF = {
    SERIES: ("mase", "gain", "rmsse", "wape", "bias"),
    IMAGES: ("accuracy", "gain", "f1", "loss", "ece"),
}
_JUDGED_BY = ("mase", "accuracy", "score")


def kind_of(models: Iterable[Model]) -> str:
    """The data type of all of them; "" where there are several, `SERIES` where there are none."""
    kinds = {model.data_type for model in models} or {SERIES}
    return kinds.pop() if len(kinds) == 1 else ""


def orders_of(kind: str) -> tuple[str, ...]:
    """The names in `ORDERS` that mean something for versions of a data type; "": of several."""
    return _ORDERS_OF[kind]


def order_for(kind: str, by: str) -> str:
    """The order that is the likest to one that versions of another data type were sorted by."""
    known = _ORDERS_OF[kind]
    if by in known:
        return by
    return next((name for name in known if name in _JUDGED_BY and by in _JUDGED_BY), known[0])


def ordered(models: Iterable[Model], by: str, *, turned: bool) -> list[Model]:
    """Versions by one of `ORDERS`; those without a value come last."""
    order = ORDERS[by]
    known: list[Model] = []
    unknown: list[Model] = []
    for model in models:
        (unknown if order.key(model) is None else known).append(model)
    known.sort(key=order.key, reverse=order.most_first != turned)
    return known + unknown


def best(models: Sequence[Model]) -> dict[tuple[str, str], float]:
    """The best value of each measure, by data type and name; none where all have the same one."""
    found: dict[tuple[str, str], float] = {}
    for kind, names in _MEASURES_OF.items():
        of_kind = [model for model in models if model.data_type == kind]
        for name in names:
            order = ORDERS[name]
            values = {value for model in of_kind if isinstance(value := order.key(model), float)}
            if len(values) > 1:
                found[kind, name] = max(values) if order.most_first else min(values)
    return found
