"""The command line's way to the engine."""

from __future__ import annotations

import getpass

from engine.cli.options import CommandLine
from engine.client import EngineClient


def connected(line: CommandLine, *, autostart: bool = True) -> EngineClient:
    """A client of the engine of the workspace that is meant; use it as a context manager."""
    return EngineClient(line.workspace, autostart=autostart)


def origin() -> str:
    """Who asks, for the record of a launch."""
    try:
        return f"{getpass.getuser()}, command line"
    except (KeyError, OSError):  # a user without an entry in the password database
        return "command line"
