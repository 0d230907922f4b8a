"""The real engine: its command, its server, its processes, in a workspace of the test session."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from engine.data.sample import write_sample
from engine.workspace import Workspace
from tests.e2e.harness import SETTINGS, Engine, Puppets


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One engine for the session: its first start, with new tables, costs ten seconds."""
    workspace = Workspace(tmp_path_factory.mktemp("workspace")).create()
    sample = workspace.data / "sample.csv"
    write_sample(sample, series=6, days=220)
    (workspace.configs / "engine.yaml").write_text(SETTINGS)
    started = Engine(workspace, sample)
    try:
        assert started.run("up").returncode == 0
        yield started
        open_runs = [run for run in started.table.newest(1000) if not run.is_final]
        assert not open_runs, "a test left runs that go on"
    finally:
        started.run("down", "--cancel-runs")


@pytest.fixture(scope="session")
def own_engine(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A second engine, for tests that kill or limit it; the tables are copied."""
    workspace = Workspace(tmp_path_factory.mktemp("own")).create()
    copy_database(engine.workspace.prefect_home / "prefect.db", workspace.prefect_home)
    sample = workspace.data / "sample.csv"
    shutil.copy(engine.sample, sample)
    (workspace.configs / "engine.yaml").write_text(SETTINGS)
    started = Engine(workspace, sample)
    try:
        started.json("run", "data_flow", *started.sample_options)
        yield started
    finally:
        started.run("down", "--cancel-runs")


@pytest.fixture
def received() -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """A server that takes what is posted to it: its port, and what it got."""
    bodies: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            bodies.append(json.loads(self.rfile.read(length)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1], bodies
        server.shutdown()
        thread.join()


def copy_database(database: Path, folder: Path) -> None:
    """Copy a database that is in use: making the server's tables takes ten seconds."""
    with (
        closing(sqlite3.connect(database)) as source,
        closing(sqlite3.connect(folder / database.name)) as target,
    ):
        source.backup(target)


@pytest.fixture(scope="session")
def full_run(engine: Engine) -> dict[str, Any]:
    """A full_flow that ended well, as `engine run --json` told of it."""
    run: dict[str, Any] = engine.json(
        "run", "full_flow", *engine.sample_options, "--model-type=LightGBM"
    )
    assert (run["state"], run["exit_code"]) == ("COMPLETED", 0)
    return run


@pytest.fixture
def endless(engine: Engine) -> Iterator[Callable[[], tuple[subprocess.Popen[str], str]]]:
    """Starts a training that would take hours, and ends it when the test is over."""
    started: list[tuple[subprocess.Popen[str], str]] = []

    def start() -> tuple[subprocess.Popen[str], str]:
        before = engine.run_ids()
        process = engine.start("run", "full_flow", *engine.endless_options)
        started.append((process, engine.wait_for_step("train_model", process, not_in=before)))
        return started[-1]

    yield start
    for process, run_id in started:
        engine.end(run_id)
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def puppet(engine: Engine, full_run: dict[str, Any]) -> Iterator[Puppets]:
    """Launches trainings that do what is asked of them."""
    puppets = Puppets(engine)
    yield puppets
    puppets.end()


@pytest.fixture
def own_puppet(own_engine: Engine) -> Iterator[Puppets]:
    """The same on the second engine."""
    puppets = Puppets(own_engine)
    yield puppets
    puppets.end()
