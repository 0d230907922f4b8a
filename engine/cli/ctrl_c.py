"""Ctrl-C that waits for a moment at which it can be answered."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_INSISTS = 3


class HeldCtrlC:
    """Holds Ctrl-C back while a run is launched and watched; use it as a context manager.

    The engine accepts a run before its answer is here: raised in between, Ctrl-C would leave a run
    that nobody knows of, and in the middle of a request a connection that answers no more. It is
    raised where `let_through` says that it may be, at the latest when the block ends. Pressed three
    times without having been taken, it is raised at once.

    Where it is ignored it stays so; outside the main thread it never arrives, and nothing is done.
    """

    def __init__(self) -> None:
        self._pressed = 0
        self._before: signal._HANDLER = signal.SIG_IGN

    def __enter__(self) -> HeldCtrlC:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.getsignal(signal.SIGINT)
        self._hold()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._release()
        if kind is None:
            self._take()

    @contextmanager
    def let_through(self) -> Iterator[None]:
        """Within the block Ctrl-C is raised, and so is one that was pressed before.

        Raises:
            KeyboardInterrupt: It was pressed.
        """
        self._release()
        try:
            self._take()
            yield
        finally:
            self._hold()

    def _hold(self) -> None:
        if self._before is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, self._note)

    def _release(self) -> None:
        if self._before is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, self._before)

    def _take(self) -> None:
        pressed, self._pressed = self._pressed, 0
        if pressed:
            raise KeyboardInterrupt

    def _note(self, *_: object) -> None:
        self._pressed += 1
        if self._pressed >= _INSISTS:
            self._pressed = 0
            raise KeyboardInterrupt
