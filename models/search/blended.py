"""A model that is a blend of others: what does not depend on what these answer."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Generic

from models.errors import ModelProblem
from models.learner import FitReport, Learner, Progress
from models.search.blending import (
    BlendHyperparameters,
    Member,
    Model,
    described_members,
    load_members,
    save_members,
    workers_for,
)
from models.search.refits import Lessons, refit_all


class Blended(Learner, Generic[Model]):
    """Stands before the base class of its kind, so that this need not know of members."""

    Hyperparameters = BlendHyperparameters
    hands_on = True
    member_class: ClassVar[type[Learner]]
    """Base class of its members."""
    _members: tuple[Member[Model], ...] = ()
    _folder: Path | None = None

    def keep_trials_in(self, folder: Path) -> None:
        """Let `fit` write finished trials into a folder, and take up those that are there."""
        self._folder = folder

    def describe(self) -> dict[str, Any]:
        """What the base class says, and of which members it is made."""
        return {**super().describe(), "members": described_members(self._members)}  # type: ignore[safe-super]

    def save_state(self, folder: Path) -> None:
        """Write each member into a folder of its own, and the weights."""
        save_members(self._fitted(), folder)

    def load_state(self, folder: Path) -> None:
        """Read the members and their weights."""
        self._members = load_members(self.member_class, folder)  # type: ignore[arg-type]

    def _own(self) -> BlendHyperparameters:
        assert isinstance(self.hyperparameters, BlendHyperparameters)
        return self.hyperparameters

    def _fitted(self) -> tuple[Member[Model], ...]:
        if not self._members:
            raise ModelProblem(
                f"this {self.model_type} has not been fitted", "Call fit or load first."
            )
        return self._members

    def _learn_again(self, lessons: Lessons, progress: Progress) -> list[FitReport]:
        """Refit the members; the reports of those that learnt something more."""
        members = self._fitted()
        refitted = refit_all(
            [(member.model, member.report) for member in members],
            lessons,
            workers=workers_for(self._own(), len(members)),
            progress=progress,
        )
        self._members = tuple(
            dataclasses.replace(member, model=model)
            for member, (model, _) in zip(members, refitted, strict=True)
        )
        return [report for _, report in refitted if report is not None]

    @contextmanager
    def _exported_members(self) -> Iterator[list[tuple[Path, Member[Model]]]]:
        """The graph of each member in a file, for the duration of a `with` block."""
        with tempfile.TemporaryDirectory() as scratch:
            parts = []
            for number, member in enumerate(self._fitted()):
                file = Path(scratch) / f"{number}.onnx"
                member.model.export_onnx(file)
                parts.append((file, member))
            yield parts
