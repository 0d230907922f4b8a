"""The flows of a full_flow that are done elsewhere: each a subflow run in the work pool."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from coolname import generate_slug
from prefect.context import FlowRunContext
from prefect.exceptions import TerminationSignal

from engine.config.flow_settings import FlowSettings
from engine.errors import EngineError, LostElsewhereError, error_of_dict
from engine.execution.driver import Drive
from engine.execution.run_log import RunLog
from engine.prefect_server.api import PrefectApi
from engine.prefect_server.connection import Connection
from engine.prefect_server.pools import place_flow_run
from engine.runs.context import RunContext
from engine.runs.order import Order
from engine.runs.outcome import Outcome

_SERVER_SECONDS = 10.0


class Subflows:
    """Has flows done by the work pool, on behalf of a flow that is done here.

    Args:
        context: The run.
        order: What it was ordered to do.
        connection: The server.
        log: Its log.
    """

    def __init__(
        self, context: RunContext, order: Order, connection: Connection, log: RunLog
    ) -> None:
        self._context = context
        self._order = order
        self._connection = connection
        self._log = log

    def __call__(self, flow: str, settings: FlowSettings, given: str | None = None) -> str:
        """Have a flow done, as a subflow run of the one that calls.

        Args:
            flow: data_flow, train_flow or eval_flow.
            settings: The settings.
            given: What the flow before handed on.

        Returns:
            What it hands on: the id of a data set, or of the run.

        Raises:
            EngineError: It failed there, with what was said of it.
            LostElsewhereError: Its process was lost.
        """
        with PrefectApi(self._connection, deadline_seconds=_SERVER_SECONDS) as api:
            outcome = self._drive(api, flow, settings, given)
        if outcome.state == "COMPLETED":
            if flow == "data_flow":
                return str(self._context.outputs["dataset"])
            return self._context.run_id
        if outcome.state == "FAILED" and outcome.error_kind:
            raise error_of_dict({"kind": outcome.error_kind, "message": outcome.message})
        if outcome.state == "CRASHED":
            raise LostElsewhereError(f"{flow}: {outcome.message}")
        raise EngineError(f"{flow} was {outcome.state.lower()}: {outcome.message}")

    def _drive(
        self, api: PrefectApi, flow: str, settings: FlowSettings, given: str | None
    ) -> Outcome:
        own = FlowRunContext.get()
        assert own is not None and own.flow_run is not None, "Prefect sets the context of a flow"
        context = replace(self._context, flow=flow)
        prefect_id, _ = place_flow_run(
            api,
            self._order.pool,
            flow,
            name=generate_slug(2),
            parameters={},
            idempotency_key=f"{context.run_id}:{flow}",
            parent_task_run=_stand_in(api, str(own.flow_run.id), flow),
        )
        order = replace(self._order, prefect_id=prefect_id)
        drive = Drive(context, order, api, self._log, settings=settings, given=given)
        try:
            outcome = drive.until_end()
        except (TerminationSignal, KeyboardInterrupt):
            drive.leave()
            raise
        assert outcome is not None, "only the process of a whole run gives it up"
        return outcome


def _stand_in(api: PrefectApi, flow_run: str, flow: str) -> str:
    """The task run that stands for a subflow run in its parent."""
    body: dict[str, Any] = {
        "flow_run_id": flow_run,
        "name": flow,
        "task_key": f"mlops-tui.placed.{flow}",
        "dynamic_key": "0",
        "state": {"type": "PENDING"},
    }
    return str(api.call("POST", "/task_runs/", body)["id"])
