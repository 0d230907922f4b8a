"""A program on a terminal of its own: keys in, and when which bytes came out."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from types import TracebackType

_CHUNK = 65536
_QUIET_SECONDS = 0.08


class Terminal:
    """Runs a program in a pseudo-terminal; use it as a context manager.

    Args:
        command: Program and arguments.
        columns: Width.
        lines: Height.
        environment: Added to this process's own.
    """

    def __init__(
        self,
        command: Sequence[str],
        columns: int = 120,
        lines: int = 40,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.began = time.perf_counter()
        self._master, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process = subprocess.Popen(
            command,
            stdin=follower,
            stdout=follower,
            stderr=follower,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
            | dict(environment or {}),
        )
        os.close(follower)
        self._chunks: list[tuple[float, bytes]] = []
        self._arrived = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the program, if it has not ended by itself."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5.0)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        self._ended = True
        self._reader.join(2.0)
        os.close(self._master)

    def send(self, keys: bytes) -> float:
        """Press keys; returns when."""
        now = time.perf_counter()
        os.write(self._master, keys)
        return now

    def first_after(self, moment: float, patience: float = 5.0) -> float | None:
        """When the first byte after a moment came; None if none came."""
        deadline = time.perf_counter() + patience
        with self._arrived:
            while True:
                found = next((at for at, _ in reversed(self._since(moment))), None)
                if found is not None:
                    return self._since(moment)[0][0]
                left = deadline - time.perf_counter()
                if left <= 0:
                    return None
                self._arrived.wait(left)

    def wait_for(self, text: str, since: float = 0.0, patience: float = 30.0) -> float:
        """When a text had come whole after a moment.

        Raises:
            TimeoutError: It did not come.
        """
        wanted = text.encode()
        deadline = time.perf_counter() + patience
        with self._arrived:
            while True:
                seen = b""
                for at, chunk in self._since(since):
                    seen = seen[-4 * len(wanted) - 4096 :] + chunk
                    if wanted in seen:
                        return at
                left = deadline - time.perf_counter()
                if left <= 0:
                    raise TimeoutError(f"{text!r} did not come")
                self._arrived.wait(left)

    def settle(self, quiet: float = _QUIET_SECONDS, patience: float = 5.0) -> None:
        """Wait until nothing has come for a while."""
        deadline = time.perf_counter() + patience
        while time.perf_counter() < deadline:
            with self._arrived:
                last = self._chunks[-1][0] if self._chunks else self.began
            left = last + quiet - time.perf_counter()
            if left <= 0:
                return
            time.sleep(left)

    def bytes_since(self, moment: float) -> int:
        """How many bytes came after a moment."""
        with self._arrived:
            return sum(len(chunk) for _, chunk in self._since(moment))

    def _since(self, moment: float) -> list[tuple[float, bytes]]:
        found = []
        for at, chunk in reversed(self._chunks):
            if at < moment:
                break
            found.append((at, chunk))
        return found[::-1]

    def _read(self) -> None:
        while not self._ended:
            ready, _, _ = select.select([self._master], [], [], 0.2)
            if not ready:
                continue
            try:
                chunk = os.read(self._master, _CHUNK)
            except OSError:
                return
            now = time.perf_counter()
            with self._arrived:
                self._chunks.append((now, chunk))
                self._arrived.notify_all()
            if not chunk:
                return
