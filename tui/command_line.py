"""What can be typed after `:`: names of screens and actions, and a few words with an argument."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from engine.schema import FLOW_NAMES
from tui.actions import BY_ID, SCREENS
from tui.language import tr
from tui.themes import THEMES

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

_SHORT = {"q": "quit", "h": "help", "u": "undo", "w": "save-view"}


def complete(text: str) -> Sequence[str]:
    """What a command so far may become."""
    word, blank, rest = text.partition(" ")
    if blank:
        known = _ARGUMENTS.get(word, ())
        return [f"{word} {value}" for value in known if value.startswith(rest)]
    names = [*SCREENS, *_ARGUMENTS, "filter", "open", *BY_ID]
    starts = [name for name in dict.fromkeys(names) if name.startswith(word)]
    inside = [name for name in dict.fromkeys(names) if word in name and name not in starts]
    return [*starts, *inside] if word else starts


def perform(app: ControlCenter, text: str) -> str:
    """Do what a command says; returns what is wrong with it, or ""."""
    word, _, rest = text.strip().partition(" ")
    rest = rest.strip()
    word = _SHORT.get(word, word)
    if not word:
        return ""
    if word in SCREENS and not rest:
        app.show(word)
        return ""
    wordy = _WORDS.get(word)
    if wordy is not None and rest:
        return wordy(app, rest)
    action = BY_ID.get(word)
    if action is None:
        near = get_close_matches(word, [*SCREENS, *BY_ID, *_WORDS], n=1)
        meant = tr('; did you mean "{word}"?', word=near[0]) if near else ""
        return tr('there is no "{word}"', word=word) + meant
    if not action.is_possible_on(app.view.name):
        where = ", ".join(action.screens)
        return tr("{action} belongs to: {screens}", action=word, screens=where)
    app.perform(action)
    return ""


def _theme(app: ControlCenter, name: str) -> str:
    if name not in THEMES:
        return tr("themes: {names}", names=", ".join(THEMES))
    app.use_theme(name)
    return ""


def _language(app: ControlCenter, name: str) -> str:
    if name == "ko":
        app.use_language("ko")
    elif name == "en":
        app.use_language("en")
    else:
        return "en, ko"
    return ""


def _filter(app: ControlCenter, text: str) -> str:
    return app.view.use_filter(text)


def _open(app: ControlCenter, run_id: str) -> str:
    app.open_run(run_id)
    return ""


def _run(app: ControlCenter, flow: str) -> str:
    if flow not in FLOW_NAMES:
        return tr("flows: {names}", names=", ".join(FLOW_NAMES))
    app.open_form(flow)
    return ""


_WORDS: dict[str, Callable[[ControlCenter, str], str]] = {
    "theme": _theme,
    "language": _language,
    "filter": _filter,
    "open": _open,
    "run": _run,
}
_ARGUMENTS: dict[str, Sequence[str]] = {
    "theme": tuple(THEMES),
    "language": ("en", "ko"),
    "run": FLOW_NAMES,
}
