"""The engine as its user has it: a command, in a workspace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.prefect_server.api import PrefectApi
from engine.prefect_server.connection import Connection
from engine.runs.table import RunTable
from engine.workspace import Workspace

ENGINE = Path(sys.executable).parent / "engine"
SAMPLE_COLUMNS = (
    "--set=dataset.date_col=date",
    "--set=dataset.target_col=sales",
    "--set=dataset.series_col=product",
)
TIMEOUT_SECONDS = 120


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
        """A client of the server, which lives as long as the session's lease."""
        connection = Connection.read(self.workspace.prefect_home)
        assert connection is not None
        return PrefectApi(connection)

    def run_ids(self) -> set[str]:
        return {run.id for run in self.table.newest(10_000)}

    def wait_for_step(self, step: str, process: subprocess.Popen[str], *, not_in: set[str]) -> str:
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
        with self.prefect() as api:
            tree = api.flow_runs(run_id)
            tasks = api.task_runs(row["id"] for row in tree)
        below = {row["state_type"] for row in [*tree[1:], *tasks]}
        return tree[0]["state_type"], below
