"""The one error of the learning layer."""

from __future__ import annotations


class ModelProblem(ValueError):
    """A model that cannot be built, trained, written, verified or read.

    Args:
        what: What happened, as a sentence without a final full stop.
        fix: What to do next.
    """

    def __init__(self, what: str, fix: str | None = None) -> None:
        self.what = what
        self.fix = fix
        super().__init__(what, fix)

    def __str__(self) -> str:
        return f"{self.what}. {self.fix}" if self.fix else self.what
