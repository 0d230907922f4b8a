"""An enter that came before the answer: what it opens is opened when that is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from tui.language import tr

if TYPE_CHECKING:
    from tui.control_center import ControlCenter


class Screen(Protocol):
    """A screen with tabs whose rows are asked for, and may not be known yet."""

    app: ControlCenter
    tab: str

    def is_known(self) -> bool:
        """Whether there was an answer to what the tab asked for."""

    def problem(self) -> str:
        """Why its last question failed, "" if it did not."""


class Opening:
    """At most one thing that waits to be opened; a user who goes on elsewhere drops it.

    Args:
        screen: Where it is opened.
        open: Opens what is under the cursor.
    """

    def __init__(self, screen: Screen, open: Callable[[], None]) -> None:
        self._screen = screen
        self._open = open
        self._tab = ""

    def must_wait(self) -> bool:
        """Whether what is to be opened is not known yet; then it waits, or its problem is said."""
        screen, app = self._screen, self._screen.app
        if screen.is_known() or not app.connects:
            return False
        if screen.problem():
            app.say(screen.problem(), "bad")
        else:
            self._tab = screen.tab
            app.say(tr("opens as soon as the answer is there; esc drops it"))
        return True

    def answered(self) -> None:
        """There is an answer, or none will come: open what waits for it."""
        screen, app = self._screen, self._screen.app
        on_view: object = app.view
        if on_view is not screen or app.overlays or app.prompt or self._tab != screen.tab:
            self._tab = ""
        elif screen.is_known() or screen.problem():
            self.drop()
            if screen.is_known():
                self._open()

    def drop(self) -> bool:
        """Open nothing any more; returns whether anything waited."""
        waited = bool(self._tab)
        if waited:
            self._tab, self._screen.app.message = "", None
        return waited
