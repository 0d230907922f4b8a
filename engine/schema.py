"""The messages between a running engine and whoever talks to it.

All times are seconds since the epoch; all sizes are bytes.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from engine.ids import ID, MOST_TAGS, TAG

FLOW_NAMES = ("data_flow", "train_flow", "eval_flow", "deploy_flow", "full_flow")

Priority = Annotated[int, Meta(ge=-100, le=100)]
Key = Annotated[str, Meta(min_length=1, max_length=200)]
ScheduleName = Annotated[str, Meta(pattern=f"^{ID}$")]
Tag = Annotated[str, Meta(pattern=rf"^{TAG}\Z")]
Tags = Annotated[tuple[Tag, ...], Meta(max_length=MOST_TAGS)]
CatchUp = Literal["skip", "latest", "all"]
EVERY_LEAST_SECONDS = 10.0
EVERY_MOST_SECONDS = 366 * 86400.0
Period = Annotated[float, Meta(ge=EVERY_LEAST_SECONDS, le=EVERY_MOST_SECONDS)]


# Answers may gain fields in later versions; a request that is not wholly understood is refused.
# Each class repeats its options, because type checkers do not see inherited ones.


class ErrorReply(Struct, frozen=True, kw_only=True):
    """Why something was refused; the fields are those of `engine.errors.EngineError`."""

    kind: str
    message: str
    where: str | None = None
    fix: str | None = None


class LaunchRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Start a run of a flow.

    Attributes:
        flow: One of the five flows.
        overrides: `key=value` texts, as `--set` takes them.
        flags: Values by flag name (`model_type`, `epochs`, `data`, `seed`, `threads`).
        key: Launching the same key again gives the same run.
        priority: Higher ones start first.
        origin: Who asks, for people.
        tags: Words that the run can be found by.
    """

    flow: str
    overrides: tuple[str, ...] = ()
    flags: dict[str, Any] = {}
    key: Key | None = None
    priority: Priority = 0
    origin: Annotated[str, Meta(max_length=200)] = ""
    tags: Tags = ()


class RerunRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Start a run with the request of an earlier one; what is given here is added to that.

    Priority and tags are those of the earlier one unless they are given.
    """

    overrides: tuple[str, ...] = ()
    flags: dict[str, Any] = {}
    key: Key | None = None
    priority: Priority | None = None
    origin: Annotated[str, Meta(max_length=200)] = ""
    tags: Tags | None = None


class RunInfo(Struct, frozen=True, kw_only=True):
    """A run as a list shows it.

    Attributes:
        waiting: Why it has not started, as a sentence; "" once it has.
        cpu_seconds: Processor time used; while it runs, as of a moment ago.
        memory: Resident memory, now or at its peak once it has ended.
        tags: Words that it can be found by.
        key: What it was launched with: launching the same key again gives this run.
        pool: The work pool whose workers do it, "" when it is done on this machine.
        host: Which worker does it, on which machine; "" before one does.
    """

    id: str
    flow: str
    name: str
    state: str
    message: str
    error_kind: str
    created: float
    started: float | None
    ended: float | None
    parameters: dict[str, Any]
    priority: int
    origin: str
    rerun_of: str | None
    cancel_requested: bool
    prefect_id: str | None
    waiting: str = ""
    cpu_seconds: float | None = None
    memory: int | None = None
    tags: tuple[str, ...] = ()
    key: str | None = None
    pool: str = ""
    host: str = ""


class LaunchReply(Struct, frozen=True, kw_only=True):
    """The run; `created` is False when the key was known. Notes are for people."""

    run: RunInfo
    created: bool
    notes: tuple[str, ...] = ()


class RunPage(Struct, frozen=True, kw_only=True):
    """Runs, newest first.

    Attributes:
        runs: The runs of this page.
        before: Continues with the next page, None when there is none.
        total: How many runs fit, on every page; None when nobody asked by offset or filter.
    """

    runs: tuple[RunInfo, ...]
    before: float | None = None
    total: int | None = None


class FlowFacts(Struct, frozen=True, kw_only=True):
    """What became of a flow lately.

    Attributes:
        flow: Its name.
        counts: How many runs it has in each state that it has any in.
        last_started: The run that began last.
        durations: Seconds that its last 20 completed runs took, the newest run first.
        states: States of its last 30 runs, the newest first.
    """

    flow: str
    counts: dict[str, int]
    last_started: RunInfo | None
    durations: tuple[float, ...]
    states: tuple[str, ...]


class FlowsReply(Struct, frozen=True, kw_only=True):
    """Every flow, in the order in which full_flow does them."""

    flows: tuple[FlowFacts, ...]


class StepInfo(Struct, frozen=True, kw_only=True):
    """One step of a run; the fields are those of `engine.runs.steps.Step`."""

    id: str
    name: str
    flow: str
    state: str
    start: float
    end: float | None = None
    unit: str = ""
    done: int = 0
    total: int = 0
    measures: dict[str, float] = {}


class RunDetail(Struct, frozen=True, kw_only=True):
    """Everything about one run.

    Attributes:
        run: What a list shows.
        folder: Its folder on the engine's machine.
        steps: What it did, as its own process tells.
        outputs: What it made, by name.
        rows: The run tree as Prefect recorded it, once it has ended.
        overrides: What it was asked for as `--set` takes it.
        flags: The same by flag name.
    """

    run: RunInfo
    folder: str
    steps: tuple[StepInfo, ...] = ()
    outputs: dict[str, Any] = {}
    rows: tuple[dict[str, Any], ...] = ()
    overrides: tuple[str, ...] = ()
    flags: dict[str, Any] = {}


class CancelRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """End a run: `hard` does not wait for it to stop by itself."""

    hard: bool = False


class ChooseRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which runs a bulk action means: the ids, or all that fit."""

    ids: tuple[str, ...] = ()
    flow: str | None = None
    state: str | None = None
    all: bool = False


class RunsReply(Struct, frozen=True, kw_only=True):
    """The runs that a bulk action was done to, and why not to others, by id.

    `unknown` are those of the others that name no run at all.
    """

    runs: tuple[RunInfo, ...]
    refused: dict[str, str] = {}
    unknown: tuple[str, ...] = ()


class LogReply(Struct, frozen=True, kw_only=True):
    """Lines of a log and where to go on; `ended`: nothing more will come."""

    lines: tuple[str, ...]
    cursor: str
    ended: bool


class ProgressReply(Struct, frozen=True, kw_only=True):
    """Progress events of a run from a byte offset on, and the offset after them."""

    events: tuple[dict[str, Any], ...]
    offset: int


class ChildInfo(Struct, frozen=True, kw_only=True):
    """One process that the engine keeps running.

    Attributes:
        state: off, starting, ready, restarting, failed.
        restarts: How often it was started again.
        address: Where it answers others, "" when that is nobody's business.
        problem: Why it is not ready, or what ended it last; "" when nothing is wrong.
    """

    name: str
    state: str
    pid: int | None
    since: float
    restarts: int
    address: str = ""
    problem: str = ""
    memory: int | None = None
    cpu_seconds: float | None = None


class WorkerInfo(Struct, frozen=True, kw_only=True):
    """A worker of a work pool, and when it was heard of last."""

    name: str
    heard: float
    online: bool


class PoolInfo(Struct, frozen=True, kw_only=True):
    """The work pool that runs are placed in, and why nobody would do them, "" if somebody does."""

    name: str
    type: str = ""
    problem: str = ""
    workers: tuple[WorkerInfo, ...] = ()


class EngineStatus(Struct, frozen=True, kw_only=True):
    """The engine and everything that it keeps running.

    Attributes:
        pool: The work pool that runs are placed in, None when they are done on this machine.
        addresses: Those that it answers others on, by what answers there.
        timezone: The zone that times are shown in, as engine.yaml names it at the moment.
        warnings: What is not as it should be, and hinders no run.
        mlflow: Where runs are mirrored to, "" when nowhere.
    """

    version: str
    pid: int
    workspace: str
    started: float
    children: tuple[ChildInfo, ...]
    running: int
    queued: int
    max_concurrent: int
    counts: dict[str, int]
    problems: tuple[str, ...] = ()
    memory: int | None = None
    cpu_seconds: float | None = None
    prefect_url: str = ""
    addresses: dict[str, str] = {}
    timezone: str = ""
    pool: PoolInfo | None = None
    warnings: tuple[str, ...] = ()
    mlflow: str = ""


class DownRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Stop the engine.

    Attributes:
        cancel_runs: Cancel what runs first; else runs go on without it.
        keep_predictor: Let the predictor go on too, for the engine that comes next.
    """

    cancel_runs: bool = False
    keep_predictor: bool = False


class DownReply(Struct, frozen=True, kw_only=True):
    """The engine is about to stop; these runs go on."""

    pid: int
    runs: tuple[RunInfo, ...]


class ScheduleRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A flow to be launched again and again: by cron expression, or every so many seconds."""

    name: ScheduleName
    flow: str
    cron: str | None = None
    every_seconds: Period | None = None
    timezone: str = ""
    overrides: tuple[str, ...] = ()
    flags: dict[str, Any] = {}
    priority: Priority = 0
    catch_up: CatchUp = "latest"
    enabled: bool = True
    replace: bool = False
    tags: Tags = ()


class ScheduleInfo(Struct, frozen=True, kw_only=True):
    """A schedule, when it fires next, and how the last launch went."""

    name: str
    flow: str
    cron: str | None
    every_seconds: float | None
    timezone: str
    overrides: tuple[str, ...]
    flags: dict[str, Any]
    priority: int
    catch_up: str
    enabled: bool
    next_times: tuple[float, ...]
    last_time: float | None
    last_run: str | None
    problem: str = ""
    tags: tuple[str, ...] = ()


class SchedulesReply(Struct, frozen=True, kw_only=True):
    """All schedules, by name."""

    schedules: tuple[ScheduleInfo, ...]


class ScheduleChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pause or resume a schedule."""

    enabled: bool


class NotificationInfo(Struct, frozen=True, kw_only=True):
    """One message to one target: about a run that ended badly, or about a check of drift.

    Attributes:
        run_id: The run, "" when it is about drift.
        check_id: The check of drift, None when it is about a run.
    """

    run_id: str
    target: str
    created: float
    attempts: int
    delivered: float | None
    problem: str
    check_id: int | None = None


class NotificationsReply(Struct, frozen=True, kw_only=True):
    """Messages, the newest first."""

    notifications: tuple[NotificationInfo, ...]


class RunEvent(Struct, frozen=True, kw_only=True, tag="run"):
    """A run was accepted or changed."""

    run: RunInfo


class StepEvent(Struct, frozen=True, kw_only=True, tag="step"):
    """A step of a run began, went on or ended."""

    run_id: str
    step: StepInfo


class LogEvent(Struct, frozen=True, kw_only=True, tag="log"):
    """Lines that a run has just written; the cursor is where to go on by `LogReply`."""

    run_id: str
    lines: tuple[str, ...]
    cursor: str


class DeletedEvent(Struct, frozen=True, kw_only=True, tag="deleted"):
    """A run was deleted."""

    run_id: str


class HealthEvent(Struct, frozen=True, kw_only=True, tag="health"):
    """A process that the engine keeps running changed its state."""

    child: ChildInfo


class ScheduleEvent(Struct, frozen=True, kw_only=True, tag="schedule"):
    """Schedules changed: ask for them again."""

    name: str


class ResetEvent(Struct, frozen=True, kw_only=True, tag="reset"):
    """Events were missed: what one knows must be asked for again."""

    reason: str


Event = RunEvent | StepEvent | LogEvent | DeletedEvent | HealthEvent | ScheduleEvent | ResetEvent

encode = msgspec.json.Encoder(order="deterministic").encode
decode_event = msgspec.json.Decoder(Event).decode
