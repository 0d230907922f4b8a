"""When a question is asked: once the cursor has come to rest, one at a time, anew after news."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from engine.schema import RunInfo
from tui.predict.asking import Question
from tui.predict.forecasts import Forecasts
from tui.view import View

if TYPE_CHECKING:
    from textual.timer import Timer

REST_SECONDS = 0.15
_LOOK_EVERY = 5
_NEWS = ("data_flow", "deploy_flow", "full_flow")


class Inquiring(View):
    """Asks what a view says is the question."""

    forecasts: Forecasts
    is_seen: Callable[[], bool]
    _timer: Timer | None = None
    _asking: tuple[Question, asyncio.Task[None]] | None = None
    _ticks = 0
    _looked = 0.0

    def question(self) -> Question | None:
        """What is asked here and now."""
        raise NotImplementedError

    def further(self) -> Sequence[Question]:
        """What is asked beside it, once it is answered."""
        raise NotImplementedError

    def nearby(self) -> Sequence[str]:
        """Series that are likely to be asked for next."""
        raise NotImplementedError

    def find_again(self) -> None:
        """Other series are there: put the cursor on the one that was selected."""
        raise NotImplementedError

    def nothing_deployed(self) -> bool:
        """Whether there is no version that could answer."""
        return self.forecasts.versions == []

    def want(self, seconds: float = 0.0) -> None:
        """Ask what is selected now, unless it changes within so many seconds."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if self._unanswered() is None:
            return
        if seconds:
            self._timer = self.app.set_timer(seconds, self._rested)
        else:
            self._rested()

    def _rested(self) -> None:
        if self._asking is not None and self._asking[0] not in self._wanted():
            # Nobody waits for it any more.
            self._asking[1].cancel()
        if self._unanswered() is not None:
            self.app.link.look("forecast", self._answer_all)

    def _unanswered(self) -> Question | None:
        if not self.is_seen() or self.nothing_deployed():
            return None
        is_known = self.forecasts.is_known
        return next((one for one in self._wanted() if not is_known(one)), None)

    def _wanted(self) -> list[Question]:
        """What is asked here and now: what cannot be answered is not asked about either."""
        question = self.question()
        if question is None:
            return []
        return [question] if question in self.forecasts.problems else [question, *self.further()]

    async def _answer_all(self) -> None:
        while (question := self._unanswered()) is not None:
            work = asyncio.ensure_future(self.forecasts.ask(question, self.nearby()))
            self._asking = (question, work)
            try:
                await asyncio.wait({work})
            finally:
                self._asking = None
                work.cancel()
                await asyncio.wait({work})
            if not work.cancelled():
                work.result()
            self.app.changed()

    def entered(self) -> None:
        """Look for data and versions, then ask."""
        self._looked = self.app.now()
        self.app.link.look("data and versions", self._look_around)

    async def _look_around(self) -> None:
        await self.forecasts.look_around()
        self.find_again()
        self.want()

    def refreshed(self) -> None:
        """Forget what was answered."""
        self.forecasts.forget()
        self.entered()

    def left(self) -> None:
        """Nothing more is asked."""
        if self._timer is not None:
            self._timer.stop()
        if self._asking is not None:
            self._asking[1].cancel()

    def tick(self) -> None:
        """Now and then, see whether another version serves or new data are there."""
        if any(_is_news(run, self._looked) for run in self.app.board.recent.values()):
            self.entered()
        self._ticks += 1
        if self._ticks % _LOOK_EVERY == 0:
            self.app.link.look("predictor", self._look_at_predictor)

    async def _look_at_predictor(self) -> None:
        await self.forecasts.look_at_predictor()
        self.want()


def _is_news(run: RunInfo, since: float) -> bool:
    return run.flow in _NEWS and run.state == "COMPLETED" and (run.ended or 0.0) > since
