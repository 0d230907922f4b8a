"""The log of a run as its process writes it: whole lines, without secrets, of limited size.

Everything goes through the process's own descriptors 1 and 2, which are files: a run whose output
is a pipe dies with whoever reads it. What C libraries print goes there too, unmasked.
"""

from __future__ import annotations

import faulthandler
import io
import logging
import os
import re
import sys
import threading
from datetime import datetime
from pathlib import Path

from engine.masking import Masker
from engine.runs.log import log_size, segment_path, segments
from engine.text import printable

_SEGMENTS = 5
_LONGEST_LINE = 64 * 1024
_LINE_END = re.compile(r"\r\n|\r|\n")


class RunLog:
    """Owns the standard output and error of this process."""

    def __init__(self, run_folder: Path, masker: Masker, *, most_bytes: int) -> None:
        self._folder = run_folder
        self._masker = masker
        self._most_bytes = most_bytes
        self._segment = max(segments(run_folder), default=0)
        self._lock = threading.RLock()
        self._lost = 0
        self._is_half_written = False
        self._stream = LineStream(self)

    def attach(self) -> None:
        """Make this log the standard output and error, for Python, C and crashes alike."""
        self._open(self._segment)
        sys.stdout = sys.stderr = self._stream
        faulthandler.enable(file=2)

    def finish(self) -> None:
        """Write what was printed last and has no line end."""
        self._stream.finish()

    def write_line(self, text: str) -> None:
        """Append one line, or several when it is very long, without control characters and secrets.

        A full disk does not end a run because of its log: the lines that did not fit are counted,
        and the next one that does fit says how many are missing.
        """
        # Secrets are looked for as they were given, and as they look when they are shown.
        line = self._masker.mask(printable(self._masker.mask(text.expandtabs())))
        with self._lock:
            for start in range(0, max(len(line), 1), _LONGEST_LINE):
                if os.fstat(1).st_size >= self._most_bytes // _SEGMENTS:
                    self._next_segment()
                self._append(line[start : start + _LONGEST_LINE])

    def _append(self, line: str) -> None:
        missing = f"... {self._lost} line(s) could not be written here ...\n" if self._lost else ""
        begin = "\n" if self._is_half_written else ""
        before = os.fstat(1).st_size
        try:
            _write_all(f"{begin}{missing}{line}\n".encode())
        except OSError:
            self._lost += 1
            self._is_half_written = self._is_half_written or os.fstat(1).st_size > before
        else:
            self._lost, self._is_half_written = 0, False

    def _open(self, segment: int) -> None:
        path = segment_path(self._folder, segment)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.close(descriptor)

    def _next_segment(self) -> None:
        try:
            self._open(self._segment + 1)
        except OSError:
            return  # a full disk: the old segment grows a little more
        self._segment += 1
        self._is_half_written = False
        removable = [
            number for number in segments(self._folder) if number not in (0, self._segment)
        ]
        room = self._most_bytes - self._most_bytes // _SEGMENTS
        while removable and log_size(self._folder) > room:
            segment_path(self._folder, removable.pop(0)).unlink(missing_ok=True)


def _write_all(content: bytes) -> None:
    while content:
        content = content[os.write(1, content) :]


class LineStream(io.TextIOBase):
    """What `print` and libraries write to: hands whole lines to the log."""

    def __init__(self, log: RunLog) -> None:
        self._log = log
        self._rest = ""
        self._lock = threading.RLock()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """UTF-8, as the file is."""
        return "utf-8"

    def fileno(self) -> int:
        """The descriptor behind it, for what writes past Python."""
        return 1

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, text: str) -> int:
        """Take in text; a line is written when it is whole, or when it is very long."""
        with self._lock:
            # A progress bar returns to the beginning of its line: each state is a line here.
            *lines, self._rest = (self._rest + text.replace("\r", "\n")).split("\n")
            if len(self._rest) > _LONGEST_LINE:
                lines.append(self._rest)
                self._rest = ""
            for line in lines:
                if line:
                    self._log.write_line(line)
        return len(text)

    def finish(self) -> None:
        """Write the last line although it has no end."""
        with self._lock:
            if self._rest:
                self._log.write_line(self._rest)
                self._rest = ""


class LogFormatter(logging.Formatter):
    """`2026-01-31 14:05:09.123 +0900 INFO    train_model: message`.

    Further lines of a message are indented, so that no message can pretend to be another entry.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Lay out one entry."""
        moment = datetime.fromtimestamp(record.created).astimezone()
        stamp = f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d} {moment:%z}"
        source = (
            getattr(record, "task_run_name", None)
            or getattr(record, "flow_name", None)
            or record.name
        )
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return f"{stamp} {record.levelname:<7} {source}: " + _LINE_END.sub("\n    ", text)


class LogHandler(logging.Handler):
    """Sends log records to the current standard error, whatever that is at the time."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(LogFormatter())
        # There is no page to view a run at: the server's own pages are off.
        self.addFilter(lambda record: not str(record.msg).startswith("View at "))

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; one that cannot be laid out is reported, and ends nothing."""
        try:
            text = self.format(record) + "\n"
            if isinstance(sys.stderr, LineStream):
                sys.stderr.finish()  # an entry begins on a line of its own
            sys.stderr.write(text)
        except Exception:  # noqa: BLE001  as logging's own handlers do
            self.handleError(record)


def use_run_logging(level: int = logging.INFO) -> None:
    """Send every logger of this process to the run's log, and to nothing else."""
    for name in list(logging.root.manager.loggerDict):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.root.handlers[:] = [LogHandler()]
    logging.root.setLevel(logging.WARNING)
    for name in ("prefect", "engine", "models"):
        logging.getLogger(name).setLevel(level)
