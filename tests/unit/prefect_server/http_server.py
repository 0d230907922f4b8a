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
    """One request."""

    path: str
    body: dict[str, Any]
    authorization: str | None


Answer = tuple[int, Any]
HANG_UP: Answer = (0, None)


@dataclass
class AnsweringServer:
    """Answers each request by calling `answer`; (0, None) hangs up without a word."""

    answer: Callable[[Heard], Answer] = lambda _: (200, {})
    heard: list[Heard] = field(default_factory=list)

    def __post_init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                request = Heard(self.path, body, self.headers["Authorization"])
                outer.heard.append(request)
                status, content = outer.answer(request)
                if not status:
                    return
                text = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: object) -> None:
                """Keep the output of the tests clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
        self._server.daemon_threads = True
        self._server.server_bind()
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def connection(self) -> Connection:
        """How to reach it."""
        port = self._server.server_address[1]
        return Connection(f"http://127.0.0.1:{port}/api", "engine:secret", 1)

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
    answer: Callable[[Heard], Answer], *, listen: bool = True
) -> Iterator[AnsweringServer]:
    """Run a server for the duration of a `with` block."""
    server = AnsweringServer(answer)
    try:
        if listen:
            server.listen()
        yield server
    finally:
        server.close()
