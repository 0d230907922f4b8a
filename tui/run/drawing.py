"""How the screen of a run is laid out: three panes where there is room, else one at a time."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from engine.schema import RunDetail, RunInfo
from engine.states import FINAL_STATES
from tui.language import tr
from tui.paint import Line, beside, clip, pad, rule, width_of, wrap
from tui.run.facts import RunFacts, lay_out_behind
from tui.run.head import head_lines
from tui.run.layout import bad_steps, step_of
from tui.run.step import step_lines, step_summary
from tui.run.tabs import TABS, Tabs
from tui.run.timeline import RunTimeline
from tui.view import View

if TYPE_CHECKING:
    from textual.timer import Timer

    from tui.control_center import ControlCenter

PANES_FROM = 140
_STEP_LINES = 12
# Below this there is no room for the times of a run, or for the step under the cursor.
_ROOMY = 14
# A key that is held comes again sooner than after this long.
_REST_SECONDS = 0.05


class RunDrawing(View):
    """The state of the screen and what is drawn of it; what can be done is in `RunView`.

    Attributes:
        tab: Which tab is chosen.
        facts: What was fetched of the run, None before one was opened.
        tabs: What the tabs show of it.
        timeline: Its steps.
        beside: Whether the pane beside the timeline has the keys.
        shows_ghost: Whether the run before is drawn too.
    """

    def __init__(self, app: ControlCenter) -> None:
        super().__init__(app)
        self.tab = "timeline"
        self.facts: RunFacts | None = None
        self.tabs: Tabs | None = None
        self.timeline = RunTimeline()
        self.beside = False
        self.shows_ghost = False
        self.is_wide = False
        # Where the mouse finds what.
        self._tab_places: list[tuple[int, int, str]] = []
        self._tab_line = 0
        self._timeline_width = 0
        self._preparing: Timer | None = None

    def run(self) -> RunInfo | None:
        """The run that is shown, if it is known yet."""
        return self.app.board.run(self.facts.run_id) if self.facts else None

    def detail(self) -> RunDetail | None:
        """Everything about it, if that is known yet."""
        return self.app.board.details.get(self.facts.run_id) if self.facts else None

    def shown_tab(self) -> str:
        """The tab that is seen: the timeline is none where it has a place of its own."""
        return "logs" if self.is_wide and self.tab == "timeline" else self.tab

    def tab_names(self) -> tuple[str, ...]:
        """The tabs that there are at this width."""
        return tuple(TABS)[self.is_wide :]

    def lines(self, width: int, height: int) -> list[Line]:
        """Head, then timeline and tab."""
        run, detail = self.run(), self.detail()
        if run is None or self.tabs is None:
            return self._nothing(width)
        self.is_wide = width >= PANES_FROM
        shown = self.shown_tab()
        if detail is not None:
            self._keep_up(detail, shown)
        head = head_lines(self.app, run, detail, width)
        if height < _ROOMY:
            del head[1]
        self._tab_line = len(head)
        draw = self._wide if self.is_wide else self._narrow
        return [*head, *draw(run, detail, shown, width, height - len(head))]

    def _keep_up(self, detail: RunDetail, shown: str) -> None:
        """Fetch what is looked at and has changed, and lay out what has gone on."""
        assert self.facts is not None and self.tabs is not None
        if self.app.board.lost is None:
            self.tabs.want(shown, detail)
            if self.shows_ghost:
                self.facts.want_ghost(detail.run)
        self.timeline.use_ghost(self.facts.ghost if self.shows_ghost else None)
        now = self.app.now()
        if self.timeline.is_old(detail, now):
            if self.timeline.is_large(detail):
                lay_out_behind(self.app, self.timeline, detail)
            else:
                self.timeline.take(self.timeline.work(detail, now)())

    def _narrow(
        self, run: RunInfo, detail: RunDetail | None, shown: str, width: int, height: int
    ) -> list[Line]:
        self._timeline_width = width if shown == "timeline" else 0
        lines = [self._tab_bar(run, shown, width, 0)]
        if shown != "timeline":
            return lines + self._tab(detail, shown, width, height - 1)
        row = self.timeline.selected()
        below = 2 if row is not None and height >= _ROOMY - 2 else 0
        lines += self._steps(run, detail, width, height - 1 - below)
        if below and row is not None and detail is not None:
            lines += [[] for _ in range(height - below - len(lines))]
            lines.append(rule(width, tr("Step"), " › ".join(name for name, _ in row.path[:-1])))
            lines.append(step_summary(row, step_of(detail, row), width))
        return lines

    def _wide(
        self, run: RunInfo, detail: RunDetail | None, shown: str, width: int, height: int
    ) -> list[Line]:
        left = width * 11 // 20
        right = width - left - 1
        self._timeline_width = left
        main = [rule(left, tr("Timeline"), self._timeline_note(left - 16))]
        main += self._steps(run, detail, left, height - 1)
        below = min(_STEP_LINES, height // 3)
        side = [self._tab_bar(run, shown, right, left + 1)]
        side += self._tab(detail, shown, right, height - 1 - below)
        side += [[] for _ in range(height - below - len(side))]
        side += [rule(right, tr("Step")), *self.step(right)]
        return beside(main, side[:height], left, right, height)

    def _tab_bar(self, run: RunInfo, shown: str, width: int, left: int) -> Line:
        line: Line = [("─", "rule")]
        self._tab_places = []
        bad = run.state in ("FAILED", "CRASHED")
        for name in self.tab_names():
            start = left + width_of(line)
            look = "tab" if name == shown else "bad" if name == "error" and bad else "dim"
            line += [(f" {tr(TABS[name])} ", look), ("─", "rule")]
            self._tab_places.append((start, left + width_of(line) - 1, name))
        room = width - width_of(line) - 4
        note = clip(self._note(shown, room), room) if room >= 6 else ""
        tail: Line = [(f" {note} ", "dim"), ("─", "rule")] if note else []
        fill = max(0, width - width_of(line) - width_of(tail))
        return pad([*line, ("─" * fill, "rule"), *tail], width)

    def _note(self, shown: str, width: int) -> str:
        if shown == "timeline":
            return self._timeline_note(width)
        return self.tabs.place(shown) if self.tabs is not None and shown != "logs" else ""

    def _timeline_note(self, width: int) -> str:
        facts: list[str] = []
        if self.timeline.filter:
            facts.append(f"/{self.timeline.filter}")
        if self.timeline.shows_critical:
            facts.append(tr("◆ critical path"))
        if self.shows_ghost and self.facts is not None:
            before = self.facts.before
            facts.append(f"┊ {before.name}" if before else tr("┊ no run before"))
        if self.timeline.is_zoomed:
            heading = self.timeline.heading(self.app.zone or UTC)
            _, _, clock = heading.partition(" ")
            facts.append(heading if width >= 60 else clock)
        return " · ".join(facts)

    def _prepare_at_rest(self) -> None:
        """Draw what the next keys may bring to be seen, while nothing is pressed."""
        if self._preparing is not None:
            self._preparing.stop()
        self._preparing = self.app.set_timer(_REST_SECONDS, self._prepare)

    def _prepare(self) -> None:
        self._preparing = None
        if self.app.view is self and self.timeline.prepare():
            self._preparing = self.app.set_timer(_REST_SECONDS, self._prepare)

    def _steps(self, run: RunInfo, detail: RunDetail | None, width: int, height: int) -> list[Line]:
        if self.timeline.rows:
            focused = not (self.is_wide and self.beside)
            ascii = self.app.painter.ascii
            self._prepare_at_rest()
            return self.timeline.lines(width, height, focused=focused, ascii=ascii)
        if detail is None:
            text = tr("asking for the run…")
        elif self.timeline.layout is None:
            text = tr("laying out its steps…")
        elif self.timeline.filter:
            text = tr("no step fits the filter; esc takes it away")
        elif run.state in FINAL_STATES:
            text = tr("It ended before its first step.")
        else:
            # The head has room for the beginning of a long sentence only.
            is_cut = width_of([(run.waiting, "")]) >= self.size[0]
            whole = wrap(run.waiting, width - 4) if is_cut else []
            why: list[Line] = [[(f"  {line}", "warn")] for line in whole]
            text = tr("Its steps appear here as soon as it begins.")
            return [[], *why, [(clip("  " + text, width), "dim")]]
        return [[], [(clip("  " + text, width), "dim")]]

    def _tab(self, detail: RunDetail | None, shown: str, width: int, height: int) -> list[Line]:
        if detail is None or self.tabs is None:
            return [[], [(clip("  " + tr("asking for the run…"), width), "dim")]]
        bad = bad_steps(self.timeline.layout) if shown == "error" else []
        lines = self.tabs.lines(shown, detail, bad, width, height)
        if self.is_wide and not self.beside:
            # One cursor at a time looks as if it had the keys.
            return [[(text, look.replace("cursor", "idle-cursor")) for text, look in line]
                    for line in lines]  # fmt: skip
        return lines

    def step(self, width: int) -> list[Line]:
        """The step under the cursor in full."""
        row, detail, layout = self.timeline.selected(), self.detail(), self.timeline.layout
        if row is None or detail is None or layout is None:
            return []
        ghost = self.facts.ghost if self.facts and self.shows_ghost else None
        return step_lines(
            row,
            step_of(detail, row),
            origin=layout.began,
            zone=self.app.zone,
            width=width,
            before=ghost.end_of(row) if ghost else None,
        )

    def _nothing(self, width: int) -> list[Line]:
        if self.facts is not None and self.facts.missing:
            said = (f"  {clip(self.facts.missing, width - 4)}", "bad")
            return [[], [said], [("  2", "key"), ("  " + tr("lists the runs that there are"), "")]]
        board = self.app.board
        if board.lost is not None and not board.recent:
            return [[], [(clip(f"  {board.trouble}", width), "dim")]]
        if self.facts is not None or board.status is None:
            return [[], [("  " + tr("asking for the run…"), "dim")]]
        start = tr("starts one: full_flow trains and deploys")
        return [[], [("  " + tr("No runs yet."), "strong")], [("  r", "key"), (f"  {start}", "")]]

    def place_at(self, x: int, y: int) -> tuple[str, int | str]:
        """What lies at a place: ("tab", name), ("row", index), ("pane", 0) or ("", 0)."""
        if y == self._tab_line:
            found = next((name for start, end, name in self._tab_places if start <= x < end), None)
            return ("tab", found) if found else ("", 0)
        if y > self._tab_line and x < self._timeline_width:
            row = self.timeline.row_at(y - self._tab_line - 1)
            return ("row", row) if row is not None else ("", 0)
        return ("pane", 0) if y > self._tab_line else ("", 0)
