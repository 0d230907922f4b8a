"""What the orchestration of a full_flow costs beyond the work itself.

The five flows with bodies that do nothing: full_flow, four subflows, twelve tasks. Three ways in
the same run: plain function calls, this engine (its server, its settings, its step declaration),
and Prefect as it is out of the box (its own `prefect server start`, plain @flow and @task).

    python benchmarks/orchestration.py [--repeats 7] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
    from engine.execution.settings import run_settings
    from engine.flows.declare import declare_flow
    from engine.runs.context import RunContext, use_run_context
    from engine.runs.progress import ProgressWriter
    from engine.runs.table import RunTable
    from engine.tasks.step import step
    from engine.workspace import Workspace

    workspace = Workspace(folder).create()
    full_flow = build(declare_flow, step)
    context = RunContext(
        "benchmark", "full_flow", workspace, RunTable(workspace.database), ProgressWriter(folder)
    )
    with run_settings(), use_run_context(context):
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
    from engine.config.settings import PrefectServerSettings
    from engine.prefect_server.connection import client_environment
    from engine.prefect_server.supervise import ServerLease

    home = folder / "prefect"
    home.mkdir()
    with ServerLease(home, PrefectServerSettings(idle_exit_seconds=1)) as lease:
        lease.wait_ready()
        return run_child("ours", repeats, folder, client_environment(home, lease.connection))


def measure_defaults(repeats: int, folder: Path) -> list[float]:
    """Measure against `prefect server start` with its own settings; only telemetry is off."""
    import httpx

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    environment = kept | {
        "PREFECT_HOME": str(folder),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1"]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "--port", str(port)], env=environment, stdout=log, stderr=log
        )
        try:
            deadline = time.monotonic() + 120
            while True:
                try:
                    httpx.get(f"{environment['PREFECT_API_URL']}/health", timeout=2)
                    break
                except httpx.TransportError:
                    if time.monotonic() > deadline or server.poll() is not None:
                        raise
                    time.sleep(0.2)
            return run_child("defaults", repeats, folder, environment)
        finally:
            server.terminate()
            server.wait(30)


def main() -> int:
    """Measure, print the table or the JSON lines; exit status 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", choices=("ours", "defaults"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        run = {"ours": child_ours, "defaults": child_defaults}[arguments.child]
        print(json.dumps(run(arguments.repeats, arguments.folder)))
        return 0

    plain = statistics.median(timed(build(lambda _: _same, lambda _: _same), arguments.repeats))
    times = {}
    for name, measure in (("ours", measure_ours), ("defaults", measure_defaults)):
        with tempfile.TemporaryDirectory() as folder:
            times[name] = statistics.median(measure(arguments.repeats, Path(folder)))
    overhead = times["ours"] - plain
    ratio = (times["defaults"] - plain) / overhead
    claims = [
        {
            "claim": "full_flow of 12 no-op tasks, beyond plain function calls",
            "value": round(overhead, 3),
            "unit": "s",
            "goal": f"<= {GOAL_SECONDS}",
            "peer": "plain function calls",
            "peer_value": round(plain, 6),
            "ok": overhead <= GOAL_SECONDS,
        },
        {
            "claim": "the same against Prefect's defaults",
            "value": round(ratio, 1),
            "unit": "times less",
            "goal": f">= {GOAL_RATIO:g}",
            "peer": "prefect server start, @flow, @task (s)",
            "peer_value": round(times["defaults"], 3),
            "ok": ratio >= GOAL_RATIO,
        },
    ]
    for claim in claims:
        if arguments.json:
            print(json.dumps(claim))
        else:
            verdict = "ok" if claim["ok"] else "MISSED"
            print(
                f"{verdict:>6}  {claim['claim']}: {claim['value']} {claim['unit']} "
                f"(goal {claim['goal']}; {claim['peer']}: {claim['peer_value']})"
            )
    return 0 if all(claim["ok"] for claim in claims) else 1


def _same(function: Callable[[], None]) -> Callable[[], None]:
    return function


if __name__ == "__main__":
    sys.exit(main())
