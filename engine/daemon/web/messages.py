"""What the flow API is asked and what it answers; names and forms that clients know stay."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from msgspec import Meta, Struct

from engine.schema import CatchUp, Period, Priority, ScheduleName
from engine.tables.drift_checks import DriftCheck
from models.data_types import DATA_TYPES

STARTED = "Run_flow is running in the background"
NO_MODEL = "0"
"""What clients send as the model of a flow that has none."""

ModelName = Annotated[str, Meta(min_length=1, max_length=64)]
Epochs = Annotated[int, Meta(ge=-(2**53), le=2**53)]
DataType = Annotated[str, Meta(extra_json_schema={"enum": list(DATA_TYPES)})]
"""A text, so that the refusal of another one can name the choices."""
ReasonText = Annotated[str, Meta(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
Seed = Annotated[int, Meta(ge=0, le=2**32 - 1)]


class RunFlowRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a flow is to run; what is absent is as configured.

    Attributes:
        data_type: Kind of data; absent: that of the model type, or the configured one.
        model_type: For train_flow and full_flow; ignored for the others.
        epochs: Likewise.
        seed: Likewise.
        priority: Of runs that wait, those of a higher number start first.
    """

    data_type: DataType | None = None
    model_type: ModelName | None = None
    epochs: Epochs | None = None
    seed: Seed | None = None
    priority: Priority = 0


class RunFlowReply(Struct, frozen=True, kw_only=True):
    """The run goes on in the background."""

    status: str
    message: str
    flow_run_id: str


class WebMessage(Struct, frozen=True, kw_only=True):
    """An answer that is only a sentence."""

    message: str


class WebError(Struct, frozen=True, kw_only=True):
    """Why something is not done, and what to do about it."""

    status: str
    message: str


class TaskTimes(Struct, frozen=True, kw_only=True):
    """One task of a run; times in ISO 8601 with their offset, null while they are not known."""

    task_name: str
    state: str
    start_time: str | None
    end_time: str | None


class FlowTimes(Struct, frozen=True, kw_only=True):
    """One run with its tasks."""

    flow_id: str
    flow_name: str
    flow_run_name: str
    state: str
    start_time: str | None
    end_time: str | None
    tasks: list[TaskTimes]


class Monitoring(Struct, frozen=True, kw_only=True):
    """Runs, the newest first, and a figure of them for Plotly."""

    flow_info: list[FlowTimes]
    graph: list[dict[str, Any]]
    layout: dict[str, Any]


class WebSchedule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A flow to be launched again and again: by cron expression, or every so many seconds."""

    name: ScheduleName
    flow: str
    cron: Annotated[str, Meta(max_length=200)] | None = None
    every_seconds: Period | None = None
    timezone: Annotated[str, Meta(max_length=64)] = ""
    data_type: DataType | None = None
    model_type: ModelName | None = None
    epochs: Epochs | None = None
    seed: Seed | None = None
    priority: Priority = 0
    catch_up: CatchUp = "latest"
    enabled: bool = True
    replace: bool = False


class Reason(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why which version serves is changed; kept in the log."""

    reason: ReasonText = ""


class RollbackRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose champion is to be the previous one again, and why.

    Attributes:
        data_type: Kind of data; absent: the only one that has a champion, or timeseries.
        reason: Kept in the log.
    """

    data_type: DataType | None = None
    reason: ReasonText = ""


class ModelVersion(Struct, frozen=True, kw_only=True):
    """A deployed version."""

    id: str
    data_type: str
    model_type: str
    created: float
    alias: str | None
    lineage: dict[str, Any]


class ModelVersions(Struct, frozen=True, kw_only=True):
    """The deployed versions, the newest first."""

    versions: list[ModelVersion]


class AliasReply(Struct, frozen=True, kw_only=True):
    """Which version serves a kind of data, and which one did before."""

    data_type: str
    champion: str | None
    previous: str | None


class Nothing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request without content."""


ACTUALS_BYTES = 4 * 1024 * 1024


class ActualValue(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The value of a series on a day."""

    series: Annotated[str, Meta(min_length=1, max_length=1000)]
    date: dt.date
    value: float


class PictureLabel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a picture shows, by the SHA-256 of its file."""

    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    label: Annotated[str, Meta(min_length=1, max_length=1000)]


class ActualsRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What came."""

    values: Annotated[list[ActualValue], Meta(max_length=50_000)] = []
    labels: Annotated[list[PictureLabel], Meta(max_length=50_000)] = []


class ActualsReply(Struct, frozen=True, kw_only=True):
    """What became of it: how many were new, replaced others, or were known already."""

    new: int
    replaced: int
    same: int


class DriftFound(Struct, frozen=True, kw_only=True):
    """A check of drift.

    Attributes:
        check: Its number.
        at: When it was made, seconds since the epoch.
        data_type: timeseries or image.
        version: What served.
        verdict: alike, shifted, drifted, or unknown.
        answers: Answers that it looked at.
        reasons: Why, as sentences.
        action: none, notify or retrain; "" as long as nothing was decided.
        why: Why that.
        run_id: The training that was launched.
    """

    check: int
    at: float
    data_type: str
    version: str
    verdict: str
    answers: int
    reasons: list[str]
    action: str
    why: str
    run_id: str | None


class DriftReply(Struct, frozen=True, kw_only=True):
    """Checks of drift, the newest first."""

    checks: list[DriftFound]


def drift_check(check: DriftCheck) -> DriftFound:
    """A check as a message; its numbers stay on the machine."""
    return DriftFound(**check.summary())
