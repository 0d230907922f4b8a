"""What train_flow leaves in the folder of its run: a fitted model, its bundle, its record."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.atomic import write_json

CANDIDATE_FOLDER = "candidate"


@dataclass(frozen=True)
class Candidate:
    """A trained model that was not deployed yet.

    Attributes:
        folder: Where it lies.
    """

    folder: Path

    @classmethod
    def of_run(cls, run_folder: Path) -> Candidate:
        """The candidate in the folder of a run."""
        return cls(run_folder / CANDIDATE_FOLDER)

    @property
    def model(self) -> Path:
        """Folder of the fitted model."""
        return self.folder / "model"

    @property
    def bundle(self) -> Path:
        """Folder of the serving bundle."""
        return self.folder / "bundle"

    def record(self, training: dict[str, Any]) -> None:
        """Write how it came to be.

        Raises:
            StorageError: The disk refuses.
        """
        write_json(self.folder / "training.json", training)

    def training(self) -> dict[str, Any]:
        """Read how it came to be."""
        text = (self.folder / "training.json").read_text(encoding="utf-8")
        training: dict[str, Any] = json.loads(text)
        return training
