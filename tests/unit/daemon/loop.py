"""Tests that need an event loop: each has one of its own, and none waits for ever."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import asynccontextmanager
from typing import Any, ParamSpec

P = ParamSpec("P")

# Far more than anything here takes, also on a machine that is busy with something else.
PATIENCE_SECONDS = 30.0
_LOOK_SECONDS = 0.002


def in_event_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Make a test of a coroutine function."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


async def until(is_so: Callable[[], object], *, patience: float = PATIENCE_SECONDS) -> None:
    """Wait until something is so; that it never becomes so is a failure."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    while not is_so():
        assert loop.time() < deadline, "waited in vain"
        await asyncio.sleep(_LOOK_SECONDS)


async def for_a_moment() -> None:
    """Let everything go on that can: what should not happen would have happened by then."""
    await asyncio.sleep(0.05)


async def end_all(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel until it has an effect: a test that fails must not be one that hangs."""
    while not all(task.done() for task in tasks):
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=0.1)


@asynccontextmanager
async def running(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Let loops run for the duration of a block; one that ends by itself ends the block too."""
    block = asyncio.current_task()
    assert block is not None
    ended: list[asyncio.Task[None]] = []

    def end_of(task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            ended.append(task)
            block.cancel()

    tasks = [asyncio.create_task(coroutine) for coroutine in work]
    for task in tasks:
        task.add_done_callback(end_of)
    try:
        yield
    finally:
        await end_all(tasks)
        if ended:
            raise AssertionError("a loop ended by itself") from ended[0].exception()
