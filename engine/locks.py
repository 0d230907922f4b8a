"""File locks that vanish with their holder, however it dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from engine.errors import StorageError


class FileLock:
    """One flock(2) on a small file.

    A process number in a file can be stale or reused; a lock cannot: the kernel drops it with the
    last descriptor of the opened file, so it can also be handed to a child process.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self, *, shared: bool = False, wait: bool = True) -> bool:
        """Take the lock; return False only when `wait` is False and another process holds it.

        Raises:
            StorageError: The file cannot be made.
        """
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageError(
                f"cannot be locked: {error.strerror}",
                where=str(self._path),
                fix="Check the permissions of the workspace",
            ) from error
        mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(descriptor, mode if wait else mode | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give the lock back; releasing twice is harmless."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @property
    def descriptor(self) -> int:
        """The open file that carries the lock, to be inherited by a child."""
        if self._descriptor is None:
            raise ValueError(f"{self._path} is not locked here")
        return self._descriptor
