"""Who changed, or wanted to change, something over the network: one JSON object a line."""

from __future__ import annotations

import json
import logging
import os
import time
from pathlib import Path

_MOST_BYTES = 4 * 1024**2
_MOST_CHARACTERS = 300

logger = logging.getLogger(__name__)


class Audit:
    """Appends to a file, and keeps the one before it.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, **facts: str | int | None) -> None:
        """Append one entry; a disk that is full costs the entry, and the log says so."""
        told = {
            name: value[:_MOST_CHARACTERS] if isinstance(value, str) else value
            for name, value in facts.items()
        }
        # ASCII: whatever a client sent, a line stays one line and does nothing to a terminal.
        line = json.dumps({"at": time.time(), **told}) + "\n"
        try:
            self._rotate()
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, line.encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            logger.error("an entry of the audit log was lost: %s: %s", error.strerror, line)

    def _rotate(self) -> None:
        if self._path.exists() and self._path.stat().st_size > _MOST_BYTES:
            self._path.replace(self._path.with_suffix(".1.jsonl"))
