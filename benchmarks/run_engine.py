"""The run engine beside Prefect's own: launch, death, cancel, many at once, feed, lists, memory.

Each claim is measured on a real engine in a workspace of its own, and its peer in the same run: a
Prefect process worker on the same server, Prefect's default server, `prefect server start`.

    python benchmarks/run_engine.py [--launches 30] [--rows 100000] [--json]
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from _claims import Claim, at_least, at_most, beside, compared, parser_of, percentile, report
from _many_tasks import RUNS, TASKS, measure_default_server
from _prefect_peer import default_server, process_worker
from _worker_peer import measure_worker_launches

from engine.client import EngineClient, calls
from engine.data.sample import write_sample
from engine.prefect_server.connection import Connection, client_environment
from engine.schema import Event, RunEvent, RunInfo, StepEvent
from engine.states import FINAL_STATES
from engine.tables.engine_database import EngineDatabase
from engine.workspace import Workspace

PLUGIN = Path(__file__).parent / "_busy_model.py"
COLUMNS = ("dataset.date_col=date", "dataset.target_col=sales", "dataset.series_col=product")
IDLE_SECONDS = 20.0


@dataclass
class Bench:
    """A running engine and its client."""

    workspace: Workspace
    client: EngineClient

    def launch(self, flow: str, **options: Any) -> RunInfo:
        """Launch a run and return it at once."""
        return self.client.send(calls.launch(flow, **options)).run

    def data_flow(self) -> RunInfo:
        """Launch a data_flow on the sample."""
        sample = str(self.workspace.data / "sample.csv")
        return self.launch("data_flow", overrides=COLUMNS, flags={"data": sample})

    def busy(self, behaviour: str) -> RunInfo:
        """Launch a training that does what is asked of it."""
        overrides = (
            f"model.plugins={json.dumps([str(PLUGIN)])}",
            f"train.hparams.behaviour={behaviour}",
        )
        return self.launch("train_flow", overrides=overrides, flags={"model_type": "Busy"})

    def wait(self, run_id: str, holds: Callable[[RunInfo], bool]) -> RunInfo:
        """Wait until something holds for a run."""
        while True:
            run = self.client.send(calls.run(run_id)).run
            if holds(run):
                return run
            time.sleep(0.02)

    def wait_ended(self, run_id: str) -> RunInfo:
        """Wait until a run has ended."""
        return self.wait(run_id, lambda run: run.state in FINAL_STATES)


@contextmanager
def running_engine(folder: Path, settings: str = "", secrets: str = "") -> Iterator[Bench]:
    """An engine that is warm and has a data set, stopped afterwards.

    Args:
        folder: Where its workspace is made.
        settings: More lines of its engine.yaml.
        secrets: Its secrets.env.
    """
    workspace = Workspace(folder / "workspace").create()
    write_sample(workspace.data / "sample.csv", series=4, days=200)
    (workspace.configs / "engine.yaml").write_text(
        f"queue: {{max_concurrent: {RUNS}}}\npredictor: {{enabled: false}}\n"
        f"flow_api: {{port: 0}}\nweb_page: {{port: 0}}\n{settings}"
    )
    workspace.secrets.write_text(secrets)
    workspace.secrets.chmod(0o600)
    with EngineClient(workspace) as client:
        try:
            client.send(calls.warm())
            while any(c.state != "ready" for c in client.send(calls.status()).children):
                time.sleep(0.1)
            bench = Bench(workspace, client)
            for _ in range(3):  # what is done for the first time costs more
                bench.wait_ended(bench.data_flow().id)
            yield bench
        finally:
            client.send(calls.down(cancel_runs=True))


def measure_launches(bench: Bench, count: int) -> list[float]:
    """Seconds from the request to the moment at which the first step begins."""
    seconds = []
    for _ in range(count):
        asked = time.time()
        run_id = bench.data_flow().id
        bench.wait_ended(run_id)
        seconds.append(bench.client.send(calls.run(run_id)).steps[0].start - asked)
    return seconds


def measure_end(
    bench: Bench, count: int, end: Callable[[RunInfo], None], state: str
) -> list[float]:
    """Seconds from what ends a run to the moment at which a client hears of it."""
    seconds = []
    for _ in range(count):
        run_id = bench.busy("wait").id
        bench.wait(run_id, lambda run: run.state == "RUNNING")
        while not bench.client.send(calls.run(run_id)).steps:
            time.sleep(0.02)
        time.sleep(0.3)
        heard: list[float] = []
        listening = threading.Event()
        listener = threading.Thread(
            target=_listen_for, args=(bench.workspace, run_id, state, listening, heard)
        )
        listener.start()
        listening.wait()
        began = time.monotonic()
        end(bench.client.send(calls.run(run_id)).run)
        listener.join()
        seconds.append(heard[0] - began)
    return seconds


def _listen_for(
    workspace: Workspace, run_id: str, state: str, listening: threading.Event, heard: list[float]
) -> None:
    with EngineClient(workspace) as client:
        for event in client.events(run_id):
            listening.set()
            if isinstance(event, RunEvent) and event.run.state == state:
                heard.append(time.monotonic())
                return


def kill_process(bench: Bench) -> Callable[[RunInfo], None]:
    """Kill the process of a run, as the kernel would."""

    def kill(run: RunInfo) -> None:
        from engine.tables.runs import RunTable

        pid = RunTable(bench.workspace.database).get(run.id).pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    return kill


def measure_many(bench: Bench) -> tuple[float, int, int]:
    """Ten runs of eighty tasks at once: seconds, task rows in final states, client back-offs."""
    began = time.monotonic()
    runs = [bench.busy("tasks").id for _ in range(RUNS)]
    ended = [bench.wait_ended(run_id) for run_id in runs]
    seconds = time.monotonic() - began
    rows = backoffs = 0
    for run in ended:
        detail = bench.client.send(calls.run(run.id))
        names = [task["name"] for row in detail.rows for task in row["tasks"]]
        states = [task["state"] for row in detail.rows for task in row["tasks"]]
        rows += len(
            [n for n, s in zip(names, states, strict=True) if n == "tick" and s == "COMPLETED"]
        )
        log = (bench.workspace.run_folder(run.id) / "log").read_text()
        backoffs += log.count("Another attempt will be made")
    return seconds, rows, backoffs


def measure_feed(bench: Bench, count: int) -> list[float]:
    """Seconds from what happens in a run to the moment at which a client hears of it."""
    delays: list[float] = []
    for _ in range(count):
        run_id = bench.data_flow().id
        told: set[tuple[str, str]] = set()
        for event in bench.client.events(run_id):
            delays += _delays(event, told)
            if isinstance(event, RunEvent) and event.run.state in FINAL_STATES:
                break
    return delays


def _delays(event: Event, told: set[tuple[str, str]]) -> Iterator[float]:
    now = time.time()
    if isinstance(event, StepEvent):
        step = event.step
        key, at = (step.id, step.state), step.end or step.start
    elif isinstance(event, RunEvent) and event.run.started is not None:
        run = event.run
        key, at = (run.id, run.state), run.ended or run.started
    else:
        return
    if key not in told:
        told.add(key)
        yield now - at


def measure_list(bench: Bench, rows: int) -> list[float]:
    """Seconds of asking for the newest 50 runs when there are very many."""
    now = time.time()
    with EngineDatabase(bench.workspace.database).transaction() as database:
        database.executemany(
            "INSERT INTO runs (id, flow, name, state, created, started, ended, closed, notified)"
            " VALUES (?, 'data_flow', 'synthetic-run', 'COMPLETED', ?, ?, ?, 1, 1)",
            (
                (str(uuid.uuid4()), at, at, at + 1)
                for at in (now - 86400 - index for index in range(rows))
            ),
        )
    seconds = []
    for _ in range(100):
        began = time.perf_counter()
        page = bench.client.send(calls.runs(50))
        seconds.append(time.perf_counter() - began)
        assert len(page.runs) == 50
    return seconds


def family_of(pids: list[int]) -> list[psutil.Process]:
    """These processes and everything below them, each once."""
    found: dict[int, psutil.Process] = {}
    for pid in pids:
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            found[process.pid] = process
    return list(found.values())


def memory_mb(pids: list[int]) -> float:
    """Proportional memory: what several processes share counts once."""
    return sum(process.memory_full_info().pss for process in family_of(pids)) / 1024**2


def idle_share(pids: list[int]) -> float:
    """Share of a core that processes use with nothing to do, in percent."""

    def used() -> float:
        return sum(sum(process.cpu_times()[:2]) for process in family_of(pids))

    before = used()
    time.sleep(IDLE_SECONDS)
    return (used() - before) / IDLE_SECONDS * 100


@dataclass
class Idle:
    """What is used while nothing is to be done; of the memory, what libraries kept ready take."""

    memory_mb: float
    preloaded_mb: float
    processor_percent: float


def measure_idle(bench: Bench) -> Idle:
    """What the engine and everything that it keeps running uses."""
    status = bench.client.send(calls.status())
    children = {child.name: child.pid for child in status.children if child.pid is not None}
    pids = [status.pid, *children.values()]
    return Idle(memory_mb(pids), memory_mb([children["fork server"]]), idle_share(pids))


def measure_prefect_idle(folder: Path) -> Idle:
    """What is used by `prefect server start` with one worker."""
    with default_server(folder) as peer:
        subprocess.run(
            [sys.executable, "-m", "prefect", "work-pool", "create", "idle", "--type", "process"],
            env=dict(peer.environment),
            check=True,
            stdout=subprocess.DEVNULL,
        )
        with process_worker(folder, peer.environment, "idle") as worker:
            time.sleep(15)
            pids = [peer.process.pid, worker.pid]
            return Idle(memory_mb(pids), 0.0, idle_share(pids))


def measure(launches: int, rows: int) -> Iterator[Claim]:
    """Measure everything, one claim after the other."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running_engine(folder) as bench:
            yield from _launch_claims(bench, folder, launches)
            kills = measure_end(bench, 10, kill_process(bench), "CRASHED")
            yield at_most(
                "kill -9 of a run to CRASHED", max(kills), "s (worst of 10)", 0.3, "", None
            )
            yield from _cancel_claims(bench)
            yield from _many_claims(bench, folder)
            delays = measure_feed(bench, 10)
            yield at_most(
                "change to client event, p95", percentile(delays, 0.95), "s", 0.2, "", None
            )
            ours = measure_idle(bench)
            listing = measure_list(bench, rows)
            yield at_most(
                f"newest 50 of {rows} runs, p95",
                percentile(listing, 0.95) * 1000,
                "ms",
                30,
                "median (ms)",
                statistics.median(listing) * 1000,
            )
        with tempfile.TemporaryDirectory() as peer_folder:
            theirs = measure_prefect_idle(Path(peer_folder))
    peer = "prefect server start and one worker"
    lean = ours.memory_mb - ours.preloaded_mb
    yield compared("memory of the whole engine (PSS)", ours.memory_mb, "MB", peer, theirs.memory_mb)
    yield compared("the same without preloaded libraries", lean, "MB", peer, theirs.memory_mb)
    yield beside(
        "idle processor share of the whole engine",
        ours.processor_percent,
        "% of a core",
        peer,
        theirs.processor_percent,
    )


def _launch_claims(bench: Bench, folder: Path, launches: int) -> Iterator[Claim]:
    ours = measure_launches(bench, launches)
    connection = Connection.read(bench.workspace.prefect_home)
    assert connection is not None
    environment = client_environment(bench.workspace.prefect_home, connection)
    theirs = statistics.median(measure_worker_launches(folder, environment))
    peer = "process worker, polling each second, same server (p50, s)"
    p50 = statistics.median(ours)
    yield at_most("launch request to first task, p50", p50, "s", 0.35, peer, theirs)
    yield at_most(
        "launch request to first task, p95", percentile(ours, 0.95), "s", 0.6, peer, theirs
    )
    yield at_least("the worker's p50 over ours", theirs / p50, "times", 10, peer, theirs)


def _cancel_claims(bench: Bench) -> Iterator[Claim]:
    def cancel(run: RunInfo) -> None:
        bench.client.send(calls.cancel(run.id))

    cancels = measure_end(bench, 10, cancel, "CANCELLED")
    yield at_most("cancel of Python code", max(cancels), "s (worst of 10)", 1.5, "", None)


def _many_claims(bench: Bench, folder: Path) -> Iterator[Claim]:
    seconds, rows, backoffs = measure_many(bench)
    theirs, their_rows = measure_default_server(folder)
    name = f"{RUNS} runs x {TASKS} tasks at once"
    peer = "prefect server start, the same flows (s)"
    recorded = f"{name}: task rows recorded"
    yield at_least(recorded, rows, "rows", RUNS * TASKS, "prefect server start", their_rows)
    yield at_most(f"{name}: back-offs of clients", backoffs, "times", 0, "", None)
    yield beside(f"{name}: wall time", seconds, "s", peer, theirs)


def main() -> int:
    """Measure, print the table or the JSON lines; exit status 1 when a goal is missed."""
    parser = parser_of(__doc__)
    parser.add_argument("--launches", type=int, default=30)
    parser.add_argument("--rows", type=int, default=100_000)
    arguments = parser.parse_args()
    statuses = [
        report([claim], as_json=arguments.json)
        for claim in measure(arguments.launches, arguments.rows)
    ]
    return max(statuses)


if __name__ == "__main__":
    sys.exit(main())
