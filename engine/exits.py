"""Exit statuses of the engine's processes: how one that cannot work tells why."""

from __future__ import annotations

import re

from engine.errors import ConfigError, EngineError, ServerError, StorageError

ERROR_PREFIX = "error: "
"""Begins the message on the standard error; the exit status says what kind of error it is."""

# The numbers are those of sysexits.h.
ALREADY_RUNS = 75
"""Another engine has the workspace."""

CANNOT_WRITE = 74
"""Storage failed; of the process of a run: it could not write down how the run ended."""

_STATUS: dict[type[EngineError], int] = {ConfigError: 78, StorageError: CANNOT_WRITE}
_BROKEN = 70
_BEGIN = re.compile(rf"^\s*{ERROR_PREFIX}", re.MULTILINE)


def exit_status_of(error: EngineError) -> int:
    """The exit status for an error."""
    return next((code for kind, code in _STATUS.items() if isinstance(error, kind)), _BROKEN)


def error_of(status: int, output: str) -> EngineError | None:
    """The error that an engine ended with, from its exit status and what it printed."""
    # The message may have several lines, and "error: " in the middle of them.
    found = list(_BEGIN.finditer(output))
    if not found:
        return None
    kind = next((kind for kind, code in _STATUS.items() if code == status), ServerError)
    return kind(output[found[-1].end() :].strip())
