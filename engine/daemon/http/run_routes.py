"""Runs: launch, list, show, follow, cancel, repeat, delete."""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import Response

from engine.daemon.engine import Engine
from engine.daemon.http.answers import answer, body_of, flag_of, number_of, time_of
from engine.daemon.tails import read_progress, read_steps, step_info
from engine.run_filter import parse_filter
from engine.runs.log import LogCursor, LogPart, read_log, tail_log
from engine.runs.outcome import Outcome
from engine.schema import (
    FLOW_NAMES,
    CancelRequest,
    ChooseRequest,
    FlowFacts,
    FlowsReply,
    LaunchRequest,
    LogReply,
    ProgressReply,
    RerunRequest,
    RunDetail,
    RunPage,
)
from engine.tables.run_lists import FlowView
from engine.tables.run_record import RunRecord

_MOST_RUNS = 1000
_MOST_OFFSET = 2**53
_MOST_LINES = 100_000


class RunRoutes:
    """Handlers of requests about runs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._actions = engine.actions
        self._table = engine.table
        self._lists = engine.lists
        self._workers = engine.workers

    async def launch(self, request: Request) -> Response:
        """Accept a run."""
        asked = await body_of(request, LaunchRequest)
        self._engine.warm()
        return answer(await self._actions.launch(asked))

    async def rerun(self, request: Request) -> Response:
        """Accept a run like an earlier one."""
        asked = await body_of(request, RerunRequest)
        self._engine.warm()
        return answer(await self._actions.rerun(request.path_params["run_id"], asked))

    async def cancel(self, request: Request) -> Response:
        """End one run."""
        asked = await body_of(request, CancelRequest)
        run_id = request.path_params["run_id"]
        return answer(await self._actions.cancel(run_id, hard=asked.hard))

    async def cancel_all(self, request: Request) -> Response:
        """End the chosen runs."""
        chosen = await body_of(request, ChooseRequest)
        return answer(await self._actions.cancel_all(chosen, hard=flag_of(request, "hard")))

    async def delete(self, request: Request) -> Response:
        """Delete the chosen runs."""
        chosen = await body_of(request, ChooseRequest)
        self._engine.warm()
        return answer(await self._actions.delete(chosen, force=flag_of(request, "force")))

    async def runs(self, request: Request) -> Response:
        """List runs, newest first."""
        limit = number_of(request, "limit", 50, most=_MOST_RUNS)
        query = request.query_params
        if "offset" in query or "filter" in query:
            return await self._slice(request, limit)
        records = await self._workers.table(
            self._table.newest,
            limit + 1,
            flow=query.get("flow"),
            state=query.get("state"),
            before=time_of(request, "before"),
        )
        shown = records[:limit]
        before = shown[-1].created if len(records) > limit else None
        return answer(RunPage(runs=tuple(map(self._actions.info, shown)), before=before))

    async def _slice(self, request: Request, limit: int) -> Response:
        """A part of the list from anywhere in it, with the length of the list."""
        query = request.query_params
        offset = number_of(request, "offset", 0, least=0, most=_MOST_OFFSET)
        part = await self._workers.table(
            self._lists.slice,
            limit,
            offset=offset,
            fits=parse_filter(query.get("filter", "")),
            now=time.time(),
            flow=query.get("flow"),
            state=query.get("state"),
            before=time_of(request, "before"),
        )
        more = part.total > offset + limit
        return answer(
            RunPage(
                runs=tuple(map(self._actions.info, part.runs)),
                before=part.runs[-1].created if part.runs and more else None,
                total=part.total,
            )
        )

    async def flows(self, _: Request) -> Response:
        """What became of each flow lately."""
        views = await self._workers.table(self._lists.flows, FLOW_NAMES)
        return answer(FlowsReply(flows=tuple(map(self._facts, views))))

    async def run(self, request: Request) -> Response:
        """Everything about one run."""
        record = await self._find(request)
        folder = self._engine.workspace.run_folder(record.id)
        steps = self._engine.tails.steps(record.id)
        if steps is None:
            steps = await self._workers.table(read_steps, folder)
        outcome = await self._workers.table(Outcome.read, folder)
        return answer(
            RunDetail(
                run=self._actions.info(record),
                folder=str(folder),
                steps=tuple(map(step_info, steps)),
                outputs=outcome.outputs if outcome else {},
                rows=outcome.plain_rows() if outcome else (),
                overrides=tuple(record.request.get("overrides", ())),
                flags=record.request.get("flags", {}),
            )
        )

    async def log(self, request: Request) -> Response:
        """A part of the log of a run."""
        record = await self._find(request)
        folder = self._engine.workspace.run_folder(record.id)
        ended = record.is_final and record.id not in self._engine.keeper.living

        def read() -> LogPart:
            if "cursor" in request.query_params:
                cursor = LogCursor.parse(request.query_params["cursor"])
                return read_log(folder, cursor, ended=ended)
            if "tail" in request.query_params:
                count = number_of(request, "tail", 100, most=_MOST_LINES)
                return tail_log(folder, count, ended=ended)
            return read_log(folder, LogCursor(), ended=ended)

        part = await self._workers.table(read)
        return answer(
            LogReply(
                lines=tuple(part.lines), cursor=str(part.cursor), ended=ended and not part.lines
            )
        )

    async def progress(self, request: Request) -> Response:
        """Progress events of a run."""
        record = await self._find(request)
        folder = self._engine.workspace.run_folder(record.id)
        offset = number_of(request, "offset", 0, least=0, most=2**53)
        events, offset = await self._workers.table(read_progress, folder, offset)
        return answer(ProgressReply(events=tuple(events), offset=offset))

    def _facts(self, view: FlowView) -> FlowFacts:
        last = view.last_started
        return FlowFacts(
            flow=view.flow,
            counts=view.counts,
            last_started=None if last is None else self._actions.info(last),
            durations=view.durations,
            states=view.states,
        )

    async def _find(self, request: Request) -> RunRecord:
        return await self._workers.table(self._table.get, request.path_params["run_id"])
