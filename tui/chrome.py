"""What stands around a screen: tabs and the engine's state above, message and keys below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len

from tui.actions import BY_ID, SCREENS, Action, possible_on
from tui.language import tr
from tui.paint import Line, clip, pad, width_of

if TYPE_CHECKING:
    from tui.control_center import ControlCenter


def header(app: ControlCenter, width: int) -> Line:
    """The tabs of the screens, and how the engine is doing."""
    state = _engine_state(app)
    room = width - width_of(state) - 1
    tabs = next((line for line in _tab_lines(app) if width_of(line) <= room), _tab_lines(app)[-1])
    return [*pad(tabs, room, "header"), *state, (" ", "header")]


def _tab_lines(app: ControlCenter) -> list[Line]:
    """The tabs, from generous to narrow: in the last, only the name of what is seen."""
    names = [(number, name, tr(BY_ID[f"show-{name}"].title)) for number, name in _numbered()]
    generous: Line = [(" ", "header")]
    plain: Line = [(" ", "header")]
    tight: Line = []
    narrow: Line = [(" ", "header")]
    for number, name, title in names:
        here = name == app.view.name
        style = "tab" if here else "header"
        generous += [(f" {number} {title} ", style)]
        plain += [(f"{number} {title}", style), (" ", "header")]
        tight += [(f"{number}{title}", style), (" ", "header")]
        narrow += [(f" {number} {title} " if here else str(number), style), (" ", "header")]
    return [generous, plain, tight, narrow]


def _numbered() -> list[tuple[int, str]]:
    return list(enumerate(SCREENS, 1))


def tab_at(app: ControlCenter, width: int, x: int) -> str | None:
    """Which screen's tab stands in a column of the header."""
    at = 0
    tabs = iter(SCREENS)
    for text, _ in header(app, width):
        end = at + cell_len(text)
        if any(char.isdigit() for char in text):
            name = next(tabs, None)
            if at <= x < end:
                return name
        at = end
    return None


def _engine_state(app: ControlCenter) -> Line:
    board = app.board
    parts: Line = []
    if app.read_only:
        parts += [(tr("read-only"), "header warn"), (" ", "header")]
    if board.lost is not None and board.answered is not None:
        seconds = int(app.now() - board.answered)
        return [*parts, (f"◌ {tr('stale {seconds} s', seconds=seconds)}", "header bad")]
    if board.lost is not None:
        return [*parts, (f"○ {tr('no engine')}", "header bad")]
    if board.status is None:
        return [*parts, (f"○ {tr('connecting')}", "header dim")]
    status = board.status
    ill = [child.name for child in status.children if child.state in ("failed", "restarting")]
    if ill:
        return [*parts, (f"! {clip(ill[0], 16)}", "header bad")]
    if status.running or status.queued:
        parts.append((f"● {status.running}", "header run"))
        if status.queued:
            parts.append((f" ○ {status.queued}", "header dim"))
        return parts
    return [*parts, (f"● {tr('ready')}", "header good")]


def message_line(app: ControlCenter, width: int) -> Line:
    """The prompt, a message, the keys that may follow, or what the screen has to say."""
    if app.prompt is not None:
        return app.prompt.line(width)
    if app.pending:
        return _continuations(app, width)
    if app.message is not None:
        text, style = app.message
        return [(" ", ""), (clip(text, width - 2), style)]
    said = app.view.title()
    return [(" ", ""), (clip(said, width - 2), "dim")]


def _continuations(app: ControlCenter, width: int) -> Line:
    line: Line = [(f" {app.pending}", "key"), ("  ", "")]
    for key, action in app.keymap.goes_on(app.view.name, app.pending):
        entry: Line = [(key, "key"), (f" {tr(app.view.title_of(action))}", ""), ("  ", "")]
        if width_of(line) + width_of(entry) > width:
            break
        line += entry
    return line


def footer(app: ControlCenter, width: int) -> Line:
    """The keys that matter most here, as many as fit."""
    if app.prompt is not None:
        return _keys([("enter", tr("take it")), ("esc", tr("cancel")), ("tab", tr("complete"))])
    shown: list[tuple[str, str]] = []
    used = 1
    for action in _by_weight(app):
        key = _key_name(app.keymap.first(action.id))
        title = tr(app.view.title_of(action))
        need = cell_len(f"{key} {title}") + 2
        if key and used + need <= width:
            used += need
            shown.append((key, title))
    return _keys(shown)


def _by_weight(app: ControlCenter) -> list[Action]:
    view = app.view
    usable = [
        action
        for action in possible_on(view.name)
        if action.footer and app.can(action) and not (app.read_only and action.changes)
    ]
    return sorted(usable, key=lambda action: -action.footer)


def _keys(entries: list[tuple[str, str]]) -> Line:
    line: Line = [(" ", "header")]
    for key, title in entries:
        line += [(key, "header key"), (f" {title}  ", "header")]
    return line


def _key_name(sequence: str) -> str:
    names = {"enter": "enter", "escape": "esc", "space": "space", "backspace": "bksp"}
    return names.get(sequence, sequence.replace("ctrl+", "^"))
