"""Every operation of the flow API, and its description in the format of OpenAPI."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct

from engine.daemon.web.messages import (
    ActualsReply,
    ActualsRequest,
    AliasReply,
    DriftReply,
    ModelVersions,
    Monitoring,
    Nothing,
    Reason,
    RollbackRequest,
    RunFlowReply,
    RunFlowRequest,
    WebError,
    WebMessage,
    WebSchedule,
)
from engine.ids import ID
from engine.openapi import EVERYWHERE, WITH_TOKEN, as_json, describe, schemas_of
from engine.run_filter import MOST_CHARACTERS
from engine.schema import (
    FLOW_NAMES,
    CancelRequest,
    EngineStatus,
    FlowsReply,
    LaunchReply,
    LogReply,
    ProgressReply,
    RunDetail,
    RunInfo,
    RunPage,
    RunsReply,
    ScheduleChange,
    ScheduleInfo,
    SchedulesReply,
)
from engine.states import ALL_STATES
from engine.tokens import Role
from models.data_types import DATA_TYPES

_TEXT: dict[str, Any] = {"type": "string"}
_SINCE = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "format": "date-time"}]}
_FLOW = {"type": "string", "enum": list(FLOW_NAMES)}
_STATE = {"type": "string", "enum": list(ALL_STATES)}
_MOMENT = {"type": "number"}
_SWITCH = {"type": "boolean"}


def _whole(least: int, most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, "maximum": most}


@dataclass(frozen=True)
class Operation:
    """One thing that can be asked for.

    Attributes:
        method: HTTP method.
        path: With its parameters in braces.
        handler: Name of the method of `WebHandlers` that answers.
        role: What is needed; a viewer's role only over the network.
        summary: What it does.
        reply: Type of the answer.
        body: Type of the body, None when there is none.
        query: Schemas of the query parameters.
        statuses: What else it answers, beside what everything answers.
        media: What the answer is where it is no JSON.
    """

    method: str
    path: str
    handler: str
    role: Role | None
    summary: str
    reply: type[Struct] | None
    body: type[Struct] | None = None
    query: dict[str, dict[str, Any]] = field(default_factory=dict)
    statuses: tuple[int, ...] = ()
    media: str = ""


_RUN = "/api/v1/runs/{run_id}"
_LIST = {"limit": _whole(1, 1000)}
_SEARCH = {
    "offset": _whole(0, 2**53),
    "filter": {"type": "string", "maxLength": MOST_CHARACTERS},
}
_START: dict[str, dict[str, Any]] = {
    "data_type": {"type": "string", "enum": list(DATA_TYPES)},
    "model_type": {"type": "string", "minLength": 1, "maxLength": 64},
    "epochs": _whole(-(2**53), 2**53),
    "seed": _whole(0, 2**32 - 1),
}

OPERATIONS = (
    Operation(
        "GET", "/api/run_flow_api_check", "check", None, "Whether the flow API answers.", WebMessage
    ),
    Operation(
        *("POST", "/api/run_flow/{flow_type}", "run_flow", "operator"),
        "Launch a flow; it goes on in the background.",
        RunFlowReply,
        RunFlowRequest,
        _START,
        (422, 503),
    ),
    Operation(
        *("GET", "/api/flow-monitoring-data", "monitoring", "viewer"),
        "Runs and their tasks, the newest first, and a figure of them for Plotly. "
        "The header Link names the next page.",
        Monitoring,
        query={
            **_LIST,
            "since": _SINCE,
            "before": _MOMENT,
            "flow_type": _FLOW,
            "state": _STATE,
        },
        statuses=(422,),
    ),
    Operation(
        "GET", "/api/v1/status", "status", "viewer", "How the engine is doing.", EngineStatus
    ),
    Operation(
        *("GET", "/api/v1/events", "events", "viewer"),
        "The live feed, as server-sent events; Last-Event-ID resumes it.",
        None,
        query={"run": _TEXT, "logs": _SWITCH},
        statuses=(404, 422),
        media="text/event-stream",
    ),
    Operation(
        *("GET", "/metrics", "metrics", "viewer"),
        "Runs, queue, processes, disk and answers, for Prometheus.",
        None,
        media="text/plain",
    ),
    Operation(
        *("GET", "/api/v1/runs", "runs", "viewer", "Runs, the newest first.", RunPage),
        query={**_LIST, "flow": _TEXT, "state": _TEXT, "before": _MOMENT, **_SEARCH},
        statuses=(422,),
    ),
    Operation(
        *("GET", "/api/v1/flows", "flows", "viewer"),
        "What became of each flow lately: counts, last durations and states.",
        FlowsReply,
    ),
    Operation("GET", _RUN, "run", "viewer", "One run.", RunDetail, statuses=(404,)),
    Operation(
        *("GET", f"{_RUN}/log", "log", "viewer", "Its log, or a part of it.", LogReply),
        query={"cursor": _TEXT, "tail": _whole(1, 100_000)},
        statuses=(404, 422),
    ),
    Operation(
        *("GET", f"{_RUN}/progress", "progress", "viewer", "Its progress.", ProgressReply),
        query={"offset": _whole(0, 2**53)},
        statuses=(404, 422),
    ),
    Operation(
        *("POST", f"{_RUN}/cancel", "cancel", "operator", "End it.", RunInfo, CancelRequest),
        statuses=(404, 409, 422),
    ),
    Operation(
        *("POST", f"{_RUN}/rerun", "rerun", "operator", "Launch it again.", LaunchReply, Nothing),
        statuses=(404, 409, 422, 503),
    ),
    Operation(
        *("DELETE", _RUN, "delete", "admin", "Delete it, once it has ended.", RunsReply),
        statuses=(404, 409, 503),
    ),
    Operation("GET", "/api/v1/schedules", "schedules", "viewer", "Schedules.", SchedulesReply),
    Operation(
        *("POST", "/api/v1/schedules", "add_schedule", "admin", "Add one.", ScheduleInfo),
        WebSchedule,
        statuses=(409, 422),
    ),
    Operation(
        *("PATCH", "/api/v1/schedules/{name}", "change_schedule", "admin"),
        "Pause or resume one.",
        ScheduleInfo,
        ScheduleChange,
        statuses=(404, 422),
    ),
    Operation(
        *("DELETE", "/api/v1/schedules/{name}", "remove_schedule", "admin", "Remove one."),
        ScheduleInfo,
        statuses=(404,),
    ),
    Operation(
        *("POST", "/api/v1/actuals", "add_actuals", "operator"),
        "Tell what came: values of series by day, and what pictures show. A later word replaces an "
        "earlier one; all of a request is taken, or nothing.",
        ActualsReply,
        ActualsRequest,
        statuses=(422,),
    ),
    Operation(
        *("GET", "/api/v1/drift", "drift", "viewer"),
        "Whether what serves has drifted: the newest checks, and what was done about them.",
        DriftReply,
        query={**_LIST, "data_type": {"type": "string", "enum": list(DATA_TYPES)}},
        statuses=(422,),
    ),
    Operation("GET", "/api/v1/models", "models", "viewer", "Deployed versions.", ModelVersions),
    Operation(
        *("POST", "/api/v1/models/{version}/promote", "promote", "admin"),
        "Let a version serve, after it has been verified.",
        AliasReply,
        Reason,
        statuses=(404, 409, 422, 503),
    ),
    Operation(
        *("POST", "/api/v1/models/rollback", "roll_back", "admin"),
        "Let the previous version of a kind of data serve again.",
        AliasReply,
        RollbackRequest,
        statuses=(404, 422, 503),
    ),
)

_WITH_BODY = {
    413: "a body that is too large",
    415: "a body that is not JSON",
    422: "a body that says something impossible",
}
_SPECIAL = {
    404: "there is none",
    409: "not in this state",
    422: "something impossible is asked for",
    503: "the engine is not ready",
}
_PATH_SCHEMAS: dict[str, dict[str, Any]] = {
    "flow_type": _FLOW,
    "run_id": {"type": "string", "pattern": "^[0-9a-z-]{1,64}$"},
    "name": {"type": "string", "pattern": f"^{ID}$"},
    "version": {"type": "string", "pattern": f"^{ID}$"},
}


@cache
def document() -> bytes:
    """The whole description, as JSON; every status that is ever answered is in it."""
    messages: list[type[Struct]] = [WebError]
    for op in OPERATIONS:
        messages += [one for one in (op.reply, op.body) if one is not None and one not in messages]
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _describe(operation)
    return msgspec.json.encode(describe("mlops-tui flow API", paths, schemas_of(messages)))


def _describe(operation: Operation) -> dict[str, Any]:
    responses = {"200": _success(operation)}
    others = dict(EVERYWHERE)
    if operation.role is not None:
        others |= WITH_TOKEN
    if operation.method not in ("GET", "HEAD"):
        others |= {403: WITH_TOKEN[403]}
    others |= {status: _SPECIAL[status] for status in operation.statuses}
    if operation.body is not None:
        others |= _WITH_BODY
    for status, what in sorted(others.items()):
        responses[str(status)] = {"description": what, "content": as_json(WebError)}
    described: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": operation.handler,
        "responses": responses,
        "parameters": _parameters(operation),
    }
    if operation.body is not None:
        needed = any(field.required for field in msgspec.structs.fields(operation.body))
        described["requestBody"] = {"required": needed, "content": as_json(operation.body)}
    if operation.role is not None:
        described["security"] = [{"token": []}]
        described["description"] = f"Needs the role {operation.role}."
        if operation.role == "viewer":
            # Who reads on the very machine that it listens on alone, needs none.
            described["security"].append({})
    return described


def _success(operation: Operation) -> dict[str, Any]:
    if operation.reply is None:
        return {"description": operation.summary, "content": {operation.media: {}}}
    return {"description": operation.summary, "content": as_json(operation.reply)}


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": _PATH_SCHEMAS[name]}
        for name in names
    ]
    found += [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in operation.query.items()
    ]
    return found
