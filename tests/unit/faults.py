"""Faults of the operating system, injected where Python calls it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

# What an atomic write asks of the system, in whatever order.
_CALLS: tuple[tuple[Any, str], ...] = (
    (os, "open"),
    (os, "fsync"),
    (Path, "chmod"),
    (Path, "replace"),
    (Path, "rename"),
)


@contextmanager
def disk_full_at_call(number: int) -> Iterator[list[str]]:
    """Let the `number`-th of these calls fail with ENOSPC; yields the name of the one that did."""
    failed: list[str] = []
    count = 0

    def failing(name: str, real: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            if count == number:
                failed.append(name)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*args, **kwargs)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in _CALLS:
            patch.setattr(owner, name, failing(name, getattr(owner, name)))
        yield failed
