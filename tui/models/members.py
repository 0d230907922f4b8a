"""What a search tried, as a leaderboard, and what a model looks at most, as bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from engine.charts.scales import format_duration
from tui.language import tr
from tui.models.table import number, percent
from tui.models.training import Training, Trial
from tui.models.whisker import Axis, Measured, whisker
from tui.paint import Line, clean, clip, crop, fit, pad, wrap

_PARAMETERS_FROM = 100
_RANGE_FROM = 62
_LEAST_RANGE, _WIDEST_RANGE = 8, 40
_NUMBER, _SCORE, _TEXT, _WEIGHT, _TIME = 6, 7, 14, 8, 9
_WIDEST_BAR = 34


def metric_of(objective: str) -> str:
    """What a search compares by, and a backtest ranks by."""
    return "RMSSE" if objective == "stock" else "MASE"


def blend_text(training: Training) -> str:
    """What a blend is made of, in short: "LightGBM 52 %, GRU 48 %"; "" for a single model."""
    parts = [f"{one.model_type} {share(one.weight)}" for one in training.members]
    return ", ".join(parts)


def share(part: float | None) -> str:
    """A part from 0 to 1 in percent."""
    return "" if part is None else f"{part * 100:.0f} %"


def gain_lines(training: Training, width: int) -> list[Line]:
    """By how much the blend is better than its best member."""
    gain = training.gain
    if gain is None:
        return []
    text = tr("{part} better than its best member", part=percent(gain.value).lstrip("+"))
    if gain.value <= 0:
        text = tr("the best member alone: no blend was better beyond noise")
    between = ""
    if gain.value > 0 and gain.low is not None and gain.high is not None:
        between = f"  {percent(gain.low)} … {percent(gain.high)}"
    line: Line = [(f" {text}", "good" if gain.value > 0 else ""), (between, "dim")]
    return [crop(line, 0, width)]


@dataclass(frozen=True, slots=True)
class _Layout:
    """Columns of the leaderboard: 0 where there is no room for one."""

    type: int
    range: int
    parameters: int
    axis: Axis


def board_lines(training: Training, width: int, most: int | None = None) -> list[Line]:
    """What a search tried, the best first: score, interval, weight and time.

    Args:
        training: With a leaderboard.
        width: Columns.
        most: Rows, without the heading; None: all of them. What has a weight comes first then.
    """
    rows = list(training.board)
    if most is not None and len(rows) > most:
        rows = _foremost(rows, most)
    layout = _layout(training.board, rows, width)
    metric = metric_of(training.objective) if training.sight is None else "loss"
    lines = [_heading(layout, metric, width)]
    lines += [crop(_row(one, layout, width), 0, width) for one in rows]
    if most is None:
        lines += _failures(rows, layout, width)
    hidden = len(training.board) - len(rows)
    if hidden:
        lines.append([(clip("   " + tr("{count} more trials", count=hidden), width), "dim")])
    return lines


def _foremost(rows: Sequence[Trial], most: int) -> list[Trial]:
    """As many as there is room for: the blend and its members, then the best of the others."""
    weighty = [at for at, one in enumerate(rows) if one.is_blend or one.weight]
    others = [at for at, one in enumerate(rows) if not (one.is_blend or one.weight)]
    return [rows[at] for at in sorted([*weighty, *others][:most])]


def _layout(board: Sequence[Trial], rows: Sequence[Trial], width: int) -> _Layout:
    widest = max((len(one.model_type) for one in board), default=0)
    kind = min(16, max(8, widest + 1))
    used = 1 + _NUMBER + kind + _SCORE + _WEIGHT + _TIME + (_TEXT if width >= _RANGE_FROM else 0)
    spare = width - used - 2
    between = min(_WIDEST_RANGE, spare // 2 if width >= _PARAMETERS_FROM else spare)
    if width < _RANGE_FROM or between < _LEAST_RANGE:
        between = 0
    parameters = spare - between - 1 if width >= _PARAMETERS_FROM else 0
    return _Layout(kind, between, parameters, Axis.over(map(_measured, rows)))


def _measured(one: Trial) -> Measured:
    return one.low, one.score, one.high


def _heading(layout: _Layout, metric: str, width: int) -> Line:
    text = f" {fit('', _NUMBER)}{fit(tr('Type'), layout.type)}{fit(metric, _SCORE, 'right')}"
    if width >= _RANGE_FROM:
        text += fit(tr("95 % interval"), _TEXT, "right")
    text += " " + fit("", layout.range) + fit(tr("Weight"), _WEIGHT, "right")
    text += fit(tr("Time"), _TIME, "right")
    if layout.parameters:
        text += "  " + fit(tr("Parameters"), layout.parameters)
    return pad([(text, "column")], width, "column")


def _row(one: Trial, layout: _Layout, width: int) -> Line:
    look = "strong" if one.is_blend else "" if one.weight else "dim"
    name = "◆" if one.is_blend else f"#{one.number}"
    kind = tr("blend") if one.is_blend else one.model_type
    mark = "accent" if one.is_blend or one.weight else "dim"
    line: Line = [(f" {fit(name, _NUMBER)}", mark), (fit(kind, layout.type), look)]
    if one.score is None:
        line.append((clip(_failure(one), _room(layout, width)), "bad"))
        return line
    line.append((fit(number(one.score), _SCORE, "right"), look))
    if width >= _RANGE_FROM:
        line.append((fit(_between(one), _TEXT, "right"), "dim"))
    drawn = "good" if one.is_blend else "accent" if one.weight else "dim"
    line += [(" ", ""), *whisker(_measured(one), layout.axis, layout.range, drawn)]
    weight = share(one.weight) if one.weight else ""
    line.append((fit(weight, _WEIGHT, "right"), "accent"))
    took = "" if one.seconds is None else format_duration(one.seconds)
    line.append((fit(took, _TIME, "right"), "dim"))
    if layout.parameters:
        line += [("  ", ""), (fit(_given(one), layout.parameters), "dim")]
    return line


def _between(one: Trial) -> str:
    if one.low is None or one.high is None:
        return ""
    return f"{number(one.low)}–{number(one.high)}"


def _given(one: Trial) -> str:
    return ", ".join(
        f"{name}={f'{value:.3g}' if isinstance(value, float) else value}"
        for name, value in one.hyperparameters.items()
    )


def _failures(rows: Sequence[Trial], layout: _Layout, width: int) -> list[Line]:
    """Why some failed, in full, where their rows have no room for it."""
    lines: list[Line] = []
    for one in rows:
        if one.score is None and cell_len(_failure(one)) > _room(layout, width):
            texts = wrap(f"#{one.number} {one.why}", width - 2)
            lines += [[(f" {text}", "bad")] for text in texts]
    return [[], *lines] if lines else []


def _failure(one: Trial) -> str:
    return clean(f"{tr('failed')}: {one.why}")


def _room(layout: _Layout, width: int) -> int:
    return width - _NUMBER - layout.type - 2


def importance_lines(training: Training, width: int, most: int | None = None) -> list[Line]:
    """Features by their part in what was gained, as bars."""
    parts = training.importance[:most]
    if not parts:
        return []
    name = min(max(len(feature) for feature, _ in parts), max(12, width // 3))
    room = max(4, min(_WIDEST_BAR, width - name - 11))
    lines: list[Line] = []
    for feature, part in parts:
        long = round(part / parts[0][1] * room) if parts[0][1] > 0 else 0
        bar = "━" * long or "·"
        said = f" {fit(feature, name)} {part * 100:6.1f} % "
        lines.append(crop([(said, ""), (bar, "run" if long else "dim")], 0, width))
    hidden = training.importance[len(parts) :]
    if hidden:
        rest = f"{sum(part for _, part in hidden) * 100:.1f} %"
        said = tr("{count} more features: {part}", count=len(hidden), part=rest)
        lines.append([(clip(f" {said}", width), "dim")])
    return lines
