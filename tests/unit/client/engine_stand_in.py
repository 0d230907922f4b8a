"""An engine as clients see it: a Unix socket that answers as a test says, also by hanging up."""

from __future__ import annotations

import socketserver
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import parse_headers
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from engine.schema import Event, encode


@dataclass(frozen=True)
class Asked:
    """One request; the names of its headers are in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


# What goes out on the connection before it is closed.
Answer = Callable[[Asked], bytes]
HANG_UP = b""


def message(value: object, status: int = 200) -> bytes:
    """An answer that is a message."""
    return content(encode(value), status)


def content(body: bytes, status: int = 200) -> bytes:
    """An answer of any content."""
    head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def feed(*events: tuple[str, Event], rest: bytes = b"") -> bytes:
    """A live feed that breaks off after these events, each with its id, and what follows them."""
    body = b"".join(
        b"id: %b\ndata: %b\n\n" % (key.encode(), encode(event)) for key, event in events
    )
    return b"HTTP/1.1 200 X\r\nContent-Type: text/event-stream\r\n\r\n" + body + rest


@contextmanager
def engine_at(path: Path, answer: Answer) -> Iterator[list[Asked]]:
    """Answer on a Unix socket for the duration of a `with` block; yields what was asked."""
    heard: list[Asked] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            line = self.rfile.readline().decode()
            if not line:
                return
            method, target, _ = line.split()
            headers = {name.lower(): value for name, value in parse_headers(self.rfile).items()}
            raw = self.rfile.read(int(headers.get("content-length", 0)))
            parts = urlsplit(target)
            asked = Asked(
                method=method,
                path=parts.path,
                query=dict(parse_qsl(parts.query)),
                headers=headers,
                body=msgspec.json.decode(raw) if raw else None,
            )
            heard.append(asked)
            self.wfile.write(answer(asked))

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that has left is no news."""

    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with Server(str(path), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield heard
        finally:
            server.shutdown()
            thread.join()
            path.unlink(missing_ok=True)
