"""A predictor as the engine starts it, without the engine: one process, or several on one port."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from engine.predictor_options import PredictorOptions, encode
from engine.workspace import Workspace

SECONDS = 30.0
VALUES = [float(number % 7) for number in range(30)]


@dataclass
class PredictorProcess:
    """One worker, and a client of it."""

    workspace: Workspace
    process: subprocess.Popen[bytes]
    port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def token(self) -> str:
        return self.workspace.token.read_text().strip()

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        return httpx.request(
            method, f"{self.address}{path}", timeout=SECONDS, verify=False, **options
        )

    def forecast(self, body: Any) -> httpx.Response:
        return self.ask("POST", "/predict_timeseries", json=body)

    def send(self, content: bytes, kind: str = "application/json") -> httpx.Response:
        headers = {"content-type": kind}
        return self.ask("POST", "/predict_timeseries", content=content, headers=headers)

    def model(self) -> str | None:
        name: str | None = self.forecast({"input_data": VALUES}).json()["model_name"]
        return name

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS)

    def resident(self) -> int:
        """Memory in bytes."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def descriptors(self) -> int:
        return int(psutil.Process(self.process.pid).num_fds())

    def log(self) -> str:
        return (self.workspace.predictor / "test.log").read_text()


@contextlib.contextmanager
def predictor_process(
    workspace: Workspace, *, index: int = 0, workers: int = 1, port: int = 0
) -> Iterator[PredictorProcess]:
    """Start a worker, wait until it answers, and end it."""
    options = PredictorOptions(
        workspace=str(workspace.root), index=index, workers=workers, port=port
    )
    with (workspace.predictor / "test.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "engine.predictor.main", encode(options)],
            stdout=log,
            stderr=log,
        )
    try:
        yield PredictorProcess(workspace, process, _port_of(workspace, index, process))
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(SECONDS)


def _port_of(workspace: Workspace, index: int, process: subprocess.Popen[bytes]) -> int:
    record = workspace.predictor_record(index)
    deadline = time.monotonic() + SECONDS
    while True:
        with contextlib.suppress(OSError, ValueError):
            told = json.loads(record.read_text())
            if told["pid"] == process.pid:
                return int(told["port"])
        assert process.poll() is None, (workspace.predictor / "test.log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def kill(process: subprocess.Popen[bytes]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait(SECONDS)


def change(path: Path, content: bytes) -> None:
    path.chmod(0o600)
    path.write_bytes(content)
