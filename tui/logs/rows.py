"""Lines of a log as rows of a screen; what was made once is used again while it looks the same."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import tzinfo

from tui.logs.line import fold, highlight, log_spans
from tui.logs.source import LogLine
from tui.paint import Line, crop, width_of
from tui.states import TimeMode

_MOST_KEPT = 400


@dataclass(frozen=True)
class Look:
    """How lines are shown.

    Attributes:
        room: Columns for a line.
        height: Rows that a wrapped line takes at most.
        wraps: Whether long lines are broken.
        shift: By how many columns they are moved to the left.
        mode: How times are told, and in which `zone`.
        now: The present in seconds since the epoch, as exactly as times are told.
        patterns: What is marked.
        language: In which words times are told.
        numbering: That of the source: when it changes, places may hold other lines.
    """

    room: int
    height: int
    wraps: bool
    shift: int
    mode: TimeMode
    zone: tzinfo | None
    now: float
    patterns: tuple[re.Pattern[str], ...]
    language: str
    numbering: int


class LogRows:
    """Makes rows of lines."""

    def __init__(self) -> None:
        self._look: Look | None = None
        self._made: dict[int, tuple[int, list[Line]]] = {}

    def use(self, look: Look) -> None:
        """Show lines so from now on."""
        if look != self._look or len(self._made) > _MOST_KEPT:
            self._look = look
            self._made.clear()

    def rows(self, line: LogLine) -> list[Line]:
        """The rows of a line."""
        return self._of(line)[1]

    def width(self, line: LogLine) -> int:
        """How many columns a line would take; of a long one, as many as could be seen and one."""
        return self._of(line)[0]

    def _of(self, line: LogLine) -> tuple[int, list[Line]]:
        made = self._made.get(line.place)
        if made is None:
            made = self._made[line.place] = self._make(line)
        return made

    def _make(self, line: LogLine) -> tuple[int, list[Line]]:
        look = self._look
        assert look is not None, "how lines look is said before they are shown"
        room, shift = look.room, look.shift
        most = room * look.height if look.wraps else shift + room + 1
        spans = log_spans(line.text, look.mode, look.now, look.zone, most)
        spans = highlight(spans, look.patterns)
        total = width_of(spans)
        if look.wraps:
            return total, fold(spans, room, look.height)
        shown = crop(spans, shift, shift + room)
        if total > shift + room:
            shown = [*crop(shown, 0, room - 1), ("›", "dim")]
        if shift and total > shift:
            shown = [("‹", "dim"), *crop(shown, 1, room)]
        return total, [shown]
