"""Starting an engine that does not run, in a session of its own: no terminal takes it along."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from engine.errors import EngineError, ServerError
from engine.exits import ALREADY_RUNS, error_of
from engine.locks import FileLock
from engine.workspace import Workspace

_WAIT_SECONDS = 20.0
_POLL_SECONDS = 0.02
_LOG_LINES_SHOWN = 12


def answers(workspace: Workspace) -> bool:
    """Whether an engine listens in this workspace."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2.0)
        try:
            probe.connect(str(workspace.socket))
        except OSError:
            return False
    return True


def reach(workspace: Workspace, *, autostart: bool) -> None:
    """Return when an engine listens; start one if none does and that is wanted.

    Raises:
        ServerError: There is none.
    """
    if answers(workspace):
        return
    if not autostart:
        raise ServerError(
            "no engine answers",
            where=str(workspace.root),
            fix=f"Start one: engine up. Its log is {workspace.engine_log}",
        )
    start_engine(workspace)


def start_engine(workspace: Workspace) -> None:
    """Start the engine of a workspace and return when it listens; another's start is as good.

    Raises:
        ServerError: It did not come up, with the end of its log.
        StorageError: The workspace cannot be written.
        ConfigError: Its settings are wrong.
    """
    workspace.create()
    # Of clients that find no engine at the same moment one starts it, the others wait for that.
    lock = FileLock(workspace.engine_start_lock)
    lock.acquire()
    try:
        _start(workspace)
    finally:
        lock.release()


def _start(workspace: Workspace) -> None:
    if answers(workspace):
        return
    log = workspace.engine_log
    before = log.stat().st_size if log.exists() else 0
    deadline = time.monotonic() + _WAIT_SECONDS
    process = _spawn(workspace, log)
    while not answers(workspace):
        status = process.poll()
        if status == ALREADY_RUNS:
            # One is on its way out, or on its way in without a client: `engine serve`.
            process = _spawn(workspace, log)
        elif status is not None:
            raise _failure(log, before, status)
        elif time.monotonic() > deadline:
            raise ServerError(
                f"the engine did not answer within {_WAIT_SECONDS:g} s",
                where=str(log),
                fix=f"What it said:\n{_said(log, before)}",
            )
        time.sleep(_POLL_SECONDS)
    # It outlives this process; while this one lives it collects the other's end.
    threading.Thread(target=process.wait, daemon=True).start()


def _spawn(workspace: Workspace, log: Path) -> subprocess.Popen[bytes]:
    # -P: what lies in the folder it stands in is no Python code of ours.
    program = [sys.executable, "-P", "-m", "engine.daemon.main"]
    with log.open("ab") as output:
        log.chmod(0o600)
        return subprocess.Popen(
            [*program, str(workspace.root), "--log-to-file"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            # It outlives the folder that the client happens to stand in.
            cwd=workspace.root,
        )


def _failure(log: Path, before: int, status: int) -> EngineError:
    said = _said(log, before)
    return error_of(status, said) or ServerError(
        f"the engine stopped at its start (exit status {status})",
        where=str(log),
        fix=f"What it said:\n{said}",
    )


def _said(log: Path, before: int) -> str:
    with log.open("rb") as file:
        file.seek(before)
        lines = file.read().decode(errors="replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-_LOG_LINES_SHOWN:]) or "  nothing"
