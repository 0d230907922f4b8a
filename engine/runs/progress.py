"""Progress of a run as JSON lines: written by the run's process, followed by whoever watches.

One line an event, for example
`{"at": 1700000000.1, "kind": "epoch", "step": "train_model", "done": 3, "total": 20}`.
A watcher may come late or leave: the file is the whole story.
"""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import StorageError

FILE_NAME = "progress.jsonl"


class ProgressWriter:
    """Appends events; a line is one write, so that a reader never sees half of one for long."""

    def __init__(self, run_folder: Path) -> None:
        self._path = run_folder / FILE_NAME
        # Names that are not UTF-8 are escaped, as JSON has it.
        self._file = self._path.open("a", encoding="utf-8", errors="backslashreplace", buffering=1)

    def write(self, kind: str, **values: Any) -> None:
        """Append one event; a number that is not finite becomes null, as JSON has no NaN."""
        event = {"at": round(time.time(), 3), "kind": kind}
        self.append(event | {key: _finite(value) for key, value in values.items()})

    def append(self, event: Mapping[str, Any]) -> None:
        """Append an event as it was written elsewhere."""
        try:
            self._file.write(json.dumps(event, ensure_ascii=False) + "\n")
        except OSError as error:
            raise StorageError(
                f"cannot be written: {error.strerror}",
                where=str(self._path),
                fix="Free some space in the workspace",
            ) from error

    def close(self) -> None:
        """Close the file; what a full disk did not take is lost."""
        with contextlib.suppress(OSError):
            self._file.close()


class ProgressReader:
    """Reads the events that came since the last call; a line still being written waits."""

    def __init__(self, run_folder: Path, offset: int = 0) -> None:
        self._path = run_folder / FILE_NAME
        self.offset = offset

    def new_events(self) -> list[dict[str, Any]]:
        """Return the whole events that were appended since the last call.

        A line that is damaged, as a full disk or a power cut leaves it, is left out.
        """
        try:
            if self._path.stat().st_size <= self.offset:
                return []
            with self._path.open("rb") as file:
                file.seek(self.offset)
                content = file.read()
        except FileNotFoundError:
            return []
        whole, newline, _ = content.rpartition(b"\n")
        self.offset += len(whole) + len(newline)
        return [event for line in whole.splitlines() if (event := _event(line)) is not None]


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "kind" in event else None


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
