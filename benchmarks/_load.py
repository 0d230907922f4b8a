"""Load on a server of this machine, by wrk (apt-get install wrk), and processes to load."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Load:
    """What wrk measured: requests a second, milliseconds, answers that were none."""

    rate: float
    p50: float
    p99: float
    failed: int


def need_wrk() -> None:
    """Leave with what to do where wrk is not there."""
    if shutil.which("wrk") is None:
        sys.exit("wrk is needed for the load: apt-get install wrk")


def hammer(url: str, script: Path, connections: int, seconds: int) -> Load:
    """Ask as a Lua script says, as fast as answers come over so many connections."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(script)]
    said = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    broken = re.search(
        r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said
    )
    return Load(
        rate=float(_found(r"Requests/sec:\s+([\d.]+)", said)),
        p50=_milliseconds(_found(r"50%\s+([\d.]+\w+)", said)),
        p99=_milliseconds(_found(r"99%\s+([\d.]+\w+)", said)),
        failed=(int(failed[1]) if failed else 0)
        + (sum(map(int, broken.groups())) if broken else 0),
    )


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, text
    return match[1]


def _milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]


@contextmanager
def process(command: Sequence[str], log: Path) -> Iterator[psutil.Process]:
    """A process of Python, ended afterwards."""
    with log.open("wb") as output:
        started = subprocess.Popen([sys.executable, *command], stdout=output, stderr=output)
    try:
        yield psutil.Process(started.pid)
    finally:
        children = psutil.Process(started.pid).children(recursive=True)
        for one in (started, *children):
            one.terminate()
        started.wait(30)
        psutil.wait_procs(children, 30)


def free_port() -> int:
    """A port that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
