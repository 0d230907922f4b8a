"""A whole frame: what stands around the screen, the screen, and what lies over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.chrome import footer, header, message_line
from tui.language import tr
from tui.paint import Line, clip, overlay, pad, wrap

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

LEAST_WIDTH, LEAST_HEIGHT = 60, 15
_AROUND = 3


def frame(app: ControlCenter, width: int, height: int) -> list[Line]:
    """Exactly `height` lines; on a terminal that is too small, a message."""
    if width < LEAST_WIDTH or height < LEAST_HEIGHT:
        return _too_small(width, height)
    body_height = height - _AROUND
    app.view.size = (width, body_height)
    body = app.view.lines(width, body_height)[:body_height]
    body += [[] for _ in range(body_height - len(body))]
    if app.board.lost is not None and app.board.answered is not None:
        body = [[(text, _stale(style)) for text, style in line] for line in body]
    for over in app.overlays:
        x, y, lines = over.placed(width, body_height)
        for row, line in enumerate(lines[: body_height - y], y):
            body[row] = overlay(body[row], width, x, line)
    if app.prompt is not None:
        _offer(body, app.prompt.offers(), width)
    rows = [header(app, width), *body, message_line(app, width)]
    return [*rows, pad(footer(app, width), width, "header")]


def _stale(style: str) -> str:
    # What stands on the accent's colour could not be read in grey.
    return style if "tab" in style.split() else f"{style} stale".strip()


def _too_small(width: int, height: int) -> list[Line]:
    text = tr(
        "{width}x{height} is too small: at least {least}",
        width=width,
        height=height,
        least=f"{LEAST_WIDTH}x{LEAST_HEIGHT}",
    )
    lines: list[Line] = [[(line, "")] for line in wrap(text, max(1, width))]
    return [*lines, *([] for _ in range(max(0, height - len(lines))))]


def _offer(body: list[Line], offers: list[str], width: int) -> None:
    """Completions, above the line that is typed."""
    for row, text in enumerate(offers[: len(body) - 1]):
        at = len(body) - len(offers) + row
        body[at] = overlay(body[at], width, 2, [(f" {clip(text, width - 8)} ", "panel dim")])
