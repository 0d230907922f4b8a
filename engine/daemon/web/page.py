"""The web page and its parts: static files, and Plotly's script as it was installed."""

from __future__ import annotations

import asyncio
import gzip
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from engine.packages import folder_of_package
from engine.tokens import Identity

PLOTLY = "plotly.min.js"
PARTS = ("page.js", "page.css", PLOTLY)

_STATIC = Path(__file__).with_name("static")
_KINDS = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
}
_A_DAY = 86_400
_HEADERS = {
    # Plotly sets styles from its script, and draws its icons and downloads from data.
    "content-security-policy": "default-src 'none'; script-src 'self'; connect-src 'self'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
}


async def to_page(_: Request, __: Identity) -> Response:
    """The root leads to the page."""
    return RedirectResponse("/flow-monitoring")


async def page(_: Request, __: Identity) -> Response:
    """The page itself."""
    return Response(
        (_STATIC / "page.html").read_bytes(), headers=_HEADERS, media_type=_KINDS[".html"]
    )


async def part(request: Request, _: Identity) -> Response:
    """A part of the page."""
    name = request.url.path.rpartition("/")[2]
    headers = dict(_HEADERS)
    kind = _KINDS[Path(name).suffix]
    if name != PLOTLY:
        return Response((_STATIC / name).read_bytes(), headers=headers, media_type=kind)
    headers["cache-control"] = f"private, max-age={_A_DAY}"
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        return Response(await asyncio.to_thread(_packed_plotly), headers=headers, media_type=kind)
    return Response(await asyncio.to_thread(_plotly), headers=headers, media_type=kind)


def _plotly() -> bytes:
    return (folder_of_package("plotly") / "package_data" / PLOTLY).read_bytes()


@cache
def _packed_plotly() -> bytes:
    """A third of the size; made once, when somebody first looks."""
    return gzip.compress(_plotly(), 6)
