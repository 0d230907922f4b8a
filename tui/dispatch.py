"""From a key to what it does: prompt, overlay, screen, then the table of actions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tui.actions import Action
from tui.keymap import key_of
from tui.language import tr

if TYPE_CHECKING:
    from tui.control_center import ControlCenter


class Dispatcher:
    """Gives keys and actions to whom they are meant for.

    Args:
        app: Whose prompt, overlays and screens.
    """

    def __init__(self, app: ControlCenter) -> None:
        self._app = app

    def press(self, key: str, character: str | None) -> None:
        """Take a key press."""
        if self._app.prompt is not None:
            prompt = self._app.prompt
            if prompt.key(key, character) and self._app.prompt is prompt:
                self._app.prompt = None
            return
        top = self._app.overlays[-1] if self._app.overlays else None
        if top is not None and top.key(key, character):
            return
        taken = getattr(self._app.view, "key", None)
        if top is None and taken is not None and taken(key, character):
            return
        self._take(key_of(key, character))

    def _take(self, key: str) -> None:
        sequence = f"{self._app.pending} {key}" if self._app.pending else key
        if self._app.pending and key == "escape":
            self._app.pending = ""
            return
        if self._app.keymap.goes_on(self._app.view.name, sequence):
            self._app.pending = sequence
            return
        had, self._app.pending = self._app.pending, ""
        action = self._app.keymap.action(self._app.view.name, sequence)
        if action is not None:
            self.perform(action)
        elif had:
            self._app.say(tr('"{keys}" means nothing here', keys=sequence), "warn")

    def perform(self, action: Action) -> None:
        """Do what an action means here."""
        if self._app.read_only and action.changes:
            self._app.say(tr("read-only: nothing is changed from here"), "warn")
            return
        self._app.message = None
        if self._app.overlays:
            method = getattr(self._app.overlays[-1], action.method, None)
            if method is not None:
                method()
            return
        method = self.method(action)
        if method is None:
            self._app.say(tr("not possible here"), "warn")
            return
        method()

    def method(self, action: Action) -> Callable[[], None] | None:
        """What performs an action on the screen that is seen; None where it means nothing."""
        own: Callable[[], None] | None = getattr(self._app.view, action.method, None)
        return own or getattr(self._app.actions, action.method, None)
