"""Random kills of everything while launches arrive, and what must hold when the storm is over."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from engine.client import EngineClient, calls
from engine.errors import EngineError
from engine.prefect_server.api import PrefectApi
from engine.prefect_server.connection import Connection
from engine.processes import is_alive
from engine.tables.run_record import RunRecord
from engine.tables.runs import RunTable
from engine.workspace import Workspace

TARGETS = ("engine", "prefect server", "fork server", "run", "run", "client")

COLUMNS = ("dataset.date_col=date", "dataset.target_col=sales", "dataset.series_col=product")

# A client as a shell loop would be one: it says what was accepted, and may die at any moment.
_CLIENT = """
import sys, time
from pathlib import Path
from engine.client import EngineClient, calls
from engine.workspace import Workspace
workspace, data, name, pause = Path(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4])
columns = ("dataset.date_col=date", "dataset.target_col=sales", "dataset.series_col=product")
with EngineClient(Workspace(workspace)) as engine:
    number = 0
    while True:
        number += 1
        if number % 2:
            what = {"flow": "data_flow", "overrides": columns, "flags": {"data": data}}
        else:
            what = {"flow": "train_flow", "flags": {"model_type": "LSTM", "epochs": 4}}
        reply = engine.send(calls.launch(**what, key=f"{name}-{number}"))
        print(reply.run.id, flush=True)
        time.sleep(pause)
"""


@dataclass
class Storm:
    """Kills at random, and remembers what was accepted and which runs it killed itself."""

    workspace: Workspace
    sample: Path
    seed: int
    pause: float = 0.5
    accepted: list[str] = field(default_factory=list)
    killed_runs: set[str] = field(default_factory=set)
    kills: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._clients = 0
        self._client: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    @property
    def name(self) -> str:
        return f"storm-{self.seed}"

    @property
    def table(self) -> RunTable:
        return RunTable(self.workspace.database)

    def rage(self, kills: int) -> None:
        """Kill so many processes, with launches arriving all the time."""
        self._start_client()
        while self.kills.total() < kills:
            time.sleep(self._random.uniform(0.02, 2 * self.pause))
            target = self._random.choice(TARGETS)
            if self._kill(target):
                self.kills[target] += 1
        self._end_client()

    def _kill(self, target: str) -> bool:
        if target == "client":
            self._end_client()
            self._start_client()
            return True
        if target == "run":
            living = [run for run in self._unclosed() if is_alive(run.pid, run.pid_mark)]
            if not living:
                return False
            run = self._random.choice(living)
            assert run.pid is not None
            self.killed_runs.add(run.id)
            return _kill(run.pid)
        killed = [_kill(pid) for pid in self._pids(target)]
        return any(killed)

    def _pids(self, target: str) -> list[int]:
        if target == "engine":
            return [int(self.workspace.engine_lock.read_text() or 0)]
        module = {"prefect server": "prefect_server.server", "fork server": "fork_server"}[target]
        runs = {run.pid for run in self._unclosed()}
        return [pid for pid in processes_of(self.workspace, module) if pid not in runs]

    def _unclosed(self) -> list[RunRecord]:
        return self.table.unclosed()

    def _start_client(self) -> None:
        self._clients += 1
        arguments = [
            str(self.workspace.root),
            str(self.sample),
            f"{self.name}-{self._clients}",
            "0.5",
        ]
        self._client = subprocess.Popen(
            [sys.executable, "-c", _CLIENT, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, args=(self._client,))
        self._reader.start()

    def _read(self, client: subprocess.Popen[str]) -> None:
        assert client.stdout is not None
        for line in client.stdout:
            if line.endswith("\n"):
                self.accepted.append(line.strip())

    def _end_client(self) -> None:
        assert self._client is not None and self._reader is not None
        self._client.kill()
        self._reader.join()
        self._client.wait()
        assert self._client.stdout is not None
        self._client.stdout.close()


def processes_of(workspace: Workspace, module: str) -> list[int]:
    """Processes that run a module for a workspace."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                command = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if any(part.endswith(module) for part in command) and any(
                part.startswith(str(workspace.root)) for part in command
            ):
                found.append(int(folder.name))
    return found


def _kill(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def zombies(workspace: Workspace) -> list[RunRecord]:
    """Runs that the table calls unfinished although they had a process that is dead."""
    return [
        run
        for run in RunTable(workspace.database).unclosed()
        if not run.is_final and run.pid is not None and not is_alive(run.pid, run.pid_mark)
    ]


def wait_all_closed(workspace: Workspace, *, seconds: float) -> None:
    """Wait until every accepted run has ended and Prefect knows."""
    deadline = time.monotonic() + seconds
    table = RunTable(workspace.database)
    with EngineClient(workspace) as engine:
        engine.send(calls.warm())
        while unclosed := table.unclosed():
            assert time.monotonic() < deadline, [
                (run.id, run.state, run.message, _info(engine, run.id)) for run in unclosed
            ]
            time.sleep(0.1)


def _info(engine: EngineClient, run_id: str) -> str:
    try:
        return engine.send(calls.run(run_id)).run.waiting
    except EngineError as error:
        return str(error)


def prefect_of(workspace: Workspace) -> PrefectApi:
    """A client of the workspace's Prefect server."""
    connection = Connection.read(workspace.prefect_home)
    assert connection is not None
    return PrefectApi(connection)
