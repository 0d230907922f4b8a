"""Small stand-ins for the parts around the one that a test is about."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.config.engine_settings import PrefectServerSettings
from engine.daemon.children import Child, Started
from engine.daemon.keeper import Living
from engine.daemon.launching import Exit, LaunchedProcess
from engine.daemon.prefect_child import PrefectServer
from engine.daemon.workers import Workers
from engine.errors import ServerError
from engine.runs.order import Order
from engine.tables.run_record import NewRun, RunRecord
from engine.tables.runs import RunTable
from engine.tables.sqlite import transaction

DOCUMENT = "flow_module: train_flow\nmodel:\n  seed: 7\n"


def accept(table: RunTable, run_id: str = "", *, flow: str = "train_flow", **more: Any) -> str:
    """Put a run into the queue; return its id."""
    run_id = run_id or str(uuid.uuid4())
    table.accept(NewRun(id=run_id, flow=flow, name=f"name-{run_id}", document=DOCUMENT, **more))
    return run_id


def end(table: RunTable, run_id: str, state: str = "COMPLETED", message: str = "") -> None:
    """End a run and close it, as its own process does."""
    table.finish(run_id, state, message)
    table.set_closed(run_id)


def claim(table: RunTable, run_id: str, pid: int = 1, mark: str = "mark") -> None:
    """Become the process of a run."""
    attempt = table.get(run_id).attempt
    assert table.claim(run_id, attempt, pid=pid, mark=mark, prefect_id=f"prefect-{run_id}")


def change_row(path: Path, run_id: str, **values: object) -> None:
    """Change what no call changes, such as when a run was accepted."""
    with transaction(path, "the table of a test") as database:
        for column, value in values.items():
            database.execute(f"UPDATE runs SET {column} = ? WHERE id = ?", (value, run_id))


def ready_child(name: str = "Prefect server") -> Child:
    """A child that is up."""
    child = child_that_is_off(name)
    child.ready.set()
    return child


def child_that_is_off(name: str = "Prefect server") -> Child:
    """A child that nobody has started."""

    async def start() -> Started:
        raise AssertionError("nobody is to start it")

    return Child(name, start, lambda _: None)


class Death:
    """A watch over a process that dies when it is told to."""

    def __init__(self) -> None:
        self.comes = asyncio.Event()

    async def death(self) -> None:
        await self.comes.wait()

    def close(self) -> None:
        """Nothing to give back."""


@dataclass
class ApiStandIn:
    """What the engine asks of Prefect; each run of a key is made once."""

    made: dict[str, dict[str, Any]] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    problems: list[Exception] = field(default_factory=list)
    """Raised by the next calls, one each."""

    asked: int = 0
    before: Callable[[str], None] = lambda _: None

    def create_flow_run(
        self,
        flow: str,
        *,
        name: str,
        parameters: dict[str, Any],
        idempotency_key: str,
        tags: Sequence[str],
    ) -> str:
        self.asked += 1
        self.before(idempotency_key)
        if self.problems:
            raise self.problems.pop(0)
        self.made[idempotency_key] = {
            "flow": flow,
            "name": name,
            "parameters": parameters,
            "tags": tags,
        }
        return f"prefect-{idempotency_key}"

    def flow_run_id_of_key(self, idempotency_key: str) -> str | None:
        return f"prefect-{idempotency_key}" if idempotency_key in self.made else None

    def delete_flow_runs(self, root_id: str) -> None:
        if self.problems:
            raise self.problems.pop(0)
        self.deleted.append(root_id)

    def close(self) -> None:
        """Nothing to close."""


class PrefectStandIn(PrefectServer):
    """The Prefect server as the engine keeps it: up, unless it is not; nothing starts it."""

    api: Any = None

    def __init__(self, child: Child | None = None) -> None:
        super().__init__(Path("/nonexistent"), PrefectServerSettings, Workers(), lambda _: None)
        self.child = child or ready_child()
        self.api = ApiStandIn()


class LauncherStandIn:
    """Makes processes that do nothing but exist, unless something is wrong."""

    def __init__(self, child: Child | None = None) -> None:
        self.child = child
        self.orders: list[Order] = []
        self.problems: list[Exception] = []
        self.before_problem: Callable[[Order], None] = lambda _: None
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def launch(self, order: Order) -> LaunchedProcess:
        self.orders.append(order)
        await self.may_go_on.wait()
        if self.problems:
            self.before_problem(order)
            raise self.problems.pop(0)
        exit_: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        return LaunchedProcess(0, Death(), exit_)

    async def stop(self) -> None:
        """Nothing to end."""


class KeeperStandIn:
    """Knows which runs have a process."""

    def __init__(self) -> None:
        self.living: dict[str, Living] = {}
        self.seen: list[str] = []

    def watch(
        self, run_id: str, flow: str, launched: LaunchedProcess, *, is_placed: bool = False
    ) -> None:
        assert run_id not in self.living, "two processes for one run"
        self.seen.append(run_id)
        self.living[run_id] = Living(flow, launched.pid, is_placed=is_placed)

    async def adopt(self, record: RunRecord) -> None:
        assert record.id not in self.living, "watched over twice"
        assert record.pid is not None
        self.living[record.id] = Living(record.flow, record.pid)


class CloserStandIn:
    """Remembers which runs are to be closed."""

    def __init__(self) -> None:
        self.runs: list[str] = []

    def close(self, run_id: str) -> None:
        self.runs.append(run_id)


class Flaky:
    """A table of which some calls fail for a while, as a disk that is full makes them."""

    def __init__(self, table: RunTable, error: Exception | None = None) -> None:
        self._table = table
        self._error = error or ServerError("not now")
        self.failures: dict[str, int] = {}
        self.before: dict[str, Callable[[], None]] = {}

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._table, name)

        def perform(*args: Any, **kwargs: Any) -> Any:
            self.before.pop(name, lambda: None)()
            if self.failures.get(name, 0) > 0:
                self.failures[name] -= 1
                raise self._error
            return call(*args, **kwargs)

        return perform
