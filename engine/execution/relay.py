"""Writing down here what the other machine tells of a run: its log, its progress.

The place in what was told is kept beside the run, so that another process goes on where this one
stopped. What was written and not yet counted is recognised when it comes again.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.atomic import write_json
from engine.errors import NotFoundError
from engine.execution.run_log import RunLog
from engine.prefect_server.api import PrefectApi
from engine.prefect_server.pools import read_records
from engine.runs.log import LogCursor, read_log, tail_log
from engine.runs.placing import LOG_NAME, PROGRESS_NAME
from engine.runs.progress import FILE_NAME, ProgressReader, ProgressWriter

# What the run's own process at home writes, and no other.
_HOMES_OWN = frozenset({"run", "end"})


class Relay:
    """Follows what is told of one flow run.

    Args:
        api: The server.
        flow_run: Prefect's id of the flow run.
        folder: The run's folder.
        log: Its log, which is also this process's output.
        progress: Its progress.
    """

    def __init__(
        self, api: PrefectApi, flow_run: str, folder: Path, log: RunLog, progress: ProgressWriter
    ) -> None:
        self._api = api
        self._flow_run = flow_run
        self._folder = folder
        self._log = log
        self._progress = progress
        self._place = folder / f"relay-{flow_run}.json"
        self.last: datetime | None = None
        self._lines: deque[str] = deque()
        self._events: deque[dict[str, Any]] = deque()
        self._go_on()

    def _go_on(self) -> None:
        """Find the place where an earlier process stopped."""
        try:
            place = json.loads(self._place.read_text(encoding="utf-8"))
            cursor = LogCursor.parse(place["log"])
            self.last, offset = moment(place["last"]), int(place["progress"])
        except (FileNotFoundError, ValueError, KeyError, TypeError, NotFoundError):
            return
        while True:
            part = read_log(self._folder, cursor)
            if not part.lines:
                break
            self._lines += part.lines
            cursor = part.cursor
        self._events += ProgressReader(self._folder, offset).new_events()

    def take(self) -> bool:
        """Write down what is new; True when there may be more at once.

        Raises:
            ServerError: It cannot be read.
            StorageError: The disk refuses.
        """
        after = self.last.isoformat() if self.last else ""
        before = self.last
        offset = 0
        while records := read_records(self._api, self._flow_run, after, offset):
            for record in records:
                # One whose sender did not hear that it had arrived is there several times.
                if self.last is None or moment(record["timestamp"]) > self.last:
                    self._write(record)
                    self.last = moment(record["timestamp"])
            offset += len(records)
            if self.last != before:
                self._keep_place()
                return True
        return False

    def has_all(self, last: str) -> bool:
        """Whether everything up to a moment, "" for none, is written down."""
        return not last or (self.last is not None and self.last >= moment(last))

    def _write(self, record: Mapping[str, Any]) -> None:
        text = str(record["message"])
        if record["name"] == LOG_NAME:
            if not _is_known(text, self._lines):
                self._log.write_line(text)
        elif record["name"] == PROGRESS_NAME:
            event = _event(text)
            if event is not None and not _is_known(event, self._events):
                self._progress.append(event)

    def _keep_place(self) -> None:
        place = {
            "last": self.last.isoformat() if self.last else "",
            "log": str(tail_log(self._folder, 0).cursor),
            "progress": (self._folder / FILE_NAME).stat().st_size,
        }
        write_json(self._place, place)


def moment(text: str) -> datetime:
    """A time as the server and the other machine write it, each in a way of its own."""
    return datetime.fromisoformat(text)


def _is_known(item: Any, written: deque[Any]) -> bool:
    """Whether it was written before the place was kept; what stands before it was, too."""
    if item not in written:
        return False
    while written.popleft() != item:
        pass
    return True


def _event(text: str) -> dict[str, Any] | None:
    try:
        event = json.loads(text)
    except ValueError:
        return None
    if not isinstance(event, dict) or "at" not in event:
        return None
    kind = event.get("kind")
    return event if isinstance(kind, str) and kind not in _HOMES_OWN else None
