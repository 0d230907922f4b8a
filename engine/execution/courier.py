"""Telling the machine that a run belongs to what it does: a thread beside the flow.

It reads the run's own files, so that nothing is told that was not written down first, and sends
them on in order: each batch when the one before has arrived. Every few seconds it says that the
run lives, and hears whether it is still wanted.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from engine.errors import EngineError, NotFoundError
from engine.prefect_server.api import AlreadyThereError, PrefectApi
from engine.prefect_server.pools import send_records, set_labels, write_input
from engine.runs.log import LogCursor, read_log, tail_log
from engine.runs.placing import (
    ALIVE_LABEL,
    LOG_LEVEL,
    LOG_NAME,
    OUTCOME_KEY,
    PROGRESS_LEVEL,
    PROGRESS_NAME,
    FarEnd,
)
from engine.runs.progress import FILE_NAME, ProgressReader

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.5
_ALIVE_SECONDS = 5.0
_BATCH_RECORDS = 200
_BATCH_BYTES = 256 * 1024
_REPORT_SECONDS = 600.0
_PATIENT_BEATS = 2
_UNWANTED = frozenset({"CANCELLING", "CANCELLED", "CRASHED"})


class Courier:
    """Tells of one run.

    Args:
        api: The server, with a short deadline: what does not get through is sent again.
        flow_run: Prefect's id of the flow run.
        folder: The run's folder here.
        most_bytes: How much of its log is sent at most.
        unwanted: Called, in the courier's thread, once the run is no longer wanted.
    """

    def __init__(
        self,
        api: PrefectApi,
        flow_run: str,
        folder: Path,
        *,
        most_bytes: int,
        unwanted: Callable[[str], None],
    ) -> None:
        self._api = api
        self._flow_run = flow_run
        self._folder = folder
        self._room = most_bytes
        self._unwanted = unwanted
        self._cursor: LogCursor = tail_log(folder, 0).cursor
        size = (folder / FILE_NAME).stat().st_size if (folder / FILE_NAME).exists() else 0
        self._progress = ProgressReader(folder, size)
        self._waiting: list[dict[str, Any]] = []
        self._moment = datetime.now(UTC)
        self._last = ""
        self._beats = 0
        self._unwanted_beats = 0
        self._next_beat = 0.0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="courier", daemon=True)

    def start(self) -> None:
        """Begin to tell."""
        self._thread.start()

    def finish(self, end: FarEnd) -> bool:
        """Tell the rest and then the end; False when that did not get through.

        The flow is over by now, and being unwanted changes nothing any more.
        """
        self._is_over.set()
        self._thread.join()
        deadline = time.monotonic() + _REPORT_SECONDS
        while time.monotonic() < deadline:
            try:
                while self._send(ended=True):
                    self._beat()
                whole = replace(end, last=self._last)
                write_input(self._api, self._flow_run, OUTCOME_KEY, whole.to_json())
                return True
            except NotFoundError:
                return False  # deleted: nobody waits for it
            except AlreadyThereError:
                return True  # it did get through, and its answer did not
            except EngineError as error:
                logger.warning("the end of this run could not be told yet: %s", error)
                time.sleep(_ALIVE_SECONDS)
        return False

    def _work(self) -> None:
        while not self._is_over.wait(_LOOK_SECONDS):
            try:
                while self._send(ended=False):
                    self._beat()
                self._beat()
            except NotFoundError:
                self._unwanted("it was deleted")
                return
            except EngineError as error:
                logger.debug("nothing gets through at the moment: %s", error)
            except Exception:
                # Whatever it was: without its courier a run would be taken for dead.
                logger.exception("what this run does could not be told")

    def _beat(self) -> None:
        """Say that the run lives, and hear whether it is wanted."""
        now = time.monotonic()
        if now < self._next_beat:
            return
        self._beats += 1
        set_labels(self._api, self._flow_run, {ALIVE_LABEL: self._beats})
        self._next_beat = now + _ALIVE_SECONDS
        state = self._api.flow_run(self._flow_run)["state_type"]
        if self._is_over.is_set():
            return
        # Who cancels has the worker end it, which gives it time; this is for when no worker does.
        self._unwanted_beats += state in _UNWANTED
        if state in _UNWANTED and (state != "CANCELLING" or self._unwanted_beats > _PATIENT_BEATS):
            self._unwanted(state)

    def _send(self, *, ended: bool) -> bool:
        """Send what is new; True when there may be more."""
        if not self._waiting:
            self._waiting = self._new_records(ended=ended)
        if not self._waiting:
            return False
        send_records(self._api, self._waiting[:_BATCH_RECORDS])
        del self._waiting[:_BATCH_RECORDS]
        return True

    def _new_records(self, *, ended: bool) -> list[dict[str, Any]]:
        part = read_log(self._folder, self._cursor, most_bytes=_BATCH_BYTES, ended=ended)
        self._cursor = part.cursor
        records = [
            self._record(LOG_NAME, LOG_LEVEL, line) for line in part.lines if self._has_room(line)
        ]
        for event in self._progress.new_events():
            records.append(self._record(PROGRESS_NAME, PROGRESS_LEVEL, json.dumps(event)))
        return records

    def _has_room(self, line: str) -> bool:
        before = self._room
        self._room -= len(line) + 1
        if before > 0 >= self._room:
            logger.warning("the rest of this log is kept on this machine alone: %s", self._folder)
            return True
        return self._room > 0

    def _record(self, name: str, level: int, message: str) -> dict[str, Any]:
        # Each is a moment later than the one before: that is their order, and their number.
        self._moment = max(datetime.now(UTC), self._moment + timedelta(microseconds=1))
        self._last = self._moment.isoformat()
        return {
            "name": name,
            "level": level,
            "message": message,
            "timestamp": self._last,
            "flow_run_id": self._flow_run,
        }
