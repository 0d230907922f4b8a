"""What a version was made of, as its lineage tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tui import told


@dataclass(frozen=True, slots=True)
class Trial:
    """A model that a search tried, or what it made of them.

    Attributes:
        number: Which trial, from 1; None: the blend of those with a weight.
        model_type: What learned it.
        hyperparameters: Those that differ from the defaults, by name.
        seed: Of all that is random.
        score: Error on the validation days; None where it failed.
        low: From where on the score lies, with 95 % confidence.
        high: Up to where.
        weight: Its part in the blend, 0 to 1; None for the blend itself and for what failed.
        seconds: How long it took.
        why: Why it failed, "" where it did not.
    """

    number: int | None
    model_type: str
    hyperparameters: dict[str, Any]
    seed: int | None
    score: float | None
    low: float | None
    high: float | None
    weight: float | None
    seconds: float | None
    why: str

    @property
    def is_blend(self) -> bool:
        """Whether it is what the search made of the others."""
        return self.number is None


@dataclass(frozen=True, slots=True)
class Gain:
    """By which part the blend is better than its best trial, and its 95 % interval."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Sight:
    """What a classifier sees of a picture, and how many it learned from; None: not told.

    Attributes:
        height: Of what it sees, in pixels.
        width: Likewise.
        channels: 1 for gray, 3 for colours.
        fit: How pictures of other shapes become that: "pad", "crop" or "stretch".
        pictures: To learn from.
        validation: To know by when to stop.
    """

    height: int | None
    width: int | None
    channels: int | None
    fit: str
    pictures: int | None
    validation: int | None


@dataclass(frozen=True, slots=True)
class Training:
    """What a version was made of.

    Attributes:
        dataset: Id of the data set.
        last_day: The last day that was seen, as "2026-02-01".
        seed: Of all that is random.
        window: Days that it looks at.
        objective: What it aims at: "median" or "stock"; "" where that is not told.
        covariates: What it knows besides the values, by name.
        hyperparameters: By name.
        seconds: How long fitting took.
        rounds: Rounds that were run; trials of a search.
        best_round: The round that was kept.
        curve: Round, loss, loss on the validation part.
        refit: Whether it learned once more, from the validation days too; None: not told.
        refit_seconds: How long that took.
        board: What a search tried, the best first; () for a single model.
        gain: What blending gained, where the search tells.
        importance: Parts of the features in what was gained, the largest first.
        environment: Libraries, code and machine by name.
        run: Id of the run that trained it.
        accuracies: Part of the validation pictures that each round of the curve was right about.
        sight: What it sees of a picture; None of a forecaster.
    """

    dataset: str
    last_day: str
    seed: int | None
    window: int | None
    objective: str
    covariates: tuple[str, ...]
    hyperparameters: dict[str, Any]
    seconds: float | None
    rounds: int | None
    best_round: int | None
    curve: tuple[tuple[float, float | None, float | None], ...]
    refit: bool | None
    refit_seconds: float | None
    board: tuple[Trial, ...]
    gain: Gain | None
    importance: tuple[tuple[str, float], ...]
    environment: dict[str, str]
    run: str
    accuracies: tuple[float | None, ...] = ()
    sight: Sight | None = None

    @property
    def members(self) -> tuple[Trial, ...]:
        """The trials that the blend is made of, the heaviest first."""
        return tuple(
            sorted((one for one in self.board if one.weight), key=lambda one: -(one.weight or 0.0))
        )


def training_of(training: dict[str, Any]) -> Training:
    """The part "training" of a lineage, or what train_flow leaves beside a candidate."""
    model, fit = told.mapping(training.get("model")), told.mapping(training.get("fit"))
    refit = told.mapping(training.get("refit"))
    rows = told.mappings(fit.get("leaderboard"))
    points = [one for one in told.mappings(fit.get("curve")) if _round(one) is not None]
    curve = [
        (_round(one) or 0.0, told.number(one.get("loss")), told.number(one.get("validation_loss")))
        for one in points
    ]
    environment = told.mapping(training.get("environment"))
    return Training(
        dataset=told.text(training.get("dataset")),
        last_day=told.text(training.get("last_day_seen")),
        seed=told.whole(model.get("seed")),
        window=told.whole(model.get("window")),
        objective=told.text(model.get("objective")),
        covariates=tuple(told.text(name) for name in told.entries(model.get("covariates"))),
        hyperparameters=told.mapping(model.get("hyperparameters")),
        seconds=told.number(fit.get("seconds")),
        rounds=told.whole(fit.get("rounds")),
        best_round=told.whole(fit.get("best_round")),
        curve=tuple(curve),
        refit=bool(refit) if "refit" in training else None,
        refit_seconds=told.number(refit.get("seconds")),
        board=tuple(_trial(row) for row in rows),
        gain=next((gain for row in rows if (gain := _gain(row.get("gain"))) is not None), None),
        # What serves is what learned last.
        importance=told.parts(refit.get("importance")) or told.parts(fit.get("importance")),
        environment={name: told.text(at) for name, at in environment.items()},
        run=told.text(training.get("run")),
        accuracies=tuple(told.number(one.get("validation_accuracy")) for one in points),
        sight=_sight(training, model) if "channels" in model else None,
    )


def _round(point: dict[str, Any]) -> float | None:
    return told.number(point.get("round"))


def _sight(training: dict[str, Any], model: dict[str, Any]) -> Sight:
    pictures = told.mapping(training.get("pictures"))
    return Sight(
        height=told.whole(model.get("height")),
        width=told.whole(model.get("width")),
        channels=told.whole(model.get("channels")),
        fit=told.text(training.get("picture_fit")),
        pictures=told.whole(pictures.get("training")),
        validation=told.whole(pictures.get("validation")),
    )


def _trial(row: dict[str, Any]) -> Trial:
    number = told.whole(row.get("member"))
    return Trial(
        number=None if number is None else number + 1,
        model_type=told.text(row.get("model_type")),
        hyperparameters=told.mapping(row.get("hyperparameters")),
        seed=told.whole(row.get("seed")),
        score=told.number(row.get("score")),
        low=told.number(row.get("low")),
        high=told.number(row.get("high")),
        weight=told.number(row.get("weight")),
        seconds=told.number(row.get("seconds")),
        why=told.text(row.get("why")),
    )


def _gain(value: Any) -> Gain | None:
    found = told.mapping(value)
    part = told.number(found.get("value"))
    if part is None:
        return None
    return Gain(part, told.number(found.get("low")), told.number(found.get("high")))
