"""How a predictor is started: by its engine, with everything that it has to know."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct


class PredictorOptions(Struct, frozen=True, kw_only=True):
    """What one worker is told.

    Attributes:
        workspace: Root of the workspace.
        index: Which worker it is, from 0.
        workers: How many there are; several share one port.
        host: Address to listen on.
        port: TCP port; 0: any free one.
        own_port: A second one that this worker has for itself; 0: none.
        allowed_hosts: Names that this machine has beside those of the loopback interface.
        storage: Where versions lie, when that is not the workspace.
        keep_mb: Size of the ring of served forecasts, and of that of pictures' classes; 0: none are
            kept.
    """

    workspace: str
    index: int = 0
    workers: int = 1
    host: str = "127.0.0.1"
    port: int = 4242
    own_port: int = 0
    allowed_hosts: tuple[str, ...] = ()
    storage: str = ""
    keep_mb: int = 64


def encode(options: PredictorOptions) -> str:
    """The options as one argument of a command line."""
    return msgspec.json.encode(options).decode()


def decode(text: str) -> PredictorOptions:
    """The options from the argument of a command line."""
    return msgspec.json.decode(text.encode(), type=PredictorOptions)


def read_record(path: Path) -> dict[str, Any]:
    """What a worker wrote down when it began to answer; nothing where that cannot be read."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}
