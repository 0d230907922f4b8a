"""The engine as its user has it: a command, in a workspace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from engine.prefect_server.api import PrefectApi
from engine.prefect_server.connection import Connection
from engine.runs.progress import ProgressReader
from engine.tables.run_record import RunRecord
from engine.tables.runs import RunTable
from engine.workspace import Workspace

T = TypeVar("T")

ENGINE = Path(sys.executable).parent / "engine"
SAMPLE_COLUMNS = (
    "--set=dataset.date_col=date",
    "--set=dataset.target_col=sales",
    "--set=dataset.series_col=product",
)
TIMEOUT_SECONDS = 120
CLOSED = "flow_api: {enabled: false}\nweb_page: {enabled: false}\n"
NO_PREDICTOR = "predictor: {enabled: false}"
# Each time that something is mirrored costs seconds of a processor; see test_tracking.py.
NOT_TRACKED = "tracking: {enabled: false}"
SETTINGS = f"""{CLOSED}
queue: {{max_concurrent: 4}}
run: {{cancel_grace_seconds: 2}}
prefect_server: {{idle_exit_seconds: 1}}
predictor: {{enabled: false}}
{NOT_TRACKED}
"""
PUPPET = Path(__file__).parent / "puppet_model.py"


@dataclass(frozen=True)
class Engine:
    """Runs the `engine` command in one workspace."""

    workspace: Workspace
    sample: Path

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"MLOPS_WORKSPACE": str(self.workspace.root)}

    @property
    def sample_options(self) -> tuple[str, ...]:
        """Options that make a flow read the sample ledger."""
        return ("--data", str(self.sample), *SAMPLE_COLUMNS)

    @property
    def endless_options(self) -> tuple[str, ...]:
        """Options of a training that would take hours."""
        return (
            *self.sample_options,
            "--model-type=LSTM",
            "--epochs=10000",
            "--set=train.hparams.patience=10000",
        )

    @property
    def command(self) -> list[str]:
        return [str(ENGINE)]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(ENGINE), *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=TIMEOUT_SECONDS)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def json(self, *arguments: str, exit_code: int = 0) -> Any:
        """Run with --json and return the data; stderr must stay empty."""
        done = self.run(*arguments, "--json")
        assert (done.returncode, done.stderr) == (exit_code, ""), done
        return json.loads(done.stdout)

    @property
    def table(self) -> RunTable:
        return RunTable(self.workspace.database)

    def prefect(self) -> PrefectApi:
        """A client of the Prefect server."""
        connection = Connection.read(self.workspace.prefect_home)
        assert connection is not None
        return PrefectApi(connection)

    def pid_of(self, run_id: str) -> int:
        pid = self.table.get(run_id).pid
        assert pid is not None, f"run {run_id} has no process"
        return pid

    def progress(self, run_id: str, kind: str) -> list[dict[str, Any]]:
        """The progress events of one kind that a run has told so far."""
        reader = ProgressReader(self.workspace.run_folder(run_id))
        return [event for event in reader.new_events() if event["kind"] == kind]

    @contextmanager
    def settings(self, text: str) -> Iterator[None]:
        """Other settings of the engine for a while: it reads them again by itself."""
        path = self.workspace.configs / "engine.yaml"
        text = text if "predictor:" in text else f"{text}\n{NO_PREDICTOR}\n"
        text = text if "tracking:" in text else f"{text}\n{NOT_TRACKED}\n"
        path.write_text(text if "flow_api:" in text else f"{text}\n{CLOSED}")
        try:
            yield
        finally:
            path.write_text(SETTINGS)

    def run_ids(self) -> set[str]:
        return {run.id for run in self.table.newest(10_000)}

    def wait_for_step(self, step: str, process: subprocess.Popen[Any], *, not_in: set[str]) -> str:
        """Wait until a new run is in a step and has told of its progress; return the run."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            for run in self.table.newest(1):
                progress = self.workspace.run_folder(run.id) / "progress.jsonl"
                if run.id not in not_in and progress.exists():
                    events = [json.loads(line) for line in progress.read_text().splitlines()]
                    if any(event.get("step") == step for event in events):
                        return run.id
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        raise AssertionError(f"no run came to {step}")

    def states_in_prefect(self, run_id: str) -> tuple[str, set[str]]:
        """State of the run, and the states of everything below it, as Prefect has them."""
        prefect_id = self.table.get(run_id).prefect_id
        assert prefect_id is not None, f"run {run_id} never had a process"
        with self.prefect() as api:
            tree = api.flow_runs(prefect_id)
            tasks = api.task_runs(row["id"] for row in tree)
        below = {row["state_type"] for row in [*tree[1:], *tasks]}
        return tree[0]["state_type"], below

    def wait_until(self, holds: Callable[[], T], *, seconds: float = 30.0) -> T:
        """Wait for something to hold, and return it."""
        deadline = time.monotonic() + seconds
        while not (found := holds()):
            assert time.monotonic() < deadline, "it does not come to hold"
            time.sleep(0.02)
        return found

    def wait_closed(self, run_id: str) -> RunRecord:
        """Wait until a run has ended and Prefect knows."""
        self.wait_until(lambda: self.table.get(run_id).closed)
        return self.table.get(run_id)

    def end(self, run_id: str) -> None:
        """Make sure that a run is over."""
        self.run("cancel", "--now", run_id)
        self.wait_closed(run_id)


class Puppets:
    """Launches trainings that do what is asked of them (puppet_model.py), and ends them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._launched: list[str] = []

    def __call__(self, behaviour: str, *options: str) -> str:
        """Launch one and wait until it has begun to do it; return the run."""
        run_id = self.launch(behaviour, *options)
        self._engine.wait_until(lambda: self._engine.progress(run_id, "epoch"))
        return run_id

    def launch(self, behaviour: str, *options: str) -> str:
        """Launch one."""
        run = self._engine.json(
            "run",
            "train_flow",
            "--detach",
            "--model-type=Puppet",
            f"--set=model.plugins={json.dumps([str(PUPPET)])}",
            f"--set=train.hparams.behaviour={behaviour}",
            *options,
        )
        self._launched.append(run["id"])
        return str(run["id"])

    def end(self) -> None:
        """End those that have not ended."""
        for run_id in self._launched:
            if not self._engine.table.get(run_id).closed:
                self._engine.end(run_id)
