"""Schedules: what is launched again and again."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from engine.daemon.engine import Engine
from engine.daemon.http.answers import answer, body_of
from engine.schema import ScheduleChange, ScheduleRequest, SchedulesReply


class ScheduleRoutes:
    """Handlers of requests about schedules."""

    def __init__(self, engine: Engine) -> None:
        self._scheduler = engine.scheduler
        self._engine = engine

    async def list(self, _: Request) -> Response:
        """All schedules."""
        return answer(SchedulesReply(schedules=tuple(await self._scheduler.list())))

    async def add(self, request: Request) -> Response:
        """Add or replace one."""
        asked = await body_of(request, ScheduleRequest)
        self._engine.warm()
        return answer(await self._scheduler.add(asked))

    async def change(self, request: Request) -> Response:
        """Pause or resume one."""
        asked = await body_of(request, ScheduleChange)
        name = request.path_params["name"]
        return answer(await self._scheduler.set_enabled(name, asked.enabled))

    async def remove(self, request: Request) -> Response:
        """Remove one."""
        return answer(await self._scheduler.remove(request.path_params["name"]))
