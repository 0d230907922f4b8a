"""The forecast on the screen: heading, chart, stock, and numbers or reasons below or beside it."""

from __future__ import annotations

from engine.errors import EngineError
from tui.language import tr
from tui.paint import Line, beside, clip, filled, pad, restyle, rule, wrap
from tui.predict import panes
from tui.predict.asking import Forecast, Question
from tui.predict.drawing import Drawing, legend
from tui.predict.forecasts import Series
from tui.predict.inquiring import Inquiring
from tui.predict.reasons_pane import reasons_lines
from tui.predict.stock import Inventory, OnHand
from tui.predict.stock_pane import stock_lines

_NUMBERS_WIDTH, _REASONS_WIDTH = 48, 78
_ROOMY = 60
# What the chart needs, with the line that is read out and its legend.
_LEAST_CHART = 8


class Showing(Inquiring):
    """Draws what was answered. A view says what is asked and what is selected.

    Attributes:
        level: Of the interval that is asked for, in percent.
        day: Under the cursor of the chart; None: there is none.
        explains: Whether it is shown why.
        on_hand: What is on hand by series, "" for values of one's own; None: it is not asked for.
        usual: What is asked of a series of which only the data set knows the stock.
    """

    level: float
    day: int | None
    explains: bool
    on_hand: dict[str, OnHand | None]
    usual: OnHand
    _shown: Forecast | None
    _drawing: Drawing
    _places: dict[str, tuple[int, int, int]]
    _filter: str

    def selected(self) -> Series | None:
        """The series under the cursor."""
        raise NotImplementedError

    def stock_of(self, question: Question) -> OnHand | None:
        """What is known of the stock of a series; None where it is not asked about."""
        if question.series in self.on_hand:
            return self.on_hand[question.series]
        return self.usual if self.forecasts.has_stock and question.series else None

    def further(self) -> list[Question]:
        """What is asked beside the forecast: why, and what it means for the stock."""
        question = self.question()
        if question is None:
            return []
        stock = self.stock_of(question)
        why = [question.why()] if self.explains else []
        return [*why, *([question.with_stock(stock)] if stock is not None else [])]

    def inventory(self) -> Inventory | None:
        """What the forecast means for the stock, where that was asked and answered."""
        asked = (self.forecasts.stocks.get(one) for one in self.further() if one.stock is not None)
        return next((found for found in asked if found is not None), None)

    def pane(self, at: int, width: int, height: int, *, wide: bool) -> list[Line]:
        """All of it, in a column of the screen that begins at `at`."""
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
            return [*lines, *problem_lines(problem, width)]
        if self._shown is None:
            return lines
        body = self._forecast(self._shown, at, width, height - len(lines), wide=wide)
        # The last answer stays, grey, until the next one is there.
        return [*lines, *([restyle(line, "stale") for line in body] if asking else body)]

    def _forecast(
        self, shown: Forecast, at: int, width: int, height: int, *, wide: bool
    ) -> list[Line]:
        if wide:
            return self._side_by_side(shown, at, width, height)
        below = len(self._stock_lines(shown, width))
        most = max(3, height * 2 // 5)
        if below:
            most = max(3, min(most, height - _LEAST_CHART - below))
        wanted = most if self.explains else panes.rows_of(shown, width, self.inventory())
        rows = min(wanted, most) + 1 if height >= 14 else 0
        lines = filled(self._chart(shown, at, width, height - rows), height - rows)
        if rows and self.explains:
            lines += self._reasons(shown, width, rows)
        elif rows:
            lines += self._numbers(shown, at, 3 + height - rows, width, rows)
        return lines

    def _side_by_side(self, shown: Forecast, at: int, width: int, height: int) -> list[Line]:
        """Numbers beside the chart, and the reasons below the numbers."""
        room = width // 2 if width < 2 * _REASONS_WIDTH else _REASONS_WIDTH
        right = max(_NUMBERS_WIDTH, room) if self.explains else self._numbers_width(shown)
        left = width - right - 1
        rows = panes.rows_of(shown, right, self.inventory()) + 1
        numbers = self._numbers(shown, at + left + 1, 3, right, min(rows, height))
        if self.explains:
            kept = min(len(numbers), max(4, height // 2))
            numbers = [*self._numbers(shown, at + left + 1, 3, right, kept), []]
            numbers += self._reasons(shown, right, height - len(numbers))
        return beside(self._chart(shown, at, left, height), numbers, left, right, height)

    def _numbers_width(self, shown: Forecast) -> int:
        stock = self.inventory()
        return _NUMBERS_WIDTH if stock is None or not shown.lower else _ROOMY

    def _chart(self, shown: Forecast, at: int, width: int, height: int) -> list[Line]:
        lines = [panes.readout(width, shown, self.day, self.inventory())]
        below = self._stock_lines(shown, width)
        if height - len(below) < _LEAST_CHART:
            below = below[: max(0, height - _LEAST_CHART)]
        chart = self._drawing.of(shown, width - 1, height - 2 - len(below))
        if chart is None:
            return lines
        self._places["chart"] = (at, 4, width)
        lines += chart.with_cursor(self.day)[: height - 2 - len(below)]
        marks = legend(shown, chart, self.level, self.app.painter.ascii)
        return [*lines, pad(marks, width), *below]

    def _stock_lines(self, shown: Forecast, width: int) -> list[Line]:
        """What is known of the stock, or why nothing is."""
        asked = next((one for one in self.further() if one.stock is not None), None)
        if asked is None:
            return []
        problem = self.forecasts.problems.get(asked)
        if problem is not None:
            said = ". ".join(part for part in (problem.what, problem.fix) if part)
            return [[(f" {text}", "warn")] for text in wrap(said, width - 2)[:2]]
        if asked not in self.forecasts.stocks:
            return [[(f" {tr('asking…')}", "dim")]]
        stock = self.forecasts.stocks[asked]
        if stock is None or not stock.days:
            return []
        key = self.app.keymap.first("stock")
        return stock_lines(shown, stock, self._drawing.chart, width, key)

    def _numbers(self, shown: Forecast, at: int, top: int, width: int, height: int) -> list[Line]:
        lines, first = panes.table(shown, width, height, self.day, self.inventory())
        self._places["numbers"] = (at, top + 1 - first, width)
        return lines

    def _reasons(self, shown: Forecast, width: int, height: int) -> list[Line]:
        """Why, in place of the numbers."""
        asked = next((one for one in self.further() if one.explains), None)
        reasons = None if asked is None else self.forecasts.reasons.get(asked)
        if reasons is not None:
            return reasons_lines(shown, reasons, self.day, width, height)
        head = [rule(width, tr("Why"))]
        problem = None if asked is None else self.forecasts.problems.get(asked)
        if problem is not None:
            return [*head, *problem_lines(problem, width)[1:]][:height]
        return [*head, [(f" {tr('asking…')}", "dim")]]


def _advice(width: int, said: str, keys: list[tuple[str, str]]) -> list[Line]:
    lines: list[Line] = [[], [("  ", ""), (said, "strong")]]
    for key, text in keys:
        for at, part in enumerate(wrap(text, width - 7)):
            lines.append([("  ", ""), (key if at == 0 else " ", "key"), (f"  {part}", "")])
    return lines


def problem_lines(problem: EngineError, width: int) -> list[Line]:
    """What is wrong, where, and what to do."""
    lines: list[Line] = [[]]
    lines += [[(f" {text}", "bad")] for text in wrap(problem.what, width - 2)]
    lines += [[(f" {clip(problem.where, width - 2)}", "dim")]] if problem.where else []
    return [*lines, *([(f" {text}", "")] for text in wrap(problem.fix or "", width - 2))]
