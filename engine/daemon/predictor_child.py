"""The predictor as the engine keeps it: found or started, and left alone when the engine goes."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from engine.config.engine_settings import PredictorSettings
from engine.daemon.children import Child, Started
from engine.daemon.watch import end_process, watch_process
from engine.errors import ServerError
from engine.exits import error_of
from engine.predictor_options import PredictorOptions, encode, read_record
from engine.processes import is_alive, start_mark
from engine.schema import ChildInfo
from engine.workspace import Workspace

_READY_SECONDS = 30.0
_STOP_SECONDS = 8.0
_POLL_SECONDS = 0.02
_LOG_BYTES = 2 * 1024**2
_LOG_LINES_SHOWN = 8


class Predictor:
    """One worker of the predictor.

    It belongs to nobody: an engine that dies leaves it answering, and the next one takes it over.

    Args:
        workspace: Where the versions are.
        index: Which worker, from 0.
        settings: How it is to be started.
        storage: Where versions lie, when that is not the workspace.
        changed: Called when it comes up or goes down.
    """

    def __init__(
        self,
        workspace: Workspace,
        index: int,
        settings: PredictorSettings,
        storage: str,
        changed: Callable[[ChildInfo], None],
    ) -> None:
        name = "predictor" if settings.workers == 1 else f"predictor {index + 1}"
        self.child = Child(name, self._start, changed)
        self._workspace = workspace
        self._index = index
        self._options = encode(
            PredictorOptions(
                workspace=str(workspace.root),
                index=index,
                workers=settings.workers,
                host=settings.host,
                port=settings.port,
                own_port=settings.first_worker_port and settings.first_worker_port + index,
                allowed_hosts=settings.allowed_hosts,
                storage=storage,
                keep_mb=settings.keep_mb,
            )
        )
        self._process: subprocess.Popen[bytes] | None = None

    async def stop(self) -> None:
        """End the worker, also one that an earlier engine started."""
        pid = self._living()
        if pid is None and self._process is not None and self._process.poll() is None:
            pid = self._process.pid  # still on its way up
        if pid is not None:
            await end_process(pid, _STOP_SECONDS)
            self._collect()

    async def _start(self) -> Started:
        self._collect()
        pid = self._living()
        if pid is not None and self._record().get("options") != self._options:
            await self.stop()
            pid = None
        if pid is None:
            pid = await self._spawn()
        record = self._record()
        host = f"[{record['host']}]" if ":" in record["host"] else record["host"]
        address = f"http://{host}:{record['port']}"
        return Started(pid, watch_process(pid, start_mark(pid) or ""), address)

    async def _spawn(self) -> int:
        log = self._workspace.predictor / "log"
        if log.exists() and log.stat().st_size > _LOG_BYTES:
            log.replace(log.with_name("log.1"))
        with log.open("ab") as output:
            before = output.tell()
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "engine.predictor.main", self._options],
                cwd=self._workspace.root,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                umask=0o077,
            )
        self._process = process
        deadline = time.monotonic() + _READY_SECONDS
        while self._living() != process.pid:
            status = process.poll()
            if status is not None:
                said = log.read_bytes()[before:].decode(errors="replace")
                raise error_of(status, said) or ServerError(
                    f"the predictor stopped at its start (exit status {status})",
                    where=str(log),
                    fix="What it said:\n" + "\n".join(said.splitlines()[-_LOG_LINES_SHOWN:]),
                )
            if time.monotonic() > deadline:
                process.kill()
                process.wait()
                what = f"the predictor did not answer within {_READY_SECONDS:g} s"
                raise ServerError(what, where=str(log))
            await asyncio.sleep(_POLL_SECONDS)
        return process.pid

    def _living(self) -> int | None:
        return _living(self._record())

    def _record(self) -> dict[str, Any]:
        return read_record(self._workspace.predictor_record(self._index))

    def _collect(self) -> None:
        """Take leave of a worker of our own that has ended."""
        if self._process is not None:
            self._process.poll()


async def end_workers_from(workspace: Workspace, first: int) -> None:
    """End the workers from an index on: an earlier engine may have kept more of them."""
    for path in workspace.predictor.glob("worker-*.json"):
        pid = _living(read_record(path))
        if pid is not None and int(path.stem.rpartition("-")[2]) >= first:
            await end_process(pid, _STOP_SECONDS)


def _living(record: Mapping[str, Any]) -> int | None:
    """The process that answers, if there is one."""
    pid, mark = record.get("pid"), record.get("mark")
    return pid if is_alive(pid, mark) else None
