"""A small real HTTP server on loopback that answers as a test says and remembers what it heard."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from engine.prefect_server.connection import Connection


@dataclass(frozen=True)
class Heard:
    """One request; the names of its headers are in lower case."""

    method: str
    path: str
    body: Any
    headers: dict[str, str]


# Status and content: bytes go out as they are, anything else as JSON. Headers may follow.
Answer = tuple[int, Any] | tuple[int, Any, dict[str, str]]
HANG_UP: Answer = (0, None)


@dataclass
class AnsweringServer:
    """Answers each request by calling `answer`; a status of 0 hangs up without a word."""

    answer: Callable[[Heard], Answer] = lambda _: (200, {})
    heard: list[Heard] = field(default_factory=list)

    def __post_init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"] or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = json.loads(content) if content else None
                request = Heard(self.command, self.path, body, headers)
                outer.heard.append(request)
                status, answer, added = (*outer.answer(request), {})[:3]
                if not status:
                    return
                raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                for name, value in added.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_POST = do_PATCH = do_DELETE = do_GET

            def log_message(self, format: str, *args: object) -> None:
                """Keep the output of the tests clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
        self._server.daemon_threads = True
        self._server.server_bind()
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def connection(self) -> Connection:
        """How to reach it, if it were a Prefect server."""
        return Connection(f"http://127.0.0.1:{self.port}/api", "engine:secret", 1)

    def listen(self) -> None:
        """Begin to accept connections; until then they are refused."""
        if not self._thread.is_alive():
            self._server.server_activate()
            self._thread.start()

    def close(self) -> None:
        """End it."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


@contextmanager
def answering(
    answer: Callable[[Heard], Answer] = lambda _: (200, {}), *, listen: bool = True
) -> Iterator[AnsweringServer]:
    """Run a server for the duration of a `with` block."""
    server = AnsweringServer(answer)
    try:
        if listen:
            server.listen()
        yield server
    finally:
        server.close()
