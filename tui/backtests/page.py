"""A backtest in full: over the screen, or beside the list where there is room."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tui.backtests.book import BacktestBook
from tui.backtests.facts import BASELINE, RUNNING, Backtest
from tui.backtests.table import contenders_table, how_lines, state_text, verdict_lines
from tui.curve_lines import curve_lines
from tui.language import tr
from tui.overlays.page import Page
from tui.paint import Line, clip, pad, rule, wrap
from tui.panels import gauge
from tui.states import moment

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

_CHART_LINES, _WIDEST_CHART = 12, 110
_MOST_CURVES = 6
_GAUGE = 24


class BacktestPage(Page):
    """All of one; what a list does not tell comes a moment later."""

    def __init__(self, app: ControlCenter, book: BacktestBook, one: Backtest) -> None:
        def content(width: int) -> list[Line]:
            return backtest_lines(app, book, one, width)

        title = f"{tr('Backtest')} {one.id}" + (f": {one.name}" if one.name else "")
        super().__init__(app, title, content, wide=True)


def backtest_lines(app: ControlCenter, book: BacktestBook, one: Backtest, width: int) -> list[Line]:
    """Contenders, what it came to, the error by day ahead, and how it was measured."""
    whole = book.whole(one)
    lines = [_head(app, whole, width)]
    if not whole.is_finished:
        lines += _unfinished(whole, width)
    lines += contenders_table(whole, width)
    verdicts = verdict_lines(whole, width)
    lines += [[], *verdicts] if verdicts else []
    if whole.is_finished:
        lines += _ahead(app, book, whole, width)
    lines += [[], rule(width, tr("How it was measured")), *how_lines(whole, width)]
    for note in whole.notes:
        lines += [
            [(" ! " if at == 0 else "   ", "warn"), (text, "")]
            for at, text in enumerate(wrap(note, width - 4))
        ]
    lines += [[(f" {text}", "accent")] for text in wrap(whole.command(), width - 2)]
    return lines


def _head(app: ControlCenter, one: Backtest, width: int) -> Line:
    when = moment(one.created, app.time_mode, app.now(), app.zone)
    begun = tr("measured {when}", when=when) if one.is_finished else tr("began {when}", when=when)
    name = f"{one.name}  " if one.name else ""
    line: Line = [(f" {clip(name + one.id, width // 2)}", "strong"), (f"  {begun}", "dim")]
    return [*line, (clip(f"  {tr('data set')} {one.dataset_name or one.dataset}", 34), "accent")]


def _unfinished(one: Backtest, width: int) -> list[Line]:
    """How far it is, and what to do where nobody measures it."""
    runs = one.state == RUNNING
    look = "run" if runs else "warn"
    said = tr("{done} of {total} measured", done=one.done, total=one.total)
    by = tr("by process {pid}", pid=one.process) if runs and one.process is not None else ""
    text = clip(f" {said}  {state_text(one)} {by}".rstrip(), width - _GAUGE - 2)
    lines: list[Line] = [[(" ", ""), *gauge(one.share, _GAUGE, look), (text, look)]]
    if not runs:
        advice = tr("nobody measures it now: the same command goes on with it")
        lines += [[(f" {part}", "warn")] for part in wrap(advice, width - 2)]
    return [*lines, []]


def _ahead(app: ControlCenter, book: BacktestBook, whole: Backtest, width: int) -> list[Line]:
    """The error of each day ahead, a curve a contender."""
    title = tr("Error by day ahead")
    head: list[Line] = [[], rule(width, title, whole.metric.upper())]
    drawn = [one for one in whole.contenders if one.ahead]
    rivals = [one for one in drawn if one.kind != BASELINE]
    # Beside two others the baseline is no news, and far off: it would press them together.
    drawn = rivals if len(rivals) > 1 else drawn
    curves = tuple(
        (
            contender.name,
            tuple(
                (float(at.day), math.nan if value is None else value)
                for at in contender.ahead
                for value in [at.mase if whole.metric == "mase" else at.rmsse]
            ),
        )
        for contender in drawn[:_MOST_CURVES]
    )
    if not curves:
        problem = book.problem_of(whole)
        said = problem or tr("asking …")
        return [*head, [(clip(f" {said}", width), "bad" if problem else "dim")]]
    chart = curve_lines(
        curves,
        width=min(width - 1, _WIDEST_CHART),
        height=_CHART_LINES,
        x_name=tr("days ahead"),
        ascii=app.painter.ascii,
    )
    return [*head, *(pad(line, width) for line in chart)]
