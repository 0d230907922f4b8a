"""Deployed versions as the terminal knows them: what `engine models --json` tells, made small.

What it tells of a version may be old, imported or damaged: what is missing is None or "", and a
measure that nobody could take is None.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

MEASURES = ("mase", "rmsse", "wape", "bias", "mae", "coverage", "width")
_HARDEST_KEPT = 8


@dataclass(frozen=True, slots=True)
class Measures:
    """Accuracy on the days of the test; `models.metrics` has the formulas."""

    mase: float | None = None
    rmsse: float | None = None
    wape: float | None = None
    bias: float | None = None
    mae: float | None = None
    coverage: float | None = None
    width: float | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How a version was measured, and what came out.

    Attributes:
        own: Of the version itself.
        naive: Of seasonal naive on the same days.
        rival: Of the version that served then, None where there was none to compare.
        rival_id: Which version that was.
        folds: First day and MASE of each fold.
        horizon: Days that were forecast in each.
        level: Of the prediction intervals.
        series: How many series were measured.
        hardest: The series with the largest MASE, the largest first.
        notes: What was said about the comparison.
    """

    own: Measures
    naive: Measures
    rival: Measures | None
    rival_id: str
    folds: tuple[tuple[str, float | None], ...]
    horizon: int | None
    level: float | None
    series: int
    hardest: tuple[tuple[str, float], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Training:
    """What a version was made of.

    Attributes:
        dataset: Id of the data set.
        last_day: The last day that was seen, as "2026-02-01".
        seed: Of all that is random.
        window: Days that it looks at.
        hyperparameters: By name.
        seconds: How long fitting took.
        best_round: The round that was kept.
        curve: Round, loss, loss on the validation part.
        environment: Libraries, code and machine by name.
        run: Id of the run that trained it.
    """

    dataset: str
    last_day: str
    seed: int | None
    window: int | None
    hyperparameters: dict[str, Any]
    seconds: float | None
    best_round: int | None
    curve: tuple[tuple[float, float | None, float | None], ...]
    environment: dict[str, str]
    run: str


@dataclass(frozen=True, slots=True)
class Model:
    """One deployed version.

    Attributes:
        id: `<model type>-<content hash>`.
        model_type: What learned it.
        created: When it was stored, in seconds since the epoch.
        folder: Where it lies.
        gate: What the deploy gate held against it: whether it passed, and the sentence.
        forced: Why it was deployed although the gate refused; "" where it did not.
        deployed_by: Id of the run that deployed it.
        imported: From which file, and by whom; "" where it was made here.
    """

    id: str
    model_type: str
    created: float | None
    folder: str
    evaluation: Evaluation
    training: Training
    gate: tuple[tuple[bool, str], ...]
    forced: str
    deployed_by: str
    imported: str

    @property
    def gain(self) -> float | None:
        """By which part its MASE is smaller than that of seasonal naive: 0.2 is a fifth."""
        own, naive = self.evaluation.own.mase, self.evaluation.naive.mase
        return None if own is None or not naive else 1.0 - own / naive

    @property
    def hash(self) -> str:
        """The part of the id that tells it from others of its type."""
        return self.id.rpartition("-")[2]


@dataclass(frozen=True, slots=True)
class Move:
    """One entry of the log: who let which version serve, when and why."""

    at: float | None
    who: str
    action: str
    champion: str
    previous: str
    reason: str


def models_of(data: Any) -> tuple[tuple[Model, ...], dict[str, str]]:
    """The versions that `engine models --json` tells of, and which one each alias names."""
    entries = [entry for entry in _list(data) if isinstance(entry, dict) and entry.get("id")]
    aliases = {
        str(entry["alias"]): str(entry["id"])
        for entry in entries
        if entry.get("alias") in ("champion", "previous")
    }
    return tuple(_model(entry) for entry in entries), aliases


def moves_of(data: Any) -> tuple[Move, ...]:
    """The entries that `engine models log --json` tells of, the newest first."""
    return tuple(
        Move(
            at=_number(entry.get("at")),
            who=_text(entry.get("who")),
            action=_text(entry.get("action")),
            champion=_text(entry.get("champion")),
            previous=_text(entry.get("previous")),
            reason=_text(entry.get("reason")),
        )
        for entry in _list(data)
        if isinstance(entry, dict)
    )


# Sorting and finding


@dataclass(frozen=True, slots=True)
class Order:
    """What versions can be sorted by.

    Attributes:
        key: The value; None sorts last, whichever way.
        most_first: Whether the largest comes first until it is turned around.
    """

    key: Callable[[Model], float | str | None]
    most_first: bool = False


def _distance(value: float | None) -> float | None:
    return None if value is None else abs(value)


ORDERS: dict[str, Order] = {
    "deployed": Order(lambda model: model.created, most_first=True),
    "mase": Order(lambda model: model.evaluation.own.mase),
    "gain": Order(lambda model: model.gain, most_first=True),
    "rmsse": Order(lambda model: model.evaluation.own.rmsse),
    "wape": Order(lambda model: model.evaluation.own.wape),
    "bias": Order(lambda model: _distance(model.evaluation.own.bias)),
    "trained": Order(lambda model: model.training.seconds),
    "type": Order(lambda model: model.model_type.casefold()),
}


def ordered(models: Iterable[Model], by: str, *, turned: bool) -> list[Model]:
    """Versions by one of `ORDERS`; those without a value come last."""
    order = ORDERS[by]
    known: list[Model] = []
    unknown: list[Model] = []
    for model in models:
        (unknown if order.key(model) is None else known).append(model)
    known.sort(key=order.key, reverse=order.most_first != turned)  # type: ignore[arg-type]
    return known + unknown


def fits(model: Model, alias: str, text: str) -> bool:
    """Whether a version fits every word: letter by letter in its id, type or alias; ! turns."""
    fields = (model.id.casefold(), model.model_type.casefold(), alias)
    for word in text.casefold().split():
        wanted = word.removeprefix("!")
        if wanted and any(_has_letters(field, wanted) for field in fields) == (wanted != word):
            return False
    return True


def _has_letters(text: str, wanted: str) -> bool:
    letters = iter(text)
    return all(letter in letters for letter in wanted)


def best(models: Sequence[Model]) -> dict[str, float]:
    """The best value of each measure, by name in `ORDERS`; none where all have the same one."""
    found: dict[str, float] = {}
    for name in ("mase", "gain", "rmsse", "wape", "bias"):
        order = ORDERS[name]
        values = {value for model in models if isinstance(value := order.key(model), float)}
        if len(values) > 1:
            found[name] = max(values) if order.most_first else min(values)
    return found


# From plain values


def _model(entry: dict[str, Any]) -> Model:
    lineage = _dict(entry.get("lineage"))
    return Model(
        id=_text(entry["id"]),
        model_type=_text(entry.get("model_type")),
        created=_number(entry.get("created")),
        folder=_text(entry.get("folder")),
        evaluation=_evaluation(_dict(lineage.get("evaluation"))),
        training=_training(_dict(lineage.get("training"))),
        gate=tuple(
            (bool(check.get("passed")), _text(check.get("sentence")))
            for check in _list(lineage.get("gate"))
            if isinstance(check, dict)
        ),
        forced=_text(lineage.get("forced")),
        deployed_by=_text(lineage.get("deployed_by_run")),
        imported=_imported(_dict(lineage.get("imported"))),
    )


def _imported(told: dict[str, Any]) -> str:
    return ", ".join(part for part in (_text(told.get("file")), _text(told.get("who"))) if part)


def _evaluation(told: dict[str, Any]) -> Evaluation:
    scores = _dict(told.get("scores"))
    own = _dict(scores.get("candidate"))
    by_series = {
        name: value
        for name, found in _dict(own.get("series_mase")).items()
        if (value := _number(found)) is not None
    }
    rival = _dict(scores.get("champion"))
    return Evaluation(
        own=_measures(own),
        naive=_measures(_dict(scores.get("SeasonalNaive"))),
        rival=_measures(rival) if rival else None,
        rival_id=_text(told.get("champion")),
        folds=tuple(
            (_text(fold.get("origin")), _number(fold.get("mase")))
            for fold in _list(own.get("folds"))
            if isinstance(fold, dict)
        ),
        horizon=_whole(told.get("horizon")),
        level=_number(told.get("level")),
        series=len(by_series),
        hardest=tuple(sorted(by_series.items(), key=lambda one: -one[1])[:_HARDEST_KEPT]),
        notes=tuple(_text(note) for note in _list(told.get("notes"))),
    )


def _measures(summary: dict[str, Any]) -> Measures:
    overall = _dict(summary.get("overall"))
    return Measures(**{name: _number(overall.get(name)) for name in MEASURES})


def _training(told: dict[str, Any]) -> Training:
    model, fit = _dict(told.get("model")), _dict(told.get("fit"))
    curve = [
        (at, _number(point.get("loss")), _number(point.get("validation_loss")))
        for point in _list(fit.get("curve"))
        if isinstance(point, dict) and (at := _number(point.get("round"))) is not None
    ]
    return Training(
        dataset=_text(told.get("dataset")),
        last_day=_text(told.get("last_day_seen")),
        seed=_whole(model.get("seed")),
        window=_whole(model.get("window")),
        hyperparameters=_dict(model.get("hyperparameters")),
        seconds=_number(fit.get("seconds")),
        best_round=_whole(fit.get("best_round")),
        curve=tuple(curve),
        environment={name: _text(at) for name, at in _dict(told.get("environment")).items()},
        run=_text(told.get("run")),
    )


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    number = float(value) if abs(value) < 1e300 else math.inf
    return number if math.isfinite(number) else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
