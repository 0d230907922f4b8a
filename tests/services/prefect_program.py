"""A standard Prefect server, as its own command starts it, for as long as a test needs it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from engine.errors import ServerError
from engine.prefect_server.address import check_server
from engine.prefect_server.api import PrefectApi
from engine.prefect_server.connection import Connection
from engine.workspace import Workspace

AUTH = "ops:s3cret-of-the-server"
SETTINGS = """
flow_api: {{enabled: false}}
web_page: {{enabled: false}}
predictor: {{enabled: false}}
queue: {{max_concurrent: 4}}
run: {{cancel_grace_seconds: 2}}
prefect_server: {{url: "{url}", auth: "${{PREFECT_AUTH}}"}}
"""
_START_SECONDS = 90
_PREFECT = Path(sys.executable).parent / "prefect"


def free_port() -> int:
    """A port that nobody uses at the moment."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class PrefectProgram:
    """`prefect server start` on a port, with what it stands for kept in a folder."""

    folder: Path
    port: int = field(default_factory=free_port)
    variables: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def connection(self) -> Connection:
        return Connection(f"http://127.0.0.1:{self.port}/api", AUTH, 0, is_own=False)

    def start(self) -> None:
        own = {name: value for name, value in os.environ.items() if "PREFECT" not in name}
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(_PREFECT), "server", "start", "--port", str(self.port)],
                env=own
                | {
                    "PREFECT_HOME": str(self.folder),
                    "PREFECT_SERVER_API_AUTH_STRING": AUTH,
                    "PREFECT_API_AUTH_STRING": AUTH,
                    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
                    "DO_NOT_TRACK": "1",
                }
                | self.variables,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                check_server(self.connection)
                return
            except ServerError:
                assert time.monotonic() < deadline, (self.folder / "server.log").read_text()
                time.sleep(0.2)

    def kill(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def api(self) -> PrefectApi:
        return PrefectApi(self.connection)


@contextmanager
def prefect_program(folder: Path, **variables: str) -> Iterator[PrefectProgram]:
    """Start one, and end it."""
    if shutil.which(str(_PREFECT)) is None:
        pytest.skip("the prefect command is not installed")
    folder.mkdir(exist_ok=True)
    server = PrefectProgram(folder, variables=variables)
    try:
        server.start()
        yield server
    finally:
        server.kill()


def attach(workspace: Workspace, server: PrefectProgram, more: str = "") -> None:
    """Let the engine of a workspace use the server."""
    text = SETTINGS.format(url=server.connection.url)
    (workspace.configs / "engine.yaml").write_text(text + more)
    workspace.secrets.write_text(f"PREFECT_AUTH={AUTH}\n")
    workspace.secrets.chmod(0o600)
