"""The contract that every forecaster keeps, and the types it is written in.

A forecaster is global: one model for all series of a panel. It sees the last `window` values of a
series and answers the next `horizon` days; more by rolling. A stock may be negative; where no
value ever was, forecasts are not either.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np

from models.arrays import UNKNOWN_WEEKDAY, FloatArray, IntArray, Panel, Windows, roll
from models.errors import ModelProblem
from models.forecasting.calibration import calibrate
from models.forecasting.intervals import Calibration
from models.hyperparameters import Hyperparameters, bounded, choice
from models.metrics import MEDIAN, OBJECTIVES, STOCK

# Inside the class that name means the model's own set.
_AnyHyperparameters = Hyperparameters

__all__ = [
    "MEDIAN",
    "OBJECTIVES",
    "STOCK",
    "UNKNOWN_WEEKDAY",
    "FitReport",
    "FloatArray",
    "Forecaster",
    "Hyperparameters",
    "IntArray",
    "ModelProblem",
    "Panel",
    "Progress",
    "Resumable",
    "Windows",
    "bounded",
    "choice",
    "no_progress",
    "read_description",
    "roll",
]

SAVE_FORMAT = 2
MAX_SEED = 2**32 - 1
"""Largest seed that any of the libraries takes."""
INTERVALS_FILE = "intervals.json"
_DESCRIPTION = "model.json"
_KEYS = frozenset(
    {
        "format",
        "model_type",
        "window",
        "horizon",
        "seed",
        "threads",
        "objective",
        "covariates",
        "nonnegative",
        "hyperparameters",
        "files",
    }
)


class Progress(Protocol):
    """Called as training goes on: `progress("epoch", 3, 20, loss=0.91, validation_loss=0.88)`."""

    def __call__(self, kind: str, done: int, total: int, **values: float) -> None:
        """`done` of `total` units named `kind` are finished; `values` are their measures."""


def no_progress(kind: str, done: int, total: int, **values: float) -> None:
    """A `Progress` for callers that do not watch."""


@runtime_checkable
class Resumable(Protocol):
    """A model whose training can go on where it was cut short."""

    def keep_trials_in(self, folder: Path) -> None:
        """Let `fit` write what is finished into a folder, and take up what it finds there.

        What was made from other data, settings or code is not taken up. The folder is the
        caller's to delete.
        """


@dataclass(frozen=True)
class FitReport:
    """What a training did."""

    samples: int
    """Training windows that the panel offers."""
    validation_samples: int
    """Validation windows that the panel offers; 0 when training ran without early stopping."""
    rounds: int
    """Epochs or boosting rounds that were run."""
    best_round: int
    """The round (from 1) whose state was kept; 0 for a model that learns nothing."""
    best_loss: float | None
    """Validation loss of that round; None without validation."""
    seconds: float
    """Wall-clock time of the fit."""
    curve: list[dict[str, float]] = field(default_factory=list)
    """One entry a round: `round`, and losses by name."""
    leaderboard: list[dict[str, Any]] = field(default_factory=list)
    """One entry a member of a blend that was tried, the best first; empty for a single model."""
    importance: dict[str, float] = field(default_factory=dict)
    """Part of each feature in what trees gained (sum 1); of a blend, its members' by weight."""

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON-able data."""
        return asdict(self)


class Forecaster(ABC):
    """Base class of all models.

    A model is one file: a subclass with `Hyperparameters`, decorated with
    `models.registry.register(name)`, that implements `fit`, `answer`, `save_state`, `load_state`
    and `export_onnx`. The constructor may be called with no data in sight; `fit` does the work.

    Args:
        window: Values that the model sees.
        horizon: Days that it answers at a time.
        seed: The same seed and data give the same model on one machine.
        threads: CPU threads for training; 0 leaves the choice to the model.
        objective: One of `OBJECTIVES`.
        hyperparameters: An instance of the class' `Hyperparameters`.
    """

    model_type: ClassVar[str]
    hands_on: ClassVar[bool] = False
    """Whether it makes models of other types, with what is configured for these."""
    Hyperparameters: ClassVar[type[_AnyHyperparameters]]

    def __init__(
        self,
        *,
        window: int,
        horizon: int,
        seed: int,
        threads: int,
        hyperparameters: _AnyHyperparameters,
        objective: str = MEDIAN,
    ) -> None:
        for name, value, low in (("window", window, 2), ("horizon", horizon, 1)):
            if value < low:
                raise ModelProblem(f"{name} must be at least {low}, not {value}")
        if not 0 <= seed <= MAX_SEED:
            raise ModelProblem(f"seed must be from 0 to {MAX_SEED}, not {seed}")
        if threads < 0:
            raise ModelProblem(f"threads must be at least 0, not {threads}")
        if not isinstance(hyperparameters, self.Hyperparameters):
            raise ModelProblem(
                f"{self.model_type} needs {self.Hyperparameters.__name__}, "
                f"not {type(hyperparameters).__name__}"
            )
        self.window = window
        self.horizon = horizon
        self.seed = seed
        # More than one OpenMP thread collapses as soon as another process wants the cores, and
        # on small models gains little when none does.
        self.threads = threads or 1
        if objective not in OBJECTIVES:
            raise ModelProblem(f"objective must be {' or '.join(OBJECTIVES)}, not {objective!r}")
        self.objective = objective
        self.hyperparameters = hyperparameters
        self.covariates: tuple[str, ...] = ()
        """Names of the covariates that it learnt from, in the order that windows have them."""
        self.nonnegative = False
        """Whether no value that it learnt from was below 0; its forecasts are not either then."""
        self.configured: Mapping[str, object] = {}
        """Hyperparameters as configured, those of other types too, which a blend hands on."""
        self.calibration: Calibration | None = None
        """What prediction intervals are made from; None until `calibrate` was called."""

    @abstractmethod
    def fit(self, history: Panel, *, validation_days: int, progress: Progress) -> FitReport:
        """Learn from a panel.

        Args:
            history: Everything that may be learnt from; never contains test days.
            validation_days: Windows whose targets all lie in the last so many days of `history`
                decide when to stop, and nothing else. 0 trains for the whole budget.
            progress: Told after every epoch or so.

        Raises:
            ModelProblem: No series is long enough, or training diverged.
        """

    def remember(self, history: Panel) -> None:
        """Keep what every later answer depends on; `fit` and `refit` begin with it.

        A model that has nothing to do with covariates sets `covariates` to () afterwards.
        """
        self.covariates = history.covariate_names
        known = history.values[~np.isnan(history.values)]
        self.nonnegative = bool(known.size) and float(known.min()) >= 0

    def refit(self, history: Panel, report: FitReport, *, progress: Progress) -> FitReport | None:
        """Learn once more from all days, for as long as `fit` found to be best.

        The newest days, which only decided when to stop, are learnt from too. `calibration` stays
        what it was: it has to come from days that were not learnt from.

        Args:
            history: What `fit` was given.
            report: What `fit` returned.
            progress: Told after every epoch or so.

        Returns:
            What it did; None for a model that learns nothing more from further days.
        """
        return None

    @abstractmethod
    def answer(self, windows: Windows) -> FloatArray:
        """The next `horizon` days after each of n >= 1 windows: float64 (n, horizon)."""

    @abstractmethod
    def save_state(self, folder: Path) -> None:
        """Write what was learnt as data-only files (nothing that has to be unpickled)."""

    @abstractmethod
    def load_state(self, folder: Path) -> None:
        """Read what `save_state` wrote.

        Raises:
            ModelProblem: A file that is missing, damaged or holds numbers that are not finite.
        """

    @abstractmethod
    def export_onnx(self, path: Path) -> None:
        """Write the fitted model as one self-contained ONNX file.

        Inputs `values` float64 (n, window) and `weekday` int64 (n,), for a model with covariates
        also `covariates` float64 (n, window + horizon, covariates), NaN where unknown; output
        `forecast` float64 (n, horizon), for any n. All scaling is inside the graph.
        """

    def predict(self, windows: Windows, steps: int | None = None) -> FloatArray:
        """Forecast `steps` days after each window (default: the horizon): float64 (n, steps).

        Raises:
            ModelProblem: Windows of another length, `steps` below 1, a model that was not fitted.
        """
        if windows.window != self.window:
            raise ModelProblem(
                f"this model needs windows of {self.window} values, not {windows.window}"
            )
        steps = self.horizon if steps is None else steps
        return roll(self.answer, windows, steps, nonnegative=self.nonnegative)

    def calibrate(self, history: Panel, *, validation_days: int) -> Calibration:
        """Learn how far the fitted model misses; from then on `calibration` makes intervals.

        Args:
            history: What it was fitted on.
            validation_days: As many as `fit` was told, so that no day it learnt from counts.

        Raises:
            ModelProblem: No series has a whole horizon in these days.
        """
        self.calibration = calibrate(
            self.predict,
            history,
            window=self.window,
            horizon=self.horizon,
            validation_days=validation_days,
        )
        return self.calibration

    def describe(self) -> dict[str, Any]:
        """What this model is, as JSON-able data."""
        return {
            "model_type": self.model_type,
            "window": self.window,
            "horizon": self.horizon,
            "seed": self.seed,
            "objective": self.objective,
            "covariates": list(self.covariates),
            "nonnegative": self.nonnegative,
            "hyperparameters": asdict(self.hyperparameters),
        }

    def save(self, folder: Path) -> None:
        """Write the fitted model into a folder, which is made when it does not exist."""
        folder.mkdir(parents=True, exist_ok=True)
        self.save_state(folder)
        if self.calibration is not None:
            text = json.dumps(self.calibration.as_dict())
            (folder / INTERVALS_FILE).write_text(text, encoding="utf-8")
        # By their paths below the folder: a blend has folders of its members in its own.
        within = sorted(path for path in folder.rglob("*") if path.is_file())
        files = {path.relative_to(folder).as_posix(): _sha256(path) for path in within}
        files.pop(_DESCRIPTION, None)
        description = {
            "format": SAVE_FORMAT,
            "threads": self.threads,
            "files": files,
            **self.describe(),
        }
        (folder / _DESCRIPTION).write_text(json.dumps(description, indent=2), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model that `save` wrote.

        Raises:
            ModelProblem: Another type, another format, or files that are missing or damaged.
        """
        saved = read_description(folder)
        if saved["model_type"] != cls.model_type:
            raise ModelProblem(f"{folder} holds a {saved['model_type']}, not a {cls.model_type}")
        # Before any library reads them: LightGBM ends the process on half a file.
        for name, digest in saved["files"].items():
            if _sha256(folder / name) != digest:
                raise ModelProblem(f"{folder / name} is not the file that was saved (sha256)")
        model = cls(
            window=saved["window"],
            horizon=saved["horizon"],
            seed=saved["seed"],
            threads=saved["threads"],
            objective=saved["objective"],
            hyperparameters=cls.Hyperparameters.parse(saved["hyperparameters"]),
        )
        model.covariates = tuple(saved["covariates"])
        model.nonnegative = bool(saved["nonnegative"])
        model.load_state(folder)
        if INTERVALS_FILE in saved["files"]:
            model.calibration = read_calibration(folder / INTERVALS_FILE)
        return model


def read_calibration(path: Path) -> Calibration:
    """The calibration in a JSON file.

    Raises:
        ModelProblem: It cannot be read, or is something else.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelProblem(f"{path} cannot be read: {error}") from error
    return Calibration.of_dict(data)


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelProblem(f"{path} cannot be read: {error}") from error


def read_description(folder: Path) -> dict[str, Any]:
    """The description of a saved model.

    Raises:
        ModelProblem: No saved model in the folder, or one of a format that this version does not
            know.
    """
    path = folder / _DESCRIPTION
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelProblem(f"{folder} does not hold a saved model: {error}") from error
    if not isinstance(saved, dict) or not saved.keys() >= _KEYS:
        raise ModelProblem(f"{path} is not the description of a saved model")
    if saved["format"] != SAVE_FORMAT:
        raise ModelProblem(
            f"{path} has format {saved['format']}; this version reads format {SAVE_FORMAT}",
            "Train the model again with this version.",
        )
    return saved
