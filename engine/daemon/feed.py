"""The live feed: what happens, to everyone who listens, with a memory for those who come back.

The feed is a hint, never the truth: a listener that was away too long, or is too slow, is told to
ask again. A newer word about the same step or run replaces one that was not sent yet, so that a
flood costs a slow listener nothing but detail.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import AsyncIterator, Hashable
from dataclasses import dataclass

from engine.schema import (
    DeletedEvent,
    Event,
    LogEvent,
    ResetEvent,
    RunEvent,
    StepEvent,
    encode,
)

_NUMBER = re.compile(r"[0-9]{1,18}")
_REMEMBERED = 4096
_MOST_WAITING = 2048


@dataclass(frozen=True)
class Selection:
    """What a listener wants: everything, or one run; the lines of its log only when asked."""

    run_id: str | None = None
    logs: bool = False

    def includes(self, event: Event) -> bool:
        """Whether the event is for this listener."""
        if isinstance(event, LogEvent):
            return self.logs and event.run_id == self.run_id
        if self.run_id is None:
            return True
        return _run_of(event) == self.run_id


@dataclass(frozen=True)
class Item:
    """An event as it goes out: its id and its JSON."""

    id: str
    data: bytes


class Feed:
    """Publishes events to subscriptions."""

    def __init__(self, boot: str) -> None:
        self._boot = boot
        self._number = 0
        self._past: deque[tuple[int, Event, bytes]] = deque(maxlen=_REMEMBERED)
        self._subscriptions: set[Subscription] = set()

    def publish(self, event: Event) -> None:
        """Tell everyone whom it concerns. Must be called in the event loop's thread."""
        self._number += 1
        data = encode(event)
        if not isinstance(event, LogEvent):
            self._past.append((self._number, event, data))
        for subscription in self._subscriptions:
            subscription.offer(self._number, event, data)

    def wants_log(self, run_id: str) -> bool:
        """Whether anybody listens to the log of this run."""
        return any(s.selection == Selection(run_id, logs=True) for s in self._subscriptions)

    def subscribe(self, selection: Selection, last_id: str | None = None) -> Subscription:
        """Listen from now on, or from after the event that was seen last.

        The first event is a reset unless nothing was missed.
        """
        subscription = Subscription(self, selection)
        missed = self._since(last_id)
        if selection.logs and last_id != self.id_of(self._number):
            missed = None  # lines are not remembered, and some may have been written
        if missed is None:
            reason = "the feed begins" if last_id is None else "events were missed"
            subscription.offer(self._number, ResetEvent(reason=reason))
        else:
            for number, event, data in missed:
                subscription.offer(number, event, data)
        self._subscriptions.add(subscription)
        return subscription

    def leave(self, subscription: Subscription) -> None:
        """Stop listening."""
        self._subscriptions.discard(subscription)

    def id_of(self, number: int) -> str:
        """The id that a client gives to come back to this place."""
        return f"{self._boot}-{number}"

    def _since(self, last_id: str | None) -> list[tuple[int, Event, bytes]] | None:
        """What came after an event; None when that cannot be said for sure."""
        boot, dash, text = (last_id or "").rpartition("-")
        if not dash or boot != self._boot or not _NUMBER.fullmatch(text):
            return None
        last = int(text)
        if last > self._number:
            return None
        # Numbers of log lines are not remembered, so a gap before the oldest event is no loss.
        if self._past and self._past[0][0] > last + 1 and len(self._past) == self._past.maxlen:
            return None
        return [entry for entry in self._past if entry[0] > last]


class Subscription:
    """What one listener has not been sent yet."""

    def __init__(self, feed: Feed, selection: Selection) -> None:
        self.selection = selection
        self._feed = feed
        self._waiting: dict[Hashable, Item] = {}
        self._filled = asyncio.Event()

    def offer(self, number: int, event: Event, data: bytes | None = None) -> None:
        """Take in an event if it is for this listener."""
        if not isinstance(event, ResetEvent) and not self.selection.includes(event):
            return
        key = _replaced_by(event) or number
        self._waiting.pop(key, None)
        self._waiting[key] = Item(self._feed.id_of(number), data or encode(event))
        if len(self._waiting) > _MOST_WAITING:
            self._waiting.clear()
            reset = encode(ResetEvent(reason="this listener is too slow"))
            self._waiting[number] = Item(self._feed.id_of(number), reset)
        self._filled.set()

    async def items(self, *, quiet_seconds: float) -> AsyncIterator[Item | None]:
        """Yield what comes, and None whenever nothing came for a while."""
        try:
            while True:
                while self._waiting:
                    yield self._waiting.pop(next(iter(self._waiting)))
                self._filled.clear()
                # Not wait_for, which may lose a cancellation that arrives together with an event.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(quiet_seconds):
                        await self._filled.wait()
                if not self._waiting:
                    yield None
        finally:
            self._feed.leave(self)


def _run_of(event: Event) -> str | None:
    if isinstance(event, RunEvent):
        return event.run.id
    if isinstance(event, StepEvent | DeletedEvent | LogEvent):
        return event.run_id
    return None


def _replaced_by(event: Event) -> Hashable | None:
    """What a newer event of the same kind makes needless to send."""
    if isinstance(event, StepEvent):
        return ("step", event.run_id, event.step.id)
    if isinstance(event, RunEvent):
        return ("run", event.run.id)
    return None
