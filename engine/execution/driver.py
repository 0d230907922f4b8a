"""Seeing to it that a run is done by a worker of a work pool, from where the run belongs.

The process of such a run computes nothing. It offers the flow run to the pool, writes down what is
told of it, and brings it to a true end, also when nobody tells of it any more. It may die at any
time: another one goes on where it stopped.
"""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Mapping
from typing import Any

from engine.config.flow_settings import FlowSettings
from engine.config.loading import load_effective
from engine.errors import EngineError, NotFoundError, ServerError
from engine.execution.offering import parameters_of
from engine.execution.relay import Relay
from engine.execution.run_log import RunLog
from engine.prefect_server.api import PrefectApi
from engine.prefect_server.connection import Connection
from engine.prefect_server.pools import (
    claim,
    offer,
    read_input,
    read_pool,
    waiting_before,
)
from engine.runs.context import RunContext
from engine.runs.order import CONFIG_FILE, Order
from engine.runs.outcome import Outcome
from engine.runs.placing import (
    ALIVE_LABEL,
    HOST_LABEL,
    NOT_PLACED,
    OUTCOME_KEY,
    WORKER_LABEL,
    FarEnd,
    Placement,
    claim_key,
)
from engine.states import FINAL_STATES
from engine.tasks.handoff import CANDIDATE, DATASET, EVALUATION

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
_WHY_SECONDS = 5.0
_LOOKS_BETWEEN = 5
_SERVER_SECONDS = 10.0
# Who was ended by its worker may still be writing what it has to say.
_LAST_WORDS_SECONDS = 5.0
_ANSWER_SECONDS = 15.0
# How many times as long as for a sign of life is waited for a beginning: libraries are read first,
# and a container may have to be fetched.
_TO_BEGIN, _TO_BEGIN_SLOWLY = 2, 10
_HANDED_OVER = {"data_flow": DATASET, "train_flow": CANDIDATE, "eval_flow": EVALUATION}


def drive(context: RunContext, order: Order, connection: Connection, log: RunLog) -> Outcome | None:
    """Have the run of this process done by the pool that the order names.

    Returns:
        How it ended; None when this process was told to end, and nobody wants the run to.
    """
    with PrefectApi(connection, deadline_seconds=_SERVER_SECONDS) as api:
        return Drive(context, order, api, log).until_end()


class Drive:
    """One flow run in a pool, until it has ended.

    Args:
        context: The run that it belongs to, with the flow that is done.
        order: Prefect's id of the flow run, and how long is waited for what.
        api: The server.
        log: The log of the run.
        settings: Those of the flow when it is a part of the run; None when it is the run itself.
        given: What the part before handed on.
    """

    def __init__(
        self,
        context: RunContext,
        order: Order,
        api: PrefectApi,
        log: RunLog,
        *,
        settings: FlowSettings | None = None,
        given: str | None = None,
    ) -> None:
        self._context = context
        self._order = order
        self._api = api
        self._id = order.prefect_id
        self._settings = settings
        self._given = given
        self._relay = Relay(api, self._id, context.folder, log, context.progress)
        self._told_to_end = False
        self._asked_at: float | None = None
        self._host = ""
        self._why = ""
        self._why_next = 0.0
        self._beat: Any = None
        self._beat_at = time.monotonic()
        self._pending_at: float | None = None
        self._ended_at: float | None = None
        self._looks = 0
        if settings is None:
            signal.signal(signal.SIGTERM, self._told)

    @property
    def _is_part(self) -> bool:
        return self._settings is not None

    def _told(self, number: int, _: object) -> None:
        self._told_to_end = True

    def until_end(self) -> Outcome | None:
        """Look again and again; a server that is away is waited for."""
        away = 0.0
        while True:
            began = time.monotonic()
            try:
                end = self._look()
                away = 0.0
            except ServerError as error:
                if not away:
                    logger.warning("%s", error)
                away = away or began
                # Nobody can tell of a run while the server is away: that is no sign of death.
                self._beat_at = time.monotonic()
                end = self._give_up_cancelled()
            if end is not None:
                return end
            if self._told_to_end and not self._is_cancelled():
                return None
            # Each look asks the server; who waits in the pool is not in a hurry.
            time.sleep(_LOOK_SECONDS if self._host else 2 * _LOOK_SECONDS)

    def _is_time_to_ask(self) -> bool:
        """Whether to ask for an end although Prefect has none: it failed before it had begun."""
        self._looks += 1
        return self._looks % _LOOKS_BETWEEN == 0

    def leave(self) -> None:
        """Ask for the end of what is not waited for any more."""
        try:
            self._api.propose_cancelling(self._id)
        except EngineError as error:
            logger.info("%s could not be told to end: %s", self._context.flow, error)

    def _look(self) -> Outcome | None:
        try:
            flow_run = self._api.flow_run(self._id)
        except NotFoundError as error:
            return self._deleted(error)
        if flow_run["state_name"] == NOT_PLACED:
            if self._is_cancelled():
                return Outcome("CANCELLED", "cancelled before anybody began with it")
            self._offer_first()
            return None
        self._note_host(flow_run)
        while self._host and self._relay.take():
            pass
        if self._is_cancelled():
            self._ask_to_end()
        state = flow_run["state_type"]
        if state in FINAL_STATES:
            return self._at_end(flow_run)
        end = self._reported() if self._host and self._is_time_to_ask() else None
        if end is not None:
            return end
        if self._host:
            return self._given_up_as_lost() or self._give_up_cancelled()
        if state == "PENDING":
            self._see_whether_it_begins(flow_run)
        elif state == "SCHEDULED":
            self._pending_at = None
            self._say_why(flow_run)
        return self._give_up_cancelled()

    # Offering

    def _offer_first(self) -> None:
        settings = self._settings or load_effective(self._context.folder / CONFIG_FILE)
        parameters = parameters_of(self._context, settings, self._given)
        offer(self._api, self._id, parameters, f"for the workers of {self._order.pool}")
        logger.info("%s: placed in work pool %s", self._context.flow, self._order.pool)

    def _see_whether_it_begins(self, flow_run: Mapping[str, Any]) -> None:
        """A worker has taken it; one that dies before it has begun must not keep it."""
        now = time.monotonic()
        self._pending_at = self._pending_at or now
        worker = flow_run.get("labels", {}).get("prefect.worker.name", "")
        self._wait(f"worker {worker or 'of the pool'} has taken it and is beginning")
        if now - self._pending_at < self._patience_to_begin():
            return
        placement = Placement.parse(flow_run["parameters"])
        if not claim(self._api, self._id, claim_key(placement.attempt), {"host": "home"}):
            self._pending_at = None  # somebody has just begun
            return
        # Nobody can begin with that attempt any more, however late he comes.
        again = Placement(**{**placement.to_dict(), "attempt": placement.attempt + 1})
        parameters = {**flow_run["parameters"], "placement": again.to_dict()}
        offer(self._api, self._id, parameters, "the worker that took it did not begin")
        self._pending_at = None
        logger.warning(
            "worker %s took the run and did not begin: it is offered again", worker or "?"
        )

    def _patience_to_begin(self) -> float:
        try:
            pool = read_pool(self._api, self._order.pool)
        except NotFoundError:
            return _TO_BEGIN * self._order.lost_after_seconds
        slow = pool.type != "process" and bool(pool.online)
        return self._order.lost_after_seconds * (_TO_BEGIN_SLOWLY if slow else _TO_BEGIN)

    # Following

    def _note_host(self, flow_run: Mapping[str, Any]) -> None:
        labels = flow_run.get("labels") or {}
        host = str(labels.get(HOST_LABEL, ""))
        if host and not self._host:
            worker = str(labels.get(WORKER_LABEL, ""))
            self._host = f"{worker} on {host}" if worker else host
            self._beat_at = time.monotonic()
            self._context.run_table.begin_elsewhere(self._context.run_id, self._host)
            self._tell_change()
        beat = labels.get(ALIVE_LABEL)
        if beat != self._beat:
            self._beat, self._beat_at = beat, time.monotonic()

    def _given_up_as_lost(self) -> Outcome | None:
        silent = time.monotonic() - self._beat_at
        if silent < self._order.lost_after_seconds:
            return None
        if self._is_cancelled():
            return Outcome("CANCELLED", f"cancelled; {self._host} did not answer")
        return Outcome(
            "CRASHED",
            f"nothing was heard of it for {silent:.0f} s from {self._host}: its process or that "
            "machine died, or its network did",
        )

    def _say_why(self, flow_run: Mapping[str, Any]) -> None:
        now = time.monotonic()
        if now < self._why_next:
            return
        self._why_next = now + _WHY_SECONDS
        self._wait(why_in_pool(self._api, self._order.pool, flow_run))

    def _wait(self, why: str) -> None:
        if why == self._why:
            return
        self._why = why
        if self._is_part:
            logger.info("%s: %s", self._context.flow, why)
        else:
            self._context.run_table.set_waiting(self._context.run_id, why)
            self._tell_change()

    def _tell_change(self) -> None:
        record = self._context.run_table.get(self._context.run_id)
        self._context.progress.write("run", state=record.state)

    # Ending

    def _is_cancelled(self) -> bool:
        return self._context.run_table.get(self._context.run_id).cancel_requested

    def _ask_to_end(self) -> None:
        if self._asked_at is None:
            self._asked_at = time.monotonic()
            self._api.propose_cancelling(self._id)

    def _give_up_cancelled(self) -> Outcome | None:
        """A run that was cancelled, and of which nobody says that it has ended."""
        if self._asked_at is None:
            return None
        if time.monotonic() - self._asked_at < self._order.cancel_seconds + _ANSWER_SECONDS:
            return None
        return Outcome("CANCELLED", f"cancelled; {self._host or 'the pool'} did not answer")

    def _at_end(self, flow_run: Mapping[str, Any]) -> Outcome | None:
        """Prefect has an end for it; what it made is told a moment later."""
        end = self._reported()
        if end is not None:
            return end
        now = time.monotonic()
        self._ended_at = self._ended_at or now
        state = str(flow_run["state_type"])
        message = str((flow_run.get("state") or {}).get("message") or "")
        if state in ("CANCELLED", "CRASHED"):
            if now - self._ended_at < _LAST_WORDS_SECONDS:
                return None
            if self._is_cancelled():
                return Outcome("CANCELLED", "cancelled")
            where = f" on {self._host}" if self._host else ""
            return Outcome(state, f"its process{where} is gone: {message}")
        if now - max(self._ended_at, self._beat_at) < self._order.lost_after_seconds:
            return None
        return Outcome(
            "CRASHED",
            f"it was {state}, but its process on {self._host} died before it had told what it made",
        )

    def _reported(self) -> Outcome | None:
        reported = read_input(self._api, self._id, OUTCOME_KEY)
        if reported is None:
            return None
        end = FarEnd.parse(reported)
        deadline = time.monotonic() + _SERVER_SECONDS
        while not self._relay.has_all(end.last) and time.monotonic() < deadline:
            if not self._relay.take():
                time.sleep(_LOOK_SECONDS / 5)
        self._context.outputs.update(end.outputs)
        if end.state == "COMPLETED":
            self._bring_home()
            self._hand_over(end)
        elif self._is_cancelled() and end.state == "CRASHED":
            return Outcome("CANCELLED", "cancelled", "", end.outputs)
        return Outcome(end.state, end.message, end.error_kind, end.outputs)

    def _bring_home(self) -> None:
        """Have here what it made: everything that looks at runs finds it where it always is."""
        context = self._context
        kind = _HANDED_OVER[context.flow]
        if kind != DATASET:
            context.fetch(kind, context.run_id, context.folder / kind)
        elif name := str(context.outputs.get(DATASET, "")):
            context.fetch(DATASET, name, context.workspace.datasets / name)

    def _hand_over(self, end: FarEnd) -> None:
        expected = _HANDED_OVER[self._context.flow]
        for kind, value, data_type in end.handoffs:
            if kind == expected:
                self._context.hand_over(kind, value, data_type)

    def _deleted(self, error: EngineError) -> Outcome:
        if self._is_cancelled():
            return Outcome("CANCELLED", "cancelled")
        return Outcome("CRASHED", f"somebody deleted its flow run in Prefect: {error}")


def why_in_pool(api: PrefectApi, pool: str, flow_run: Mapping[str, Any]) -> str:
    """Why nobody of a pool has taken a flow run yet, as a sentence."""
    try:
        found = read_pool(api, pool)
    except NotFoundError as error:
        return str(error)
    if found.is_paused:
        return f"work pool {pool} is paused"
    if not found.online:
        return (
            f"no worker polls work pool {pool}; start one on the other machine: "
            f"engine worker --pool {pool}"
        )
    before = waiting_before(api, pool, flow_run)
    limit = f", which does at most {found.limit} at once" if found.limit else ""
    if before:
        return (
            f"waits in work pool {pool} behind {before} {'run' if before == 1 else 'runs'}{limit}"
        )
    return f"is next in work pool {pool}{limit}, when a worker has room"
