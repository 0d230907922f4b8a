"""Which models answer: loaded and tried beside the old ones, then put in their place at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

from engine.errors import ModelError
from engine.pictures import FITS, Fit
from engine.store import Version
from models.arrays import UNKNOWN_WEEKDAY, Windows
from models.data_types import IMAGE, TIMESERIES
from models.forecasting.serving_model import ServingModel
from models.imaging.serving_classifier import ServingClassifier

_WARM_BATCHES = (1, 64)

_Model = TypeVar("_Model")


@dataclass(frozen=True, eq=False)
class ServedVersion(Generic[_Model]):
    """A version in memory.

    Attributes:
        name: Id of the version.
        model_type: Registered name of the model.
        model: What answers.
        since: When it was loaded, seconds since the epoch.
    """

    name: str
    model_type: str
    model: _Model
    since: float = field(default_factory=time.time)


class Served(ServedVersion[ServingModel]):
    """A forecaster in memory."""

    @property
    def has_intervals(self) -> bool:
        """Whether it can be asked for prediction intervals."""
        return self.model.calibration is not None

    @property
    def has_short_intervals(self) -> bool:
        """Whether these are right for windows of which only some days are known, too."""
        calibration = self.model.calibration
        return calibration is not None and calibration.short is not None

    @property
    def covariates(self) -> tuple[str, ...]:
        """Names of the covariates that it knows."""
        return self.model.signature.covariates


@dataclass(frozen=True, eq=False)
class ServedClassifier(ServedVersion[ServingClassifier]):
    """A classifier in memory.

    Attributes:
        fit: How pictures were brought to the size that it sees, when it learnt from them.
    """

    fit: Fit = "pad"


AnyServed = Served | ServedClassifier
ServedT = TypeVar("ServedT", bound=AnyServed)


class Slot(Generic[ServedT]):
    """Holds the version of one data type that answers.

    A request keeps the version that it was checked against: it is answered by the old one or by
    the new one, never by both.

    Args:
        data_type: Whose champion answers.
        load: Brings one of its versions into memory.

    Attributes:
        served: The version, None while there is none.
        problem: Why a newer one does not answer, "" when it does.
    """

    def __init__(self, data_type: str, load: Callable[[Version], ServedT]) -> None:
        self.data_type = data_type
        self.load = load
        self.served: ServedT | None = None
        self.problem = ""

    def put(self, served: ServedT | None) -> None:
        """Let this version answer from the next request on."""
        self.served = served
        self.problem = ""


class Slots:
    """What answers, one version a data type.

    Attributes:
        series: The one that forecasts.
        images: The one that classifies pictures.
    """

    def __init__(self) -> None:
        self.series = Slot(TIMESERIES, load_forecaster)
        self.images = Slot(IMAGE, load_classifier)


def load_forecaster(version: Version) -> Served:
    """Verify a version, load it, and let it answer once, so that nobody waits for a first time.

    Raises:
        ModelError: It does not verify.
    """
    model = version.open_forecaster()
    for count in _WARM_BATCHES:
        values = np.zeros((count, model.window))
        values[:, -1] = 1.0
        model.forecast(Windows(values, np.full(count, UNKNOWN_WEEKDAY)))
    return Served(version.id, version.model_type, model)


def load_classifier(version: Version) -> ServedClassifier:
    """Verify a version, load it, and let it answer once, so that nobody waits for a first time.

    Raises:
        ModelError: It does not verify.
    """
    model = version.open_classifier()
    model.classify(np.zeros((1, *model.signature.shape), dtype=np.uint8))
    return ServedClassifier(version.id, version.model_type, model, fit=_fit_of(version))


def _fit_of(version: Version) -> Fit:
    """How pictures were brought to the size of the model: its training says it."""
    said = version.lineage.get("training", {}).get("picture_fit", ServedClassifier.fit)
    for fit in FITS:
        if fit == said:
            return fit
    raise ModelError(
        f"its training brought pictures to size by {said!r}, which this predictor does not know",
        where=f"version {version.id}",
        fix=f"It knows {', '.join(FITS)}; use the version of this program that made it",
    )
