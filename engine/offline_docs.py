"""A page that explains an HTTP interface, without a byte from elsewhere: Swagger UI, installed."""

from __future__ import annotations

import html
from pathlib import Path

from engine.packages import folder_of_package

_PACKAGE = "fastapi_swagger"
_FOLDER = "resources"
_KINDS = {".js": b"text/javascript; charset=utf-8", ".css": b"text/css; charset=utf-8"}

SCRIPT = "swagger-ui-bundle.js"
STYLE = "swagger-ui.css"
START = "start.js"
PARTS = (SCRIPT, STYLE, START)

HEADERS = {
    # The page may ask this server and nobody else. Swagger UI sets styles and icons inline.
    b"content-security-policy": b"default-src 'none'; script-src 'self'; connect-src 'self'; "
    b"style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; "
    b"form-action 'none'; frame-ancestors 'none'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
}

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/{style}">
</head>
<body>
<div id="docs"></div>
<script src="docs/{script}"></script>
<script src="docs/{start}"></script>
</body>
</html>
"""
_START = """SwaggerUIBundle({url: "openapi.json", dom_id: "#docs", deepLinking: true});
"""


def page(title: str) -> bytes:
    """The page, as HTML: it belongs at `docs`, beside `openapi.json`.

    Args:
        title: What the interface is called.
    """
    return _PAGE.format(title=html.escape(title), script=SCRIPT, style=STYLE, start=START).encode()


def part(name: str) -> tuple[bytes, bytes]:
    """A part of the page below `docs/`, and its content type.

    Args:
        name: One of PARTS.
    """
    kind = _KINDS[Path(name).suffix]
    if name == START:
        return _START.encode(), kind
    return (folder_of_package(_PACKAGE) / _FOLDER / name).read_bytes(), kind
