"""A terminal multiplexer of the test's own: sessions that live on when nobody looks."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from types import TracebackType

PATIENCE_SECONDS = 90.0
_LOOK_SECONDS = 0.05


class Tmux:
    """One session with one window; use it as a context manager.

    Args:
        server: Name of the server, so that no other one is touched.
        command: What runs in the window.
        environment: Variables of that program.
        size: Columns and lines.
    """

    def __init__(
        self,
        server: str,
        command: Sequence[str],
        environment: dict[str, str],
        size: tuple[int, int] = (120, 40),
    ) -> None:
        self._server = server
        columns, lines = size
        program = ["env", *(f"{name}={value}" for name, value in environment.items()), *command]
        self._tmux("new-session", "-d", "-x", str(columns), "-y", str(lines), *program)
        # What the program leaves behind can be read after its end.
        self._tmux("set-option", "-g", "remain-on-exit", "on")

    def __enter__(self) -> Tmux:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        subprocess.run(
            ["tmux", "-L", self._server, "kill-server"], capture_output=True, check=False
        )

    def press(self, *keys: str) -> None:
        """Press keys, in tmux's names."""
        self._tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        """Type a text as it stands."""
        self._tmux("send-keys", "-l", text)

    def text(self) -> str:
        """What is seen."""
        return self._tmux("capture-pane", "-p")

    @property
    def pid(self) -> int:
        """The process in the window."""
        return int(self._tmux("list-panes", "-F", "#{pane_pid}"))

    @property
    def has_ended(self) -> bool:
        """Whether the program in the window has ended."""
        return self._tmux("list-panes", "-F", "#{pane_dead}").strip() == "1"

    def wait_for(self, *texts: str) -> str:
        """Wait until all of these are seen; returns the screen."""
        self.wait_until(lambda: all(text in self.text() for text in texts), f"for {texts}")
        return self.text()

    def wait_until(self, is_so: Callable[[], bool], what: str = "") -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            assert time.monotonic() < deadline, f"waited in vain {what}\n{self.text()}"
            time.sleep(_LOOK_SECONDS)

    def _tmux(self, *arguments: str) -> str:
        # No configuration of whoever runs the tests.
        command = ["tmux", "-L", self._server, "-f", "/dev/null", *arguments]
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout
