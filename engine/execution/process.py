"""Main program of a run process: `python -m engine.execution.process WORKSPACE`.

It makes the slow imports first, then reads from its standard input which run it shall do, so that
the imports go on while the server starts. Its output goes to the run's log.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from prefect.client.orchestration import get_client
from prefect.exceptions import TerminationSignal
from prefect.flow_engine import run_flow
from prefect.logging import get_logger

from engine.config.loading import load_effective
from engine.errors import EngineError, ServerError
from engine.execution.closing import close_run_tree, read_timeline_rows, wait_until_recorded
from engine.execution.order import CONFIG_FILE, Order
from engine.execution.outcome import Outcome
from engine.execution.settings import run_settings
from engine.flows.catalogue import FLOWS
from engine.prefect_server.api import PrefectApi
from engine.prefect_server.connection import Connection
from engine.runs.context import RunContext, use_run_context
from engine.runs.progress import ProgressWriter
from engine.runs.table import RunRecord, RunTable
from engine.workspace import Workspace


def main() -> int:
    """Do one run; exit status 0 when it completed, 1 when it ended otherwise."""
    workspace = Workspace(Path(sys.argv[1]))
    line = sys.stdin.readline()
    if not line:
        return 0  # the launcher went away, or failed, before there was a run
    order = Order(**json.loads(line))
    os.umask(0o077)
    os.nice(order.nice)
    table = RunTable(workspace.database)
    record = table.get(order.run_id)
    context = RunContext(
        run_id=record.id,
        flow=record.flow,
        workspace=workspace,
        table=table,
        progress=ProgressWriter(workspace.run_folder(record.id)),
    )
    table.set_running(record.id)
    outcome = _perform(context)
    # From here on the run is over; being told to stop must not make its record untrue.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    outcome = _settle(context, outcome)
    table.finish(record.id, outcome.state, outcome.message, outcome.error_kind)
    return 0 if outcome.state == "COMPLETED" else 1


def _perform(context: RunContext) -> Outcome:
    """Do the flow and say how it ended; what it raised stands in the log with its traceback."""
    try:
        settings = load_effective(context.folder / CONFIG_FILE)
        with run_settings():
            with get_client(sync_client=True) as client:
                flow_run = client.read_flow_run(context.run_id)  # type: ignore[arg-type]
            with use_run_context(context):
                run_flow(FLOWS[context.flow], flow_run=flow_run, parameters={"settings": settings})
    except (TerminationSignal, KeyboardInterrupt):
        return _terminated(context.table.get(context.run_id))
    except EngineError as error:
        return Outcome("FAILED", str(error), error.kind, context.outputs)
    except Exception as error:  # noqa: BLE001  the end of every run is recorded, whatever it was
        get_logger("engine").debug("the run failed", exc_info=True)
        return Outcome("FAILED", f"{type(error).__name__}: {error}", "", context.outputs)
    return Outcome("COMPLETED", "", "", context.outputs)


def _terminated(record: RunRecord) -> Outcome:
    if record.cancel_requested:
        return Outcome("CANCELLED", "cancelled")
    return Outcome("CRASHED", "its process was told to end (SIGTERM)")


def _settle(context: RunContext, outcome: Outcome) -> Outcome:
    """Wait until Prefect has recorded the run, correct what it could not know, keep the story."""
    connection = Connection(os.environ["PREFECT_API_URL"], os.environ["PREFECT_API_AUTH_STRING"], 0)
    logger = get_logger("engine")
    try:
        with PrefectApi(connection) as api:
            wait_until_recorded(api, context.task_run_ids)
            if outcome.state != "COMPLETED":
                close_run_tree(api, context.run_id, outcome.state, outcome.message)
            outcome = outcome.with_rows(read_timeline_rows(api, context.run_id))
        context.table.set_closed(context.run_id)
    except ServerError as error:
        # The run itself is over and its end is known; the next server start tells Prefect.
        logger.error("the end of this run could not be recorded: %s", error)
    context.progress.write("end", state=outcome.state, message=outcome.message)
    context.progress.close()
    outcome.write(context.folder)
    return outcome


if __name__ == "__main__":
    sys.exit(main())
