"""What can be said of drift: the error of what was served, and whether what serves has drifted."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.charts.sparkline import sparkline
from engine.errors import DataError, EngineError
from tui import verbs
from tui.data.data_sets import Values, number, read_list
from tui.data.drift_checks import Check, check_lines, newest_of_each, read_checks, report_lines
from tui.data.pane import Pane
from tui.data.picture_drift import PictureDrift, drift_lines, read_drift, verdict_line
from tui.data.report import chart_lines
from tui.language import tr
from tui.overlays.page import Page
from tui.paint import Align, Line, beside, clip, filled, fit, pad, rule, wrap
from tui.predict.picture_paths import complete_path, read_paths
from tui.prompt import Prompt
from tui.verbs import spell

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

_PANES_FROM = 140
_TREND_COLUMNS = 12
_NEEDS_LINES = 9


@dataclass(frozen=True, slots=True)
class Score:
    """How far the forecasts of a version were off; None where that cannot be told.

    Attributes:
        version: Its id.
        alias: "champion", "previous" or "".
        forecasts: Forecasts of it that were kept.
        matched: Forecast days whose value has come.
        mae: Mean absolute error.
        wape: Sum of errors over sum of values.
        bias: Relative bias.
        mase: Error over that of seasonal naive.
        days: Day and mean absolute error of each day, ascending.
    """

    version: str
    alias: str
    forecasts: int
    matched: int
    mae: float | None
    wape: float | None
    bias: float | None
    mase: float | None
    days: tuple[tuple[dt.date, float], ...]

    def by_day(self) -> Values:
        """Its error on each day from the first to the last; NaN where nothing came."""
        known = dict(self.days)
        first, last = self.days[0][0], self.days[-1][0]
        span = range((last - first).days + 1)
        found = [known.get(first + dt.timedelta(days=step), math.nan) for step in span]
        return Values(self.version, first, found)


class DriftPane(Pane):
    """Live error by version and day, and what is needed to tell more."""

    name = "drift"
    title = "Drift"

    def __init__(self, app: ControlCenter) -> None:
        super().__init__(app)
        self.told: dict[str, Any] | None = None
        self.scores: list[Score] = []
        self.problem = ""
        self.has_pictures = False
        self.checks: tuple[Check, ...] = ()
        self.pictures: PictureDrift | None = None
        self.pictures_problem = ""
        self._history: list[str] = []
        self._chart_of: tuple[object, list[Line]] = (None, [])
        self._width = 80

    def shown(self) -> list[Score]:
        """The versions that fit the filter."""
        words = self.filter.casefold().split()
        return [one for one in self.scores if all(w in f"{one.version} {one.alias}" for w in words)]

    def count(self) -> int:
        """How many they are."""
        return len(self.shown())

    def selected(self) -> Score | None:
        """The version under the cursor."""
        shown, at = self.shown(), self.listing.cursor
        return shown[at] if at < len(shown) else None

    def ask(self) -> None:
        """Ask how good the forecasts were."""
        if self.app.connects:
            self.app.link.look("quality", self._fetch)

    async def _fetch(self) -> None:
        try:
            told = await self.app.engine("quality")
            sets = read_list(await self.app.engine("data", "list"))
        except EngineError as error:
            self.problem = str(error)
            return
        answer = await verbs.ask(self.app.workspace, "drift", "--checks")
        self.checks = read_checks(answer.data)
        self.problem = ""
        self.scores = [_score(one) for one in told["versions"]]
        self.told = told
        self.has_pictures = any(one.is_of_pictures for one in sets)
        self.app.changed()

    def look_now(self) -> None:
        """Look for drift now, and show all that is found."""
        self.app.link.look("drift", self._fetch_report)
        self.app.say(tr("looking for drift"))

    async def _fetch_report(self) -> None:
        answer = await verbs.ask(self.app.workspace, "drift")
        self.app.message = None
        if answer.code != 0:
            self.app.say(answer.problem, "bad")
            return
        lines = partial(report_lines, answer.data)
        if self.app.view.name == "data" and not self.app.overlays and self.app.prompt is None:
            self.app.open_overlay(Page(self.app, tr("Drift of what serves"), lines, wide=True))
        self.app.changed()

    def ask_pictures(self) -> None:
        """Type where later pictures lie, and hold them against what was learned from."""
        self.app.ask(
            Prompt(
                tr("Later pictures"),
                self._take_path,
                history=self._history,
                complete=complete_path,
                hint=tr("a folder of PNG and JPEG files, or one of them"),
            )
        )

    def _take_path(self, text: str) -> str:
        try:
            path = read_paths(text)[0]
        except DataError as error:
            return error.what
        self.app.link.look("drift of pictures", partial(self._fetch_pictures, path))
        self.app.say(tr("looking at the pictures"))
        return ""

    async def _fetch_pictures(self, path: str) -> None:
        answer = await verbs.ask(self.app.workspace, "data", "drift", path)
        # That they have drifted ends the command badly, and is told in its answer.
        found = read_drift(answer.data, path)
        self.pictures, self.app.message = found, None
        self.pictures_problem = "" if found else answer.problem
        is_seen = self.app.view.name == "data" and not self.app.overlays
        if found is not None and is_seen and self.app.prompt is None:
            self.open()
        self.app.changed()

    def open(self) -> None:
        """All that was found out about later pictures."""
        found = self.pictures
        if found is None:
            return
        title = tr("Drift of the pictures")
        self.app.open_overlay(Page(self.app, title, partial(drift_lines, found), wide=True))

    # Drawing

    def lines(self, width: int, height: int) -> list[Line]:
        """Versions, their error by day, and what is not measured."""
        if self.told is None:
            said = self.problem or tr("asking how good the forecasts were")
            style = "bad" if self.problem else "dim"
            return filled([[], *([(f"  {t}", style)] for t in wrap(said, width - 4))], height)
        if width >= _PANES_FROM:
            right = width // 3
            left = width - right - 1
            one = self._live(left, height)
            return beside(one, self._needs(right), left, right, height)
        below = _NEEDS_LINES if height >= 18 else 6
        live = self._live(width, height - below)
        return [*live, *filled(self._needs(width), below)]

    def _live(self, width: int, height: int) -> list[Line]:
        self._width = width
        rows = self.shown()
        lines = [rule(width, tr("Live error of what serves"), self._until())]
        if not any(one.matched for one in self.scores):
            said = str((self.told or {}).get("message") or "")
            lines += [[], *([(f" {text}", "warn")] for text in wrap(said, width - 2))]
        if rows:
            lines.append(_heading(width))
            self._top = len(lines)
            room = max(1, min(len(rows), 6, height - len(lines) - 1))
            lines += [
                self._row(row, rows[row], width) for row in self.listing.window(len(rows), room)
            ]
        left = height - len(lines)
        return filled([*lines, *self._chart(width, left)], height)

    def _until(self) -> str:
        last = (self.told or {}).get("last_day")
        return tr("data until {day}", day=last) if last else ""

    def _row(self, row: int, one: Score, width: int) -> Line:
        under = self.cursor_style(0, row)
        line: Line = [(" ", under)]
        for name, (_, wide, align) in _columns(width).items():
            text, look = _value(one, name)
            line.append((fit(text, wide, align) + " ", f"{look} {under}".strip()))
        return pad(line, width, under)

    def _chart(self, width: int, height: int) -> list[Line]:
        chosen = self.selected()
        if chosen is None or not chosen.days or height < 6:
            return []
        key = (chosen, width, height, tr("mean absolute error"))
        if self._chart_of[0] != key:
            name = tr("mean absolute error")
            self._chart_of = (key, chart_lines(chosen.by_day(), name, width, height - 1))
        return [rule(width, tr("By day"), clip(chosen.version, width // 2)), *self._chart_of[1]]

    def _needs(self, width: int) -> list[Line]:
        told = self.told or {}
        forecasts = told.get("forecasts") or 0
        matched = sum(one.matched for one in self.scores)
        dataset = told.get("dataset")
        until = f", {self._until()}" if self._until() else ""
        lines = [rule(width, tr("What the live error needs"))]
        served = f"{forecasts:,}"
        needs = (
            (forecasts, tr("forecasts of series with a series_id: {count}", count=served)),
            (dataset, f"{tr('a data set: {name}', name=dataset or 'engine run data_flow')}{until}"),
            (matched, tr("newer data: {count} forecast days have come", count=f"{matched:,}")),
        )
        for met, text in needs:
            sign, look = ("✓", "good") if met else ("○", "warn")
            for at, part in enumerate(wrap(text, width - 5)):
                lines.append([(f" {sign if at == 0 else ' '} ", look), (part, "")])
        if told.get("unreadable"):
            text = tr("{count} lines of kept forecasts cannot be read", count=told["unreadable"])
            lines.append([(" ! ", "bad"), (clip(text, width - 4), "")])
        return [*lines, *self._data_drift(width)]

    def _data_drift(self, width: int) -> list[Line]:
        lines = [rule(width, tr("Drift of what serves"))]
        for check in newest_of_each(self.checks):
            lines += check_lines(self.app, check, width)
        if not self.checks:
            said = tr("Not checked yet: the engine looks at new answers regularly.")
            lines += [[(f" {text}", "dim")] for text in wrap(said, width - 2)]
        if not self.has_pictures:
            return lines
        lines.append(rule(width, tr("Drift of the pictures")))
        if self.pictures is not None:
            lines.append(verdict_line(self.pictures, width))
        elif self.pictures_problem:
            texts = wrap(self.pictures_problem, width - 2)
            lines += [[(f" {text}", "bad")] for text in texts]
        key = self.app.keymap.first("drift-pictures")
        said = tr("holds later pictures against those that were learned from")
        return [*lines, [(f" {key} ", "key"), (clip(said, width - 4), "dim")]]

    def place(self) -> str:
        """Which version is selected."""
        chosen = self.selected()
        return f"{self.listing.cursor + 1}/{self.count()}   {chosen.version}" if chosen else ""

    def click(self, x: int, y: int, *, double: bool) -> None:
        """Select a version."""
        row = self.listing.row_at(y - self._top, self.count()) if x < self._width else None
        if row is not None:
            self.listing.cursor = row

    _top = 0

    def yanks(self) -> list[tuple[str, str]]:
        """Version, row and command."""
        chosen = self.selected()
        found = [("command", "engine quality")]
        if self.pictures is not None:
            found.append(("command", spell(["data", "drift", self.pictures.path])))
        if chosen is None:
            return found
        row = "\t".join(_value(chosen, name)[0] for name in _COLUMNS)
        return [("version", chosen.version), ("row", row), *found]

    def as_data(self) -> Any:
        """What the command said."""
        return self.told


def _score(one: dict[str, Any]) -> Score:
    days = tuple((dt.date.fromisoformat(day["day"]), day["mae"]) for day in one["days"])
    return Score(
        version=one["version"],
        alias=one["alias"] or "",
        forecasts=one["forecasts"],
        matched=one["matched"],
        mae=one["mae"],
        wape=one["wape"],
        bias=one["bias"],
        mase=one["mase"],
        days=days,
    )


_COLUMNS: dict[str, tuple[str, int, Align]] = {
    "version": ("Version", 12, "left"),
    "alias": ("", 9, "left"),
    "matched": ("Days", 7, "right"),
    "mae": ("MAE", 8, "right"),
    "wape": ("WAPE", 7, "right"),
    "bias": ("Bias", 7, "right"),
    "mase": ("MASE", 6, "right"),
    "trend": ("By day", _TREND_COLUMNS, "left"),
}


def _columns(width: int) -> dict[str, tuple[str, int, Align]]:
    columns = dict(_COLUMNS)
    if width < 84:
        del columns["trend"]
    rest = width - 2 - sum(wide for _, wide, _ in columns.values()) - len(columns)
    title, least, align = columns["version"]
    columns["version"] = (title, min(40, least + max(0, rest)), align)
    return columns


def _heading(width: int) -> Line:
    heads = [
        fit(tr(title) if title else "", wide, a) for title, wide, a in _columns(width).values()
    ]
    return pad([(" " + " ".join(heads), "column")], width, "column")


def _value(one: Score, name: str) -> tuple[str, str]:
    if name == "mase":
        worse = one.mase is not None and one.mase > 1
        return _figure(one.mase), "warn" if worse else "good"
    if name == "bias":
        return ("–" if one.bias is None else f"{one.bias:+.3f}"), ""
    return {
        "version": (one.version, "strong"),
        "alias": (one.alias, "accent"),
        "matched": (f"{one.matched:,}", ""),
        "mae": ("–" if one.mae is None else number(one.mae), ""),
        "wape": (_figure(one.wape), ""),
        "trend": (sparkline([error for _, error in one.days], _TREND_COLUMNS), "run"),
    }[name]


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
