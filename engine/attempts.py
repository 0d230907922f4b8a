"""Wrong guesses, counted for each sender: who is wrong too often has to wait."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

_MOST_SENDERS = 10_000


class Attempts:
    """Counts wrong attempts within a moving time.

    Args:
        most: Wrong attempts that one sender has within that time.
        seconds: How long an attempt counts.
        clock: Seconds that never go back.
    """

    def __init__(
        self, most: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        # The one who was wrong most recently stands last; who is forgotten first was quiet longest.
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()

    def wait_of(self, sender: str) -> int:
        """Whole seconds after which a sender may try again, 0 when he may now."""
        times = self._recent(sender)
        if len(times) < self._most:
            return 0
        return max(1, math.ceil(times[-self._most] + self._seconds - self._clock()))

    def was_wrong(self, sender: str) -> None:
        """Count a wrong attempt."""
        self._wrong[sender] = [*self._recent(sender), self._clock()]
        self._wrong.move_to_end(sender)
        if len(self._wrong) > _MOST_SENDERS:
            self._wrong.popitem(last=False)

    def _recent(self, sender: str) -> list[float]:
        since = self._clock() - self._seconds
        return [moment for moment in self._wrong.get(sender, ()) if moment > since]
