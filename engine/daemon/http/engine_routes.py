"""The engine itself: how it is doing, its live feed, its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from engine.daemon.engine import Engine
from engine.daemon.feed import Selection
from engine.daemon.http.answers import answer, body_of, flag_of
from engine.schema import ChooseRequest, DownReply, DownRequest, NotificationsReply

_KEEP_ALIVE_SECONDS = 15.0
_POLL_SECONDS = 0.05
_CLOSING_SECONDS = 10.0


class EngineRoutes:
    """Handlers of requests about the engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def health(self, _: Request) -> Response:
        """Answer: that is all it takes."""
        return Response(b"{}", media_type="application/json")

    async def status(self, _: Request) -> Response:
        """How everything is doing."""
        return answer(await self._engine.status())

    async def warm(self, _: Request) -> Response:
        """Start what runs need."""
        self._engine.warm()
        return answer(await self._engine.status())

    async def down(self, request: Request) -> Response:
        """Stop, after this answer."""
        asked = await body_of(request, DownRequest)
        engine = self._engine
        if asked.cancel_runs:
            await engine.actions.cancel_all(ChooseRequest(all=True), hard=False)
            while engine.keeper.living:
                await asyncio.sleep(_POLL_SECONDS)
            # Prefect hears of the ends now, or, when it is not up, from the next engine.
            deadline = time.monotonic() + _CLOSING_SECONDS
            while engine.closer.open_runs and time.monotonic() < deadline:
                await asyncio.sleep(_POLL_SECONDS)
        living = [
            engine.actions.info(await engine.workers.table(engine.table.get, run_id))
            for run_id in list(engine.keeper.living)
        ]
        status = await engine.status()
        engine.keep_predictor = asked.keep_predictor
        engine.stop_requested.set()
        return answer(DownReply(pid=status.pid, runs=tuple(living)))

    async def events(self, request: Request) -> Response:
        """The live feed, as server-sent events."""
        run_id = request.query_params.get("run")
        if run_id is not None:
            run_id = (await self._engine.workers.table(self._engine.table.get, run_id)).id
        selection = Selection(run_id, logs=flag_of(request, "logs"))
        subscription = self._engine.feed.subscribe(selection, request.headers.get("last-event-id"))

        async def stream() -> AsyncIterator[bytes]:
            async for item in subscription.items(quiet_seconds=_KEEP_ALIVE_SECONDS):
                if item is None:
                    yield b": still here\n\n"
                else:
                    yield b"id: %b\ndata: %b\n\n" % (item.id.encode(), item.data)

        return StreamingResponse(stream(), media_type="text/event-stream")

    async def notifications(self, _: Request) -> Response:
        """Who was told what, and whether it was delivered."""
        return answer(NotificationsReply(notifications=tuple(await self._engine.notifier.newest())))

    async def test_notifications(self, _: Request) -> Response:
        """Tell everyone something, to see whether it comes through."""
        return answer(NotificationsReply(notifications=tuple(await self._engine.notifier.test())))
