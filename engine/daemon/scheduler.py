"""Launching what is scheduled: each time once, also across restarts and changes of the clock.

The key of a launch holds the name of the schedule and the time that it is for. Whatever happens
between a launch and the note that it was made, launching it again gives the same run.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import islice

from engine.config.resolve import resolve
from engine.daemon.feed import Feed
from engine.daemon.workers import Workers
from engine.errors import ConfigError, EngineError, NotFoundError
from engine.recurrence import Cron, Every, Recurrence, due_times, next_time
from engine.schema import (
    LaunchReply,
    LaunchRequest,
    ScheduleEvent,
    ScheduleInfo,
    ScheduleRequest,
)
from engine.tables.schedules import ScheduleRecord, ScheduleTable
from engine.workspace import Workspace
from engine.zones import zone_of

logger = logging.getLogger(__name__)

_LONGEST_SLEEP_SECONDS = 5.0
# More than this between the clock on the wall and the one that only counts is a changed clock.
_JUMP_SECONDS = 3.0
# A time that is not longer past than this was not missed.
_ON_TIME_SECONDS = 60.0
_MOST_CAUGHT_UP = 100
_TIMES_SHOWN = 3


class Scheduler:
    """Fires schedules.

    Args:
        workspace: Where the configuration is.
        table: The schedules.
        launch: Accepts a run.
        default_zone: Name of the zone of schedules that name none.
        feed: Where changes are told.
        workers: Threads for the table.
    """

    def __init__(
        self,
        workspace: Workspace,
        table: ScheduleTable,
        launch: Callable[[LaunchRequest], Awaitable[LaunchReply]],
        default_zone: Callable[[], str],
        feed: Feed,
        workers: Workers,
    ) -> None:
        self._workspace = workspace
        self._table = table
        self._launch = launch
        self._default_zone = default_zone
        self._feed = feed
        self._workers = workers
        self._wake = asyncio.Event()

    async def fire(self) -> None:
        """Fire what is due, until cancelled."""
        offset, is_new_clock = time.time() - time.monotonic(), False
        while True:
            now = time.time()
            if abs(now - time.monotonic() - offset) > _JUMP_SECONDS:
                logger.warning("the clock was changed: next times are worked out again")
                is_new_clock = True
            try:
                if is_new_clock:
                    await self._begin_anew(now)
                    is_new_clock = False
                offset = now - time.monotonic()
                pause = await self._fire_due(now)
            except EngineError as error:
                logger.error("the schedules cannot be read: %s", error)
                pause = _LONGEST_SLEEP_SECONDS
            self._wake.clear()
            # Not wait_for, which may lose a cancellation that arrives together with the wake.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()

    async def any_enabled(self) -> bool:
        """Whether any schedule may fire."""
        return any(schedule.enabled for schedule in await self._workers.table(self._table.all))

    async def add(self, request: ScheduleRequest) -> ScheduleInfo:
        """Add a schedule whose launches would be accepted as things stand.

        Raises:
            ConfigError: Its time or its settings are wrong.
            ConflictError: There is one of this name.
        """
        now = time.time()
        schedule = ScheduleRecord(
            name=request.name,
            flow=request.flow,
            cron=request.cron,
            every_seconds=request.every_seconds,
            timezone=request.timezone or self._default_zone(),
            request={
                "overrides": list(request.overrides),
                "flags": request.flags,
                "tags": list(request.tags),
            },
            priority=request.priority,
            catch_up=request.catch_up,
            enabled=request.enabled,
            created=now,
            next_time=None,
        )
        await self._workers.settings(_check_settings, self._workspace, schedule)
        first = next_time(recurrence_of(schedule), now)
        if first is None:
            raise ConfigError(f"{request.cron!r} never comes", fix="See the day and month in it")
        schedule = replace(schedule, next_time=first if schedule.enabled else None)
        await self._workers.table(self._table.put, schedule, replace=request.replace)
        return await self._changed(request.name)

    async def set_enabled(self, name: str, enabled: bool) -> ScheduleInfo:
        """Let a schedule rest, or fire again from now on; what passed meanwhile is not made up."""
        schedule = await self._workers.table(self._table.get, name)
        if enabled:
            upcoming = next_time(recurrence_of(schedule), time.time())
            await self._workers.table(self._table.enable, name, next_time=upcoming)
        else:
            await self._workers.table(self._table.disable, name)
        return await self._changed(name)

    async def remove(self, name: str) -> ScheduleInfo:
        """Remove a schedule and return what it was."""
        schedule = await self._workers.table(self._table.get, name)
        await self._workers.table(self._table.remove, name)
        self._feed.publish(ScheduleEvent(name=name))
        return schedule_info(schedule)

    async def list(self) -> list[ScheduleInfo]:
        """All schedules."""
        return [schedule_info(schedule) for schedule in await self._workers.table(self._table.all)]

    async def _changed(self, name: str) -> ScheduleInfo:
        self._wake.set()
        self._feed.publish(ScheduleEvent(name=name))
        return schedule_info(await self._workers.table(self._table.get, name))

    async def _begin_anew(self, now: float) -> None:
        """After the clock went back, next times lie too far ahead; the keys prevent repetition."""
        for schedule in await self._workers.table(self._table.all):
            if schedule.enabled and schedule.next_time is not None and schedule.next_time > now:
                with contextlib.suppress(ConfigError):  # told when its time comes
                    upcoming = next_time(recurrence_of(schedule), now)
                    await self._workers.table(self._table.set_next, schedule.name, upcoming)

    async def _fire_due(self, now: float) -> float:
        """Fire what is due; return how long nothing will be."""
        pause = _LONGEST_SLEEP_SECONDS
        for schedule in await self._workers.table(self._table.all):
            if not schedule.enabled or schedule.next_time is None:
                continue
            if schedule.next_time <= now:
                try:
                    await self._fire_one(schedule, schedule.next_time, now)
                except ConfigError as error:
                    # Its time zone is gone from this machine, say: the others go on.
                    logger.error("schedule %s cannot fire any more: %s", schedule.name, error)
                    await self._workers.table(
                        self._table.fired,
                        schedule.name,
                        time=schedule.next_time,
                        run_id=None,
                        problem=str(error),
                        next_time=None,
                    )
                pause = 0.0
            else:
                pause = min(pause, schedule.next_time - now)
        return pause

    async def _fire_one(self, schedule: ScheduleRecord, first: float, now: float) -> None:
        recurrence = recurrence_of(schedule)
        due = due_times(recurrence, first, now, most=_MOST_CAUGHT_UP)
        chosen = _chosen(due, now, schedule.catch_up)
        if len(chosen) < len(due):
            logger.info("schedule %s: %d missed times", schedule.name, len(due) - len(chosen))
        run_id, problem = None, ""
        for moment in chosen:
            try:
                reply = await self._launch(
                    LaunchRequest(
                        flow=schedule.flow,
                        overrides=tuple(schedule.request.get("overrides", ())),
                        flags=schedule.request.get("flags", {}),
                        key=f"schedule {schedule.name} {moment:.3f}",
                        priority=schedule.priority,
                        origin=f"schedule {schedule.name}",
                        tags=tuple(schedule.request.get("tags", ())),
                    )
                )
                run_id = reply.run.id
            except EngineError as error:
                problem = str(error)
                logger.error("schedule %s could not launch: %s", schedule.name, error)
        try:
            await self._workers.table(
                self._table.fired,
                schedule.name,
                time=due[-1],
                run_id=run_id,
                problem=problem,
                next_time=next_time(recurrence, now),
            )
        except NotFoundError:
            return
        self._feed.publish(ScheduleEvent(name=schedule.name))


def recurrence_of(schedule: ScheduleRecord) -> Recurrence:
    """When a schedule fires.

    Raises:
        ConfigError: It says neither or both of cron and period, or something that is no time.
    """
    if (schedule.cron is None) == (schedule.every_seconds is None):
        raise ConfigError("a schedule needs either a cron expression or a period")
    if schedule.cron is not None:
        return Cron(schedule.cron, zone_of(schedule.timezone))
    assert schedule.every_seconds is not None, "just asked"
    return Every(schedule.every_seconds, schedule.created)


def schedule_info(schedule: ScheduleRecord) -> ScheduleInfo:
    """A schedule as a message."""
    upcoming: list[float] = []
    if schedule.enabled and schedule.next_time is not None:
        upcoming = [schedule.next_time]
        with contextlib.suppress(ConfigError):  # its time zone is gone from this machine, say
            later = recurrence_of(schedule).after(schedule.next_time)
            upcoming += islice(later, _TIMES_SHOWN - 1)
    return ScheduleInfo(
        name=schedule.name,
        flow=schedule.flow,
        cron=schedule.cron,
        every_seconds=schedule.every_seconds,
        timezone=schedule.timezone,
        overrides=tuple(schedule.request.get("overrides", ())),
        flags=dict(schedule.request.get("flags", {})),
        priority=schedule.priority,
        catch_up=schedule.catch_up,
        enabled=schedule.enabled,
        next_times=tuple(upcoming),
        last_time=schedule.last_time,
        last_run=schedule.last_run,
        problem=schedule.problem,
        tags=tuple(schedule.request.get("tags", ())),
    )


def _chosen(due: list[float], now: float, catch_up: str) -> list[float]:
    """Which of the times that are due to launch for."""
    if catch_up == "all":
        return due
    newest = due[-1]
    if catch_up == "latest" or now - newest <= _ON_TIME_SECONDS:
        return [newest]
    return []


def _check_settings(workspace: Workspace, schedule: ScheduleRecord) -> None:
    resolve(
        schedule.flow,
        workspace_configs=workspace.configs,
        overrides=schedule.request["overrides"],
        flags=schedule.request["flags"],
    )
