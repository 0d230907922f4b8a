"""The process of one flow run: claim it, do it, bring its record to a true end.

A fork server forks it with everything imported (fork_server.py), or it is started by itself:
`python -m engine.execution.process WORKSPACE`, which makes the slow imports and then reads from its
standard input which run it shall do.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

from prefect.context import SyncClientContext
from prefect.exceptions import TerminationSignal
from prefect.flow_engine import run_flow
from prefect.logging import get_logger

from engine.config.flow_settings import FlowSettings
from engine.config.loading import load_effective
from engine.errors import ConfigError, EngineError, LostElsewhereError, StorageError
from engine.execution.driver import drive
from engine.execution.run_log import RunLog, use_run_logging
from engine.execution.settings import client_settings, run_settings
from engine.execution.subflows import Subflows
from engine.exits import CANNOT_WRITE
from engine.flows.catalogue import FLOWS
from engine.masking import Masker
from engine.prefect_server.api import PrefectApi
from engine.prefect_server.connection import Connection, connection_of_environment
from engine.prefect_server.records import (
    close_run_tree,
    read_timeline_rows,
    wait_until_recorded,
)
from engine.processes import start_mark
from engine.runs.context import RunContext, use_run_context
from engine.runs.limits import apply_limits, lift_limits, memory_problem
from engine.runs.order import CONFIG_FILE, Order
from engine.runs.outcome import Outcome
from engine.runs.progress import ProgressWriter
from engine.runs.traces import read_traces
from engine.secrets_file import read_secrets
from engine.store import open_depot
from engine.tables.handoffs import Handoffs
from engine.tables.run_record import RunRecord
from engine.tables.runs import RunTable
from engine.workspace import Workspace
from models.search.crew import crews_made_by


def main() -> int:
    """Do the run that the standard input names; exit status 0 unless something is broken."""
    workspace = Workspace(Path(sys.argv[1]))
    line = sys.stdin.buffer.readline()
    # Without a line the engine went away before there was a run.
    return do_run(workspace, Order.parse(line)) if line else 0


def do_run(workspace: Workspace, order: Order) -> int:
    """Claim a run and do it; a run that somebody else does, or that has ended, is left alone.

    Returns:
        The exit status for this process: not 0 when what it did could not be written down.
    """
    try:
        _claim_and_do(workspace, order)
    except StorageError as error:
        get_logger("engine").critical("%s", error)
        return CANNOT_WRITE
    return 0


def _claim_and_do(workspace: Workspace, order: Order) -> None:
    os.umask(0o077)
    # A terminal that goes away is no reason to end.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    table = RunTable(workspace.database)
    mark = start_mark(os.getpid()) or ""
    if not table.claim(
        order.run_id,
        order.attempt,
        pid=os.getpid(),
        mark=mark,
        prefect_id=order.prefect_id,
        pool=order.pool if order.is_placed else "",
    ):
        return
    record = table.get(order.run_id)
    folder = workspace.run_folder(record.id)
    progress = ProgressWriter(folder)
    progress.write("run", state=record.state)
    connection = connection_of_environment()
    log: RunLog | None = None
    try:
        secrets = read_secrets(workspace.secrets)
        log = take_output(folder, order, [*secrets.values(), connection.auth])
        os.environ.update(secrets)
        apply_limits(order)
        context = RunContext(
            run_id=record.id,
            flow=record.flow,
            workspace=workspace,
            table=table,
            handoffs=Handoffs(workspace.database),
            progress=progress,
            depot=open_depot(workspace) if order.pool else None,
        )
        if order.pool:
            context = replace(context, place=Subflows(context, order, connection, log))
        if order.is_placed:
            outcome = drive(context, order, connection, log)
            if outcome is None:
                # Somebody ended this process, and nobody the run: another process takes over.
                return
        else:
            outcome = perform(context, order, load_effective(folder / CONFIG_FILE))
    except EngineError as error:
        outcome = Outcome("FAILED", str(error), error.kind)
    # From here on the run is over; being told to stop must not make its record untrue.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    lift_limits()
    # Whoever finds this file knows how the run ended, also if this process lives no longer.
    outcome.write(folder)
    closed = _settle(table.get(record.id), connection, folder, outcome)
    table.finish(record.id, outcome.state, outcome.message, outcome.error_kind, closed=closed)
    progress.write("end", state=outcome.state, message=outcome.message)
    progress.close()
    if log is not None:
        log.finish()


def take_output(folder: Path, order: Order, secrets: list[str]) -> RunLog:
    """Make the log of a run the output of this process."""
    log = RunLog(folder, Masker(secrets), most_bytes=order.log_max_mb * 1024**2)
    log.attach()
    use_run_logging()
    return log


def perform(context: RunContext, order: Order, settings: FlowSettings) -> Outcome:
    """Do the flow and say how it ended; what it raised stands in the log with its traceback."""
    # Prefect raises the same in the middle of a flow, and then hands the signal on to this handler.
    signal.signal(signal.SIGTERM, _raise_termination)
    try:
        # One client for the whole tree: each one that a subflow makes costs a connection.
        with run_settings(), SyncClientContext(client_settings()) as prefect:
            flow_run = prefect.client.read_flow_run(order.prefect_id)  # type: ignore[arg-type]
            with use_run_context(context), _crews(order):
                run_flow(FLOWS[context.flow], flow_run=flow_run, parameters={"settings": settings})
    except (TerminationSignal, KeyboardInterrupt):
        return _terminated(context)
    except LostElsewhereError as error:
        return Outcome("CRASHED", str(error), "", context.outputs)
    except EngineError as error:
        return Outcome("FAILED", str(error), error.kind, context.outputs)
    except Exception as error:  # noqa: BLE001  the end of every run is recorded, whatever it was
        get_logger("engine").debug("the run failed", exc_info=True)
        problem = memory_problem(error, order) or f"{type(error).__name__}: {error}"
        return Outcome("FAILED", problem, "", context.outputs)
    return Outcome("COMPLETED", "", "", context.outputs)


def _crews(order: Order) -> AbstractContextManager[None]:
    """Who does the trials of a search, for the duration of a run.

    Raises:
        ConfigError: It is to be Dask, which is not installed.
    """
    if not order.dask_scheduler:
        return nullcontext()
    try:
        from engine.execution.dask_crew import dask_crews
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"needs the package {error.name}",
            where="run.dask_scheduler",
            fix="pip install 'mlops-tui[dask]', or clear the setting",
        ) from error
    return crews_made_by(dask_crews(order.dask_scheduler))


def _raise_termination(number: int, _: object) -> None:
    raise TerminationSignal(signal.Signals(number))


def _terminated(context: RunContext) -> Outcome:
    if context.table is not None and context.table.get(context.run_id).cancel_requested:
        return Outcome("CANCELLED", "cancelled")
    return Outcome("CRASHED", "its process was told to end (SIGTERM)")


def _settle(record: RunRecord, connection: Connection, folder: Path, outcome: Outcome) -> bool:
    """Wait until Prefect has recorded the run, correct what it could not know, keep the story.

    Returns:
        Whether Prefect knows all of it now.
    """
    assert record.prefect_id is not None, "a claimed run has one"
    traces = read_traces(folder)
    try:
        with PrefectApi(connection) as api:
            if outcome.state == "COMPLETED":
                wait_until_recorded(api, traces)
            else:
                close_run_tree(api, record.prefect_id, outcome.state, outcome.message, traces)
            rows = read_timeline_rows(api, record.prefect_id)
        outcome.with_rows(rows).write(folder)
    except EngineError as error:
        # The run itself is over and its end is known; the engine goes on telling Prefect.
        get_logger("engine").error("the end of this run could not be recorded yet: %s", error)
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
