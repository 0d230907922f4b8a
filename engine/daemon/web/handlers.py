"""What each request to the flow API does: a translation to what the engine does anyway.

No path, address, command or setting ever comes from a request: a flow is launched as the files of
the configuration say, with another model, number of epochs or seed at most.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from engine.daemon.engine import Engine
from engine.daemon.http.answers import answer, number_of, time_of
from engine.daemon.http.engine_routes import EngineRoutes
from engine.daemon.http.run_routes import RunRoutes
from engine.daemon.web import model_commands
from engine.daemon.web.guard import client_of
from engine.daemon.web.messages import (
    STARTED,
    AliasReply,
    ModelVersion,
    ModelVersions,
    Nothing,
    Reason,
    RunFlowReply,
    RunFlowRequest,
    WebMessage,
    WebSchedule,
)
from engine.daemon.web.monitoring import MonitoringData
from engine.errors import ConfigError, ConflictError
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
    SchedulesReply,
)
from engine.states import ALL_STATES
from engine.tokens import Identity
from engine.zones import zone_of

BODY_BYTES = 64 * 1024
MOST_RUNS = 1000
DEFAULT_RUNS = 100

_NUMBER = re.compile(r"-?[0-9]{1,18}")
_WITH_MODEL = frozenset({"train_flow", "full_flow"})

T = TypeVar("T")


class RequestTooLargeError(Exception):
    """A body beyond the limit."""


class WrongTypeError(Exception):
    """A body that is not JSON by its own account."""


async def read_body(request: Request, kind: type[T]) -> T:
    """The message in a request; no body at all is an empty one.

    Raises:
        RequestTooLargeError: As soon as that is clear.
        WrongTypeError: A form or a text, as any web page could send it.
        ConfigError: It is not such a message.
    """
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > BODY_BYTES:
        raise RequestTooLargeError
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > BODY_BYTES:
            raise RequestTooLargeError
    if content:
        media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media != "application/json" or "content-encoding" in request.headers:
            raise WrongTypeError
    try:
        return msgspec.json.decode(content or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"the body cannot be understood: {_place(str(error))}") from None


def _place(message: str) -> str:
    """The library's sentence with the place first: `$.epochs` becomes `epochs`."""
    what, at, place = message.rpartition(" - at `$")
    return f"{place.rstrip('`').lstrip('.')}: {what}" if at else message


class WebHandlers:
    """Handlers of the flow API over one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._runs = RunRoutes(engine)
        self._engine_routes = EngineRoutes(engine)
        self._monitoring = MonitoringData(engine.workspace.run_folder, engine.tails.steps)

    async def check(self, _: Request, __: Identity) -> Response:
        """It is there."""
        return answer(WebMessage(message="The flow API answers"))

    async def run_flow(self, request: Request, who: Identity) -> Response:
        """Launch a flow."""
        flow = request.path_params["flow_type"]
        asked = _merged(await read_body(request, RunFlowRequest), request.query_params)
        if flow not in FLOW_NAMES:
            raise ConfigError(f"there is no flow {flow[:64]!r}; there is {', '.join(FLOW_NAMES)}")
        flags = _flags(flow, asked)
        launch = LaunchRequest(
            flow=flow,
            flags=flags,
            key=_key(request),
            priority=asked.priority,
            origin=_origin(request, who),
        )
        self._engine.warm()
        reply = await self._engine.actions.launch(launch)
        return answer(RunFlowReply(status="started", message=STARTED, flow_run_id=reply.run.id))

    async def monitoring(self, request: Request, _: Identity) -> Response:
        """Runs and their tasks, as a list and as a figure."""
        query = request.query_params
        limit = number_of(request, "limit", DEFAULT_RUNS, most=MOST_RUNS)
        flow, state = query.get("flow_type"), query.get("state")
        _check_choice("flow_type", flow, FLOW_NAMES)
        _check_choice("state", state, ALL_STATES)
        records = await self._engine.workers.table(
            self._engine.table.newest,
            limit + 1,
            flow=flow,
            state=state,
            before=time_of(request, "before"),
            since=_since(query.get("since")),
        )
        shown = records[:limit]
        zone = zone_of(self._engine.settings().timezone)
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

    async def events(self, request: Request, _: Identity) -> Response:
        """The live feed."""
        return await self._engine_routes.events(request)

    async def runs(self, request: Request, _: Identity) -> Response:
        """A page of the list of runs."""
        return await self._runs.runs(request)

    async def run(self, request: Request, _: Identity) -> Response:
        """Everything about one run."""
        detail = msgspec.json.decode((await self._runs.run(request)).body, type=RunDetail)
        return answer(msgspec.structs.replace(detail, folder=""))

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
        change = RerunRequest(key=_key(request), origin=_origin(request, who))
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

    async def schedules(self, _: Request, __: Identity) -> Response:
        """All schedules."""
        return answer(SchedulesReply(schedules=tuple(await self._engine.scheduler.list())))

    async def add_schedule(self, request: Request, _: Identity) -> Response:
        """Add or replace a schedule."""
        asked = await read_body(request, WebSchedule)
        if asked.flow not in FLOW_NAMES:
            raise ConfigError(f"flow: there is {', '.join(FLOW_NAMES)}")
        run = RunFlowRequest(model_type=asked.model_type, epochs=asked.epochs, seed=asked.seed)
        self._engine.warm()
        added = await self._engine.scheduler.add(
            ScheduleRequest(
                name=asked.name,
                flow=asked.flow,
                cron=asked.cron,
                every_seconds=asked.every_seconds,
                timezone=asked.timezone,
                flags=_flags(asked.flow, run),
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
        return answer(await self._engine.scheduler.remove(request.path_params["name"]))

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
        asked = await read_body(request, Reason)
        told = await model_commands.roll_back(self._engine.workspace, _reason(asked, request, who))
        return answer(msgspec.convert(told, type=AliasReply))


def _merged(body: RunFlowRequest, query: QueryParams) -> RunFlowRequest:
    """The body, completed by what stands in the query; the body counts more."""
    given: dict[str, Any] = {}
    for name in ("model_type", "epochs", "seed"):
        values = query.getlist(name)
        if len(values) > 1:
            raise ConfigError(f"{name} stands in the query {len(values)} times")
        if not values:
            continue
        # In a query everything is text: numbers are read from it.
        is_number = name != "model_type" and _NUMBER.fullmatch(values[0])
        given[name] = int(values[0]) if is_number else values[0]
    told = {name: getattr(body, name) for name in ("model_type", "epochs", "seed")}
    given |= {name: value for name, value in told.items() if value is not None}
    try:
        return msgspec.convert({**given, "priority": body.priority}, type=RunFlowRequest)
    except msgspec.ValidationError as error:
        raise ConfigError(f"the query cannot be understood: {_place(str(error))}") from None


def _flags(flow: str, asked: RunFlowRequest) -> dict[str, Any]:
    if flow not in _WITH_MODEL:
        return {}
    given = {"model_type": asked.model_type, "epochs": asked.epochs, "seed": asked.seed}
    return {name: value for name, value in given.items() if value is not None}


def _key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not 1 <= len(key) <= 200:
        raise ConfigError("Idempotency-Key: 1 to 200 characters")
    return key


def _origin(request: Request, who: Identity) -> str:
    return f"{who.name}, flow API, {client_of(request)}"


def _reason(asked: Reason, request: Request, who: Identity) -> str:
    by = f"by {who.name}, flow API, {client_of(request)}"
    return f"{asked.reason} ({by})" if asked.reason else by


def _check_choice(name: str, value: str | None, choices: tuple[str, ...]) -> None:
    if value is not None and value not in choices:
        raise ConfigError(f"{name}: there is {', '.join(choices)}, not {value[:64]!r}")


def _since(text: str | None) -> float | None:
    """A time in the query: ISO 8601, or seconds since the epoch."""
    if text is None:
        return None
    if text.replace(".", "", 1).isdecimal() and text.isascii():
        return float(text)
    try:
        # In a query a plus sign stands for a space.
        moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        raise ConfigError(
            f"since: an ISO 8601 time or seconds since the epoch, not {text[:64]!r}"
        ) from None
    return moment.timestamp()
