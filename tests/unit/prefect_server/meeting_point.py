"""As much of a Prefect server as two machines need to meet: one flow run in one work pool."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from engine.prefect_server.api import PrefectApi
from engine.runs.placing import NOT_PLACED
from tests.unit.prefect_server.http_server import HANG_UP, Answer, Heard, answering

FLOW_RUN = "0b1c9c52-0000-4000-8000-000000000000"
POOL = "factory"


class MeetingPoint:
    """Answers what both sides ask; a test changes the rest by hand."""

    def __init__(self) -> None:
        self.flow_run: dict[str, Any] | None = {
            "id": FLOW_RUN,
            "state_type": "PENDING",
            "state_name": NOT_PLACED,
            "state": {"message": ""},
            "parameters": {},
            "labels": {},
            "expected_start_time": "2026-01-01T00:00:00Z",
        }
        self.logs: list[dict[str, Any]] = []
        self.inputs: dict[str, str] = {}
        self.pool: dict[str, Any] | None = {"type": "process", "is_paused": False}
        self.workers: list[dict[str, Any]] = []
        self.older = 0
        self.is_away = False
        self.lost_answers = 0
        """So many of the next calls are done, and their answers get lost."""

    def worker(self, name: str = "w1", *, ago: float = 0.0) -> None:
        heard = datetime.fromtimestamp(datetime.now(UTC).timestamp() - ago, UTC)
        self.workers.append({"name": name, "last_heartbeat_time": heard.isoformat()})

    def set_state(self, kind: str, name: str = "", message: str = "") -> None:
        assert self.flow_run is not None
        name = name or kind.capitalize()
        self.flow_run |= {"state_type": kind, "state_name": name, "state": {"message": message}}

    def answer(self, request: Heard) -> Answer:
        if self.is_away:
            return HANG_UP
        found = self._answer(request.method, request.path.removeprefix("/api"), request.body)
        if self.lost_answers and request.method != "GET":
            self.lost_answers -= 1
            return HANG_UP
        return found

    def _answer(self, method: str, path: str, body: Any) -> Answer:
        own = f"/flow_runs/{FLOW_RUN}"
        if path.startswith("/work_pools/"):
            return self._pool(method, path)
        if path == "/logs/":
            self.logs += body
            return 201, None
        if path == "/logs/filter":
            return 200, self._records(body)
        if path == "/flow_runs/count":
            return 200, self.older
        if self.flow_run is None or not path.startswith(own):
            return 404, {"detail": "Not Found"}
        if path.startswith(f"{own}/input"):
            return self._input(method, path.rpartition("/")[2], body)
        if path == f"{own}/labels":
            self.flow_run["labels"] |= body
        elif path == f"{own}/set_state":
            state = body["state"]
            if body["force"] or self.flow_run["state_type"] not in {"COMPLETED", "CRASHED"}:
                self.set_state(state["type"], message=state.get("message") or "")
        elif method == "PATCH":
            self.flow_run |= body
        return 200, self.flow_run

    def _pool(self, method: str, path: str) -> Answer:
        if self.pool is None:
            return 404, {"detail": "Not Found"}
        return (200, self.workers) if path.endswith("/filter") else (200, self.pool)

    def _input(self, method: str, key: str, body: Any) -> Answer:
        if method == "GET":
            value = self.inputs.get(key)
            return (404, {"detail": "Not Found"}) if value is None else (200, value.encode())
        if body["key"] in self.inputs:
            return 409, {"detail": "A flow run input with this key already exists."}
        self.inputs[body["key"]] = body["value"]
        return 201, None

    def _records(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        wanted = body["logs"]
        low, high = wanted["level"]["ge_"], wanted["level"]["le_"]
        after = datetime.fromisoformat(
            wanted.get("timestamp", {}).get("after_", "2000-01-01T00:00:00Z")
        )
        # A server writes times in a way of its own.
        rows = [
            {**row, "timestamp": row["timestamp"].replace("+00:00", "Z")}
            for row in sorted(self.logs, key=lambda row: datetime.fromisoformat(row["timestamp"]))
            if low <= row["level"] <= high and datetime.fromisoformat(row["timestamp"]) >= after
        ]
        return rows[body["offset"] : body["offset"] + body["limit"]]

    @contextmanager
    def open(self, *, deadline: float = 0.5) -> Iterator[PrefectApi]:
        """Listen, for the duration of a `with` block; a client of it."""
        with (
            answering(self.answer) as server,
            PrefectApi(server.connection, deadline_seconds=deadline) as api,
        ):
            yield api
