"""What every model keeps, whatever it learns: files, a description, hyperparameters, a report.

A forecaster (`models.base`) answers with days to come, a classifier (`models.imaging.classifier`)
with the class of a picture. What they have in common is written here once.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from models.errors import ModelProblem
from models.hyperparameters import Hyperparameters

SAVE_FORMAT = 2
MAX_SEED = 2**32 - 1
"""Largest seed that any of the libraries takes."""
_DESCRIPTION = "model.json"
_KEYS = frozenset({"format", "model_type", "seed", "threads", "hyperparameters", "files"})

# Inside the class that name means the model's own set.
_AnyHyperparameters = Hyperparameters


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
    """Examples that may be learnt from: windows of series, or pictures."""
    validation_samples: int
    """Examples that only decide when to stop; 0 when training ran without early stopping."""
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
    transferred: int = 0
    """Tensors of weights that training began with because a model had learnt them before."""

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON-able data."""
        return asdict(self)


class Learner(ABC):
    """Base class of all models.

    Args:
        seed: The same seed and data give the same model on one machine.
        threads: CPU threads for training; 0 leaves the choice to the model.
        hyperparameters: An instance of the class' `Hyperparameters`.
    """

    model_type: ClassVar[str]
    data_type: ClassVar[str]
    """What it is for, one of `models.data_types.DATA_TYPES`."""
    hands_on: ClassVar[bool] = False
    """Whether it makes models of other types, with what is configured for these."""
    default_threads: ClassVar[int] = 1
    """CPU threads where the choice is the model's."""
    Hyperparameters: ClassVar[type[_AnyHyperparameters]]

    def __init__(self, *, seed: int, threads: int, hyperparameters: _AnyHyperparameters) -> None:
        if not 0 <= seed <= MAX_SEED:
            raise ModelProblem(f"seed must be from 0 to {MAX_SEED}, not {seed}")
        if threads < 0:
            raise ModelProblem(f"threads must be at least 0, not {threads}")
        if not isinstance(hyperparameters, self.Hyperparameters):
            raise ModelProblem(
                f"{self.model_type} needs {self.Hyperparameters.__name__}, "
                f"not {type(hyperparameters).__name__}"
            )
        self.seed = seed
        self.threads = threads or self.default_threads
        self.hyperparameters = hyperparameters
        self.configured: Mapping[str, object] = {}
        """Hyperparameters as configured, those of other types too, which a blend hands on."""

    @abstractmethod
    def shape(self) -> dict[str, Any]:
        """What it takes and gives, as JSON-able data: known before it has learnt anything."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """What this model is, as JSON-able data; `of_description` makes it again."""

    @classmethod
    @abstractmethod
    def of_description(cls, saved: Mapping[str, Any]) -> Self:
        """An unfitted model as `describe` told it, with `threads` beside."""

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
        """Write the fitted model as one self-contained ONNX file, for any number of examples."""

    @abstractmethod
    def save_calibration(self, folder: Path) -> None:
        """Write how far the model is to be trusted, where that was learnt."""

    @abstractmethod
    def load_calibration(self, folder: Path, files: Mapping[str, str]) -> None:
        """Read it back, where it is among the saved files."""

    def save(self, folder: Path) -> None:
        """Write the fitted model into a folder, which is made when it does not exist."""
        folder.mkdir(parents=True, exist_ok=True)
        self.save_state(folder)
        self.save_calibration(folder)
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
        try:
            model = cls.of_description(saved)
        except (KeyError, TypeError) as error:
            raise _no_description(folder / _DESCRIPTION) from error
        model.load_state(folder)
        model.load_calibration(folder, saved["files"])
        return model


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
        raise _no_description(path)
    if saved["format"] != SAVE_FORMAT:
        raise ModelProblem(
            f"{path} has format {saved['format']}; this version reads format {SAVE_FORMAT}",
            "Train the model again with this version.",
        )
    return saved


def _no_description(path: Path) -> ModelProblem:
    return ModelProblem(f"{path} is not the description of a saved model")
