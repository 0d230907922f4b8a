"""Starts a run in a process of its own and stays at hand to cancel it and to see its end."""

from __future__ import annotations

import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.config.dump import dump_settings
from engine.config.loading import Loaded
from engine.config.settings import EngineSettings
from engine.errors import EngineError, ServerError
from engine.execution.closing import close_dead_runs
from engine.execution.order import CONFIG_FILE, LOG_FILE, Order
from engine.prefect_server.api import PrefectApi
from engine.prefect_server.connection import client_environment
from engine.prefect_server.supervise import ServerLease
from engine.processes import signal_group, start_mark
from engine.runs.table import RunRecord, RunTable
from engine.workspace import Workspace

# Libraries read these when they are imported, so they are set before the process starts.
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass
class LaunchedRun:
    """A run whose process this one started."""

    run_id: str
    folder: Path
    _process: subprocess.Popen[bytes]
    _lease: ServerLease
    _table: RunTable
    grace_seconds: float

    @property
    def record(self) -> RunRecord:
        """What the table of runs says now."""
        return self._table.get(self.run_id)

    def wait(self, seconds: float) -> bool:
        """Wait for the end for up to `seconds`; return whether the process has ended."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def request_cancel(self) -> None:
        """Ask the run to stop: it finishes its bookkeeping and ends as CANCELLED."""
        self._table.request_cancel(self.run_id)
        signal_group(self._process.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End the run's process group at once."""
        signal_group(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> RunRecord:
        """After the process has ended: make the records true, give the server back."""
        try:
            with PrefectApi(self._lease.connection) as api:
                close_dead_runs(api, self._table)
        finally:
            self._lease.release()
        return self.record


def launch(
    workspace: Workspace,
    flow: str,
    loaded: Loaded,
    engine: EngineSettings,
    *,
    on_wait: Callable[[str], None],
) -> LaunchedRun:
    """Start a run of a flow.

    Args:
        workspace: Where it happens; the folders exist.
        flow: One of the five flows.
        loaded: Its checked settings.
        engine: Settings of the workspace.
        on_wait: Called with a sentence whenever there is something to wait for.

    Raises:
        ServerError: The Prefect server cannot be started or reached.
        StorageError: The workspace cannot be written.
    """
    table = RunTable(workspace.database)
    lease = ServerLease(workspace.prefect_home, engine.prefect_server)
    lease.__enter__()
    try:
        if lease.is_starting:
            first = not (workspace.prefect_home / "prefect.db").exists()
            on_wait(
                "creating the run database (first start, about 10 s)"
                if first
                else "starting the Prefect server (about 4 s)"
            )
        log = workspace.runs / f".{uuid.uuid4()}.log"
        process = _start_process(workspace, lease, loaded.settings.train.threads, log)
        run_id = ""
        try:
            lease.wait_ready()
            run_id = _record_run(workspace, lease, table, flow, loaded)
            table.set_process(run_id, process.pid, start_mark(process.pid) or "")
            folder = workspace.run_folder(run_id)
            log.rename(folder / LOG_FILE)
            _give_order(process, Order(run_id, engine.run.nice), folder / LOG_FILE)
        except BaseException as error:
            process.kill()
            process.communicate()
            log.unlink(missing_ok=True)
            if run_id:
                _abandon(lease, table, run_id, error)
            raise
    except BaseException:
        lease.release()
        raise
    grace = engine.run.cancel_grace_seconds
    return LaunchedRun(run_id, folder, process, lease, table, grace)


def _abandon(lease: ServerLease, table: RunTable, run_id: str, error: BaseException) -> None:
    """End a run that was recorded but whose process never began with it."""
    if isinstance(error, KeyboardInterrupt):
        table.finish(run_id, "CANCELLED", "cancelled while it was starting")
    else:
        kind = error.kind if isinstance(error, EngineError) else ""
        table.finish(run_id, "FAILED", f"could not be started: {error}", kind)
    with PrefectApi(lease.connection) as api:
        close_dead_runs(api, table)


def _record_run(
    workspace: Workspace, lease: ServerLease, table: RunTable, flow: str, loaded: Loaded
) -> str:
    parameters = {"settings": loaded.settings.model_dump(mode="json")}
    with PrefectApi(lease.connection) as api:
        close_dead_runs(api, table)
        created = api.create_flow_run(
            flow, parameters=parameters, idempotency_key=str(uuid.uuid4())
        )
    run_id: str = created["id"]
    folder = workspace.run_folder(run_id)
    folder.mkdir(mode=0o700)
    (folder / CONFIG_FILE).write_text(dump_settings(loaded))
    # What a list of runs shows beside the flow; the whole configuration is in the run's folder.
    trains = flow in {"train_flow", "full_flow"}
    shown = {"model_type": loaded.settings.model.model_type} if trains else {}
    table.add(run_id, flow, created["name"], shown)
    return run_id


def _start_process(
    workspace: Workspace, lease: ServerLease, threads: int, log: Path
) -> subprocess.Popen[bytes]:
    environment = client_environment(workspace.prefect_home, lease.connection)
    environment |= dict.fromkeys(_THREAD_VARIABLES, str(threads or 1))
    with log.open("xb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "engine.execution.process", str(workspace.root)],
            env=environment,
            stdin=subprocess.PIPE,
            # A file, not a pipe: a run must not die with whoever watches it.
            stdout=file,
            stderr=file,
            # The run shares the lease, so the server outlives a launcher that is killed.
            pass_fds=(lease.descriptor,),
            start_new_session=True,
            umask=0o077,
        )


def _give_order(process: subprocess.Popen[bytes], order: Order, log: Path) -> None:
    assert process.stdin is not None, "Popen was given a pipe"
    try:
        process.stdin.write(order.line())
        process.stdin.close()
    except BrokenPipeError as error:
        raise ServerError(
            "the process of the run died while it was starting", where=str(log)
        ) from error
