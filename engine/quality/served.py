"""Reading the forecasts and classes that the predictor kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from engine.errors import StorageError
from engine.predictor.feedback import ServedClassification, ServedForecast
from engine.workspace import Workspace

_Answer = TypeVar("_Answer", ServedForecast, ServedClassification)


@dataclass(frozen=True)
class Served(Generic[_Answer]):
    """What was kept.

    Attributes:
        answers: The oldest first, as far as a worker of the predictor goes.
        unreadable: Lines that are none: torn by a crash, or of another version of this program.
    """

    answers: list[_Answer]
    unreadable: int


def read_served(workspace: Workspace, version: str | None = None) -> Served[ServedForecast]:
    """Read the forecasts that every worker of the predictor kept.

    Args:
        workspace: Where.
        version: Only those that it gave.

    Raises:
        StorageError: A file cannot be read.
    """
    return _read(forecast_rings(workspace), ServedForecast, version)


def read_seen(workspace: Workspace, version: str | None = None) -> Served[ServedClassification]:
    """Read the classes that pictures were given by every worker of the predictor.

    Args:
        workspace: Where.
        version: Only those that it gave.

    Raises:
        StorageError: A file cannot be read.
    """
    return _read(picture_rings(workspace), ServedClassification, version)


def forecast_rings(workspace: Workspace) -> list[Path]:
    """Files of forecasts that there may be, of each worker the older one first."""
    return _rings(workspace, "forecasts-*.jsonl")


def picture_rings(workspace: Workspace) -> list[Path]:
    """Files of classes that there may be, of each worker the older one first."""
    return _rings(workspace, "pictures-*.jsonl")


def _rings(workspace: Workspace, pattern: str) -> list[Path]:
    # Of each worker the older file of its ring first, so that what is newer counts.
    newer = sorted(workspace.predictor.glob(pattern))
    return [file for path in newer for file in (path.with_name(path.name + ".1"), path)]


def _read(paths: Iterable[Path], kind: type[_Answer], version: str | None) -> Served[_Answer]:
    decode = msgspec.json.Decoder(kind).decode
    answers: list[_Answer] = []
    unreadable = 0
    for line in _lines(paths):
        try:
            answer = decode(line)
        except msgspec.DecodeError:
            unreadable += 1
        else:
            if version is None or answer.model_name == version:
                answers.append(answer)
    return Served(answers, unreadable)


def _lines(paths: Iterable[Path]) -> Iterator[bytes]:
    for path in paths:
        try:
            with path.open("rb") as file:
                yield from file
        except FileNotFoundError:
            continue  # a ring that has not come round yet
        except OSError as error:
            raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> StorageError:
    return StorageError(f"cannot be read: {error.strerror}", where=str(path))
