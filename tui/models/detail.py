"""One version in full: how good it is, where it is weak, and how it came to be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.charts.scales import format_duration
from engine.charts.sparkline import sparkline
from tui.language import tr
from tui.models.book import ModelBook
from tui.models.facts import Measures, Model
from tui.models.members import blend_text, board_lines, gain_lines, importance_lines
from tui.models.picture_detail import picture_gain_lines, picture_sections
from tui.models.table import alias_text, number, part, percent
from tui.models.training import Training
from tui.paint import Line, clean, clip, fit, rule, width_of, wrap
from tui.states import moment

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

_LABEL = 15
_MEMBERS, _FEATURES = 8, 6
_SPARK = 24
_ROOMY = 72


def preview_lines(app: ControlCenter, book: ModelBook, model: Model, width: int) -> list[Line]:
    """The most telling facts in six lines."""
    training = model.training
    if model.pictures is not None:
        gains, measured = picture_gain_lines(book, model, width), _loss_lines(model)[-2:]
    else:
        gains = _gain_lines(book, model, width)
        further = (_folds_line(model, width), _interval_line(model, width))
        measured = [line for line in further if line]
    lines = [_head(app, book, model), *gains[:1], *measured]
    lines.append(_pairs(_origin(model)))
    given = blend_text(training) or _given(training.hyperparameters)
    if given:
        lines.append([(clip(f" {given}", width), "accent")])
    lines.append(_check_line(app, book, model))
    if model.forced:
        lines.insert(2, [(clip(f" ! {tr('forced')}: {model.forced}", width), "warn")])
    return lines


def detail_lines(app: ControlCenter, book: ModelBook, model: Model, width: int) -> list[Line]:
    """All of it, section by section."""
    lines = [_head(app, book, model), *_facts(app, model, width), []]
    if model.pictures is not None:
        lines += picture_sections(app, book, model, _loss_lines(model), width)
        lines += _members(model, width)
    else:
        lines += _series_sections(book, model, width)
    lines += [[], rule(width, tr("Lineage"))]
    lines += _lineage(model, width)
    lines += [[], rule(width, tr("Checks"))]
    lines += _gate(model, width)
    lines.append(_check_line(app, book, model))
    return lines


def _series_sections(book: ModelBook, model: Model, width: int) -> list[Line]:
    """What stands between the head of a forecaster and its lineage."""
    lines: list[Line] = []
    evaluation = model.evaluation
    note = ""
    if evaluation.folds and evaluation.horizon:
        note = tr(
            "{folds} folds of {days} days", folds=len(evaluation.folds), days=evaluation.horizon
        )
    lines.append(rule(width, tr("Error in the test"), note))
    lines += _measures_table(model, width)
    lines += _gain_lines(book, model, width)
    further = (_folds_line(model, width), _interval_line(model, width), *_loss_lines(model))
    lines += [line for line in further if line]
    lines += [[(f" {text}", "dim")] for one in evaluation.notes for text in wrap(one, width - 2)]
    lines += _members(model, width)
    lines += _features(model, width)
    return [*lines, *_hardest(model, width)]


def _head(app: ControlCenter, book: ModelBook, model: Model) -> Line:
    text, look = alias_text(book.alias(model.id))
    when = moment(model.created, app.time_mode, app.now(), app.zone)
    head: Line = [(f" {text} ", look)] if text else []
    head += [(f" {clean(model.id)}", "strong"), (f"  {clean(model.model_type)}", "accent")]
    return [*head, (f"  {tr('deployed {when}', when=when)}" if when else "", "dim")]


def _facts(app: ControlCenter, model: Model, width: int) -> list[Line]:
    training, lines = model.training, []
    facts = []
    if training.seconds is not None:
        facts.append(tr("trained in {time}", time=format_duration(training.seconds)))
    if training.board:
        trials = len(training.board) - any(one.is_blend for one in training.board)
        facts.append(tr("{count} trials", count=trials))
    elif training.best_round and training.curve:
        count = training.rounds or len(training.curve)
        facts.append(tr("round {best} of {count} kept", best=training.best_round, count=count))
    if facts:
        lines.append([(clip(" " + " · ".join(facts), width), "dim")])
    for text in wrap(f"! {tr('forced')}: {model.forced}", width - 2) if model.forced else ():
        lines.append([(f" {text}", "warn")])
    if model.imported:
        lines.append([(clip(f" {tr('imported from {file}', file=model.imported)}", width), "dim")])
    return lines


def _measures_table(model: Model, width: int) -> list[Line]:
    names = ("mase", "rmsse", "wape", "bias", "mae")
    size = min(9, max(7, (width - _LABEL - 1) // len(names)))
    head: Line = [(" " * (_LABEL + 1), "dim")]
    head += [(fit("MAE" if n == "mae" else _title(n), size, "right"), "dim") for n in names]
    evaluation = model.evaluation
    rows = [(tr("this version"), evaluation.own, "strong"), (tr("naive"), evaluation.naive, "dim")]
    if evaluation.rival is not None:
        rows.insert(1, (tr("champion then"), evaluation.rival, ""))
    return [head, *(_measures_row(label, found, names, size, look) for label, found, look in rows)]


def _title(name: str) -> str:
    return name.upper() if name != "bias" else tr("Bias")


def _measures_row(label: str, found: Measures, names: Sequence[str], size: int, look: str) -> Line:
    line: Line = [(f" {fit(label, _LABEL)}", look)]
    for name in names:
        text = number(getattr(found, name), "+.3f" if name == "bias" else ".3f")
        line.append((fit(text, size, "right"), look))
    return line


def _gain_lines(book: ModelBook, model: Model, width: int) -> list[Line]:
    """How much better or worse than seasonal naive, and than what serves now."""
    evaluation, champion = model.evaluation, book.champion()
    line: Line = [(f" MASE {number(evaluation.own.mase)} ", "strong")]
    if model.gain is not None:
        line += _verdict(model.gain, tr("naive"), evaluation.naive.mase)
    if champion is None or champion.id == model.id:
        return [line]
    # Errors on different days say nothing about each other.
    old, new = champion.evaluation.own.mase, evaluation.own.mase
    if not old or new is None or champion.training.dataset != model.training.dataset:
        return [line]
    beside = _verdict(1.0 - new / old, tr("champion"), old)
    if width_of(line) + width_of(beside) <= width:
        return [[*line, *beside]]
    return [line, [(" " * 12, ""), *beside]]


def _verdict(gain: float, name: str, mase: float | None) -> Line:
    part = percent(abs(gain)).lstrip("+")
    better = tr("{part} better than {name}", part=part, name=name)
    text = better if gain >= 0 else tr("{part} worse than {name}", part=part, name=name)
    return [(f"  {text}", "good" if gain >= 0 else "bad"), (f" {number(mase)}", "dim")]


def _part(value: float) -> str:
    return f"{value * 100:.1f} %"


def _folds_line(model: Model, width: int) -> Line:
    folds = model.evaluation.folds
    values = [value for _, value in folds if value is not None]
    if not values:
        return []
    shown = sparkline([math.nan if at is None else at for _, at in folds], _SPARK)
    return [
        (f" {fit(tr('MASE by fold'), _LABEL)}", "dim"),
        (f"{shown} ", "accent"),
        (f" {number(min(values))} – {number(max(values))}", ""),
        (f"  {clean(folds[0][0])} … {clean(folds[-1][0])}" if width >= _ROOMY else "", "dim"),
    ]


def _interval_line(model: Model, width: int) -> Line:
    own, naive, level = model.evaluation.own, model.evaluation.naive, model.evaluation.level
    if own.coverage is None:
        return []
    name = tr("interval") if level is None else tr("{level} interval", level=f"{level * 100:g} %")
    off = abs(own.coverage - level) if level is not None else 0.0
    look = "good" if off <= 0.05 else "warn" if off <= 0.1 else "bad"
    line: Line = [
        (f" {fit(name, _LABEL)}", "dim"),
        (tr("holds {part}", part=_part(own.coverage)), look),
        (f"  {tr('width')} {number(own.width)}", ""),
    ]
    if naive.coverage is not None and width >= _ROOMY:
        line.append((f"  {tr('naive')} {_part(naive.coverage)}, {number(naive.width)}", "dim"))
    return line


def _loss_lines(model: Model) -> list[Line]:
    curve, lines = model.training.curve, []
    validation = tr("error by trial") if model.training.board else tr("validation")
    for name, at in ((tr("training loss"), 1), (validation, 2)):
        values = [math.nan if point[at] is None else float(point[at] or 0.0) for point in curve]
        known = [value for value in values if math.isfinite(value)]
        if len(known) > 1:
            line: Line = [(f" {fit(name, _LABEL)}", "dim"), (sparkline(values, _SPARK), "accent")]
            lowest = tr("lowest {value}", value=number(min(known)))
            lines.append([*line, (f"  {lowest}", "")])
    return [*lines, *_accuracy_line(model)]


def _accuracy_line(model: Model) -> list[Line]:
    values = [math.nan if one is None else one for one in model.training.accuracies]
    known = [value for value in values if math.isfinite(value)]
    if len(known) < 2:
        return []
    line: Line = [(f" {fit(tr('accuracy'), _LABEL)}", "dim"), (sparkline(values, _SPARK), "accent")]
    return [[*line, (f"  {tr('highest {value}', value=part(max(known)))}", "")]]


def _hardest(model: Model, width: int) -> list[Line]:
    hardest = model.evaluation.hardest
    if len(hardest) < 2:
        return []
    note = tr("of {count} series", count=f"{model.evaluation.series:,}")
    lines: list[Line] = [[], rule(width, tr("Hardest series"), note)]
    name = min(34, width // 2)
    room = max(4, min(30, width - name - 12))
    for series, value in hardest[:5]:
        long = max(1, round(value / hardest[0][1] * room)) if hardest[0][1] else 1
        lines.append(
            [
                (f" {fit(series, name)} ", ""),
                (fit(number(value), 8, "right"), ""),
                (" " + "━" * long, "warn"),
            ]
        )
    return lines


def _members(model: Model, width: int) -> list[Line]:
    training = model.training
    if not training.board:
        return []
    of_days, of_pictures = tr("error on the validation days"), tr("loss on validation pictures")
    note = of_days if model.pictures is None else of_pictures
    lines: list[Line] = [[], rule(width, tr("Members"), note)]
    return [*lines, *board_lines(training, width, _MEMBERS), *gain_lines(training, width)]


def _features(model: Model, width: int) -> list[Line]:
    if not model.training.importance:
        return []
    head: list[Line] = [[], rule(width, tr("Features"), tr("part of what was gained"))]
    return [*head, *importance_lines(model.training, width, _FEATURES)]


def _origin(model: Model) -> list[tuple[str, str]]:
    training = model.training
    seed = "" if training.seed is None else str(training.seed)
    return [
        (tr("data"), training.dataset),
        (tr("up to"), training.last_day),
        (tr("sees"), sees(training)),
        (tr("objective"), training.objective),
        (tr("seed"), seed),
        (tr("run"), training.run[:8]),
    ]


def _pairs(pairs: Sequence[tuple[str, str]]) -> Line:
    line: Line = []
    for name, value in pairs:
        if value:
            line += [(f" {name} ", "dim"), (clip(value, 40), ""), (" ", "")]
    return line


def _lineage(model: Model, width: int) -> list[Line]:
    training = model.training
    libraries = ", ".join(f"{name} {at}" for name, at in training.environment.items())
    window = "" if training.window is None else tr("{days} days", days=training.window)
    entries = [
        (tr("data set"), training.dataset, ""),
        (tr("last day seen"), training.last_day, ""),
        (tr("window"), window, ""),
        (tr("sees"), sees(training), ""),
        (tr("learned from"), _pictures(training), ""),
        (tr("objective"), _objective(training.objective), ""),
        (tr("learned again"), _refit(model), ""),
        (tr("covariates"), ", ".join(training.covariates), ""),
        (tr("seed"), "" if training.seed is None else str(training.seed), ""),
        (tr("parameters"), _given(training.hyperparameters), "accent"),
        (tr("trained by"), training.run, ""),
        (tr("deployed by"), model.deployed_by if model.deployed_by != training.run else "", ""),
        (tr("stood on"), libraries, "dim"),
        (tr("lies in"), model.folder, "dim"),
    ]
    lines: list[Line] = []
    for label, value, look in entries:
        for at, text in enumerate(wrap(value, max(10, width - _LABEL - 2)) if value else ()):
            lines.append([(f" {fit('' if at else label, _LABEL)}", "dim"), (text, look)])
    return lines


def _objective(objective: str) -> str:
    known = {
        "median": tr("median: the smallest absolute error"),
        "stock": tr("stock: the unbiased mean, the smallest squared error"),
    }
    return known.get(objective, objective)


def _refit(model: Model) -> str:
    training = model.training
    if training.refit is None:
        return ""
    took = training.refit_seconds
    if training.sight is not None:
        stop, said = (tr("no: the validation pictures only decided when to stop"),
                      tr("from the validation pictures too"))  # fmt: skip
    else:
        stop, said = (tr("no: the validation days only decided when to stop"),
                      tr("from the validation days too"))  # fmt: skip
    if not training.refit:
        return stop
    return said if took is None else f"{said} ({format_duration(took)})"


def sees(training: Training) -> str:
    """What a classifier sees of a picture, as in "8 × 8 gray, padded"; "" of a forecaster."""
    sight = training.sight
    if sight is None or sight.height is None or sight.width is None:
        return ""
    colours = tr("gray") if sight.channels == 1 else tr("colours")
    fits = {"pad": tr("padded"), "crop": tr("cropped"), "stretch": tr("stretched")}
    shape = f"{sight.height} × {sight.width} {colours}"
    return f"{shape}, {fits.get(sight.fit, sight.fit)}" if sight.fit else shape


def _pictures(training: Training) -> str:
    sight = training.sight
    if sight is None or sight.pictures is None:
        return ""
    said = tr("{count} pictures", count=f"{sight.pictures:,}")
    if sight.validation is None:
        return said
    count = f"{sight.validation:,}"
    return f"{said}, {tr('{count} to know by when to stop', count=count)}"


def _given(values: dict[str, Any]) -> str:
    return ", ".join(
        f"{name}={f'{value:g}' if isinstance(value, float) else value}"
        for name, value in values.items()
    )


def _gate(model: Model, width: int) -> list[Line]:
    lines: list[Line] = []
    for passed, sentence in model.gate:
        mark, look = ("✓", "good") if passed else ("✗", "bad")
        for at, text in enumerate(wrap(sentence, width - 4)):
            lines.append([(f" {' ' if at else mark} ", look), (text, "")])
    return lines


def _check_line(app: ControlCenter, book: ModelBook, model: Model) -> Line:
    checked = book.checks.get(model.id)
    if model.id in book.verifying:
        return [(f" ● {tr('verifying files and golden forecast')}", "run")]
    if checked is None:
        text = tr("files and golden forecast: not verified from here;")
        return [(f" ○ {text} ", "dim"), (app.keymap.first("verify"), "key")]
    when = moment(checked.at, app.time_mode, app.now(), app.zone)
    if checked.problem:
        return [(f" ✗ {clean(checked.problem)}", "bad"), (f"  {when}", "dim")]
    return [(f" ✓ {tr('files and golden forecast verified')}", "good"), (f"  {when}", "dim")]
