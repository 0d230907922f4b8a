"""MLflow's own server and pages, over what the workspace mirrors to; in the foreground."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from engine.config.mlflow_address import MlflowAddress
from engine.errors import ConfigError, ConflictError, ServerError
from engine.ports import listen
from engine.tracking.connection import QUIET
from engine.workspace import Workspace

HOST = "127.0.0.1"

_START_SECONDS = 120.0
_STOP_SECONDS = 5.0
_POLL_SECONDS = 0.2
# What the full distribution brings, and the part that only mirrors does not.
_SERVER_PARTS = ("flask", "huey")
_OWN_HOSTS = ("localhost", "127.0.0.1", "[::1]")


def check_installed() -> None:
    """Raise unless MLflow's server is installed.

    Raises:
        ConfigError: It is not.
    """
    if any(find_spec(part) is None for part in _SERVER_PARTS):
        raise ConfigError("MLflow's server is not installed", fix="pip install 'mlops-tui[mlflow]'")


@contextmanager
def serving(
    workspace: Workspace,
    address: MlflowAddress,
    *,
    port: int,
    allowed_hosts: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start the server on the loopback interface, and end it with the block.

    Args:
        workspace: Whose.
        address: What it shows: a database.
        port: TCP port; 0: any free one.
        allowed_hosts: Further names under which it is reached, such as that of a proxy.
        environment: Lines of secrets.env.

    Yields:
        Its URL, and its process.

    Raises:
        ConfigError: MLflow's server is not installed.
        ConflictError: A server is there already.
        ServerError: The port is taken, or it does not come up.
    """
    if address.is_server:
        raise ConflictError(f"an MLflow server answers there already: {address.place}")
    check_installed()
    # Taken for a moment, to say who has it when it is not free.
    with listen(HOST, port, said_by="--port", backlog=1) as taken:
        port = taken.getsockname()[1]
    url = f"http://{HOST}:{port}"
    log = workspace.errand_log("mlflow-ui")
    hosts = [name for host in (*_OWN_HOSTS, *allowed_hosts) for name in (host, f"{host}:*")]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "mlflow", "server"),
                *("--host", HOST, "--port", str(port), "--workers", "1"),
                *("--allowed-hosts", ",".join(hosts)),
                *("--artifacts-destination", str(workspace.mlflow_artifacts.absolute())),
            ],
            # Passwords belong into the environment: everyone may read a command line.
            env={
                **os.environ,
                **(environment or {}),
                **QUIET,
                "MLFLOW_BACKEND_STORE_URI": address.tracking_uri,
                "MLFLOW_REGISTRY_STORE_URI": address.registry_uri,
            },
            cwd=workspace.root,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # One group, so that its workers end with it.
            start_new_session=True,
            umask=0o077,
        )
    try:
        _wait_until_up(url, process, log)
        yield url, process
    finally:
        _end(process)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end a block as Ctrl-C does."""

    def end(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    opener = build_opener(ProxyHandler({}))
    while True:
        if process.poll() is not None:
            raise ServerError(
                f"MLflow's server ended at once (exit status {process.returncode})", where=str(log)
            )
        try:
            with opener.open(f"{url}/health", timeout=2.0):
                return
        except (URLError, OSError):
            pass
        if time.monotonic() > deadline:
            raise ServerError(
                f"MLflow's server did not answer within {_START_SECONDS:g} s", where=str(log)
            )
        time.sleep(_POLL_SECONDS)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it with all its workers, also those whose parent has ended by itself."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
