"""Prepared data sets: the list, the report of the selected one, its series, and a chart."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError
from tui import memory
from tui.data.data_sets import (
    DataSet,
    Report,
    Series,
    Values,
    read_list,
    read_report,
    read_values,
)
from tui.data.pane import Pane
from tui.data.picture_sets import (
    Class,
    PictureReport,
    class_columns,
    class_heading,
    class_row,
    look_lines,
    read_picture_report,
)
from tui.data.report import chart_lines, report_lines, week_lines
from tui.data.set_columns import (
    SERIES_COLUMNS,
    no_set_lines,
    series_columns,
    series_heading,
    series_row,
    series_value,
    set_columns,
    set_row,
)
from tui.language import tr
from tui.overlays.page import Page
from tui.paint import Line, beside, clip, filled, rule, wrap

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

_PANES_FROM = 140
_SETS, _SERIES = 0, 1
_LEAST_SERIES = 5
_WEEK_LINES = 9
_REPORTS_KEPT = 3
_VALUES_KEPT = 32
_CHARTS_KEPT = 8
# A cursor that runs through the list does not ask for each series that it passes.
_REST_SECONDS = 0.15


class SetsPane(Pane):
    """Data sets and their series."""

    name = "sets"
    title = "Data"

    def __init__(self, app: ControlCenter) -> None:
        super().__init__(app, lists=2)
        self.sets: list[DataSet] | None = None
        self.problem = ""
        self.reports: OrderedDict[str, Report | PictureReport] = OrderedDict()
        self._values: OrderedDict[tuple[str, str], Values] = OrderedDict()
        self._charts: OrderedDict[tuple[object, ...], list[Line]] = OrderedDict()
        self._filtered: tuple[object, list[Series]] = (None, [])
        self._tops = {_SETS: (0, 0, 0), _SERIES: (0, 0, 0)}
        self._chosen = ""
        self._finished = 0.0

    # What is selected

    def selected(self) -> DataSet | None:
        """The data set under the cursor."""
        rows = self.sets or []
        at = self.lists[_SETS].cursor
        return rows[at] if at < len(rows) else None

    def known(self) -> Report | PictureReport | None:
        """What is known of it."""
        one = self.selected()
        return self.reports.get(one.id) if one else None

    def report(self) -> Report | None:
        """What is known of it, where it holds series."""
        found = self.known()
        return found if isinstance(found, Report) else None

    def classes(self) -> list[Class]:
        """Its classes that fit the filter, where it holds pictures."""
        found = self.known()
        if not isinstance(found, PictureReport):
            return []
        words = self.filter.casefold().split()
        return [one for one in found.classes if all(w in one.name.casefold() for w in words)]

    def series(self) -> list[Series]:
        """Its series that fit the filter, the largest first."""
        report = self.report()
        if report is None:
            return []
        made_for = (report.id, self.filter)
        if self._filtered[0] != made_for:
            words = self.filter.casefold().split()
            fitting = [
                one for one in report.series if all(word in one.id.casefold() for word in words)
            ]
            self._filtered = (made_for, fitting)
        return self._filtered[1]

    def selected_series(self) -> Series | None:
        """The series under the cursor, while the list of series has the focus."""
        found, at = self.series(), self.lists[_SERIES].cursor
        return found[at] if self.focus == _SERIES and at < len(found) else None

    def count(self) -> int:
        """Rows of the list that has the focus."""
        return len(self.sets or []) if self.focus == _SETS else self._parts()

    def rows(self) -> int:
        """Data sets and series."""
        return len(self.sets or []) + self._parts()

    def _parts(self) -> int:
        """What the selected data set is made of: series, or classes."""
        return len(self.series()) + len(self.classes())

    def moved(self) -> None:
        """Ask for what the cursor stands on."""
        one = self.selected()
        if one is None:
            return
        if self.focus == _SETS and one.id != self._chosen:
            self._chosen = one.id
            self.lists[_SERIES].cursor = 0
        self._want_report()
        chosen = self.selected_series()
        if chosen is not None and (one.id, chosen.id) not in self._values and self.app.connects:
            self.app.link.look("values of a series", self._fetch_values)

    # Asking

    def ask(self) -> None:
        """Ask which data sets there are."""
        if self.app.connects:
            self.app.link.look("data sets", self._fetch_list)

    def tick(self) -> None:
        """Ask again when a run has prepared data."""
        ended = [
            run.ended or 0.0
            for run in self.app.board.recent.values()
            if run.flow in ("data_flow", "full_flow")
        ]
        if max(ended, default=0.0) > self._finished:
            self._finished = max(ended)
            self.ask()

    async def _fetch_list(self) -> None:
        try:
            self.sets = read_list(await self.app.engine("data", "list"))
        except EngineError as error:
            self.problem = str(error)
            return
        self.problem = ""
        ids = [one.id for one in self.sets]
        if self._chosen in ids:
            self.lists[_SETS].cursor = ids.index(self._chosen)
        self._want_report()

    def _want_report(self) -> None:
        one = self.selected()
        if one is not None and not one.problem and one.id not in self.reports and self.app.connects:
            self.app.link.look(f"data set {one.id}", partial(self._fetch_report, one.id))

    async def _fetch_report(self, dataset_id: str) -> None:
        try:
            document = await self.app.engine("data", "show", dataset_id)
        except EngineError as error:
            self.problem = str(error)
            return
        is_of_pictures = document.get("data_type") == "image"
        read = read_picture_report if is_of_pictures else read_report
        self.reports[dataset_id] = read(document)
        while len(self.reports) > _REPORTS_KEPT:
            self.reports.popitem(last=False)

    async def _fetch_values(self) -> None:
        """Fetch what the cursor stands on, until it is there."""
        tried: set[tuple[str, str]] = set()
        while True:
            await asyncio.sleep(_REST_SECONDS)
            one, chosen = self.selected(), self.selected_series()
            if one is None or chosen is None:
                return
            wanted = (one.id, chosen.id)
            if wanted in self._values or wanted in tried:
                return
            tried.add(wanted)
            document = await self.app.engine("data", "show", one.id, "--series", chosen.id)
            self._values[wanted] = read_values(document)
            while len(self._values) > _VALUES_KEPT:
                self._values.popitem(last=False)
            self.app.changed()

    # Drawing

    def lines(self, width: int, height: int) -> list[Line]:
        """One column, or three."""
        if not self.sets:
            return filled(no_set_lines(self.sets is None, self.problem, width), height)
        if width >= _PANES_FROM:
            return self._three(width, height)
        sets = min(len(self.sets) + 1, 3 if height < 28 else 6)
        report = 0 if height < 28 else 9
        chart = min(16, max(7, (height - sets - report) // 2))
        found = self._set_lines(width, sets, 0, 0)
        if report:
            found += self._report_lines(width, report)
        # Where not both fit, the one that belongs to the list with the focus.
        both = height - len(found) - chart >= _LEAST_SERIES
        if both or self.focus == _SETS:
            found += self._chart(width, chart if both else height - len(found))
        rest = height - len(found)
        return [*found, *self._series_lines(width, rest, len(found), 0)] if rest else found

    def _three(self, width: int, height: int) -> list[Line]:
        left = width // 4
        right = (width - left - 2) // 2
        middle = width - left - right - 2
        sets = min(len(self.sets or []) + 1, height // 2)
        one = [
            *self._set_lines(left, sets, 0, 0),
            *self._report_lines(left, height - sets),
        ]
        chart = self._chart(right, min(height, max(12, right // 3)))
        if height - len(chart) > _WEEK_LINES:
            chart += self._week(right)
        table = self._series_lines(middle, height, 0, left + 1)
        return beside(
            one, beside(table, chart, middle, right, height), left, middle + 1 + right, height
        )

    def _set_lines(self, width: int, height: int, top: int, left: int) -> list[Line]:
        rows = self.sets or []
        columns = set_columns(width)
        lines = [rule(width, tr("Data sets"), tr("● newest"))]
        self._tops[_SETS] = (top + 1, left, left + width)
        for row in self.lists[_SETS].window(len(rows), height - 1):
            under = self.cursor_style(_SETS, row)
            lines.append(set_row(self.app, rows[row], columns, width, under))
        return filled(lines, height)

    def _report_lines(self, width: int, height: int) -> list[Line]:
        one, report = self.selected(), self.known()
        lines = [rule(width, tr("What the rules found"))]
        if one is None or one.problem:
            said = one.problem if one else ""
            lines += [[(f" {text}", "bad")] for text in wrap(said, width - 2)]
        elif report is None:
            lines.append([(f" {self.problem or tr('asking …')}", "bad" if self.problem else "dim")])
        else:
            lines += report_lines(one, report, width)
        return filled(lines, height)

    def _chart(self, width: int, height: int) -> list[Line]:
        one, report = self.selected(), self.report()
        found = self.known()
        if isinstance(found, PictureReport):
            head = rule(width, tr("What the training pictures look like"))
            return filled([head, *look_lines(found.looks, width)], height)
        name = self._name()
        head = rule(width, tr("Over time"), name)
        if one is None or report is None:
            said = "" if one is None or one.problem else tr("asking …")
            return filled([head, [(f" {said}", "dim")]], height)
        values = self._shown_values()
        if values is None:
            return filled([head, [(f" {tr('asking …')}", "dim")]], height)
        key = (one.id, values.name, width, height, tr("total of all series"))
        if key not in self._charts:
            self._charts[key] = chart_lines(values, clip(name, width // 2), width, height - 1)
            while len(self._charts) > _CHARTS_KEPT:
                self._charts.popitem(last=False)
        return filled([head, *self._charts[key]], height)

    def _name(self) -> str:
        chosen = self.selected_series()
        return tr("total of all series") if chosen is None else chosen.id

    def _shown_values(self) -> Values | None:
        """Those of the chart; None while they are asked for."""
        one, report, chosen = self.selected(), self.report(), self.selected_series()
        if one is None or report is None or chosen is None:
            return report.total if report else None
        return self._values.get((one.id, chosen.id))

    def _week(self, width: int) -> list[Line]:
        """What the days of the week are like."""
        values = self._shown_values()
        head: Line = rule(width, tr("Mean by day of the week"), self._name())
        return [[], head, *week_lines(values, width)] if values else []

    def _series_lines(self, width: int, height: int, top: int, left: int) -> list[Line]:
        one = self.selected()
        if one is not None and one.is_of_pictures:
            return self._class_lines(width, height, top, left)
        rows = self.series()
        report = self.report()
        of_all = f"{len(rows):,}/{len(report.series):,}" if report else ""
        note = f"/{self.filter}   {of_all}" if self.filter else of_all
        columns = series_columns(width)
        lines = [
            rule(width, tr("Series, the largest first"), note),
            series_heading(columns, width),
        ]
        self._tops[_SERIES] = (top + 2, left, left + width)
        if report is not None and not rows:
            return filled([*lines, [(" " + tr("no series fits the filter"), "dim")]], height)
        for row in self.lists[_SERIES].window(len(rows), height - 2):
            under = self.cursor_style(_SERIES, row) if self.focus == _SERIES else ""
            lines.append(series_row(rows[row], columns, width, under))
        return filled(lines, height)

    def _class_lines(self, width: int, height: int, top: int, left: int) -> list[Line]:
        rows, found = self.classes(), self.known()
        whole = found.classes if isinstance(found, PictureReport) else ()
        of_all = f"{len(rows):,}/{len(whole):,}" if found else ""
        note = f"/{self.filter}   {of_all}" if self.filter else of_all
        columns = class_columns(whole, width)
        title = tr("Classes, the largest first")
        lines = [rule(width, title, note), class_heading(columns, width)]
        self._tops[_SERIES] = (top + 2, left, left + width)
        if found is not None and not rows:
            return filled([*lines, [(" " + tr("no class fits the filter"), "dim")]], height)
        most = max((one.total for one in whole), default=0)
        for row in self.lists[_SERIES].window(len(rows), height - 2):
            under = self.cursor_style(_SERIES, row) if self.focus == _SERIES else ""
            lines.append(class_row(rows[row], columns, most, width, under))
        return filled(lines, height)

    def place(self) -> str:
        """Where the cursor stands."""
        count = self.count()
        return f"{min(self.listing.cursor + 1, count):,}/{count:,}" if count else ""

    # Acting

    def open(self) -> None:
        """The whole report."""
        one, report = self.selected(), self.known()
        if one is None or report is None:
            return

        def content(width: int) -> list[Line]:
            return report_lines(one, report, width)

        self.app.open_overlay(Page(self.app, tr("What the rules found"), content, wide=True))

    def click(self, x: int, y: int, *, double: bool) -> None:
        """Select a data set or a series."""
        for number_, rows in ((_SETS, len(self.sets or [])), (_SERIES, self._parts())):
            top, left, right = self._tops[number_]
            row = self.lists[number_].row_at(y - top, rows) if left <= x < right else None
            if row is not None:
                self.lists[number_].cursor = row
                self.give_focus(number_)
                if double:
                    self.open()
                return

    def use_filter(self, text: str) -> str:
        """Only the series whose name holds the words."""
        super().use_filter(text)
        self.lists[_SERIES].cursor = 0
        return ""

    def yanks(self) -> list[tuple[str, str]]:
        """Ids, name, row and command."""
        one, chosen = self.selected(), self.selected_series()
        if one is None:
            return []
        found = [("id", one.id)]
        if chosen is not None:
            row = "\t".join(series_value(chosen, name)[0] for name in SERIES_COLUMNS)
            found += [("series", chosen.id), ("row", row)]
        found.append(("source", one.source))
        return [*found, ("command", f"engine data show {one.id}")]

    def as_data(self) -> Any:
        """Data sets, and all of the selected one."""
        report = self.known()
        return {
            "data_sets": [asdict(one) for one in self.sets or []],
            "shown": asdict(report) if report else None,
        }

    def remember(self) -> dict[str, Any]:
        """Which data set, and the filter."""
        return {"data_set": self._chosen, "filter": self.filter}

    def restore(self, kept: dict[str, Any]) -> None:
        """Take that up again."""
        self._chosen = memory.text(kept, "data_set")
        self.filter = memory.text(kept, "filter")
