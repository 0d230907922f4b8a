"""Prefect's own pages for the engine's own server, for as long as somebody looks at them.

`python -m engine.prefect_server.ui PORT`, with the server and a secret in the environment, until
its standard input ends. The pages and the server's API come from one address on the loopback
interface: whoever opens the address with the secret gets a cookie, everybody else nothing. The
server's credentials stay here.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import socket
import sys
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

import httpx
import uvicorn

from engine.prefect_server.connection import Connection, connection_of_environment

SECRET_VARIABLE = "MLOPS_PREFECT_UI_SECRET"
READY = "ready "

_COOKIE = "mlops_prefect_ui"
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_MOST_BODY = 16 << 20
_NOT_PASSED_ON = frozenset(
    {b"host", b"cookie", b"authorization", b"connection", b"content-length", b"accept-encoding"}
)
_NOT_PASSED_BACK = frozenset(
    {"content-length", "content-encoding", "transfer-encoding", "connection", "set-cookie"}
)


class Gate:
    """Lets in who has the secret, answers the API's paths by the server, and the rest by pages.

    Args:
        pages: The application of the pages.
        server: The Prefect server.
        address: `http://127.0.0.1:PORT`, under which it is reached, and no other.
        secret: What the first address that is opened holds.
    """

    def __init__(self, pages: Any, server: Connection, address: str, secret: str) -> None:
        self._pages = pages
        self._address = address
        self._secret = secret
        self._client = httpx.AsyncClient(
            base_url=server.url,
            auth=server.user,
            headers=server.headers,
            verify=server.tls,
            timeout=60.0,
            trust_env=False,
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._pages(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = dict(scope["headers"])
        if headers.get(b"host", b"").decode("latin-1") != self._address.partition("://")[2]:
            await _answer(send, 421, "This is reached by the address that was printed, only.")
            return
        given = parse_qs(scope["query_string"].decode("latin-1")).get("secret", [""])[0]
        if given and hmac.compare_digest(given.encode(), self._secret.encode()):
            cookie = f"{_COOKIE}={self._secret}; HttpOnly; SameSite=Strict; Path=/"
            more = [(b"set-cookie", cookie.encode()), (b"location", b"/")]
            await _answer(send, 303, "", more)
            return
        if not self._is_known(headers):
            await _answer(send, 403, "Open the address that `engine prefect ui` printed.")
            return
        origin = headers.get(b"origin", self._address.encode()).decode("latin-1")
        if scope["method"] not in _READS and origin != self._address:
            await _answer(send, 403, "Another page may not change anything here.")
            return
        if scope["path"].startswith("/api/"):
            await self._ask_server(scope, receive, send)
        else:
            await self._pages(scope, receive, send)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _is_known(self, headers: dict[bytes, bytes]) -> bool:
        try:
            cookies = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1"))
        except CookieError:
            return False
        given = cookies[_COOKIE].value if _COOKIE in cookies else ""
        return hmac.compare_digest(given.encode(), self._secret.encode())

    async def _ask_server(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > _MOST_BODY:
                await _answer(send, 413, "That is more than is passed on.")
                return
        headers = [(name, value) for name, value in scope["headers"] if name not in _NOT_PASSED_ON]
        path = scope["path"].removeprefix("/api")
        query = scope["query_string"].decode("latin-1")
        try:
            found = await self._client.request(
                scope["method"], f"{path}?{query}" if query else path, content=body, headers=headers
            )
        except httpx.HTTPError as error:
            await _answer(send, 502, f"The Prefect server does not answer: {error}")
            return
        back = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in found.headers.multi_items()
            if name.lower() not in _NOT_PASSED_BACK
        ]
        await send({"type": "http.response.start", "status": found.status_code, "headers": back})
        await send({"type": "http.response.body", "body": found.content})


async def _answer(
    send: Any, status: int, text: str, more: list[tuple[bytes, bytes]] | None = None
) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *(more or [])]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


def main() -> int:
    """Serve the pages until told to stop; says `ready URL` when it does."""
    secret = os.environ.pop(SECRET_VARIABLE)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", int(sys.argv[1])))
    except OSError as error:
        sys.stderr.write(f"port {sys.argv[1]} cannot be used: {error.strerror}\n")
        return 1
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    # Prefect reads its settings when it is imported: from then on the pages know their address.
    os.environ["PREFECT_SERVER_UI_API_URL"] = f"{address}/api"
    from prefect.server.api.server import create_ui_app

    pages = create_ui_app(ephemeral=False)
    gate = Gate(pages, connection_of_environment(), address, secret)
    config = uvicorn.Config(gate, log_level="warning", access_log=False, server_header=False)
    asyncio.run(_serve(uvicorn.Server(config), listener, f"{address}/?secret={secret}"))
    return 0


async def _serve(server: uvicorn.Server, listener: socket.socket, url: str) -> None:
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.05)
    sys.stdout.write(f"{READY}{url}\n")
    sys.stdout.flush()
    # The other end is held by who started it: they end together, however that one ends.
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), _leave, server)
    await serving


def _leave(server: uvicorn.Server) -> None:
    if not os.read(sys.stdin.fileno(), 1024):
        server.should_exit = True
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())


if __name__ == "__main__":
    sys.exit(main())
