"""Prefect as it is out of the box: its own server, its own worker, plain decorators."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx


@dataclass(frozen=True)
class PrefectPeer:
    """A running server: its process and the environment of its clients."""

    process: subprocess.Popen[bytes]
    environment: Mapping[str, str]

    @property
    def url(self) -> str:
        """Base address of its API."""
        return self.environment["PREFECT_API_URL"]


def plain_environment() -> dict[str, str]:
    """This environment without any setting of Prefect."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}


@contextmanager
def default_server(folder: Path) -> Iterator[PrefectPeer]:
    """Run `prefect server start` with its own settings; only telemetry is off."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = plain_environment() | {
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
            _wait_healthy(environment["PREFECT_API_URL"], server)
            yield PrefectPeer(server, environment)
        finally:
            server.terminate()
            server.wait(30)


@contextmanager
def process_worker(
    folder: Path, environment: Mapping[str, str], pool: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker that polls each second and starts a process a run."""
    command = [sys.executable, "-m", "prefect", "worker", "start", "--type", "process"]
    with (folder / "worker.log").open("wb") as log:
        worker = subprocess.Popen(
            [*command, "--pool", pool],
            env={**environment, "PREFECT_WORKER_QUERY_SECONDS": "1"},
            cwd=folder,
            stdout=log,
            stderr=log,
        )
        try:
            yield worker
        finally:
            worker.terminate()
            worker.wait(30)


def _wait_healthy(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            httpx.get(f"{url}/health", timeout=2)
            return
        except httpx.TransportError:
            if time.monotonic() > deadline or server.poll() is not None:
                raise
            time.sleep(0.2)
