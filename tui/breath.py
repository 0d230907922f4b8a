"""Computing in a thread without getting in the way of the one that draws."""

from __future__ import annotations

import time
from collections.abc import Callable

# A thread that computes keeps the interpreter to itself; it lets go after this long.
_GREEDY_SECONDS = 0.003
_LET_GO_SECONDS = 0.0005


class Breath:
    """Lets other threads go on now and then while one computes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()

    def take(self) -> None:
        """Pause for a moment if the last pause was a while ago."""
        if self._clock() - self._last > _GREEDY_SECONDS:
            time.sleep(_LET_GO_SECONDS)
            self._last = self._clock()
