"""Forecasts of the series of the newest data set, or of values that are typed or pasted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from engine.errors import DataError
from tui import memory, verbs
from tui.language import tr
from tui.listing import Listing, ListKeys
from tui.paint import Line, beside, filled, fit, pad, wrap
from tui.predict import panes
from tui.predict.asking import Forecast, Question
from tui.predict.choosing import MOST_STEPS, Choosing
from tui.predict.drawing import Drawing
from tui.predict.forecasts import Forecasts, Series
from tui.predict.inquiring import REST_SECONDS
from tui.predict.pasted import Pasted, read_values
from tui.predict.series import fitting, list_heading, list_row
from tui.predict.showing import Showing
from tui.predict.stock import LEAST_SERVICE, MOST_DAYS, OnHand
from tui.view import View

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

_PANES_FROM = 140
_NEARBY = 20


class SeriesTab(Showing, Choosing, ListKeys, View):
    """Series at the left, the forecast of the selected one at the right.

    Args:
        app: The application.
        forecasts: Asks.
        is_seen: Whether it is what the screen shows now.
    """

    name = "predict"

    def __init__(
        self, app: ControlCenter, forecasts: Forecasts, is_seen: Callable[[], bool]
    ) -> None:
        super().__init__(app)
        self.forecasts = forecasts
        self.is_seen = is_seen
        self.listing = Listing()
        self.pasted: Pasted | None = None
        self.steps = 0
        self.level = 80.0
        self.version = ""
        self.day: int | None = None
        self.explains = False
        self.on_hand: dict[str, OnHand | None] = {}
        self.usual = OnHand()
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

    def open_series(self, name: str) -> None:
        """Put the cursor on a series, also before the data set is known."""
        self._series, self._filter, self.day = name, "", None
        self.pasted = None
        self.find_again()
        if self.is_seen():
            self.moved()

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
        pane = self.pane(at, right, height, wide=width >= _PANES_FROM)
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

    def title(self) -> str:
        """Where the cursor stands, and the command that asks the same."""
        if self.question() is None:
            return ""
        place = f"{min(self.listing.cursor + 1, self.count()):,}/{self.count():,}"
        parts = [place, f"/{self._filter}" if self._filter else "", self.command()]
        return "   ".join(part for part in parts if part)

    def command(self) -> str:
        """The `engine` command that answers all that is asked here."""
        question = self.question()
        if question is None:
            return ""
        stock = self.stock_of(question)
        whole = replace(question, explains=self.explains, stock=stock)
        arguments = whole.arguments()
        # The predictor forecasts, and does nothing else.
        if self.forecasts.address and arguments == question.arguments() and not question.version:
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
        """The cursor of the chart first, then why, the list, values of one's own, the filter."""
        if self.day is not None:
            self.day = None
        elif self.explains:
            self.explains = False
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
            self.use_values(read_values(text))
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
                stock = self.inventory()
                self.day = panes.day_in_table(shown, width, y - top, x - left, stock) or self.day
                return
            elif name == "chart" and chart is not None and y < top + len(chart.lines):
                self.day = chart.day_at(x - left)

    def yanks(self) -> list[tuple[str, str]]:
        """The forecast as CSV and JSON, the command, the request to the predictor, the advice."""
        question, shown, stock = self.question(), self.forecast(), self.inventory()
        found = []
        if shown is not None:
            found += [("CSV", shown.as_csv()), ("JSON", json.dumps(self.as_data()))]
        if stock is not None and stock.advice:
            found.append(("advice", stock.advice))
        if question is not None:
            found.append(("command", self.command()))
        if shown is not None and shown.address:
            found.append(("curl", shown.as_curl(shown.address)))
        return found

    def as_data(self) -> Any:
        """The forecast, what it means for the stock, and why it is so."""
        shown = self.forecast()
        if shown is None:
            return None
        found, stock = shown.as_data(), self.inventory()
        if stock is not None:
            found["inventory"] = asdict(stock)
        why = next((one for one in self.further() if one in self.forecasts.reasons), None)
        if why is not None:
            found["explanation"] = asdict(self.forecasts.reasons[why])
        return found

    def as_text(self) -> str:
        """The forecast as CSV, below what is seen."""
        shown = self.forecast()
        return super().as_text() + ("\n\n" + shown.as_csv() if shown is not None else "\n")

    def remember(self) -> dict[str, Any]:
        """Series, days, level and how orders are made."""
        lead, service = self.usual.lead_time, self.usual.service_level
        return {
            "series": self._series,
            "steps": self.steps,
            "level": f"{self.level:g}",
            "lead_time": lead or 0,
            "service_level": "" if service is None else f"{service:g}",
        }

    def restore(self, kept: dict[str, Any]) -> None:
        """Series, days and level of last time."""
        self._series = memory.text(kept, "series")
        self.steps = min(MOST_STEPS, memory.number(kept, "steps"))
        self.level = self.read_level(memory.text(kept, "level")) or 0.0 if "level" in kept else 80.0
        lead = memory.number(kept, "lead_time")
        service = self.read_level(memory.text(kept, "service_level"))
        if 1 <= lead <= MOST_DAYS:
            fits = service is not None and service >= LEAST_SERVICE
            self.usual = OnHand(lead_time=lead, service_level=service if fits else None)


def _list_width(width: int) -> int:
    return 40 if width >= _PANES_FROM else 27 if width >= 100 else 20 if width >= 76 else 16
