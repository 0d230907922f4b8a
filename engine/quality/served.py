"""Reading the forecasts that the predictor kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from engine.errors import StorageError
from engine.predictor.feedback import ServedForecast
from engine.workspace import Workspace


@dataclass(frozen=True)
class Served:
    """What was kept.

    Attributes:
        forecasts: The oldest first, as far as a worker of the predictor goes.
        unreadable: Lines that are none: torn by a crash, or of another version of this program.
    """

    forecasts: list[ServedForecast]
    unreadable: int


def read_served(workspace: Workspace) -> Served:
    """Read the forecasts that every worker of the predictor kept.

    Raises:
        StorageError: A file cannot be read.
    """
    decode = msgspec.json.Decoder(ServedForecast).decode
    forecasts: list[ServedForecast] = []
    unreadable = 0
    for path in _files(workspace):
        for line in _content(path).splitlines():
            try:
                forecasts.append(decode(line))
            except msgspec.DecodeError:
                unreadable += 1
    return Served(forecasts, unreadable)


def _files(workspace: Workspace) -> list[Path]:
    # Of each worker the older file of its ring first, so that what is newer counts.
    newer = sorted(workspace.predictor.glob("forecasts-*.jsonl"))
    return [file for path in newer for file in (path.with_name(path.name + ".1"), path)]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""  # a ring that has not come round yet
    except OSError as error:
        raise StorageError(f"cannot be read: {error.strerror}", where=str(path)) from error
