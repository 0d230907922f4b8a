"""A version in full, over the screen: everything, its members, its features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.curve_lines import Curves, Point, curve_lines
from tui.language import tr
from tui.models.book import ModelBook
from tui.models.detail import detail_lines
from tui.models.facts import Model
from tui.models.members import board_lines, gain_lines, importance_lines
from tui.models.picture_detail import class_tab, mistake_tab
from tui.models.training import Training
from tui.overlays.page import Page
from tui.paint import Line, pad, rule

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

_CHART_LINES, _WIDEST_CHART = 12, 110
_TITLES = {
    "all": "Overview",
    "classes": "Classes",
    "mistakes": "Mistakes",
    "members": "Members",
    "features": "Features",
}


class DetailPage(Page):
    """A version in full; enter goes on to the run that made it.

    What was searched for has a tab with all members, what tells what it looks at one with all
    features, what classifies pictures one with all classes and one with its mistakes.
    """

    def __init__(self, app: ControlCenter, book: ModelBook, model: Model) -> None:
        super().__init__(app, model.id, self._lines, wide=True)
        self._book = book
        self._model = model
        self._tabs = ["all"]
        self._tabs += ["classes", "mistakes"] if model.pictures and model.pictures.classes else []
        self._tabs += ["members"] if model.training.board else []
        self._tabs += ["features"] if model.training.importance else []
        self._tab = "all"
        keys = tr("j k scroll · enter the run that made it · esc closes")
        self.footer = f"] {tr('Next tab')} · {keys}" if len(self._tabs) > 1 else keys

    def _lines(self, width: int) -> list[Line]:
        model = self._book.get(self._model.id) or self._model
        head = [self._tab_bar(), []] if len(self._tabs) > 1 else []
        if model.pictures is not None and self._tab in ("classes", "mistakes"):
            make = class_tab if self._tab == "classes" else mistake_tab
            return [*head, *make(self.app, model.pictures, width)]
        if self._tab == "members":
            return [*head, *board_lines(model.training, width), *gain_lines(model.training, width)]
        if self._tab == "features":
            return [*head, *importance_lines(model.training, width)]
        whole = detail_lines(self.app, self._book, model, width)
        return [*head, *whole, *_curve(model, width, self.app)]

    def _tab_bar(self) -> Line:
        line: Line = []
        for name in self._tabs:
            style = "tab" if name == self._tab else "dim"
            line += [(f" {tr(_TITLES[name])} ", style), (" ", "")]
        return line

    def do_next_tab(self) -> None:
        """The next tab."""
        self._turn(1)

    def do_previous_tab(self) -> None:
        """The tab before."""
        self._turn(-1)

    def _turn(self, step: int) -> None:
        at = self._tabs.index(self._tab)
        self._tab = self._tabs[(at + step) % len(self._tabs)]
        self.do_top()

    def do_open(self) -> None:
        """Go to the run that trained it."""
        run = self._model.training.run or self._model.deployed_by
        if not run:
            self.app.say(tr("which run made it is not known"), "warn")
            return
        self.app.close_overlay(self)
        self.app.open_run(run)


def _curve(model: Model, width: int, app: ControlCenter) -> list[Line]:
    """How training went, as a chart."""
    if len(model.training.curve) < 2:
        return []
    is_search = bool(model.training.board)
    title = tr("Error by trial") if is_search else tr("Loss by round")
    training = model.training
    charts: list[tuple[str, Curves]] = [
        (title, ((tr("training"), _points(training, 1)), (tr("validation"), _points(training, 2))))
    ]
    right = tuple(
        (point[0], value * 100)
        for point, value in zip(training.curve, training.accuracies, strict=True)
        if value is not None
    )
    if len(right) > 1:
        # In percent it would flatten the losses.
        charts.append((tr("Accuracy by round"), ((tr("validation, percent"), right),)))
    lines: list[Line] = []
    for title, curves in charts:
        chart = curve_lines(
            curves,
            width=min(width, _WIDEST_CHART),
            height=_CHART_LINES,
            x_name=tr("trial") if is_search else tr("round"),
            ascii=app.painter.ascii,
        )
        lines += [[], rule(width, title), *(pad(line, width) for line in chart)]
    return lines


def _points(training: Training, at: int) -> tuple[Point, ...]:
    found = ((one[0], one[at]) for one in training.curve)
    return tuple((x, value) for x, value in found if value is not None)
