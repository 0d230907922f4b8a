"""What each request to the flow API does: a translation to what the engine does anyway.

No path, address, command or setting ever comes from a request: a flow is launched as the files of
the configuration say, for another kind of data, model, number of epochs or seed at most.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from engine.daemon.engine import Engine
from engine.daemon.http.answers import answer, number_of, time_of
from engine.daemon.http.engine_routes import EngineRoutes
from engine.daemon.http.run_routes import RunRoutes
from engine.daemon.http.schedule_routes import ScheduleRoutes
from engine.daemon.metrics import exposition
from engine.daemon.web import model_commands
from engine.daemon.web.asking import (
    check_choice,
    completed,
    flags_of,
    key_of,
    read_body,
    since_of,
)
from engine.daemon.web.guard import client_of
from engine.daemon.web.messages import (
    ACTUALS_BYTES,
    STARTED,
    ActualsReply,
    ActualsRequest,
    AliasReply,
    DriftReply,
    ModelVersion,
    ModelVersions,
    Nothing,
    Reason,
    RollbackRequest,
    RunFlowReply,
    RunFlowRequest,
    WebMessage,
    WebSchedule,
    drift_check,
)
from engine.daemon.web.monitoring import MonitoringData
from engine.errors import ConflictError
from engine.schema import (
    FLOW_NAMES,
    CancelRequest,
    ChooseRequest,
    EngineStatus,
    LaunchReply,
    LaunchRequest,
    RerunRequest,
    RunDetail,
    ScheduleChange,
    ScheduleRequest,
)
from engine.states import ALL_STATES
from engine.tables.actuals import Actual, Actuals, Label, checked
from engine.tables.drift_checks import DriftChecks
from engine.tokens import Identity
from engine.workspace import Workspace
from engine.zones import zone_of
from models.data_types import DATA_TYPES

_MOST_RUNS = 1000
_DEFAULT_RUNS = 100
_DEFAULT_CHECKS = 20


class WebHandlers:
    """Handlers of the flow API over one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._runs = RunRoutes(engine)
        self._schedules = ScheduleRoutes(engine)
        self._engine_routes = EngineRoutes(engine)
        self._monitoring = MonitoringData(engine.workspace.run_folder, engine.tails.steps)

    async def check(self, _: Request, __: Identity) -> Response:
        """It is there."""
        return answer(WebMessage(message="The flow API answers"))

    async def run_flow(self, request: Request, who: Identity) -> Response:
        """Launch a flow."""
        flow = request.path_params["flow_type"]
        check_choice("flow", flow, FLOW_NAMES)
        asked = completed(await read_body(request, RunFlowRequest), request.query_params)
        launch = LaunchRequest(
            flow=flow,
            flags=flags_of(flow, asked),
            key=key_of(request),
            priority=asked.priority,
            origin=_origin(request, who),
        )
        self._engine.warm()
        reply = await self._engine.actions.launch(launch)
        return answer(RunFlowReply(status="started", message=STARTED, flow_run_id=reply.run.id))

    async def monitoring(self, request: Request, _: Identity) -> Response:
        """Runs and their tasks, as a list and as a figure."""
        query = request.query_params
        limit = number_of(request, "limit", _DEFAULT_RUNS, most=_MOST_RUNS)
        flow, state = query.get("flow_type"), query.get("state")
        check_choice("flow_type", flow, FLOW_NAMES)
        check_choice("state", state, ALL_STATES)
        zone = zone_of(self._engine.settings().timezone)
        records = await self._engine.workers.table(
            self._engine.table.newest,
            limit + 1,
            flow=flow,
            state=state,
            before=time_of(request, "before"),
            since=since_of(query.get("since"), zone),
        )
        shown = records[:limit]
        # Not among the calls of the table: a thousand small files may have to be read.
        data = await self._engine.workers.settings(self._monitoring.of, shown, zone)
        response = answer(data)
        if len(records) > limit:
            following = request.url.include_query_params(before=repr(shown[-1].created))
            response.headers["link"] = f'<{following.path}?{following.query}>; rel="next"'
        return response

    async def status(self, _: Request, __: Identity) -> Response:
        """How everything is doing."""
        status: EngineStatus = await self._engine.status()
        return answer(msgspec.structs.replace(status, workspace="", prefect_url=""))

    async def metrics(self, _: Request, __: Identity) -> Response:
        """Everything that a scraper wants to know."""
        return Response(
            await self._engine.metrics.text(), headers={"content-type": exposition.CONTENT_TYPE}
        )

    async def events(self, request: Request, _: Identity) -> Response:
        """The live feed."""
        return await self._engine_routes.events(request)

    async def runs(self, request: Request, _: Identity) -> Response:
        """A page of the list of runs."""
        return await self._runs.runs(request)

    async def flows(self, request: Request, _: Identity) -> Response:
        """What became of each flow lately."""
        return await self._runs.flows(request)

    async def run(self, request: Request, _: Identity) -> Response:
        """Everything about one run."""
        detail = msgspec.json.decode((await self._runs.run(request)).body, type=RunDetail)
        # Paths and settings are the business of this machine.
        return answer(msgspec.structs.replace(detail, folder="", overrides=(), flags={}))

    async def log(self, request: Request, _: Identity) -> Response:
        """A part of a log."""
        return await self._runs.log(request)

    async def progress(self, request: Request, _: Identity) -> Response:
        """Progress events of a run."""
        return await self._runs.progress(request)

    async def cancel(self, request: Request, _: Identity) -> Response:
        """End a run."""
        asked = await read_body(request, CancelRequest)
        run_id = request.path_params["run_id"]
        return answer(await self._engine.actions.cancel(run_id, hard=asked.hard))

    async def rerun(self, request: Request, who: Identity) -> Response:
        """Launch a run as an earlier one was launched."""
        await read_body(request, Nothing)
        self._engine.warm()
        change = RerunRequest(key=key_of(request), origin=_origin(request, who))
        reply: LaunchReply = await self._engine.actions.rerun(request.path_params["run_id"], change)
        return answer(reply)

    async def delete(self, request: Request, _: Identity) -> Response:
        """Delete a run that has ended."""
        self._engine.warm()
        run_id = (
            await self._engine.workers.table(self._engine.table.get, request.path_params["run_id"])
        ).id
        reply = await self._engine.actions.delete(ChooseRequest(ids=(run_id,)), force=False)
        if reason := reply.refused.get(run_id):
            raise ConflictError(reason)
        return answer(reply)

    async def schedules(self, request: Request, _: Identity) -> Response:
        """All schedules."""
        return await self._schedules.list(request)

    async def add_schedule(self, request: Request, _: Identity) -> Response:
        """Add or replace a schedule."""
        asked = await read_body(request, WebSchedule)
        check_choice("flow", asked.flow, FLOW_NAMES)
        self._engine.warm()
        added = await self._engine.scheduler.add(
            ScheduleRequest(
                name=asked.name,
                flow=asked.flow,
                cron=asked.cron,
                every_seconds=asked.every_seconds,
                timezone=asked.timezone,
                flags=flags_of(asked.flow, asked),
                priority=asked.priority,
                catch_up=asked.catch_up,
                enabled=asked.enabled,
                replace=asked.replace,
            )
        )
        return answer(added)

    async def change_schedule(self, request: Request, _: Identity) -> Response:
        """Pause or resume a schedule."""
        asked = await read_body(request, ScheduleChange)
        name = request.path_params["name"]
        return answer(await self._engine.scheduler.set_enabled(name, asked.enabled))

    async def remove_schedule(self, request: Request, _: Identity) -> Response:
        """Remove a schedule."""
        return await self._schedules.remove(request)

    async def add_actuals(self, request: Request, _: Identity) -> Response:
        """Take actual values; all of them, or none."""
        asked = await read_body(request, ActualsRequest, ACTUALS_BYTES)
        added = await self._engine.workers.settings(_add_actuals, self._engine.workspace, asked)
        return answer(added)

    async def drift(self, request: Request, _: Identity) -> Response:
        """What the newest checks of drift found."""
        limit = number_of(request, "limit", _DEFAULT_CHECKS, most=_MOST_RUNS)
        data_type = request.query_params.get("data_type")
        check_choice("data_type", data_type, DATA_TYPES)
        checks = DriftChecks(self._engine.workspace.database)
        found = await self._engine.workers.table(checks.newest, limit, data_type)
        return answer(DriftReply(checks=[drift_check(check) for check in found]))

    async def models(self, _: Request, __: Identity) -> Response:
        """The deployed versions."""
        told = await model_commands.list_versions(self._engine.workspace)
        return answer(ModelVersions(versions=msgspec.convert(told, type=list[ModelVersion])))

    async def promote(self, request: Request, who: Identity) -> Response:
        """Let a version serve."""
        asked = await read_body(request, Reason)
        told = await model_commands.promote(
            self._engine.workspace, request.path_params["version"], _reason(asked, request, who)
        )
        return answer(msgspec.convert(told, type=AliasReply))

    async def roll_back(self, request: Request, who: Identity) -> Response:
        """Let the previous version serve again."""
        asked = await read_body(request, RollbackRequest)
        check_choice("data_type", asked.data_type, DATA_TYPES)
        told = await model_commands.roll_back(
            self._engine.workspace, asked.data_type, _reason(asked, request, who)
        )
        return answer(msgspec.convert(told, type=AliasReply))


def _add_actuals(workspace: Workspace, asked: ActualsRequest) -> ActualsReply:
    today = dt.date.today()
    # Checked before anything is written: all of them are added, or none.
    values = [checked(Actual(one.series, one.date, one.value), today) for one in asked.values]
    labels = [Label(one.sha256, one.label) for one in asked.labels]
    return ActualsReply(**asdict(Actuals(workspace.actuals).add(values, labels)))


def _origin(request: Request, who: Identity) -> str:
    return f"{who.name}, flow API, {client_of(request)}"


def _reason(asked: Reason | RollbackRequest, request: Request, who: Identity) -> str:
    by = f"by {who.name}, flow API, {client_of(request)}"
    return f"{asked.reason} ({by})" if asked.reason else by
