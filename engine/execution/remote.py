"""The process of a flow run on a machine that it does not belong to.

`python -m engine.execution.remote`, started by any Prefect worker, with the flow run in the
environment as Prefect has it. It does what the process of a run does at home, without the table
of runs: a folder of its own, limits, secrets of this machine, a log without them. What it does is
told by its courier; what it made is shared by storage.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import platform
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.config.loading import load_engine_settings, settings_of
from engine.errors import ConfigError, EngineError
from engine.execution.courier import Courier
from engine.execution.process import perform, take_output
from engine.prefect_server.api import PrefectApi
from engine.prefect_server.connection import Connection, connection_of_environment
from engine.prefect_server.pools import claim, set_labels
from engine.prefect_server.records import wait_until_recorded
from engine.runs.context import FromHome, RunContext
from engine.runs.limits import apply_limits, lift_limits
from engine.runs.order import CONFIG_FILE, Order
from engine.runs.outcome import Outcome
from engine.runs.placing import (
    HOST_LABEL,
    PLACED_FLOWS,
    WORKER_LABEL,
    FarEnd,
    Placement,
    claim_key,
)
from engine.runs.progress import ProgressWriter
from engine.runs.traces import read_traces
from engine.secrets_file import read_secrets
from engine.states import FINAL_STATES
from engine.store import open_depot
from engine.tables.handoffs import Handoff
from engine.workspace import Workspace

logger = logging.getLogger("engine.execution.remote")

_COURIER_SECONDS = 5.0
_KILL_SECONDS = 30.0


@dataclass(frozen=True)
class GuestWorkspace(Workspace):
    """The workspace of a machine that does runs of others: their folders are kept apart."""

    @property
    def runs(self) -> Path:
        """One folder a flow run of somebody else."""
        return self.root / "worker"


@dataclass
class Left:
    """What the run leaves for the next flow: told at its end."""

    handoffs: list[tuple[str, str, str]] = field(default_factory=list)

    def leave(self, kind: str, value: str, run_id: str, data_type: str) -> None:
        """Remember it."""
        self.handoffs.append((kind, value, data_type))

    def take(self, kind: str, data_type: str) -> Handoff | None:
        """Nothing: where the run belongs, `latest` was replaced by an id."""
        return None


def main() -> int:
    """Do the flow run that the environment names, if it is wanted and nobody else does it."""
    os.umask(0o077)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with contextlib.suppress(PermissionError):
        # Who ends the worker's terminal or group does not end its runs.
        os.setsid()
    flow_run_id = os.environ["PREFECT__FLOW_RUN_ID"]
    workspace = GuestWorkspace(Workspace.locate().root)
    connection = connection_of_environment()
    try:
        workspace.create()
        with PrefectApi(connection, deadline_seconds=_COURIER_SECONDS) as api:
            _claim_and_do(workspace, connection, api, flow_run_id)
    except EngineError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _claim_and_do(
    workspace: Workspace, connection: Connection, api: PrefectApi, flow_run_id: str
) -> None:
    flow_run = api.flow_run(flow_run_id)
    placement = Placement.parse(flow_run["parameters"])
    if flow_run["state_type"] in FINAL_STATES | {"CANCELLING"}:
        return
    me = {"host": platform.node(), "pid": os.getpid()}
    if not claim(api, flow_run_id, claim_key(placement.attempt), me):
        return
    set_labels(api, flow_run_id, {HOST_LABEL: platform.node(), WORKER_LABEL: _worker()})
    folder = workspace.run_folder(placement.run_id)
    folder.mkdir(mode=0o700, exist_ok=True)
    progress = ProgressWriter(folder)
    order = _order(workspace, placement, flow_run_id)
    most_bytes = order.log_max_mb * 1024**2
    ender = _Ender()
    courier = Courier(api, flow_run_id, folder, most_bytes=most_bytes, unwanted=ender.end)
    secrets = read_secrets(workspace.secrets)
    log = take_output(folder, order, [*secrets.values(), connection.auth])
    courier.start()
    left = Left()
    try:
        os.environ.update(secrets)
        apply_limits(order)
        flow = api.flow_names([flow_run["flow_id"]])[flow_run["flow_id"]]
        context = RunContext(
            run_id=placement.run_id,
            flow=flow,
            workspace=workspace,
            table=None,
            handoffs=left,
            progress=progress,
            depot=open_depot(workspace),
            from_home=FromHome(placement.home, placement.champion),
        )
        outcome = _perform(context, order, flow_run["parameters"].get("settings", {}))
    except EngineError as error:
        outcome = Outcome("FAILED", str(error), error.kind)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    lift_limits()
    outcome.write(folder)
    if outcome.state == "COMPLETED":
        _wait_until_recorded(connection, folder)
    progress.close()
    log.finish()
    courier.finish(
        FarEnd(
            outcome.state,
            outcome.message,
            outcome.error_kind,
            outcome.outputs,
            tuple(left.handoffs),
        )
    )


def _worker() -> str:
    """What the worker calls itself that started this process."""
    return os.environ.get("PREFECT__WORKER_NAME", "")


def _order(workspace: Workspace, placement: Placement, flow_run_id: str) -> Order:
    """What is to be done, within the limits of this machine."""
    run = load_engine_settings(workspace_configs=workspace.configs).settings.run
    return Order(
        run_id=placement.run_id,
        attempt=placement.attempt,
        prefect_id=flow_run_id,
        nice=run.nice,
        memory_limit_mb=run.memory_limit_mb,
        log_max_mb=run.log_max_mb,
        dask_scheduler=run.dask_scheduler,
    )


def _perform(context: RunContext, order: Order, values: dict[str, Any]) -> Outcome:
    """Do the flow, once its settings are found to be right here too."""
    if context.flow not in PLACED_FLOWS:
        raise ConfigError(f"{context.flow} is not done on other machines")
    (context.folder / CONFIG_FILE).write_text(json.dumps(values, indent=2), encoding="utf-8")
    logger.info("done by %s on %s", _worker() or "a worker", platform.node())
    return perform(context, order, settings_of(values))


def _wait_until_recorded(connection: Connection, folder: Path) -> None:
    try:
        with PrefectApi(connection) as api:
            wait_until_recorded(api, read_traces(folder))
    except EngineError as error:
        # Where the run belongs, the missing ones are told again.
        logger.info("%s", error)


class _Ender:
    """Ends this process when its run is no longer wanted: asking first, killing later."""

    def __init__(self) -> None:
        self._asked = False

    def end(self, why: str) -> None:
        """Ask once."""
        if self._asked:
            return
        self._asked = True
        logger.warning("this run is not wanted any more: %s", why)
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Thread(target=self._kill_later, daemon=True).start()

    def _kill_later(self) -> None:
        time.sleep(_KILL_SECONDS)
        os.killpg(os.getpgid(0), signal.SIGKILL)


if __name__ == "__main__":
    status = main()
    # Not the usual way out: threads that wait for a server are no concern of a run that is told.
    sys.stdout.flush()
    os._exit(status)
