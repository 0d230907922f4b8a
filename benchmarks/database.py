"""PostgreSQL beside SQLite under Prefect: start, launch, many runs in the queue, a backup.

Both are measured in the same run, on engines that differ in nothing but `database.url`. The
PostgreSQL server is a new one on this machine, with its usual settings; where none is installed,
SQLite is measured alone.

    python benchmarks/database.py [--launches 20] [--queued 20] [--json]
"""

from __future__ import annotations

import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from _claims import Claim, compared, measured, parser_of, percentile, report
from run_engine import RUNS, Bench, measure_launches, running_engine

from engine.client import calls
from engine.prefect_server.connection import Connection
from engine.upkeep.backup import Wishes, back_up
from engine.upkeep.places import places_of

AT_ONCE = 2


@dataclass(frozen=True)
class Measured:
    """What one kind of database came to, in seconds."""

    first_start: float
    start: float
    launches: list[float]
    queued: float
    backup: float


def measure(folder: Path, launches: int, queued: int, settings: str, secrets: str) -> Measured:
    """Measure an engine with these settings."""
    began = time.monotonic()
    with running_engine(folder, settings, secrets) as bench:
        first_start = _first_start(bench, began)
        start = _restart(bench)
        launched = measure_launches(bench, launches)
        wall = _queue(bench, queued)
        began = time.monotonic()
        back_up(places_of(bench.workspace), folder / "backup.tar.gz", Wishes())
        backup = time.monotonic() - began
    return Measured(first_start, start, launched, wall, backup)


def _first_start(bench: Bench, began: float) -> float:
    """From the launch of the engine until its Prefect server answered for the first time."""
    connection = bench.workspace.prefect_home / "server.json"
    return connection.stat().st_mtime - (time.time() - (time.monotonic() - began))


def _restart(bench: Bench) -> float:
    """How long the Prefect server takes to be back after it was killed."""
    connection = Connection.read(bench.workspace.prefect_home)
    assert connection is not None
    os.kill(connection.pid, signal.SIGKILL)
    began = time.monotonic()
    while True:
        found = Connection.read(bench.workspace.prefect_home)
        children = bench.client.send(calls.status()).children
        is_new = found is not None and found.pid != connection.pid
        if is_new and all(child.state == "ready" for child in children):
            return time.monotonic() - began
        time.sleep(0.05)


def _queue(bench: Bench, count: int) -> float:
    """Wall time of so many data_flows that are launched at once, two of which may go on."""
    path = bench.workspace.configs / "engine.yaml"
    before = path.read_text()
    path.write_text(before.replace(f"max_concurrent: {RUNS}", f"max_concurrent: {AT_ONCE}"))
    began = time.monotonic()
    runs = [bench.data_flow().id for _ in range(count)]
    states = [bench.wait_ended(run_id).state for run_id in runs]
    seconds = time.monotonic() - began
    path.write_text(before)
    assert set(states) == {"COMPLETED"}, states
    return seconds


def claims(launches: int, queued: int) -> Iterator[Claim]:
    """Measure SQLite, and PostgreSQL where there is a server to start."""
    # The tests know how to start one.
    sys.path.append(str(Path(__file__).parents[1]))
    from tests.services.postgres import running_postgres, why_not

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sqlite = measure(_folder(folder, "sqlite"), launches, queued, "", "")
        if reason := why_not():
            sys.stderr.write(f"PostgreSQL is not measured: {reason}\n")
            yield from _alone(sqlite, queued)
            return
        server = stack.enter_context(running_postgres(folder))
        settings = f'database: {{url: "{server.url()}"}}\n'
        of = _folder(folder, "postgresql")
        yield from _both(
            measure(of, launches, queued, settings, server.secret_line), sqlite, queued
        )


def _folder(parent: Path, name: str) -> Path:
    (parent / name).mkdir()
    return parent / name


def _alone(sqlite: Measured, queued: int) -> Iterator[Claim]:
    p50 = statistics.median(sqlite.launches)
    yield measured("launch request to first task on SQLite, p50", p50, "s")
    yield measured(f"{queued} queued runs on SQLite", sqlite.queued, "s")


def _both(postgres: Measured, sqlite: Measured, queued: int) -> Iterator[Claim]:
    for what, value, other in (
        ("Prefect server on an empty PostgreSQL", postgres.first_start, sqlite.first_start),
        ("Prefect server back after kill -9", postgres.start, sqlite.start),
        (
            "launch request to first task on PostgreSQL, p50",
            statistics.median(postgres.launches),
            statistics.median(sqlite.launches),
        ),
        (
            "launch request to first task on PostgreSQL, p95",
            percentile(postgres.launches, 0.95),
            percentile(sqlite.launches, 0.95),
        ),
        (f"{queued} queued runs on PostgreSQL", postgres.queued, sqlite.queued),
        ("engine db backup of PostgreSQL", postgres.backup, sqlite.backup),
    ):
        yield compared(what, value, "s", "SQLite (s)", other)


def main() -> int:
    """Measure, print the table or the JSON lines."""
    parser = parser_of(__doc__)
    parser.add_argument("--launches", type=int, default=20)
    parser.add_argument("--queued", type=int, default=20)
    arguments = parser.parse_args()
    found = list(claims(arguments.launches, arguments.queued))
    return report(found, as_json=arguments.json)


if __name__ == "__main__":
    sys.exit(main())
