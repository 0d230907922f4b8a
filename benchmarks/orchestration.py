"""What the orchestration of a full_flow costs beyond the work itself.

The five flows with bodies that do nothing: full_flow, four subflows, twelve tasks. Three ways in
the same run: plain function calls, this engine (its server, its settings, its step declaration),
and Prefect as it is out of the box (its own `prefect server start`, plain @flow and @task).

    python benchmarks/orchestration.py [--repeats 25] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _claims import at_least, at_most, parser_of, report
from _prefect_peer import default_server

SHAPE: dict[str, tuple[str, ...]] = {
    "data_flow": (
        "load_time_series_csv",
        "validate_data",
        "prepare_time_series_data",
        "split_time_series_data",
    ),
    "train_flow": ("build_model", "train_model", "save_model"),
    "eval_flow": ("evaluate_model", "evaluate_baselines"),
    "deploy_flow": ("upload_model", "put_model_to_service", "check_service_health"),
}
GOAL_SECONDS = 0.6
GOAL_RATIO = 6.0


def build(
    make_flow: Callable[[str], Callable[..., Any]], make_task: Callable[[str], Callable[..., Any]]
) -> Callable[[], None]:
    """Build full_flow of SHAPE from a way to declare a flow and a way to declare a task."""

    def subflow(name: str, task_names: tuple[str, ...]) -> Callable[[], None]:
        tasks = [make_task(task_name)(lambda: None) for task_name in task_names]

        def body() -> None:
            for task in tasks:
                task()

        body.__name__ = name
        return make_flow(name)(body)

    parts = [subflow(name, task_names) for name, task_names in SHAPE.items()]

    def full_flow() -> None:
        for part in parts:
            part()

    return make_flow("full_flow")(full_flow)


def timed(call: Callable[[], Any], repeats: int) -> list[float]:
    """Seconds of each call, after one that does not count."""
    call()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return seconds


def child_ours(repeats: int, folder: Path) -> list[float]:
    """Run in the environment of a run process."""
    from prefect.context import SyncClientContext

    from engine.execution.settings import client_settings, run_settings
    from engine.flows.declare import declare_flow
    from engine.runs.context import RunContext, use_run_context
    from engine.runs.progress import ProgressWriter
    from engine.tables.handoffs import Handoffs
    from engine.tables.runs import RunTable
    from engine.tasks.step import step
    from engine.workspace import Workspace

    workspace = Workspace(folder / "context").create()
    full_flow = build(declare_flow, step)
    context = RunContext(
        "benchmark",
        "full_flow",
        workspace,
        RunTable(workspace.database),
        Handoffs(workspace.database),
        ProgressWriter(folder),
    )
    with run_settings(), SyncClientContext(client_settings()), use_run_context(context):
        return timed(full_flow, repeats)


def child_defaults(repeats: int, _: Path) -> list[float]:
    """Run with plain decorators."""
    from prefect import flow, task

    return timed(build(lambda name: flow(name=name), lambda name: task(name=name)), repeats)


def run_child(mode: str, repeats: int, folder: Path, environment: dict[str, str]) -> list[float]:
    """Run one mode in a process of its own and return its times."""
    command = [sys.executable, __file__, "--child", mode, "--repeats", str(repeats)]
    with (folder / f"{mode}.log").open("wb") as log:
        done = subprocess.run(
            [*command, "--folder", str(folder)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            timeout=600,
        )
    if done.returncode:
        sys.exit((folder / f"{mode}.log").read_text())
    times: list[float] = json.loads(done.stdout.splitlines()[-1])
    return times


def measure_ours(repeats: int, folder: Path) -> list[float]:
    """Measure against the server that the engine starts."""
    from engine.client import EngineClient, calls
    from engine.prefect_server.connection import Connection, client_environment
    from engine.workspace import Workspace

    workspace = Workspace(folder / "workspace").create()
    (workspace.configs / "engine.yaml").write_text(
        "predictor: {enabled: false}\nflow_api: {port: 0}\nweb_page: {port: 0}\n"
    )
    with EngineClient(workspace) as engine:
        try:
            engine.send(calls.warm())
            # All of them: what is still importing takes the other core from the server.
            while any(child.state != "ready" for child in engine.send(calls.status()).children):
                time.sleep(0.2)
            connection = Connection.read(workspace.prefect_home)
            assert connection is not None
            environment = client_environment(workspace.prefect_home, connection)
            return run_child("ours", repeats, folder, environment)
        finally:
            engine.send(calls.down())


def measure_defaults(repeats: int, folder: Path) -> list[float]:
    """Measure against a server with its own settings."""
    with default_server(folder) as peer:
        return run_child("defaults", repeats, folder, dict(peer.environment))


def main() -> int:
    """Measure, print the table or the JSON lines; exit status 1 when a goal is missed."""
    parser = parser_of(__doc__)
    parser.add_argument("--repeats", type=int, default=25, help="of ours; the peer has a fifth")
    parser.add_argument("--child", choices=("ours", "defaults"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        run = {"ours": child_ours, "defaults": child_defaults}[arguments.child]
        print(json.dumps(run(arguments.repeats, arguments.folder)))
        return 0

    plain = statistics.median(timed(build(lambda _: _same, lambda _: _same), arguments.repeats))
    times = {}
    fifth = max(1, arguments.repeats // 5)
    for name, measure, repeats in (
        ("ours", measure_ours, arguments.repeats),
        ("defaults", measure_defaults, fifth),
    ):
        with tempfile.TemporaryDirectory() as folder:
            times[name] = statistics.median(measure(repeats, Path(folder)))
    overhead = times["ours"] - plain
    ratio = (times["defaults"] - plain) / overhead
    claims = [
        at_most(
            "full_flow of 12 no-op tasks, beyond plain function calls",
            overhead,
            "s",
            GOAL_SECONDS,
            "plain function calls",
            plain,
        ),
        at_least(
            "the same against Prefect's defaults",
            ratio,
            "times less",
            GOAL_RATIO,
            "prefect server start, @flow, @task (s)",
            times["defaults"],
        ),
    ]
    return report(claims, as_json=arguments.json)


def _same(function: Callable[[], None]) -> Callable[[], None]:
    return function


if __name__ == "__main__":
    sys.exit(main())
