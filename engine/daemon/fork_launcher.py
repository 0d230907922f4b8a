"""Has runs forked by the fork server: a tenth of a second instead of several."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from engine.daemon.children import Child, Started
from engine.daemon.launching import Exit, LaunchedProcess, run_environment
from engine.daemon.prefect import Prefect
from engine.daemon.watch import DeathWatch, PidfdWatch, watch_process
from engine.errors import ServerError
from engine.processes import start_mark
from engine.runs.order import Order
from engine.schema import ChildInfo
from engine.workspace import Workspace

_MESSAGE_BYTES = 64 * 1024
_FORK_SECONDS = 30.0
_READY_SECONDS = 120.0


class ForkLauncher:
    """Has runs forked by the fork server: a tenth of a second instead of several."""

    def __init__(
        self, workspace: Workspace, prefect: Prefect, changed: Callable[[ChildInfo], None]
    ) -> None:
        self.child: Child | None = Child("fork server", self._start, changed)
        self._workspace = workspace
        self._prefect = prefect
        self._control: socket.socket | None = None
        self._address = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._ready: asyncio.Future[None] | None = None
        self._asked: dict[tuple[str, int], asyncio.Future[LaunchedProcess]] = {}
        self._exits: dict[int, asyncio.Future[Exit]] = {}

    async def launch(self, order: Order) -> LaunchedProcess:
        """Order a fork and wait for its process number."""
        if self._control is None:
            raise ServerError("the fork server is not up yet")
        if self._address != self._prefect.address:
            # Its forks would look for the Prefect server where it was before.
            await self.stop()
            raise ServerError("the Prefect server has another address now")
        key = (order.run_id, order.attempt)
        answer: asyncio.Future[LaunchedProcess] = asyncio.get_running_loop().create_future()
        self._asked[key] = answer
        try:
            self._control.send(order.line())
            async with asyncio.timeout(_FORK_SECONDS):
                return await answer
        except (OSError, TimeoutError) as error:
            raise ServerError(f"the fork server did not answer: {error}") from error
        finally:
            self._asked.pop(key, None)

    async def stop(self) -> None:
        """Close the control socket: the fork server leaves by itself."""
        process = self._process
        self._disconnect()
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await asyncio.to_thread(process.wait)

    async def _start(self) -> Started:
        await self._prefect.prepare()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with contextlib.closing(theirs):
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "engine.execution.fork_server",
                    str(self._workspace.root),
                    str(theirs.fileno()),
                ],
                env=run_environment(self._workspace, self._prefect),
                cwd=self._workspace.root,
                stdin=subprocess.DEVNULL,
                # What runs inherit until they have a log of their own.
                stdout=None,
                stderr=None,
                # The lease: runs keep the Prefect server up although the engine may be gone.
                pass_fds=(theirs.fileno(), *self._prefect.inherited),
                start_new_session=True,
                umask=0o077,
            )
        self._process = process
        self._address = self._prefect.address
        ours.setblocking(False)
        self._control = ours
        loop = asyncio.get_running_loop()
        self._ready = loop.create_future()
        loop.add_reader(ours.fileno(), self._receive, ours)
        watch = watch_process(process.pid, start_mark(process.pid) or "")
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await self._ready
        except BaseException as error:
            watch.close()
            self._disconnect()
            process.kill()
            status = process.wait()
            if isinstance(error, TimeoutError):
                raise ServerError(f"did not import its libraries in {_READY_SECONDS:g} s") from None
            if isinstance(error, ServerError):
                raise ServerError(
                    f"stopped while it imported its libraries (exit status {status})",
                    where=str(self._workspace.engine_log),
                ) from None
            raise
        return Started(process.pid, _ForkServerWatch(watch, process, self._disconnect))

    def _receive(self, control: socket.socket) -> None:
        try:
            content, descriptors, _, _ = socket.recv_fds(control, _MESSAGE_BYTES, 1)
        except BlockingIOError:
            return
        except OSError:
            content, descriptors = b"", []
        if not content:
            self._disconnect()
            return
        self._understand(json.loads(content), descriptors)

    def _understand(self, message: dict[str, Any], descriptors: list[int]) -> None:
        if "ready" in message:
            if self._ready is not None and not self._ready.done():
                self._ready.set_result(None)
        elif "ended" in message:
            exit_ = Exit(message["status"], message["cpu_seconds"], message["peak_bytes"])
            future = self._exits.pop(message["ended"], None)
            if future is not None and not future.done():
                future.set_result(exit_)
        else:
            answer = self._asked.get((message["run_id"], message["attempt"]))
            if answer is None or answer.done():
                # Nobody waits any more: whoever asked has begun a new attempt, and the process,
                # if there is one, will find that it is not wanted.
                for descriptor in descriptors:
                    os.close(descriptor)
            elif "error" in message:
                answer.set_exception(ServerError(message["error"]))
            else:
                pid = message["pid"]
                self._exits[pid] = asyncio.get_running_loop().create_future()
                answer.set_result(
                    LaunchedProcess(pid, PidfdWatch(descriptors[0]), self._exits[pid])
                )

    def _disconnect(self) -> None:
        """Forget a fork server that is gone: nobody will hear from it any more."""
        if self._control is None:
            return
        asyncio.get_running_loop().remove_reader(self._control.fileno())
        self._control.close()
        self._control = None
        gone = ServerError("the fork server is gone")
        waiting = [self._ready, *self._asked.values(), *self._exits.values()]
        for future in waiting:
            if future is not None and not future.done():
                future.set_exception(gone)
                future.exception()  # looked at: nobody may be waiting for it
        self._exits.clear()


class _ForkServerWatch:
    def __init__(
        self, watch: DeathWatch, process: subprocess.Popen[bytes], gone: Callable[[], None]
    ) -> None:
        self._watch = watch
        self._process = process
        self._gone = gone

    async def death(self) -> None:
        """Return when the process is dead, and collected."""
        await self._watch.death()
        self._process.wait()
        self._gone()

    def close(self) -> None:
        """Stop watching."""
        self._watch.close()
