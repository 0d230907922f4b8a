"""Two to six runs side by side: how they went, what they were asked, what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError
from engine.schema import RunDetail, RunInfo
from tui.language import tr
from tui.overlays.page import Page
from tui.paint import Line, clean, fit, rule
from tui.states import duration, moment, sign, size, style, word

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

LEAST, MOST = 2, 6
_LABEL = 16
_WIDEST = 26
_MEASURES = ("mase", "rmsse", "wape", "bias", "mae", "coverage", "width")
_PICTURE_MEASURES = {"accuracy": "Accuracy", "macro_f1": "macro F1", "log_loss": "log loss",
                     "ece": "ECE", "errors": "Wrong"}  # fmt: skip
_SMALLEST = ("mase", "rmsse", "wape", "mae", "log_loss", "ece", "errors")
_LARGEST = ("accuracy", "macro_f1")
_WHOLE = ("errors",)


class RunComparison(Page):
    """The comparison, over the screen; what the runs made is asked for as it opens."""

    def __init__(self, app: ControlCenter, runs: Sequence[RunInfo]) -> None:
        super().__init__(app, tr("{count} runs compared", count=len(runs)), self._lines, wide=True)
        self._runs = list(runs)
        self._details: dict[str, RunDetail] = {}

    async def ask(self) -> None:
        """Ask for everything about the runs, one after the other."""
        from engine.client import calls

        for run in self._runs:
            self._details[run.id] = await self.app.link.send(calls.run(run.id))
            self.app.changed()

    def wanted_width(self, width: int) -> int:
        """No wider than the runs need."""
        return min(width - 4, max(60, _LABEL + 6 + (_WIDEST + 1) * len(self._runs)))

    def do_compare(self) -> None:
        """The key that opened it closes it."""
        self.do_back()

    def _lines(self, width: int) -> list[Line]:
        column = min(_WIDEST, (width - _LABEL) // len(self._runs) - 1)
        app, now = self.app, self.app.now()
        lines = [
            _row("", [(run.flow, "strong") for run in self._runs], column),
            _row("", [(run.name, "accent") for run in self._runs], column),
            _row(
                tr("State"),
                [(f"{sign(r.state)} {word(r.state)}", style(r.state)) for r in self._runs],
                column,
            ),
            _row(
                tr("Began"),
                [
                    (moment(run.started or run.created, app.time_mode, now, app.zone), "")
                    for run in self._runs
                ],
                column,
            ),
            _row(
                tr("Took"),
                [(duration(run.started, run.ended, now), "") for run in self._runs],
                column,
            ),
            _row("CPU", [(_seconds(run.cpu_seconds), "") for run in self._runs], column),
            _row(tr("Memory"), [(size(run.memory), "") for run in self._runs], column),
            [],
            rule(width, tr("Asked for"), tr("! differs")),
        ]
        lines += _differing([run.parameters for run in self._runs], column)
        scores = [self._scores(run) for run in self._runs]
        lines += [[], rule(width, tr("Came of it"), tr("* best"))]
        names = (*_MEASURES, *_PICTURE_MEASURES)
        measured = [_measure(name, scores, column) for name in names]
        lines += [line for line in measured if line]
        if len(self._details) < len(self._runs):
            lines.append([(tr("asking"), "dim")])
        elif not any(measured):
            lines.append([(tr("none of them measured a model"), "dim")])
        return lines

    def _scores(self, run: RunInfo) -> dict[str, Any]:
        detail = self._details.get(run.id)
        evaluation = detail.outputs.get("evaluation") if detail else None
        found = evaluation.get("scores") if isinstance(evaluation, dict) else None
        own = found.get("candidate") if isinstance(found, dict) else None
        return own if isinstance(own, dict) else {}


def compare_runs(app: ControlCenter, runs: Sequence[RunInfo]) -> None:
    """Open the comparison; of fewer or more runs than fit beside each other it says so."""
    if not LEAST <= len(runs) <= MOST:
        text = tr(
            "mark {least} to {most} runs to compare them; {count} are marked",
            least=LEAST,
            most=MOST,
            count=len(runs),
        )
        app.say(text, "warn")
        return
    page = RunComparison(app, runs)

    async def ask() -> None:
        try:
            await page.ask()
        except EngineError as error:
            app.say(str(error), "bad")

    app.open_overlay(page)
    app.link.look("comparison", ask)


def _row(title: str, cells: Sequence[tuple[str, str]], column: int, look: str = "dim") -> Line:
    line: Line = [(fit(title, _LABEL), look)]
    for text, tone in cells:
        line += [(" ", ""), (fit(text or "-", column, "right"), tone if text else "dim")]
    return line


def _differing(values: Sequence[dict[str, Any]], column: int) -> list[Line]:
    names = list(dict.fromkeys(name for one in values for name in one))
    lines = []
    for name in names:
        texts = ["" if one.get(name) is None else clean(one[name]) for one in values]
        differs = len(set(texts)) > 1
        tone = "warn" if differs else "dim"
        title = f"{'! ' if differs else '  '}{name}"
        lines.append(_row(title, [(text, tone) for text in texts], column, tone))
    return lines or [[(tr("nothing but the flow itself"), "dim")]]


def _measure(name: str, scores: Sequence[dict[str, Any]], column: int) -> Line:
    values = [one.get(name) for one in scores]
    numbers = [value for value in values if isinstance(value, int | float)]
    if not numbers:
        return []
    best = None
    if len(set(numbers)) > 1 and name in (*_SMALLEST, *_LARGEST):
        best = min(numbers) if name in _SMALLEST else max(numbers)
    cells = []
    for value in values:
        is_number = isinstance(value, int | float)
        is_best = best is not None and value == best
        form = ",.0f" if name in _WHOLE else ".4f" if name in _PICTURE_MEASURES else ".3f"
        text = f"{format(value, form)}{'*' if is_best else ' '}" if is_number else ""
        cells.append((text, "good strong" if is_best else ""))
    title = name.upper() if len(name) < 6 else name.capitalize()
    return _row(tr(_PICTURE_MEASURES.get(name, title)), cells, column)


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} s"
