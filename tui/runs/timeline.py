"""All runs over time with a row a flow: which part of the time is seen, and how it is drawn."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC
from typing import TYPE_CHECKING, Any, ClassVar

from tui import memory
from tui.language import tr
from tui.paint import Line, from_ansi, rule
from tui.panels import age
from tui.states import moment

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

_DAY = 86400.0
# Lengths of the window; beyond the longest that is shorter than all there is, all is shown.
_LENGTHS = (60.0, 600.0, 3600.0, 6 * 3600.0, _DAY, 7 * _DAY, 30 * _DAY)
_NAMES = (
    "last minute",
    "last 10 minutes",
    "last hour",
    "last 6 hours",
    "last day",
    "last week",
    "last 30 days",
)
# At rest, the right end moves no oftener than this.
_REST_SECONDS = 60.0


class FlowsTimeline:
    """A window of the time, and the chart of it.

    Attributes:
        length: Seconds that are seen; None for all there is.
        until: Right end, in seconds since the epoch; None where it is the present.
    """

    _is_loaded: ClassVar[bool] = False

    def __init__(self, app: ControlCenter) -> None:
        self._app = app
        self.length: float | None = None
        self.until: float | None = None
        self._drawn: tuple[Any, list[Line]] = (None, [])

    @classmethod
    def can_draw(cls) -> bool:
        """Whether the chart library is loaded: that takes longer than a key may wait."""
        return cls._is_loaded

    @classmethod
    def load(cls) -> None:
        """Load it, in any thread, by drawing something."""
        from engine.charts.flow_timeline import flow_timeline

        flow_timeline((), 0.0, width=40)
        cls._is_loaded = True

    @classmethod
    async def prepare(cls) -> None:
        """Load it without stopping keys."""
        await asyncio.to_thread(cls.load)

    def zoom(self, step: int) -> None:
        """One length shorter (-1) or longer (1); longer than all there is, is all."""
        usable = [length for length in _LENGTHS if length < self._span()]
        at = len(usable) if self.length is None else _index(usable, self.length)
        at = max(0, at + step)
        self.length = usable[at] if at < len(usable) else None
        if self.length is None:
            self.until = None

    def pan(self, step: int) -> None:
        """Half a window earlier (-1) or later (1), no farther than there are runs."""
        if self.length is None:
            return
        now = self._app.now()
        earliest = now - self._span() + self.length
        until = (self.until or now) + step * self.length / 2
        self.until = None if until >= now else max(min(earliest, now), until)

    def show_all(self) -> None:
        """All there is, up to the present."""
        self.length = self.until = None

    def title(self) -> str:
        """What is seen, in words."""
        if self.length is None:
            return tr("all runs known here")
        if self.until is None:
            return tr(_NAMES[_index(_LENGTHS, self.length)])
        when = moment(self.until, "clock", self._app.now(), self._app.zone)
        return tr("{length} until {when}", length=age(self.length), when=when)

    def lines(self, width: int, *, labels: bool = True) -> list[Line]:
        """The chart under a title; drawn anew only when something in it changed."""
        heading = rule(width, tr("Timeline"), self.title())
        board = self._app.board
        if not board.recent:
            return []
        if not self.can_draw():
            return [heading, [(f" {tr('drawing')}", "dim")]]
        now = self._end(width)
        zone = self._app.zone or UTC
        # Not the revision of the board: that counts lines of logs too.
        runs = tuple((run.id, run.state, run.ended) for run in board.recent.values())
        key = (hash(runs), tuple(board.flows), width, now, self.length, str(zone), labels)
        if self._drawn[0] != key:
            from engine.charts.flow_timeline import flow_timeline

            seen = [run for run in board.recent.values() if run.created <= now]
            view = flow_timeline(
                seen, now, width=width - 2, seconds=self.length, flows=[*board.flows], tz=zone
            )
            drawn = [*view.lines, *(view.axis if labels else view.axis[1:])]
            self._drawn = (key, [[(" ", ""), *from_ansi(line)] for line in drawn])
        return [heading, *self._drawn[1]]

    def _end(self, width: int) -> float:
        """The right end, moved on in steps of a column, so that most of the time nothing moves."""
        if self.until is not None:
            return self.until
        now = self._app.now()
        least = 1.0 if self._app.board.open_runs() else _REST_SECONDS
        step = max((self.length or self._span()) / max(1, width - 40), least)
        if self.length is None:
            # All there is grows each second: a step that grows with it would never stand still.
            step = least * 2.0 ** math.ceil(math.log2(step / least))
        return math.ceil(now / step) * step

    def _span(self) -> float:
        """Seconds from the first run that is known to the present."""
        first = min((run.created for run in self._app.board.recent.values()), default=math.inf)
        return max(1.0, self._app.now() - first)

    def remember(self) -> dict[str, Any]:
        """The length; the next start shows the present again."""
        return {"seconds": int(self.length or 0)}

    def restore(self, kept: dict[str, Any]) -> None:
        """The length of last time, if it is one."""
        seconds = float(memory.number(kept, "seconds"))
        self.length = seconds if seconds in _LENGTHS else None


class TimelineKeys:
    """The keys that move a timeline, for views that show one."""

    timeline: FlowsTimeline

    def do_zoom_in(self) -> None:
        """See less of the time, closer."""
        self.timeline.zoom(-1)

    def do_zoom_out(self) -> None:
        """See more of the time."""
        self.timeline.zoom(1)

    def do_pan_left(self) -> None:
        """See what was before."""
        self.timeline.pan(-1)

    def do_pan_right(self) -> None:
        """See what came after."""
        self.timeline.pan(1)

    def do_zoom_all(self) -> None:
        """See all of the time."""
        self.timeline.show_all()


def _index(lengths: tuple[float, ...] | list[float], length: float) -> int:
    """Which of the lengths is this one; where it is none of them, the next longer one."""
    return next((at for at, one in enumerate(lengths) if one >= length), len(lengths))
