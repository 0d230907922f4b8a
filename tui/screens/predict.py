"""Forecasts: of the series of the newest data set, or of values that are typed or pasted."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.errors import DataError, EngineError
from tui import memory, verbs
from tui.language import tr
from tui.listing import Listing, ListKeys
from tui.paint import Line, beside, clip, filled, fit, pad, restyle, rule, wrap
from tui.predict import panes
from tui.predict.asking import Forecast, Question
from tui.predict.choosing import MOST_STEPS, Choosing
from tui.predict.drawing import Drawing, legend
from tui.predict.forecasts import Forecasts, Series
from tui.predict.inquiring import REST_SECONDS, Inquiring
from tui.predict.pasted import Pasted, read_values
from tui.predict.series import fitting, list_heading, list_row
from tui.view import View

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

_PANES_FROM = 140
_NUMBERS_WIDTH = 48
_NEARBY = 20


class PredictView(Inquiring, Choosing, ListKeys, View):
    """Series at the left, the forecast of the selected one at the right."""

    name = "predict"

    def __init__(self, app: ControlCenter) -> None:
        super().__init__(app)
        self.forecasts = Forecasts(app.workspace, app.engine)
        self.listing = Listing()
        self.pasted: Pasted | None = None
        self.steps = 0
        self.level = 80.0
        self.version = ""
        self.day: int | None = None
        self._series = ""
        self._filter = ""
        self._found: tuple[object, str, list[Series]] | None = None
        self._list_shown = True
        self._shown: Forecast | None = None
        self._drawing = Drawing(app)
        self._places: dict[str, tuple[int, int, int]] = {}

    # What is selected

    def found(self) -> list[Series]:
        """The series that fit the filter."""
        series = self.forecasts.series
        if self._found is None or self._found[0] is not series or self._found[1] != self._filter:
            self._found = (series, self._filter, fitting(series or (), self._filter))
        return self._found[2]

    def count(self) -> int:
        """The series, and before them the values of one's own."""
        return len(self.found()) + (self.pasted is not None)

    def selected(self) -> Series | None:
        """The series under the cursor; None for values of one's own, or nothing."""
        row = self.listing.cursor - (self.pasted is not None)
        return self.found()[row] if 0 <= row < len(self.found()) else None

    def question(self) -> Question | None:
        """What is asked here and now."""
        asked = Question(version=self.version, steps=self.steps, level=self.level)
        if self.pasted is not None and self.listing.cursor == 0:
            return replace(asked, values=self.pasted.values, last_day=self.pasted.last_day)
        series = self.selected()
        return replace(asked, series=series.name) if series is not None else None

    def forecast(self) -> Forecast | None:
        """The answer, where it is there."""
        question = self.question()
        return None if question is None else self.forecasts.answers.get(question)

    def subject(self) -> dict[str, str]:
        """Series or values, and version."""
        series = self.selected()
        values = ",".join(f"{value:g}" for value in self.pasted.values) if self.pasted else ""
        return {"series": series.name if series else "", "values": values, "version": self.version}

    def moved(self) -> None:
        """Ask when the cursor has come to rest."""
        series = self.selected()
        if series is not None:
            self._series = series.name
        self.want(REST_SECONDS)

    def nearby(self) -> list[str]:
        """The series around the cursor."""
        row = self.listing.cursor - (self.pasted is not None)
        around = self.found()[max(0, row - _NEARBY) : row + _NEARBY]
        return [one.name for one in around]

    def find_again(self) -> None:
        """Put the cursor on the series that was selected before."""
        names = [one.name for one in self.found()]
        if self._series in names and (self.pasted is None or self.listing.cursor > 0):
            self.listing.cursor = names.index(self._series) + (self.pasted is not None)

    # Drawing

    def lines(self, width: int, height: int) -> list[Line]:
        """The list, chart and numbers: beside each other where there is room."""
        self._places = {}
        listed = _list_width(width) if self._list_shown else 0
        right = width - listed - 1 if listed else width
        at = listed + 1 if listed else 0
        pane = self._pane(at, right, height, wide=width >= _PANES_FROM)
        if not listed:
            return filled(pane, height)
        return beside(self._list(listed, height), pane, listed, right, height)

    def _list(self, width: int, height: int) -> list[Line]:
        self._places["list"] = (0, 1, width)
        lines = [list_heading(width)]
        if not self.count():
            return [*lines, [], *([(f" {text}", "dim")] for text in wrap(self._none(), width - 2))]
        offset = int(self.pasted is not None)
        for row in self.listing.window(self.count(), height - 1):
            under = "cursor" if row == self.listing.cursor else ""
            if row < offset:
                lines.append(self._pasted_row(width, under))
            else:
                lines.append(list_row(self.found()[row - offset], width, under))
        return lines

    def _pasted_row(self, width: int, under: str) -> Line:
        count = len(self.pasted.values) if self.pasted else 0
        text = fit(" " + tr("{count} values", count=count), width)
        return pad([(text, f"accent {under}".strip())], width, under)

    def _none(self) -> str:
        if self.forecasts.series is None:
            trouble = self.forecasts.trouble
            return str(trouble) if trouble else tr("asking…")
        if self._filter:
            return tr("no series fits; esc takes the filter away")
        return tr("No data set yet.")

    def _pane(self, at: int, width: int, height: int, *, wide: bool) -> list[Line]:
        question = self.question()
        if self.nothing_deployed():
            return _advice(
                width,
                tr("No model is deployed yet."),
                [("r", tr("full_flow prepares the data, trains, evaluates and deploys one"))],
            )
        if question is None:
            if self.forecasts.series is None or self._filter:
                return [rule(width)]
            return _advice(
                width,
                tr("No data set yet."),
                [
                    ("r", tr("data_flow prepares one")),
                    ("p", tr("forecasts values that you type or paste")),
                ],
            )
        answer = self.forecasts.answers.get(question)
        problem = self.forecasts.problems.get(question)
        asking = answer is None and problem is None
        if answer is not None:
            self._shown = answer
        name = question.series or tr("{count} values", count=len(question.values))
        lines = panes.heading(width, name, self.selected(), answer, asking=asking)
        if problem is not None:
            return [*lines, *_problem(problem, width)]
        if self._shown is None:
            return lines
        body = self._forecast(self._shown, at, width, height - len(lines), wide=wide)
        # The last answer stays, grey, until the next one is there.
        return [*lines, *([restyle(line, "stale") for line in body] if asking else body)]

    def _forecast(
        self, shown: Forecast, at: int, width: int, height: int, *, wide: bool
    ) -> list[Line]:
        if wide:
            left = width - _NUMBERS_WIDTH - 1
            chart = self._chart(shown, at, left, height)
            numbers = self._numbers(shown, at + left + 1, 3, _NUMBERS_WIDTH, height)
            return beside(chart, numbers, left, _NUMBERS_WIDTH, height)
        most = max(3, height * 2 // 5)
        rows = min(panes.rows_of(shown, width), most) + 1 if height >= 14 else 0
        lines = filled(self._chart(shown, at, width, height - rows), height - rows)
        if rows:
            lines += self._numbers(shown, at, 3 + height - rows, width, rows)
        return lines

    def _chart(self, shown: Forecast, at: int, width: int, height: int) -> list[Line]:
        lines = [panes.readout(width, shown, self.day)]
        chart = self._drawing.of(shown, width - 1, height - 2)
        if chart is None:
            return lines
        self._places["chart"] = (at, 4, width)
        lines += chart.with_cursor(self.day)[: height - 2]
        marks = legend(shown, chart, self.level, self.app.painter.ascii)
        return [*lines, pad(marks, width)]

    def _numbers(self, shown: Forecast, at: int, top: int, width: int, height: int) -> list[Line]:
        lines, first = panes.table(shown, width, height, self.day)
        self._places["numbers"] = (at, top + 1 - first, width)
        return lines

    def title(self) -> str:
        """Where the cursor stands, and the command that asks the same."""
        question = self.question()
        if question is None:
            return ""
        place = f"{min(self.listing.cursor + 1, self.count()):,}/{self.count():,}"
        parts = [place, f"/{self._filter}" if self._filter else "", self.command(question)]
        return "   ".join(part for part in parts if part)

    def command(self, question: Question) -> str:
        """The `engine` command that asks a question of whom it is asked here."""
        arguments = question.arguments()
        if self.forecasts.address and not question.version:
            arguments.append("--through-predictor")
        return verbs.spell(arguments)

    # Acting

    def do_left(self) -> None:
        """The day before."""
        self._step(-1)

    def do_right(self) -> None:
        """The day after."""
        self._step(1)

    def _step(self, days: int) -> None:
        shown, chart = self._shown, self._drawing.chart
        if shown is None or chart is None:
            return
        day = (1 if days > 0 else 0) if self.day is None else self.day + days
        self.day = min(len(shown.values), max(1 - chart.past, day))

    def do_next_pane(self) -> None:
        """Give the chart all of the screen, or bring the list back."""
        self._list_shown = not self._list_shown

    do_previous_pane = do_next_pane

    def do_open(self) -> None:
        """Look at the forecast alone."""
        self._list_shown = False

    def do_back(self) -> None:
        """The cursor of the chart first, then the list, the values of one's own, the filter."""
        if self.day is not None:
            self.day = None
        elif not self._list_shown:
            self._list_shown = True
        elif self.pasted is not None and self.listing.cursor == 0:
            self.pasted = None
            self.find_again()
            self.want()
        elif self._filter:
            self.use_filter("")

    def paste(self, text: str) -> None:
        """Values may be pasted anywhere on the screen."""
        try:
            self.use_values(read_values(text, self.forecasts.window))
        except DataError as error:
            self.app.say(error.what, "bad")

    # Filtering, mouse, memory

    def filter_text(self) -> str:
        """The filter in force."""
        return self._filter

    def use_filter(self, text: str) -> str:
        """Show only the series whose names fit."""
        self._filter = text.strip()
        self.listing.cursor = int(self.pasted is not None and bool(self.found()))
        self.find_again()
        self.moved()
        return ""

    def click(self, x: int, y: int, *, double: bool) -> None:
        """Select a series, or a day in the chart or the table."""
        shown, chart = self.forecast(), self._drawing.chart
        for name, (left, top, width) in self._places.items():
            if not left <= x < left + width or y < top:
                continue
            if name == "list":
                row = self.listing.row_at(y - top, self.count())
                if row is not None:
                    self.listing.cursor = row
                    self.moved()
                    if double:
                        self.do_open()
            elif name == "numbers" and shown is not None:
                self.day = panes.day_in_table(shown, width, y - top, x - left) or self.day
                return
            elif name == "chart" and chart is not None and y < top + len(chart.lines):
                self.day = chart.day_at(x - left)

    def yanks(self) -> list[tuple[str, str]]:
        """The forecast as CSV and JSON, the command, the request to the predictor."""
        question, shown = self.question(), self.forecast()
        found = []
        if shown is not None:
            found += [("CSV", shown.as_csv()), ("JSON", json.dumps(shown.as_data()))]
        if question is not None:
            found.append(("command", self.command(question)))
        if shown is not None and shown.address:
            found.append(("curl", shown.as_curl(shown.address)))
        return found

    def as_data(self) -> Any:
        """The forecast."""
        shown = self.forecast()
        return shown.as_data() if shown is not None else None

    def as_text(self) -> str:
        """The forecast as CSV, below what is seen."""
        shown = self.forecast()
        return super().as_text() + ("\n\n" + shown.as_csv() if shown is not None else "\n")

    def remember(self) -> dict[str, Any]:
        """Series, days and level."""
        return {"series": self._series, "steps": self.steps, "level": f"{self.level:g}"}

    def restore(self, kept: dict[str, Any]) -> None:
        """Series, days and level of last time."""
        self._series = memory.text(kept, "series")
        self.steps = min(MOST_STEPS, memory.number(kept, "steps"))
        self.level = self.read_level(memory.text(kept, "level")) or 0.0 if "level" in kept else 80.0


def _list_width(width: int) -> int:
    return 40 if width >= _PANES_FROM else 27 if width >= 100 else 20 if width >= 76 else 16


def _advice(width: int, said: str, keys: list[tuple[str, str]]) -> list[Line]:
    lines: list[Line] = [[], [("  ", ""), (said, "strong")]]
    for key, text in keys:
        for at, part in enumerate(wrap(text, width - 7)):
            lines.append([("  ", ""), (key if at == 0 else " ", "key"), (f"  {part}", "")])
    return lines


def _problem(problem: EngineError, width: int) -> list[Line]:
    lines: list[Line] = [[]]
    lines += [[(f" {text}", "bad")] for text in wrap(problem.what, width - 2)]
    lines += [[(f" {clip(problem.where, width - 2)}", "dim")]] if problem.where else []
    return [*lines, *([(f" {text}", "")] for text in wrap(problem.fix or "", width - 2))]
