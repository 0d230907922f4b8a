"""Odd days of the newest data: which series were not as expected, when, and by how much."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import OrderedDict
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError
from tui import told
from tui.data.anomalies import Anomaly, Report, read_anomalies
from tui.data.anomaly_lines import (
    COLUMNS,
    anomaly_columns,
    anomaly_value,
    chart_of,
    summary_lines,
)
from tui.data.data_sets import Values
from tui.data.pane import Pane
from tui.language import tr
from tui.paint import Line, beside, clip, filled, fit, pad, rule, wrap

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

_PANES_FROM = 140
_CHART_FROM, _CHART_LINES = 18, 9
_HISTORY_DAYS = "90"
_VALUES_KEPT = 32
_REST_SECONDS = 0.15
_NEWS = ("data_flow", "deploy_flow", "full_flow")


class AnomaliesPane(Pane):
    """Odd days, the oddest first; enter shows the series in the screen that forecasts."""

    name = "anomalies"
    title = "Anomalies"

    def __init__(self, app: ControlCenter) -> None:
        super().__init__(app)
        self.report: Report | None = None
        self.problem = ""
        self._values: OrderedDict[tuple[str, str], Values] = OrderedDict()
        self._unknown: set[tuple[str, str]] = set()
        self._asked = 0.0
        self._top = 0
        self._width = 80
        self._chart_of: tuple[object, list[Line]] = (None, [])

    def shown(self) -> list[Anomaly]:
        """Those that fit the filter."""
        words = self.filter.casefold().split()
        found = self.report.anomalies if self.report else ()
        return [one for one in found if all(word in _text(one) for word in words)]

    def count(self) -> int:
        """How many they are."""
        return len(self.shown())

    def selected(self) -> Anomaly | None:
        """The one under the cursor."""
        shown, at = self.shown(), self.listing.cursor
        return shown[at] if at < len(shown) else None

    # Asking

    def ask(self) -> None:
        """Ask what was odd: it takes a forecast of every series."""
        if self.app.connects:
            self._asked = self.app.now()
            self.app.link.look("anomalies", self._fetch)

    def tick(self) -> None:
        """Ask again when there are new data, or another version."""
        recent = self.app.board.recent.values()
        ended = [run.ended or 0.0 for run in recent if run.flow in _NEWS]
        if max(ended, default=0.0) > self._asked:
            self.ask()

    async def _fetch(self) -> None:
        try:
            self.report = read_anomalies(await self.app.engine("data", "anomalies"))
        except EngineError as error:
            self.problem = str(error)
            return
        self.problem = ""
        self.moved()

    def moved(self) -> None:
        """Ask for the values of the series under the cursor."""
        key = self._key()
        if key and key not in self._values and key not in self._unknown and self.app.connects:
            self.app.link.look("values of an odd series", self._fetch_values)

    def _key(self) -> tuple[str, str] | None:
        one = self.selected()
        return (self.report.dataset, one.series) if one and self.report else None

    async def _fetch_values(self) -> None:
        """Fetch what the cursor stands on, until it is there."""
        while True:
            await asyncio.sleep(_REST_SECONDS)
            key = self._key()
            if key is None or key in self._values or key in self._unknown:
                return
            dataset, name = key
            asked = ("data", "values", dataset, "--series", name, "--days", _HISTORY_DAYS)
            try:
                self._take_values(key, await self.app.engine(*asked))
            except EngineError:
                # Nothing is lost but the chart.
                self._unknown.add(key)
            self.app.changed()

    def _take_values(self, key: tuple[str, str], said: Any) -> None:
        for one in told.mappings(told.mapping(said).get("series")):
            last = told.day(one.get("last_day"))
            values = [value for value in told.numbers(one.get("values")) if value is not None]
            if one.get("series") == key[1] and last is not None and values:
                first = last - dt.timedelta(days=len(values) - 1)
                self._values[key] = Values(key[1], first, values)
        if key not in self._values:
            self._unknown.add(key)
        while len(self._values) > _VALUES_KEPT:
            self._values.popitem(last=False)

    # Drawing

    def lines(self, width: int, height: int) -> list[Line]:
        """The list, and what is known of the selected one below or beside it."""
        self._width = width
        if self.report is None:
            said = self.problem or tr("forecasting every series to see which days were odd")
            style = "bad" if self.problem else "dim"
            return filled([[], *([(f"  {t}", style)] for t in wrap(said, width - 4))], height)
        if width >= _PANES_FROM:
            right = width * 2 // 5
            left = width - right - 1
            self._width = left
            chart = self._chart(right, min(height, max(12, right // 3)))
            return beside(self._list(left, height), chart, left, right, height)
        below = max(_CHART_LINES, height // 3) if height >= _CHART_FROM else 0
        return [*self._list(width, height - below), *(self._chart(width, below) if below else [])]

    def _list(self, width: int, height: int) -> list[Line]:
        report, rows = self.report, self.shown()
        assert report is not None
        lines = summary_lines(report, width, full=height >= _CHART_FROM)
        if self.problem:
            lines.append([(clip(f" {self.problem}", width), "bad")])
        if not rows:
            found = bool(report.anomalies)
            said = tr("nothing fits the filter") if found else tr("no day was odd")
            return filled([*lines, [], [(f"  {said}", "dim" if found else "good")]], height)
        columns = anomaly_columns(width)
        heads = [fit(tr(title), wide, align) for title, wide, align in columns.values()]
        lines.append(pad([(" " + " ".join(heads), "column")], width, "column"))
        self._top = len(lines)
        for row in self.listing.window(len(rows), max(1, height - len(lines))):
            under = self.cursor_style(0, row)
            line: Line = [(" ", under)]
            for name, (_, wide, align) in columns.items():
                text, look = anomaly_value(rows[row], name)
                line.append((fit(text, wide, align) + " ", f"{look} {under}".strip()))
            lines.append(pad(line, width, under))
        return filled(lines, height)

    def _chart(self, width: int, height: int) -> list[Line]:
        one, key = self.selected(), self._key()
        if one is None or key is None:
            return filled([rule(width)], height)
        head = rule(width, clip(one.series, width // 2), tr("as expected ● as it was ×"))
        values = self._values.get(key)
        if values is None:
            said = "" if key in self._unknown else tr("asking …")
            return filled([head, [(f" {said}", "dim")]], height)
        drawn = (one, values, width, height, self.app.painter.ascii)
        if self._chart_of[0] != drawn:
            ascii = self.app.painter.ascii
            self._chart_of = (drawn, chart_of(one, values, width, height - 1, ascii=ascii))
        return filled([head, *self._chart_of[1]], height)

    def place(self) -> str:
        """Where the cursor stands."""
        count = self.count()
        return f"{min(self.listing.cursor + 1, count):,}/{count:,}" if count else ""

    # Acting

    def open(self) -> None:
        """The forecast of the series."""
        one = self.selected()
        if one is not None:
            view: Any = self.app.view_of("predict")
            view.open_series(one.series)
            self.app.show("predict")

    def click(self, x: int, y: int, *, double: bool) -> None:
        """Select one; a double click opens it."""
        row = self.listing.row_at(y - self._top, self.count()) if x < self._width else None
        if row is not None:
            self.listing.cursor = row
            self.moved()
            if double:
                self.open()

    def use_filter(self, text: str) -> str:
        """Only those that hold the words."""
        super().use_filter(text)
        self.listing.cursor = 0
        self.moved()
        return ""

    def subject(self) -> dict[str, str]:
        """The series."""
        one = self.selected()
        return {"series": one.series} if one else {}

    def yanks(self) -> list[tuple[str, str]]:
        """Series, row and commands."""
        one = self.selected()
        found = [("command", "engine data anomalies")]
        if one is None:
            return found
        row = "\t".join(anomaly_value(one, name)[0] for name in COLUMNS)
        return [("series", one.series), ("row", row), *found]

    def as_data(self) -> Any:
        """What the command said."""
        return asdict(self.report) if self.report else None

    def remember(self) -> dict[str, Any]:
        """The filter."""
        return {"filter": self.filter}

    def restore(self, kept: dict[str, Any]) -> None:
        """Take that up again."""
        self.filter = told.text(kept.get("filter")) if isinstance(kept.get("filter"), str) else ""


def _text(one: Anomaly) -> str:
    return f"{one.series} {one.kind} {one.first_day} {one.last_day}".casefold()
