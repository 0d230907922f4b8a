"""The real programs of others in front of, beside and behind the real engine."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar

import pytest

T = TypeVar("T")


def need(program: str) -> str:
    """The path of a program; without it the test is skipped."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


def free_ports(number: int) -> list[int]:
    """Ports one after the other that nobody has at the moment."""
    for _ in range(100):
        with ExitStack() as stack:
            first = stack.enter_context(_bound(0))
            port: int = first.getsockname()[1]
            try:
                for other in range(port + 1, port + number):
                    stack.enter_context(_bound(other))
            except OSError:
                continue
            return list(range(port, port + number))
    raise AssertionError("no free ports")


def _bound(port: int) -> socket.socket:
    listener = socket.socket()
    try:
        listener.bind(("127.0.0.1", port))
    except OverflowError as error:
        listener.close()
        raise OSError(str(error)) from error
    except OSError:
        listener.close()
        raise
    return listener


def wait_until(holds: Callable[[], T], *, seconds: float = 60.0) -> T:
    """Wait for something to hold, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, "it does not come to hold"
        time.sleep(0.05)
    return found
