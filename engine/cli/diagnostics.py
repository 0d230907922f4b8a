"""The only writer of stderr: errors, notes and progress, never data."""

from __future__ import annotations

import sys

from engine.errors import EngineError


def report_error(error: EngineError) -> None:
    """Print an error for people: what happened, where, and what to do."""
    _line(f"error: {error}")


def report_note(text: str) -> None:
    """Print something that the user should know although nothing is wrong."""
    _line(f"note: {text}")


def report_status(text: str) -> None:
    """Print what is going on."""
    _line(text)


def _line(text: str) -> None:
    encoding = sys.stderr.encoding or "utf-8"
    sys.stderr.write(text.encode(encoding, errors="backslashreplace").decode(encoding) + "\n")
    sys.stderr.flush()
