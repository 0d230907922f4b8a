"""The backtests of the workspace: asked for in the background, shown at once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import EngineError
from tui import told
from tui.backtests.facts import RUNNING, Backtest, backtest_of, backtests_of

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

# One that is measured changes by itself: it is asked for again after so many seconds.
_AGAIN_SECONDS = 5
_KEPT = 16
# A cursor that runs through the list does not ask for each that it passes.
_REST_SECONDS = 0.15


class BacktestBook:
    """What the last answers told. Each question is a process: it is asked when there is a reason.

    Args:
        app: The application.
        answered: Called with every answer to the question for the list, and when it failed.

    Attributes:
        backtests: The newest first; None before they were asked for.
        problem: Why the last question failed, "" if it did not.
    """

    def __init__(self, app: ControlCenter, answered: Callable[[], None]) -> None:
        self._app = app
        self._answered = answered
        self.backtests: list[Backtest] | None = None
        self.problem = ""
        self._whole: OrderedDict[str, Backtest] = OrderedDict()
        self._problems: dict[str, str] = {}
        self._seen: tuple[float, ...] = ()
        self._ticks = 0

    def take(self, listed: object) -> None:
        """Take in an answer of `engine backtest list --json`."""
        self.backtests = backtests_of(listed)
        self.problem = ""

    def take_whole(self, data: object) -> None:
        """Take in an answer of `engine backtest show --json`."""
        found = backtest_of(told.mapping(data))
        self._whole[found.id] = found
        while len(self._whole) > _KEPT:
            self._whole.popitem(last=False)

    def whole(self, one: Backtest) -> Backtest:
        """All that is known of one: more than a list tells, once that was asked for."""
        known = self._whole.get(one.id)
        # The same command may have measured it anew.
        return known if known is not None and known.created == one.created else one

    def is_whole(self, one: Backtest) -> bool:
        """Whether nothing more is to be asked of it."""
        return not one.is_finished or self.whole(one) is not one or one.id in self._problems

    def problem_of(self, one: Backtest) -> str:
        """Why no more could be had of it."""
        return self._problems.get(one.id, "")

    def look(self) -> None:
        """Ask if there may be something new: a file has changed, or one is measured now."""
        self._ticks += 1
        runs = any(one.state == RUNNING for one in self.backtests or ())
        signs = _changes(self._app.workspace.backtests)
        if signs != self._seen or (runs and self._ticks % _AGAIN_SECONDS == 0):
            self.ask()

    def ask(self) -> None:
        """Ask for the list; what is known stays until the answer comes."""
        if self._app.connects:
            self._app.link.look("backtests", self._fetch)

    async def _fetch(self) -> None:
        self._seen = _changes(self._app.workspace.backtests)
        self._problems.clear()
        try:
            self.take(await self._app.engine("backtest", "list"))
        except EngineError as error:
            self.problem = str(error)
        self._answered()
        self._app.changed()

    def want_whole(self, selected: Callable[[], Backtest | None]) -> None:
        """Ask for all of what is selected, once the cursor has come to rest."""
        one = selected()
        if one is not None and not self.is_whole(one) and self._app.connects:
            self._app.link.look("a backtest", lambda: self._fetch_whole(selected))

    async def _fetch_whole(self, selected: Callable[[], Backtest | None]) -> None:
        """Fetch what the cursor stands on, until it is there."""
        while True:
            await asyncio.sleep(_REST_SECONDS)
            one = selected()
            if one is None or self.is_whole(one):
                return
            try:
                self.take_whole(await self._app.engine("backtest", "show", one.id))
                if self.whole(one) is one:
                    # It was measured anew meanwhile: the list is outdated.
                    self._problems[one.id] = ""
                    self.ask()
            except EngineError as error:
                self._problems[one.id] = str(error)
            self._app.changed()


def _changes(folder: Path) -> tuple[float, ...]:
    """When the folder and those in it changed last."""
    try:
        return tuple(path.stat().st_mtime_ns for path in (folder, *sorted(folder.iterdir())))
    except OSError:
        return ()
