"""What a kind of data has to know of itself, so that flows and their steps need not.

A flow reads the same for series and for pictures. Whatever differs is asked of one object, which
the data type picks; a further kind of data is a further class.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from engine.store import Version
from engine.store.gate import Check
from models.learner import FitReport, Learner, Progress

# What only the strategy that made it looks into.
Loaded = Any
Valid = Any
Clean = Any
Data = Any
Serving = Any


@dataclass(frozen=True)
class Measured:
    """What a model was measured to be worth.

    Attributes:
        summary: Its numbers as JSON-able data, the main ones under "overall".
        notes: What they say nothing about, in words.
    """

    summary: dict[str, Any]
    notes: list[str] = field(default_factory=list)


class Strategy(ABC):
    """How one kind of data is loaded, learnt from, measured and let through the gate.

    The steps call its methods in the order in which they stand here.
    """

    data_type: ClassVar[str]
    baseline: ClassVar[str]
    """What every candidate is held against, by the name under which its scores stand."""

    @abstractmethod
    def load(self, settings: Any, root: Path, progress: Progress) -> Loaded:
        """Read the source that `dataset` names; a relative path starts from `root`.

        Raises:
            DataError: It cannot be read as this kind of data.
            NotFoundError: It is not there.
        """

    @abstractmethod
    def validate(self, loaded: Loaded, settings: Any) -> Valid:
        """Hold what was loaded against every rule at once.

        Raises:
            DataError: With what breaks a rule that is set to `error`.
        """

    @abstractmethod
    def prepare(self, valid: Valid, settings: Any) -> tuple[Clean, list[str]]:
        """Change what the rules allow to be changed; also say what that was, in sentences."""

    @abstractmethod
    def write(self, clean: Clean, settings: Any, datasets_dir: Path) -> str:
        """Split and write the data set; return its id, the same for the same content and split.

        Raises:
            StorageError: The disk refuses.
        """

    @abstractmethod
    def open_data(self, datasets_dir: Path, dataset_id: str) -> Data:
        """Open a data set and verify that it is what data_flow wrote.

        Raises:
            NotFoundError: There is none of this id.
            DataError: It was changed, or is of another kind of data.
        """

    @abstractmethod
    def build(self, settings: Any, data: Data, root: Path) -> Learner:
        """Make the untrained model that `model.model_type` and `train.hparams` describe.

        Raises:
            ModelProblem: They describe none.
        """

    @abstractmethod
    def not_learnt_from(self, model: Any, data: Data) -> list[str]:
        """What of the data the model cannot learn from, in words; empty when it can from all."""

    @abstractmethod
    def fit(self, model: Any, data: Data, progress: Progress) -> FitReport:
        """Fit on the training part; the validation part decides when to stop.

        Raises:
            ModelProblem: There is too little of it, or training diverged.
        """

    @abstractmethod
    def calibrate(self, model: Any, data: Data) -> int:
        """Learn from the validation part, which was not fitted, how far the model is to be trusted.

        Returns:
            Examples that this was learnt from.

        Raises:
            ModelProblem: There are none.
        """

    @abstractmethod
    def refit(
        self, model: Any, report: FitReport, data: Data, progress: Progress
    ) -> FitReport | None:
        """Learn once more, from the validation part too, for as long as it found to be best.

        Raises:
            ModelProblem: Training diverged.
        """

    @abstractmethod
    def write_bundle(self, model: Any, data: Data, folder: Path) -> None:
        """Write the serving bundle, with real examples as its golden ones."""

    @abstractmethod
    def describe_training(self, data: Data) -> dict[str, Any]:
        """What of the data belongs into the record of a training, as JSON-able data."""

    @abstractmethod
    def open_bundle(self, folder: Path) -> Serving:
        """Open a serving bundle, as a server does.

        Raises:
            ModelProblem: It does not verify, or is for another kind of data.
        """

    @abstractmethod
    def measure(
        self, serving: Serving, data: Data, settings: Any, *, candidate: Serving
    ) -> Measured:
        """Measure a bundle on the test part, on the same examples as a candidate's."""

    @abstractmethod
    def measure_baseline(self, data: Data, settings: Any, *, candidate: Serving) -> Measured:
        """Measure the baseline likewise."""

    @abstractmethod
    def cannot_compare(self, champion: Version, data: Data) -> str | None:
        """Why the champion's numbers on this data would say nothing; None when they would."""

    @abstractmethod
    def describe_evaluation(
        self, serving: Serving, training: Mapping[str, Any], settings: Any
    ) -> dict[str, Any]:
        """How it was measured, as JSON-able data."""

    @abstractmethod
    def checks(self, evaluation: Mapping[str, Any], settings: Any) -> list[Check]:
        """Hold an evaluation against the gate; every check, those that passed too."""

    @abstractmethod
    def try_out(self, serving: Serving, data: Data, settings: Any) -> None:
        """Let a stored version answer real examples, as many as the settings say.

        Raises:
            ModelError: An answer is not finite.
        """
