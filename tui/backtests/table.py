"""The list of backtests, and the contenders of one as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len

from engine.charts.scales import format_duration
from tui.backtests.facts import BASELINE, RUNNING, Backtest, Contender
from tui.backtests.verdicts import translated
from tui.language import tr
from tui.models.table import number
from tui.models.whisker import Axis, Measured, whisker
from tui.paint import Line, clean, clip, fit, pad, wrap
from tui.panels import gauge
from tui.states import moment

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

_GAUGE = 10
_NAMES_FROM = 110
_WIDEST_DRAWN = 30
_LEAST_DRAWN = 10


def list_columns(width: int) -> dict[str, int]:
    """Which columns of the list there is room for, and how wide they are."""
    columns = {"when": 12, "data set": 14, "days": 8, "best": 0}
    if width >= 60:
        columns = {"id": 9, **columns}
    if width < 70:
        del columns["data set"]
    if width >= _NAMES_FROM:
        columns["contenders"] = 0
    rest = width - 1 - sum(columns.values()) - len(columns)
    columns["best"] = rest if width < _NAMES_FROM else max(34, rest // 2)
    if width >= _NAMES_FROM:
        columns["contenders"] = rest - columns["best"]
    return columns


def list_heading(columns: Mapping[str, int], width: int) -> Line:
    """The names of the columns."""
    line: Line = [(" ", "column")]
    for name, size in columns.items():
        title = "ID" if name == "id" else tr(name.capitalize())
        line.append((fit(title, size) + " ", "column"))
    return pad(line, width, "column")


def list_row(
    app: ControlCenter, one: Backtest, columns: Mapping[str, int], width: int, under: str
) -> Line:
    """One backtest; `under` is the style of the cursor, where it stands here."""
    line: Line = [(" ", under)]
    for name, size in columns.items():
        if name == "best" and not one.is_finished:
            line += [(text, f"{look} {under}".strip()) for text, look in _progress(one, size)]
        else:
            text, look = _cell(app, one, name)
            line.append((fit(text, size), f"{look} {under}".strip()))
        line.append((" ", under))
    return pad(line, width, under)


def list_cells(app: ControlCenter, one: Backtest) -> list[str]:
    """All columns of a backtest as texts."""
    names = ("id", "when", "data set", "days", "best", "contenders")
    return [_cell(app, one, name)[0] for name in names]


def _cell(app: ControlCenter, one: Backtest, name: str) -> tuple[str, str]:
    if name == "id":
        return one.id, "strong"
    if name == "when":
        return moment(one.created, app.time_mode, app.now(), app.zone), "dim"
    if name == "data set":
        return one.dataset_name or one.dataset, ""
    if name == "days":
        options = one.options
        return f"{options.folds or '-'} x {options.horizon or '-'}", "dim"
    if name == "contenders":
        return ", ".join(contender.name for contender in one.contenders), "dim"
    best = one.best
    if not one.is_finished:
        return f"{state_text(one)} {one.done}/{one.total}", ""
    if best is None:
        return tr("none could be measured"), "bad"
    named = f"{one.name}: " if one.name else ""
    return f"{named}{best.name} {one.metric.upper()} {number(best.metric(one.metric))}", "good"


def _progress(one: Backtest, width: int) -> Line:
    look = "run" if one.state == RUNNING else "warn"
    bar = gauge(one.share, min(_GAUGE, max(4, width - 24)), look)
    said = f" {one.done}/{one.total} {state_text(one)}"
    return [*bar, (fit(said, width - sum(len(text) for text, _ in bar)), look)]


def state_text(one: Backtest) -> str:
    """How far one is that is not finished."""
    return tr("running") if one.state == RUNNING else tr("unfinished")


# The contenders of one

# Those with the larger number go first where there is no room.
_RANKS = {"width": 5, "seconds": 4, "rmsse": 3, "mase": 3, "wape": 2, "coverage": 1, "bias": 1}
_NAME, _SCORE, _TEXT, _CELL = 16, 8, 14, 9


@dataclass(frozen=True, slots=True)
class _Layout:
    """Columns of the table: how wide the names are, the measures, and the drawing (0: none)."""

    name: int
    measures: tuple[str, ...]
    drawn: int
    axis: Axis


def contenders_table(one: Backtest, width: int) -> list[Line]:
    """The contenders by their rank: error with interval, the other measures, what they took."""
    layout = _layout(one, width)
    rows = [_table_row(one, contender, layout, width) for contender in one.contenders]
    return [_table_heading(one, layout, width), *rows]


def _layout(one: Backtest, width: int) -> _Layout:
    widest = max((cell_len(clean(contender.label)) for contender in one.contenders), default=0)
    name = min(max(_NAME, widest + 1), 28 if width >= 84 else _NAME)
    other = "mase" if one.metric == "rmsse" else "rmsse"
    measures = [other, "wape", "bias", "coverage", "width", "seconds"]
    taken = 6 + name + _SCORE + _TEXT
    for least in sorted(measures, key=lambda found: -_RANKS[found]):
        if taken + _CELL * len(measures) <= width:
            break
        measures.remove(least)
    spare = width - taken - _CELL * len(measures)
    drawn = min(_WIDEST_DRAWN, spare) if spare >= _LEAST_DRAWN else 0
    axis = Axis.over(_measured(contender, one) for contender in one.contenders)
    return _Layout(name, tuple(measures), drawn, axis)


def _measured(contender: Contender, one: Backtest) -> Measured:
    return contender.low, contender.metric(one.metric), contender.high


def _table_heading(one: Backtest, layout: _Layout, width: int) -> Line:
    titles = {"bias": tr("Bias"), "coverage": tr("Coverage"), "width": tr("Width")}
    titles["seconds"] = tr("Trained")
    text = f"    {fit('', layout.name)}{fit(one.metric.upper(), _SCORE, 'right')}"
    text += fit(tr("95 % interval"), _TEXT, "right")
    text += " " * (layout.drawn + 1 if layout.drawn else 0)
    for measure in layout.measures:
        text += fit(titles.get(measure, measure.upper()), _CELL, "right")
    return pad([(text, "column")], width, "column")


def _table_row(one: Backtest, contender: Contender, layout: _Layout, width: int) -> Line:
    is_best, is_base = contender.rank == 1, contender.kind == BASELINE
    look = "good strong" if is_best else "dim" if is_base else ""
    rank = "-" if contender.rank is None else str(contender.rank)
    line: Line = [(fit(rank, 3, "right"), "dim"), (" ", "")]
    line.append((fit(contender.label, layout.name), look))
    if contender.problem:
        return [*line, (clip(contender.problem, width - layout.name - 5), "bad")]
    line.append((fit(number(contender.metric(one.metric)), _SCORE, "right"), look))
    between = ""
    if contender.low is not None and contender.high is not None:
        between = f"{number(contender.low)}–{number(contender.high)}"
    line.append((fit(between, _TEXT, "right"), "dim"))
    if layout.drawn:
        tone = "good" if is_best else "dim" if is_base else "accent"
        drawn = whisker(_measured(contender, one), layout.axis, layout.drawn, tone)
        line += [(" ", ""), *drawn]
    for measure in layout.measures:
        text, tone = _measure(one, contender, measure)
        line.append((fit(text, _CELL, "right"), tone or ("dim" if is_base else "")))
    return line


def _measure(one: Backtest, contender: Contender, name: str) -> tuple[str, str]:
    if name == "seconds":
        took = contender.seconds
        return ("-" if took is None else format_duration(took)), "dim"
    value = contender.metric(name)
    if value is None:
        return "-", "dim"
    if name == "bias":
        return number(value, "+.3f"), "warn" if abs(value) > 0.1 else ""
    if name == "coverage":
        level = one.options.level
        off = abs(value * 100 - level) if level is not None else 0.0
        return f"{value * 100:.1f} %", "good" if off <= 5 else "warn" if off <= 10 else "bad"
    return number(value), ""


def verdict_lines(one: Backtest, width: int) -> list[Line]:
    """What it came to, in sentences: ✓ where it is more than chance."""
    said = [(contender.verdict, contender.is_certain) for contender in one.contenders]
    sentences = {text: is_certain for text, is_certain in said if text}
    if not sentences:
        # A list tells the first of them only, and not how certain it is.
        return [[(f" {text}", "")] for text in wrap(translated(one.verdict), width - 2) if text]
    lines: list[Line] = []
    for text, is_certain in sentences.items():
        sign, look = ("✓", "good") if is_certain else ("·", "dim")
        for at, part in enumerate(wrap(translated(text), width - 4)):
            lines.append([(f" {sign if at == 0 else ' '} ", look), (part, "")])
    return lines


def how_lines(one: Backtest, width: int) -> list[Line]:
    """How it is measured, in a line or two."""
    options = one.options
    facts = [
        tr("{folds} folds of {days} days", folds=options.folds or "-", days=options.horizon or "-"),
        tr("from {day} on", day=one.origins[0]) if one.origins else "",
        tr("window {days}", days=options.window) if options.window else "",
        tr("{level} % interval", level=f"{options.level:g}") if options.level else "",
        f"{tr('objective')} {options.objective}" if options.objective else "",
        tr("trained again before each") if options.retrain else "",
        f"{tr('seed')} {options.seed}" if options.seed is not None else "",
    ]
    text = " · ".join(fact for fact in facts if fact)
    return [[(f" {part}", "dim")] for part in wrap(text, width - 2)]
