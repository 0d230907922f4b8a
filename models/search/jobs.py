"""What is done beside the process that asks for it, wherever that is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

_Given = TypeVar("_Given", contravariant=True)


class Job(Protocol[_Given]):
    """One piece of work. It can be pickled, as can what it returns; what it raises is a bug."""

    def __call__(self, shared: _Given, /) -> Any:
        """Do it with what all jobs share."""


class PortableJob(Job[_Given], Protocol[_Given]):
    """A job that a machine can do which shares no disk with this one.

    Its folders are all that it reads and writes; whoever carries it there carries these along.
    """

    @property
    def reads(self) -> Path | None:
        """The folder that it reads, if any."""

    @property
    def writes(self) -> Path:
        """The folder that it leaves, made by it when it does not exist."""

    def moved(self, reads: Path | None, writes: Path) -> Self:
        """The same job with folders in other places."""


class LostJob(Exception):
    """The process that did a job ended before it was done.

    Args:
        number: Of the job.
        how: The process ended.
    """

    def __init__(self, number: int, how: str) -> None:
        self.number = number
        super().__init__(how)
