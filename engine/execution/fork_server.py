"""The fork server: everything that runs need, imported once; a run is a fork of it.

`python -m engine.execution.fork_server WORKSPACE CONTROL`, where CONTROL is the number of an open
socket to the engine. It never computes, starts threads or touches a GPU: what a fork inherits of
those hangs it. It ends when the engine does; the runs that it forked go on.

The engine sends one order a message. The answer is the process number and, beside it, an open pidfd
of the process, made before anyone could have collected it: it can not be mistaken for another one.
Every end of a process is told with its exit status and what it used.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import random
import select
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from engine.execution.process import do_run
from engine.runs.order import Order
from engine.workspace import Workspace

# Flows import what they need when they need it; a fork finds it there already.
_PRELOADED = (
    "torch",
    "lightgbm",
    "models.forecasting.training",
    "models.forecasting.trees",
    "models.forecasting.onnx_files",
    "models.forecasting.backtest",
    "models.imaging.training",
    "models.imaging.onnx_files",
    "models.search.search",
    "engine.strategies.picking",
    "engine.data.csv_source",
    "engine.data.parquet_source",
    "models.registry",
)
_MESSAGE_BYTES = 64 * 1024
_FAULTY = 1


def main() -> int:
    """Import, say so, fork on demand."""
    workspace = Workspace(Path(sys.argv[1]))
    control = socket.socket(fileno=int(sys.argv[2]))
    control.set_inheritable(False)
    for name in _PRELOADED:
        importlib.import_module(name)
    from models import registry
    from models.data_types import DATA_TYPES

    for data_type in DATA_TYPES:
        registry.names(data_type)
    if threading.active_count() > 1:
        names = ", ".join(thread.name for thread in threading.enumerate())
        raise RuntimeError(f"a fork server must have one thread, but has: {names}")
    # What lives until the end needs no looking at, and looking at it would copy its pages.
    gc.collect()
    gc.freeze()
    _Server(workspace, control).serve()
    return 0


class _Server:
    def __init__(self, workspace: Workspace, control: socket.socket) -> None:
        self._workspace = workspace
        self._control = control
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def serve(self) -> None:
        """Fork and collect until the engine closes the control socket."""
        signal.set_wakeup_fd(self._wake_write)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._tell({"ready": os.getpid()})
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == self._wake_read:
                    os.read(self._wake_read, _MESSAGE_BYTES)
                    self._collect()
                else:
                    message = self._control.recv(_MESSAGE_BYTES)
                    if not message:
                        return
                    self._fork(Order.parse(message))

    def _fork(self, order: Order) -> None:
        answer: dict[str, Any] = {"run_id": order.run_id, "attempt": order.attempt}
        try:
            pid = os.fork()
        except OSError as error:
            self._tell(answer | {"error": f"no process could be made for it: {error.strerror}"})
            return
        if pid == 0:
            self._become_run(order)
        descriptor = os.pidfd_open(pid)
        try:
            self._tell(answer | {"pid": pid}, descriptor)
        finally:
            os.close(descriptor)

    def _become_run(self, order: Order) -> NoReturn:
        status = _FAULTY
        try:
            self._control.close()
            signal.set_wakeup_fd(-1)
            os.close(self._wake_read)
            os.close(self._wake_write)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            # Siblings must not draw the same names and jitters.
            random.seed()
            np.random.seed()
            status = do_run(self._workspace, order)
        finally:
            # Not the usual way out: what the fork server registered for its own end, and threads
            # that wait for a server, are no concern of a run whose record is complete.
            if status == _FAULTY:
                sys.excepthook(*sys.exc_info())
            os._exit(status)

    def _collect(self) -> None:
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._tell(
                {
                    "ended": pid,
                    "status": os.waitstatus_to_exitcode(status),
                    "cpu_seconds": usage.ru_utime + usage.ru_stime,
                    "peak_bytes": usage.ru_maxrss * 1024,
                }
            )

    def _tell(self, message: dict[str, Any], *descriptors: int) -> None:
        try:
            socket.send_fds(self._control, [json.dumps(message).encode()], list(descriptors))
        except (BrokenPipeError, ConnectionResetError):
            # The engine is gone; the next look at the control socket ends this process too.
            return


if __name__ == "__main__":
    sys.exit(main())
