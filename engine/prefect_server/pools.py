"""Flow runs in a work pool: placing them, and what both sides tell each other by way of them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from engine.errors import NotFoundError
from engine.prefect_server.api import AlreadyThereError, PrefectApi
from engine.runs.placing import LOG_LEVEL, NOT_PLACED, PROGRESS_LEVEL

COMMAND = "python -P -m engine.execution.remote"
"""What a worker of any type starts for a flow run: where mlops-tui is installed, it does it."""

_ENTRYPOINTS = {
    "data_flow": "engine.flows.data.data_flow",
    "train_flow": "engine.flows.train.train_flow",
    "eval_flow": "engine.flows.eval.eval_flow",
}
# A worker tells of itself every 30 s.
_HEARD_SECONDS = 90.0


@dataclass(frozen=True)
class PoolWorker:
    """A worker that polls a pool, or did.

    Attributes:
        name: What it calls itself.
        heard: When it was heard of last, seconds since the epoch.
        is_online: Whether that is a short while ago.
    """

    name: str
    heard: float
    is_online: bool


@dataclass(frozen=True)
class Pool:
    """A work pool and who works for it."""

    name: str
    type: str
    is_paused: bool
    limit: int | None
    workers: tuple[PoolWorker, ...]

    @property
    def online(self) -> tuple[PoolWorker, ...]:
        """Those who were heard of a short while ago."""
        return tuple(worker for worker in self.workers if worker.is_online)


def read_pool(api: PrefectApi, name: str) -> Pool:
    """A work pool with its workers, those heard of last first.

    Raises:
        NotFoundError: There is none of this name.
    """
    path = f"/work_pools/{quote(name, safe='')}"
    try:
        found = api.call("GET", path)
        rows = api.rows(f"{path}/workers/filter", {})
    except NotFoundError as error:
        raise NotFoundError(
            f"there is no work pool {name}", fix=f"Start a worker: engine worker --pool {name}"
        ) from error
    now = datetime.now(UTC)
    workers = []
    for row in rows:
        heard = datetime.fromisoformat(row["last_heartbeat_time"])
        is_online = (now - heard).total_seconds() < _HEARD_SECONDS
        workers.append(PoolWorker(row["name"], heard.timestamp(), is_online))
    workers.sort(key=lambda worker: -worker.heard)
    limit = found.get("concurrency_limit")
    return Pool(name, found["type"], found["is_paused"], limit, tuple(workers))


def place_flow_run(
    api: PrefectApi,
    pool: str,
    flow: str,
    *,
    name: str,
    parameters: Mapping[str, Any],
    idempotency_key: str,
    tags: Sequence[str] = (),
    parent_task_run: str | None = None,
) -> tuple[str, str]:
    """Make a flow run for a work pool that nobody takes up yet; the same key twice is one run.

    Returns:
        Its id, and the pool that it is in: "" when it was made for none before.

    Raises:
        NotFoundError: There is no such pool.
    """
    body = {
        "name": name,
        "parameters": dict(parameters),
        "enforce_parameter_schema": False,
        "idempotency_key": idempotency_key,
        "state": {"type": "PENDING", "name": NOT_PLACED},
        "tags": list(tags),
        "parent_task_run_id": parent_task_run,
    }
    deployment = _deployment(api, pool, flow)
    made = api.call("POST", f"/deployments/{deployment}/create_flow_run", body)
    return str(made["id"]), str(made.get("work_pool_name") or "")


def _deployment(api: PrefectApi, pool: str, flow: str) -> str:
    name = f"mlops-{pool}"
    try:
        found = api.call("GET", f"/deployments/name/{quote(flow)}/{quote(name, safe='')}")
        return str(found["id"])
    except NotFoundError:
        read_pool(api, pool)
    flow_id = api.call("POST", "/flows/", {"name": flow})["id"]
    body = {
        "name": name,
        "flow_id": flow_id,
        "work_pool_name": pool,
        "entrypoint": _ENTRYPOINTS[flow],
        "job_variables": {"command": COMMAND},
        "enforce_parameter_schema": False,
        "description": f"{flow} of mlops-tui, done by the workers of {pool}",
        "tags": ["mlops-tui"],
    }
    return str(api.call("POST", "/deployments/", body)["id"])


def offer(api: PrefectApi, flow_run: str, parameters: Mapping[str, Any], message: str) -> None:
    """Let the pool's workers have a flow run, with these parameters."""
    api.call("PATCH", f"/flow_runs/{flow_run}", {"parameters": dict(parameters)})
    state = {"type": "SCHEDULED", "message": message}
    api.call("POST", f"/flow_runs/{flow_run}/set_state", {"state": state, "force": True})


def waiting_before(api: PrefectApi, pool: str, flow_run: Mapping[str, Any]) -> int:
    """How many flow runs of the pool wait that are older than this one."""
    wanted = {
        "flow_runs": {
            "state": {"type": {"any_": ["SCHEDULED"]}},
            "expected_start_time": {"before_": flow_run["expected_start_time"]},
        },
        "work_pools": {"name": {"any_": [pool]}},
    }
    count: int = api.call("POST", "/flow_runs/count", wanted)
    return max(count - 1, 0)


def claim(api: PrefectApi, flow_run: str, key: str, who: Mapping[str, Any]) -> bool:
    """Write an input that can be written once; False when somebody else has."""
    token = str(uuid.uuid4())
    value = {**who, "token": token}
    try:
        write_input(api, flow_run, key, json.dumps(value))
    except AlreadyThereError:
        # A call that was repeated because its answer was lost finds its own.
        return bool((read_input(api, flow_run, key) or {}).get("token") == token)
    return True


def write_input(api: PrefectApi, flow_run: str, key: str, value: str) -> None:
    """Write an input.

    Raises:
        AlreadyThereError: There is one of this name.
    """
    api.call("POST", f"/flow_runs/{flow_run}/input", {"key": key, "value": value})


def read_input(api: PrefectApi, flow_run: str, key: str) -> Any:
    """The JSON in an input; None when there is none."""
    try:
        return api.call("GET", f"/flow_runs/{flow_run}/input/{key}")
    except NotFoundError:
        return None


def set_labels(api: PrefectApi, flow_run: str, labels: Mapping[str, str | int]) -> None:
    """Change some labels of a flow run."""
    api.call("PATCH", f"/flow_runs/{flow_run}/labels", dict(labels))


def send_records(api: PrefectApi, records: Sequence[Mapping[str, Any]]) -> None:
    """Add records to the log of flow runs."""
    api.call("POST", "/logs/", list(records))


def read_records(
    api: PrefectApi, flow_run: str, after: str, offset: int = 0
) -> list[dict[str, Any]]:
    """The next records of a flow run that its other side sent, from a moment on.

    The record of that very moment comes again; `offset` leaves out so many.
    """
    wanted: dict[str, Any] = {
        "flow_run_id": {"any_": [flow_run]},
        "level": {"ge_": LOG_LEVEL, "le_": PROGRESS_LEVEL},
    }
    if after:
        wanted["timestamp"] = {"after_": after}
    return api.page("/logs/filter", {"logs": wanted, "sort": "TIMESTAMP_ASC"}, offset)
