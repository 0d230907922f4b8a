"""Two to six versions side by side: what differs in how good they are, and in what made them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.charts.scales import format_duration
from engine.charts.sparkline import sparkline
from tui.language import tr
from tui.models.book import ModelBook
from tui.models.detail import sees
from tui.models.facts import Model
from tui.models.table import alias_text, number, part, percent
from tui.overlays.page import Page
from tui.paint import Line, fit, rule, wrap
from tui.states import moment

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

LEAST, MOST = 2, 6
_WIDEST = 26
# From this width on a difference stands beside its value, else below it.
_BESIDE = 16
_MOST_CLASSES = 12


@dataclass(frozen=True, slots=True)
class Row:
    """A measure: how to take it from a version, and what is good.

    Attributes:
        title: What it is called.
        value: The measure.
        form: How it is written.
        rank: Of a value: the smaller, the better; None where nothing is better.
        is_name: Whether the title is a name from the data, which is not translated.
    """

    title: str
    value: Callable[[Model], float | None]
    form: str = ".3f"
    rank: Callable[[float, Model], float] | None = None
    is_name: bool = False


def _small(value: float, model: Model) -> float:
    return value


def _near_zero(value: float, model: Model) -> float:
    return abs(value)


def _near_level(value: float, model: Model) -> float:
    return abs(value - (model.evaluation.level or value))


def _of_pictures(name: str) -> Callable[[Model], float | None]:
    return lambda model: getattr(model.pictures.own, name) if model.pictures else None


def _large(value: float, model: Model) -> float:
    return -value


_GAIN = Row("vs naive", lambda model: model.gain, "%", _large)
_TRAINED = Row("Trained", lambda model: model.training.seconds, "s")
_PICTURE_ROWS = (
    Row("Accuracy", _of_pictures("accuracy"), "part", _large),
    Row("macro F1", _of_pictures("macro_f1"), rank=_large),
    Row("Balanced accuracy", _of_pictures("balanced_accuracy"), "part", _large),
    Row("log loss", _of_pictures("log_loss"), rank=_small),
    Row("ECE", _of_pictures("ece"), "part", _small),
    Row("Wrong", _of_pictures("errors"), ",.0f", _small),
    _GAIN,
    _TRAINED,
)
_ROWS = (
    Row("MASE", lambda model: model.evaluation.own.mase, rank=_small),
    Row("RMSSE", lambda model: model.evaluation.own.rmsse, rank=_small),
    Row("WAPE", lambda model: model.evaluation.own.wape, rank=_small),
    Row("Bias", lambda model: model.evaluation.own.bias, "+.3f", _near_zero),
    Row("MAE", lambda model: model.evaluation.own.mae, rank=_small),
    _GAIN,
    Row("Coverage", lambda model: model.evaluation.own.coverage, rank=_near_level),
    Row("Width", lambda model: model.evaluation.own.width),
    _TRAINED,
)


class ComparePage(Page):
    """The comparison, over the screen."""

    def __init__(self, app: ControlCenter, book: ModelBook, models: Sequence[Model]) -> None:
        def content(width: int) -> list[Line]:
            return compare_lines(app, book, models, width)

        title = tr("{count} versions compared", count=len(models))
        super().__init__(app, title, content, wide=True)
        self._columns = len(models)

    def wanted_width(self, width: int) -> int:
        """No wider than the versions need."""
        return min(width - 4, max(76, 22 + (_WIDEST + 1) * self._columns))

    def do_compare(self) -> None:
        """The key that opened it closes it."""
        self.do_back()


def compare_lines(
    app: ControlCenter, book: ModelBook, models: Sequence[Model], width: int
) -> list[Line]:
    """Names, measures with differences to the champion, then what they were made of."""
    of_pictures = models[0].pictures is not None
    champion = book.champion(models[0].data_type)
    base = champion or models[0]
    label = 13 if width < 100 else 18
    size = min(_WIDEST, (width - label) // len(models) - 1)
    layout = _Layout(label, size)
    lines = _names(book, models, layout)
    lines += _warnings(models, width)
    note = (
        tr("differences to the champion")
        if champion
        else tr("differences to {version}", version=base.id)
    )
    title = tr("Accuracy in the test") if of_pictures else tr("Error in the test")
    lines += [[], rule(width, title, note)]
    for row in _PICTURE_ROWS if of_pictures else _ROWS:
        lines += _measure(row, models, base, layout)
    lines += _classes(models, base, layout, width)
    folds = [sparkline([_nan(at) for _, at in m.evaluation.folds], size) for m in models]
    if any(folds):
        lines.append(layout.line(tr("MASE by fold"), [(text, "accent") for text in folds]))
    lines += [[], rule(width, tr("What they were made of"), tr("! differs"))]
    for title, values in _origins(app, models):
        lines.append(_texts(title, values, layout))
    lines += _parameters(models, layout, width)
    return lines


def _classes(models: Sequence[Model], base: Model, layout: _Layout, width: int) -> list[Line]:
    """F1 by class, those first of which the versions are the furthest apart."""
    scores = [{one.name: one.f1 for one in m.pictures.classes} for m in models if m.pictures]
    apart: list[tuple[float, str]] = []
    for name in dict.fromkeys(name for found in scores for name in found):
        known = [value for found in scores if (value := found.get(name)) is not None]
        if len(known) > 1 and max(known) > min(known):
            apart.append((min(known) - max(known), name))
    if not apart:
        return []
    names = [name for _, name in sorted(apart)]
    note = tr("the furthest apart first")
    lines: list[Line] = [[], rule(width, tr("F1 by class"), note)]
    for name in names[:_MOST_CLASSES]:
        row = Row(name, _f1_of(name), rank=_large, is_name=True)
        lines += _measure(row, models, base, layout)
    left = len(names) - _MOST_CLASSES
    if left > 0:
        lines.append([("  " + tr("and {count} more classes", count=left), "dim")])
    return lines


def _f1_of(name: str) -> Callable[[Model], float | None]:
    def value(model: Model) -> float | None:
        classes = model.pictures.classes if model.pictures else ()
        return next((one.f1 for one in classes if one.name == name), None)

    return value


@dataclass(frozen=True, slots=True)
class _Layout:
    label: int
    size: int

    def line(self, title: str, cells: Sequence[tuple[str, str]], look: str = "dim") -> Line:
        """A row of cells, right-aligned."""
        line: Line = [(fit(title, self.label), look)]
        for text, style in cells:
            line += [(" ", ""), (fit(text, self.size, "right"), style)]
        return line


def _names(book: ModelBook, models: Sequence[Model], layout: _Layout) -> list[Line]:
    aliases = [alias_text(book.alias(model.id)) for model in models]
    lines = [layout.line("", aliases)] if any(text for text, _ in aliases) else []
    lines.append(layout.line("", [(model.model_type, "accent strong") for model in models]))
    lines.append(layout.line("", [(model.hash, "strong") for model in models]))
    return lines


def _warnings(models: Sequence[Model], width: int) -> list[Line]:
    tests = {
        (m.training.dataset, tuple(origin for origin, _ in m.evaluation.folds)) for m in models
    }
    if len(tests) < 2:
        return []
    text = tr("! measured on different data or days: their errors say little about each other")
    return [[], *([(part, "warn")] for part in wrap(text, width))]


def _measure(row: Row, models: Sequence[Model], base: Model, layout: _Layout) -> list[Line]:
    values = [row.value(model) for model in models]
    if all(value is None for value in values):
        return []
    ranks = [
        math.inf if value is None or row.rank is None else row.rank(value, model)
        for value, model in zip(values, models, strict=True)
    ]
    known = {rank for rank in ranks if rank < math.inf}
    title = row.title if row.is_name else tr(row.title)
    cells: list[tuple[str, str]] = []
    below: list[tuple[str, str]] = []
    for model, value, rank in zip(models, values, ranks, strict=True):
        is_best = len(known) > 1 and rank == min(known)
        text = f"{_shown(value, row.form)}{'*' if is_best else ' '}"
        cells.append((text, "good strong" if is_best else "" if value is not None else "dim"))
        below.append(_difference(row, model, value, base))
    if layout.size < _BESIDE:
        lines = [layout.line(title, cells)]
        return [*lines, layout.line("", below)] if any(text for text, _ in below) else lines
    line: Line = [(fit(title, layout.label), "dim")]
    for (text, look), (change, tone) in zip(cells, below, strict=True):
        line += [
            (" ", ""),
            (fit(text, layout.size - 9, "right"), look),
            (fit(f" {change}", 9), tone),
        ]
    return [line]


def _difference(row: Row, model: Model, value: float | None, base: Model) -> tuple[str, str]:
    against = row.value(base)
    if value is None or against is None or model.id == base.id:
        return "", ""
    change = value - against
    forms = {"%": "%", "s": "s", ",.0f": "+,.0f"}
    form = forms.get(row.form, "+.3f")
    text = f"{change:+.1f} s" if form == "s" else _shown(change, form)
    if row.form == "part":
        text = f"{change * 100:+.2f} %"
    if row.rank is None:
        return text, "dim"
    better = row.rank(against, base) - row.rank(value, model)
    return text, "good" if better > 0 else "bad" if better < 0 else "dim"


def _shown(value: float | None, form: str) -> str:
    if value is None:
        return "-"
    if form == "%":
        return percent(value)
    if form == "part":
        return part(value)
    return format_duration(value) if form == "s" else number(value, form)


def _origins(app: ControlCenter, models: Sequence[Model]) -> list[tuple[str, list[str]]]:
    def seed(model: Model) -> str:
        return "" if model.training.seed is None else str(model.training.seed)

    def when(model: Model) -> str:
        return moment(model.created, app.time_mode, app.now(), app.zone)

    seen = (tr("last day seen"), [model.training.last_day for model in models])
    if models[0].pictures is not None:
        seen = (tr("sees"), [sees(model.training) for model in models])
    return [
        (tr("data set"), [model.training.dataset for model in models]),
        seen,
        (tr("seed"), [seed(model) for model in models]),
        (tr("trained by"), [model.training.run[:8] for model in models]),
        (tr("deployed"), [when(model) for model in models]),
        (tr("forced"), [model.forced for model in models]),
    ]


def _texts(title: str, values: Sequence[str], layout: _Layout, *, tell: bool = True) -> Line:
    differs = tell and len(set(values)) > 1
    look = "warn" if differs else "dim"
    cells = [(value or "-", look if value else "dim") for value in values]
    return layout.line(f"{'! ' if differs else '  '}{title}", cells, look)


def _parameters(models: Sequence[Model], layout: _Layout, width: int) -> list[Line]:
    """Hyper-parameters and libraries: those that differ first, then what is the same in short."""
    found = [_settings(model) for model in models]
    names = list(dict.fromkeys(name for values in found for name in values))
    different, same = [], []
    for name in names:
        values = [values.get(name, "") for values in found]
        if len(set(values)) > 1:
            different.append(_texts(name, values, layout))
        else:
            same.append(f"{name} {values[0]}")
    lines = [[], rule(width, tr("Hyper-parameters and libraries"), tr("! differs")), *different]
    if same:
        text = tr("the same: {values}", values=", ".join(same))
        lines += [[("  ", ""), (part, "dim")] for part in wrap(text, width - 2)]
    return lines if names else []


def _settings(model: Model) -> dict[str, str]:
    values = {name: _plain(value) for name, value in model.training.hyperparameters.items()}
    return values | model.training.environment


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _nan(value: float | None) -> float:
    return math.nan if value is None else value
