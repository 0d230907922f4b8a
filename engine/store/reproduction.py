"""Whether a training done again gives the version that it gave before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from engine.errors import ModelError
from engine.store.versions import Version
from models.arrays import FloatArray
from models.bundles.checks import GOLDEN_FILE, MODEL_FILE
from models.bundles.opening import open_bundle
from models.errors import ModelProblem
from models.forecasting.bundle import golden_windows, rounding_slack
from models.forecasting.serving_model import ServingModel
from models.imaging.bundle import TOLERANCE, golden_pixels
from models.imaging.serving_classifier import ServingClassifier

Verdict = Literal["identical", "same answers", "different"]


# What a model takes and gives, of every kind; one that lacks a number has none of it.
_SHAPE = ("model_type", "window", "horizon", "height", "width", "channels", "classes", "seed")


@dataclass(frozen=True)
class Difference:
    """Something that was recorded, and is not as it was."""

    name: str
    then: Any
    now: Any


@dataclass(frozen=True)
class Reproduction:
    """A version and the same training done again.

    Attributes:
        version: Id of the version.
        verdict: `identical`: the same bytes; `same answers`: forecasts or probabilities within the
            rounding of single precision; or `different`.
        largest_difference: Between two forecasts of a day, in the units of the data, or between
            two probabilities.
        differences: What is known to be different from then.
    """

    version: str
    verdict: Verdict
    largest_difference: float
    differences: tuple[Difference, ...]

    def to_dict(self) -> dict[str, Any]:
        """The comparison as JSON-able data."""
        return asdict(self)


def compare(version: Version, bundle: Path, training: Mapping[str, Any]) -> Reproduction:
    """Compare a version with the bundle of the same training done again.

    Args:
        version: The version.
        bundle: Folder of the new bundle.
        training: What the new training recorded, in the form of the lineage.

    Raises:
        ModelError: One of the two bundles does not verify.
        StorageError: The version has to be fetched, and cannot be.
    """
    old = version.open()
    try:
        new = open_bundle(bundle)
        golden = json.loads((version.bundle / GOLDEN_FILE).read_text(encoding="utf-8"))
        difference, slack = _answers_apart(old, new, golden)
    except ModelProblem as problem:
        raise ModelError(f"the new model cannot be compared: {problem}") from problem
    if old.manifest["files"][MODEL_FILE] == new.manifest["files"][MODEL_FILE]:
        verdict: Verdict = "identical"
    else:
        verdict = "same answers" if bool((difference <= slack).all()) else "different"
    known = _differences(version.lineage["training"], training)
    return Reproduction(version.id, verdict, float(difference.max()), known)


def _answers_apart(
    old: ServingModel | ServingClassifier,
    new: ServingModel | ServingClassifier,
    golden: dict[str, Any],
) -> tuple[FloatArray, FloatArray | float]:
    """How far two models are apart on a golden example, and how far rounding may bring them.

    Raises:
        ModelProblem: One of them cannot answer it.
    """
    if isinstance(old, ServingModel) and isinstance(new, ServingModel):
        windows = golden_windows(golden)
        return np.abs(old.forecast(windows) - new.forecast(windows)), rounding_slack(windows)
    if isinstance(old, ServingClassifier) and isinstance(new, ServingClassifier):
        pixels = golden_pixels(golden, old.signature)
        return np.abs(old.predict(pixels) - new.predict(pixels)), TOLERANCE
    raise ModelProblem("it is for another kind of data")


def trials_made(training: Mapping[str, Any]) -> int:
    """How many models a search tried, by what its training recorded; 0 for what is no search."""
    return sum(row["member"] is not None for row in training.get("fit", {}).get("leaderboard", ()))


def _differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[Difference, ...]:
    before, after = _facts(then), _facts(now)
    # What an older version did not record cannot be said to differ.
    return tuple(
        Difference(name, value, after.get(name))
        for name, value in before.items()
        if value is not None and value != after.get(name)
    )


def _facts(training: Mapping[str, Any]) -> dict[str, Any]:
    model = training.get("model", {})
    hyperparameters = dict(model.get("hyperparameters", {}))
    if tried := trials_made(training):
        # What came of the bounds of a search, which time may have ended, is what counts.
        hyperparameters |= {"trials": tried, "time_budget": None}
    return {
        "dataset": training.get("dataset_hash") or training.get("dataset"),
        "last day seen": training.get("last_day_seen"),
        "threads": training.get("threads"),
        **{name: model.get(name) for name in _SHAPE},
        **{f"hparams.{name}": value for name, value in hyperparameters.items()},
        **training.get("environment", {}),
    }
