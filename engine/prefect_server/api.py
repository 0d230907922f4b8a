"""The few calls of Prefect's REST API that the engine needs, without importing Prefect.

Importing the Prefect client costs two seconds; a command that starts or reads a run must not pay
them. Every call is repeated on transport errors, 429 and 503 until its deadline: the server may be
busy committing, and a state that is lost now would be wrong for ever.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any

import httpx

from engine.errors import NotFoundError, ServerError
from engine.prefect_server.connection import Connection
from engine.states import FINAL_STATES

_PAGE = 200
_LESS = re.compile(r"Invalid limit: must be less than or equal to (\d+)")
_RETRY_STATUS = frozenset({429, 503})


class AlreadyThereError(ServerError):
    """What was to be made is there already, or something else of its name is."""


class PrefectApi:
    """A client of one Prefect server, safe to share by threads; use it as a context manager."""

    def __init__(self, connection: Connection, *, deadline_seconds: float = 30.0) -> None:
        self._client = httpx.Client(
            base_url=connection.url,
            auth=connection.user,
            headers=connection.headers,
            timeout=10.0,
            trust_env=False,
            verify=connection.tls,
        )
        self._deadline_seconds = deadline_seconds
        self._flow_ids: dict[str, str] = {}
        self._page = _PAGE

    def __enter__(self) -> PrefectApi:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def create_flow_run(
        self,
        flow: str,
        *,
        name: str,
        parameters: dict[str, Any],
        idempotency_key: str,
        tags: Sequence[str] = (),
    ) -> str:
        """Create a PENDING run of a flow and return its id; the same key twice is one run."""
        if flow not in self._flow_ids:
            self._flow_ids[flow] = self._post("/flows/", {"name": flow})["id"]
        body = {
            "flow_id": self._flow_ids[flow],
            "name": name,
            "parameters": parameters,
            "idempotency_key": idempotency_key,
            "state": {"type": "PENDING"},
            "tags": list(tags),
        }
        try:
            return str(self._post("/flow_runs/", body)["id"])
        except NotFoundError as error:
            # Somebody deleted the flow: the next attempt makes it anew.
            del self._flow_ids[flow]
            raise ServerError(str(error)) from error

    def flow_run(self, run_id: str) -> dict[str, Any]:
        """One flow run.

        Raises:
            NotFoundError: The server knows no such run.
        """
        found: dict[str, Any] = self._request("GET", f"/flow_runs/{run_id}")
        return found

    def flow_run_id_of_key(self, idempotency_key: str) -> str | None:
        """The id of the flow run that was created with this key, if there is one."""
        wanted = {"flow_runs": {"idempotency_key": {"any_": [idempotency_key]}}}
        found = self._filter("flow_runs", wanted)
        return str(found[0]["id"]) if found else None

    def delete_flow_runs(self, root_id: str) -> None:
        """Delete a run and everything below it; what is gone already is fine."""
        for row in reversed(self.flow_runs(root_id)):
            try:
                self._request("DELETE", f"/flow_runs/{row['id']}")
            except NotFoundError:
                continue

    def flow_runs(self, root_id: str) -> list[dict[str, Any]]:
        """The run itself and all its subflow runs, parents before children."""
        tree = self._filter("flow_runs", {"flow_runs": {"id": {"any_": [root_id]}}})
        level = [root_id]
        while level:
            children = self._filter(
                "flow_runs", {"flow_runs": {"parent_flow_run_id": {"any_": level}}}
            )
            tree += children
            level = [child["id"] for child in children]
        return tree

    def flow_names(self, flow_ids: Iterable[str]) -> dict[str, str]:
        """The names of these flows by their ids."""
        rows = self._filter("flows", {"flows": {"id": {"any_": sorted(set(flow_ids))}}})
        return {row["id"]: row["name"] for row in rows}

    def task_runs(self, flow_run_ids: Iterable[str]) -> list[dict[str, Any]]:
        """All task runs of these flow runs."""
        return self._filter("task_runs", {"flow_runs": {"id": {"any_": list(flow_run_ids)}}})

    def count_final_task_runs(self, task_run_ids: Iterable[str]) -> int:
        """How many of these task runs the server has recorded in a final state."""
        wanted = {
            "id": {"any_": list(task_run_ids)},
            "state": {"type": {"any_": sorted(FINAL_STATES)}},
        }
        count: int = self._post("/task_runs/count", {"task_runs": wanted})
        return count

    def final_task_run_ids(self, task_run_ids: Iterable[str]) -> set[str]:
        """Those of these task runs that the server has recorded in a final state."""
        wanted = {
            "id": {"any_": list(task_run_ids)},
            "state": {"type": {"any_": sorted(FINAL_STATES)}},
        }
        return {row["id"] for row in self._filter("task_runs", {"task_runs": wanted})}

    def send_events(self, events: list[dict[str, Any]]) -> None:
        """Report events, as a Prefect client does."""
        for first in range(0, len(events), _PAGE):
            self._request("POST", "/events", events[first : first + _PAGE])

    def set_flow_run_state(self, run_id: str, kind: str, message: str) -> None:
        """Force a flow run into a state, whatever state it is in."""
        state = {"type": kind, "message": message}
        self._post(f"/flow_runs/{run_id}/set_state", {"state": state, "force": True})

    def propose_cancelling(self, run_id: str) -> None:
        """Show a flow run as CANCELLING, unless it has ended meanwhile: the server decides."""
        state = {"type": "CANCELLING", "message": "cancel was requested"}
        self._post(f"/flow_runs/{run_id}/set_state", {"state": state, "force": False})

    def set_task_run_state(self, run_id: str, kind: str, message: str) -> None:
        """Force a task run into a state, whatever state it is in."""
        state = {"type": kind, "message": message}
        self._post(f"/task_runs/{run_id}/set_state", {"state": state, "force": True})

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Any other call; what comes back is what JSON says.

        Raises:
            NotFoundError: The server has no such thing.
            AlreadyThereError: It has it already.
            ServerError: It refuses, or does not answer.
        """
        return self._request(method, path, body)

    def rows(self, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
        """All rows that a call lists page by page."""
        return list(self._pages(path, body))

    def page(self, path: str, body: dict[str, Any], offset: int = 0) -> list[dict[str, Any]]:
        """The rows that a call lists from one on, as many as the server hands out at once."""
        rows: list[dict[str, Any]] = self._rows_at(path, body, offset)
        return rows

    def _filter(self, what: str, body: dict[str, Any]) -> list[dict[str, Any]]:
        return list(self._pages(f"/{what}/filter", body))

    def _pages(self, path: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            rows = self._rows_at(path, body, offset)
            yield from rows
            if len(rows) < self._page:
                return
            offset += len(rows)

    def _rows_at(self, path: str, body: dict[str, Any], offset: int) -> Any:
        while True:
            page = self._page
            try:
                return self._post(path, body | {"limit": page, "offset": offset})
            except ServerError as error:
                # A server may be set to hand out less at once, and says how much.
                most = _LESS.search(str(error))
                if most is None or int(most[1]) >= page:
                    raise
                self._page = max(int(most[1]), 1)

    def _post(self, path: str, body: object) -> Any:
        return self._request("POST", path, body)

    def version(self) -> str:
        """The version of the server."""
        return str(self._request("GET", "/admin/version"))

    def _request(self, method: str, path: str, body: object = None) -> Any:
        deadline = time.monotonic() + self._deadline_seconds
        pause = 0.05
        has_token = False
        while True:
            try:
                response = self._client.request(method, path, json=body)
            except httpx.TransportError as error:
                problem = str(error) or type(error).__name__
            else:
                if response.is_success:
                    return response.json() if response.content else None
                problem = f"HTTP {response.status_code}: {response.text[:300]}"
                if _lacks_token(response) and not has_token:
                    self._take_token()
                    has_token = True
                    continue
                if response.status_code == httpx.codes.NOT_FOUND:
                    raise NotFoundError(f"the Prefect server has no {path}")
                if response.status_code == httpx.codes.CONFLICT:
                    raise AlreadyThereError(f"the Prefect server refused {path}: {problem}")
                if response.status_code not in _RETRY_STATUS:
                    raise ServerError(f"the Prefect server refused {path}: {problem}")
            if time.monotonic() + pause > deadline:
                raise ServerError(
                    f"the Prefect server did not answer {path} within "
                    f"{self._deadline_seconds:g} s: {problem}",
                    fix="See `engine status`",
                )
            time.sleep(pause)
            pause = min(pause * 2, 1.0)

    def _take_token(self) -> None:
        """Have the token given that a server with protection against forged requests asks for."""
        client = str(uuid.uuid4())
        token = self._request("GET", f"/csrf-token?client={client}")["token"]
        self._client.headers.update({"Prefect-Csrf-Token": token, "Prefect-Csrf-Client": client})


def _lacks_token(response: httpx.Response) -> bool:
    return response.status_code == httpx.codes.FORBIDDEN and "CSRF" in response.text
