"""Which model answers: loaded and tried beside the old one, then put in its place at once."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from engine.store import Version
from models.arrays import UNKNOWN_WEEKDAY, Windows
from models.forecasting.bundle import ServingModel

_WARM_BATCHES = (1, 64)


@dataclass(frozen=True, eq=False)
class Served:
    """A version in memory.

    Attributes:
        name: Id of the version.
        model_type: Registered name of the model.
        model: What answers.
        since: When it was loaded, seconds since the epoch.
    """

    name: str
    model_type: str
    model: ServingModel
    since: float = field(default_factory=time.time)

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


class Slot:
    """Holds the version that answers.

    A request keeps the version that it was checked against: it is answered by the old one or by
    the new one, never by both.

    Attributes:
        served: The version, None while there is none.
        problem: Why a newer one does not answer, "" when it does.
    """

    def __init__(self) -> None:
        self.served: Served | None = None
        self.problem = ""

    def put(self, served: Served | None) -> None:
        """Let this version answer from the next request on."""
        self.served = served
        self.problem = ""


def load(version: Version) -> Served:
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
