"""The TCP ports of the engine: opened and closed as its settings say, while it runs."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass

from engine.access import Door, is_local, networks
from engine.config.engine_settings import HttpSettings
from engine.daemon.engine import Engine
from engine.daemon.web.app import make_web_app
from engine.daemon.web.audit import Audit
from engine.daemon.web.guard import Guard, Listening
from engine.errors import EngineError, ServerError
from engine.http_connection import impatient_server
from engine.http_server import QuietServer
from engine.ports import listen
from engine.tokens import Tokens

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
_AGAIN_SECONDS = 10.0
_KEEP_ALIVE_SECONDS = 30
_GOODBYE_SECONDS = 2
_BACKLOG = 512
_MOST_CONNECTIONS = 1000


@dataclass
class _Running:
    """A server and what it was started with."""

    settings: tuple[str, int]
    server: QuietServer
    serving: asyncio.Task[None]
    listener: socket.socket


def web_servers(engine: Engine) -> list[WebServer]:
    """The ports of an engine; who guesses tokens at one of them has to wait at all."""
    door = Door(Tokens(engine.workspace))
    return [
        WebServer(engine, "flow_api", lambda: engine.settings().flow_api, door, with_page=False),
        WebServer(engine, "web_page", lambda: engine.settings().web_page, door, with_page=True),
    ]


class WebServer:
    """One port: the flow API, or the web page.

    Args:
        engine: What answers.
        name: Section of its settings in engine.yaml.
        settings: Those settings, as of now.
        door: Knows the tokens.
        with_page: Whether it shows the page.
    """

    def __init__(
        self,
        engine: Engine,
        name: str,
        settings: Callable[[], HttpSettings],
        door: Door,
        *,
        with_page: bool,
    ) -> None:
        self.name = name
        self.address = ""
        self.problem = ""
        self._settings = settings
        self._tokens = Tokens(engine.workspace)
        audit = Audit(engine.workspace.audit)
        guard = Guard(door, audit, self._listening, engine.http_answers.of(name))
        self._app = make_web_app(engine, guard, with_page=with_page)
        self._running: _Running | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether the settings want it open."""
        return self._settings().enabled

    async def keep(self) -> None:
        """Follow the settings until cancelled."""
        try:
            while True:
                try:
                    await self._follow()
                    pause = _LOOK_SECONDS
                except EngineError as error:
                    if str(error) != self.problem:
                        logger.error("%s: %s", self.name, error)
                    self.problem = str(error)
                    pause = _AGAIN_SECONDS
                await asyncio.sleep(pause)
        finally:
            await self._stop()

    async def _follow(self) -> None:
        settings = self._settings()
        wanted = (settings.host, settings.port) if settings.enabled else None
        running = self._running
        if running is not None and running.serving.done():
            await self._stop()
            running = None
        if wanted == (running.settings if running else None):
            self.problem = ""
            return
        await self._stop()
        if wanted is not None:
            self._start(*wanted)
        self.problem = ""

    def _start(self, host: str, port: int) -> None:
        if not is_local(host) and not self._tokens.records():
            raise ServerError(
                f"does not listen on {host} for others before there is a token for them",
                where=self.name,
                fix="engine token create NAME --role viewer",
            )
        self._tokens.owner()  # made now, so that its owner finds it
        listener = listen(host, port, said_by=f"{self.name}.port in engine.yaml", backlog=_BACKLOG)
        server = impatient_server(
            self._app,
            keep_alive=_KEEP_ALIVE_SECONDS,
            goodbye=_GOODBYE_SECONDS,
            most_connections=_MOST_CONNECTIONS,
        )
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        self._running = _Running((host, port), server, serving, listener)
        shown = f"[{host}]" if ":" in host else host
        self.address = f"http://{shown}:{listener.getsockname()[1]}"
        logger.info("%s answers on %s", self.name, self.address)

    async def _stop(self) -> None:
        running, self._running, self.address = self._running, None, ""
        if running is None:
            return
        running.server.leave()
        await asyncio.wait([running.serving], timeout=_GOODBYE_SECONDS * 2)
        running.serving.cancel()
        running.listener.close()
        logger.info("%s is closed", self.name)

    def _listening(self) -> Listening:
        settings = self._settings()
        names = frozenset(name.lower() for name in (*settings.allowed_hosts, settings.host))
        proxies = networks(settings.trusted_proxies)
        return Listening(self.name, is_local(settings.host), names, proxies)
