"""Every request to a running engine, as a value: what is asked, and the type of the answer.

All of them may be repeated when a connection breaks: a launch carries a key for that, and what was
done already is at worst refused the second time.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from msgspec import Struct

from engine.errors import NotFoundError
from engine.ids import is_id
from engine.schema import (
    CancelRequest,
    ChooseRequest,
    DownReply,
    DownRequest,
    EngineStatus,
    FlowsReply,
    LaunchReply,
    LaunchRequest,
    LogReply,
    NotificationsReply,
    ProgressReply,
    RerunRequest,
    RunDetail,
    RunInfo,
    RunPage,
    RunsReply,
    ScheduleChange,
    ScheduleInfo,
    ScheduleRequest,
    SchedulesReply,
)

T = TypeVar("T", bound=Struct)

_RUN_ID = re.compile(r"[0-9a-z-]{1,64}")


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request.

    Attributes:
        method: HTTP method.
        path: Path, each part quoted.
        reply: Type of the answer.
        body: What is sent as JSON.
        query: Query parameters.
    """

    method: str
    path: str
    reply: type[T]
    body: Struct | None = None
    query: Mapping[str, str] = field(default_factory=dict)


def status() -> Call[EngineStatus]:
    """How the engine and everything it keeps running are doing."""
    return Call("GET", "/status", EngineStatus)


def warm() -> Call[EngineStatus]:
    """Start what runs need, without waiting for it."""
    return Call("POST", "/warm", EngineStatus)


def down(*, cancel_runs: bool = False, keep_predictor: bool = False) -> Call[DownReply]:
    """Stop the engine; runs go on unless they are to be cancelled first."""
    request = DownRequest(cancel_runs=cancel_runs, keep_predictor=keep_predictor)
    return Call("POST", "/down", DownReply, request)


def launch(
    flow: str,
    *,
    overrides: Sequence[str] = (),
    flags: Mapping[str, Any] | None = None,
    key: str | None = None,
    priority: int = 0,
    origin: str = "",
    tags: Sequence[str] = (),
) -> Call[LaunchReply]:
    """Start a run of a flow; the arguments are those of `LaunchRequest`."""
    request = LaunchRequest(
        flow=flow,
        overrides=tuple(overrides),
        flags={name: value for name, value in (flags or {}).items() if value is not None},
        key=key or str(uuid.uuid4()),
        priority=priority,
        origin=origin,
        tags=tuple(tags),
    )
    return Call("POST", "/runs", LaunchReply, request)


def rerun(
    run_id: str,
    *,
    overrides: Sequence[str] = (),
    flags: Mapping[str, Any] | None = None,
    key: str | None = None,
    priority: int | None = None,
    origin: str = "",
    tags: Sequence[str] | None = None,
) -> Call[LaunchReply]:
    """Start a run with the request of an earlier one, changed by what is given."""
    request = RerunRequest(
        overrides=tuple(overrides),
        flags={name: value for name, value in (flags or {}).items() if value is not None},
        key=key or str(uuid.uuid4()),
        priority=priority,
        origin=origin,
        tags=None if tags is None else tuple(tags),
    )
    return Call("POST", f"/runs/{_run_id(run_id)}/rerun", LaunchReply, request)


def runs(
    limit: int = 50,
    *,
    flow: str | None = None,
    state: str | None = None,
    before: float | None = None,
    offset: int | None = None,
    filter: str | None = None,
) -> Call[RunPage]:
    """List runs, newest first.

    Args:
        limit: How many at most, up to 1000.
        flow: Only runs of this flow.
        state: Only runs in this state.
        before: The next page: that of the page before.
        offset: Any page: how many newer runs that fit to leave out.
        filter: Only runs that fit, in the language of `engine.run_filter`.
    """
    given = {
        "limit": str(limit),
        "flow": flow,
        "state": state,
        "before": None if before is None else repr(before),
        "offset": None if offset is None else str(offset),
        "filter": filter,
    }
    query = {name: value for name, value in given.items() if value is not None}
    return Call("GET", "/runs", RunPage, query=query)


def flows() -> Call[FlowsReply]:
    """What became of each flow lately: counts by state, last durations and states."""
    return Call("GET", "/flows", FlowsReply)


def run(run_id: str) -> Call[RunDetail]:
    """Everything about one run; an unambiguous beginning of its id is enough."""
    return Call("GET", f"/runs/{_run_id(run_id)}", RunDetail)


def cancel(run_id: str, *, hard: bool = False) -> Call[RunInfo]:
    """End a run; `hard` does not wait for it to stop by itself."""
    return Call("POST", f"/runs/{_run_id(run_id)}/cancel", RunInfo, CancelRequest(hard=hard))


def cancel_all(chosen: ChooseRequest, *, hard: bool = False) -> Call[RunsReply]:
    """End the chosen runs."""
    return Call("POST", "/runs/cancel", RunsReply, chosen, _flags(hard=hard))


def delete(chosen: ChooseRequest, *, force: bool = False) -> Call[RunsReply]:
    """Delete the chosen runs; `force` also those that a next flow would take something up from."""
    return Call("POST", "/runs/delete", RunsReply, chosen, _flags(force=force))


def log(run_id: str, *, cursor: str | None = None, tail: int | None = None) -> Call[LogReply]:
    """Read a log from its beginning, from a cursor on, or its last lines."""
    query = {} if cursor is None else {"cursor": cursor}
    if tail is not None:
        query["tail"] = str(tail)
    return Call("GET", f"/runs/{_run_id(run_id)}/log", LogReply, query=query)


def progress(run_id: str, offset: int = 0) -> Call[ProgressReply]:
    """Read progress events, with every point of every curve, from a byte offset on."""
    query = {"offset": str(offset)}
    return Call("GET", f"/runs/{_run_id(run_id)}/progress", ProgressReply, query=query)


def schedules() -> Call[SchedulesReply]:
    """All schedules."""
    return Call("GET", "/schedules", SchedulesReply)


def add_schedule(request: ScheduleRequest) -> Call[ScheduleInfo]:
    """Add a schedule, or replace the one of its name."""
    return Call("POST", "/schedules", ScheduleInfo, request)


def enable_schedule(name: str, enabled: bool) -> Call[ScheduleInfo]:
    """Let a schedule fire, or rest."""
    return Call("PATCH", f"/schedules/{_name(name)}", ScheduleInfo, ScheduleChange(enabled=enabled))


def remove_schedule(name: str) -> Call[ScheduleInfo]:
    """Remove a schedule."""
    return Call("DELETE", f"/schedules/{_name(name)}", ScheduleInfo)


def notifications() -> Call[NotificationsReply]:
    """Who was told what, and whether it was delivered."""
    return Call("GET", "/notifications", NotificationsReply)


def test_notifications() -> Call[NotificationsReply]:
    """Send a test message to everyone who would be told."""
    return Call("POST", "/notifications/test", NotificationsReply)


def events_query(run_id: str | None, *, logs: bool) -> dict[str, str]:
    """The query of the live feed."""
    return ({} if run_id is None else {"run": run_id}) | _flags(logs=logs)


def _run_id(text: str) -> str:
    """An id as a part of a path: what cannot be one is not sent.

    Raises:
        NotFoundError: There can be no such run.
    """
    if not _RUN_ID.fullmatch(text):
        raise NotFoundError(f"there is no run {text!r}", fix="`engine runs` lists them")
    return text


def _name(text: str) -> str:
    if not is_id(text):
        raise NotFoundError(
            f"there is no schedule {text!r}", fix="`engine schedule list` lists them"
        )
    return text


def _flags(**flags: bool) -> dict[str, str]:
    return {name: "true" if value else "false" for name, value in flags.items()}
