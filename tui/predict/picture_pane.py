"""One picture on the screen: what it is, how sure that is, and where it is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from rich.cells import cell_len

from engine.charts.probabilities import percent_of
from tui.classifier_charts import depth_of, probability_lines
from tui.language import tr
from tui.models.picture_detail import path_end
from tui.models.table import part
from tui.paint import Line, beside, clean, clip, fit, from_ansi, pad, rule, wrap
from tui.predict.classifying import Asked, Classified
from tui.predict.showing import problem_lines
from tui.states import size

if TYPE_CHECKING:
    from engine.charts.depth import Depth
    from tui.control_center import ControlCenter
    from tui.predict.forecasts import ClassifierFacts

_BESIDE_FROM = 44
_WIDEST_PICTURE, _WIDEST_BARS = 96, 72
_MOST_CLASSES = 10
_SURE, _DOUBTFUL = 0.9, 0.6
_SURE_WIDTH, _SURE_FROM = 6, 28


def picture_heading(one: Asked, width: int, *, asking: bool) -> list[Line]:
    """Which picture, what kind of file it is, and who answered how fast: three lines."""
    answer = one.answer
    note = tr("asking…") if asking else ""
    if answer is not None:
        place = answer.address.removeprefix("http://")
        by = tr("predictor {address}", address=place) if place else "engine predict"
        note = f"{answer.latency_ms:.1f} ms · {by}"
    lines: list[Line] = [rule(width, path_end(one.name, width // 2), note)]
    facts = [_shape(one.size), size(one.bytes) if one.bytes else ""]
    said = " · ".join(fact for fact in facts if fact)
    room = width - len(said) - 3
    lines.append([(f" {said}", ""), (f"  {path_end(one.path, room)}" if room > 8 else "", "dim")])
    if answer is None:
        return [*lines, []]
    classes = tr("{count} classes", count=f"{answer.classes:,}")
    facts = [answer.version, answer.model_type, _sees(answer), classes]
    said = " · ".join(fact for fact in facts if fact)
    return [*lines, [(clip(f" {said}", width), "dim")]]


def _shape(found: tuple[int, int, int] | None) -> str:
    if found is None:
        return ""
    height, width, channels = found
    return f"{width:,} × {height:,} {tr('gray') if channels == 1 else tr('colours')}"


def _sees(answer: Classified) -> str:
    if answer.sees is None:
        return ""
    height, width, channels = answer.sees
    shape = f"{width} × {height} {tr('gray') if channels == 1 else tr('colours')}"
    return tr("sees {shape}", shape=shape)


def picture_body(
    app: ControlCenter, one: Asked, width: int, height: int, *, heated: bool
) -> list[Line]:
    """The picture beside the classes, or above them; or what is wrong with it."""
    if one.problem is not None:
        lines = problem_lines(one.problem, width)
        if one.pixels is None:
            return lines
        return [*lines, [], *_picture(app, one, width, height - len(lines) - 1, heated=False)]
    if one.answer is None:
        return []
    if width >= _BESIDE_FROM:
        left = min(_WIDEST_PICTURE, width // 2, max(16, (height - 2) * 2 + 2))
        right = width - left
        drawn = _picture(app, one, left, height, heated=heated)
        told = _classes(app, one.answer, min(right - 1, _WIDEST_BARS))
        return _without_rule(drawn, told, left, right, height)
    told = _classes(app, one.answer, width - 1)
    drawn = _picture(app, one, width, height - len(told) - 1, heated=heated)
    return [*told, [], *drawn]


def _without_rule(
    left: list[Line], right: list[Line], left_width: int, right_width: int, height: int
) -> list[Line]:
    rows = max(len(left), len(right))
    lines = beside(left, right, left_width - 1, right_width, min(rows, height))
    # A picture and its bars belong together.
    return [[(" ", "") if span == ("│", "rule") else span for span in line] for line in lines]


def _classes(app: ControlCenter, answer: Classified, width: int) -> list[Line]:
    """The class, and bars of the likeliest ones."""
    look = "good" if answer.confidence >= _SURE else "warn"
    head: Line = [
        (" ", ""),
        (clip(answer.prediction, max(4, width - 24)), f"{look} strong"),
        (f"  {percent_of(answer.confidence)}", look),
    ]
    if answer.confidence < _DOUBTFUL:
        head.append((f"  {tr('it is not sure')}", "warn"))
    names = [name for name, _ in answer.probabilities]
    shares = [share for _, share in answer.probabilities]
    bars = probability_lines(app, shares, names, width - 1, _MOST_CLASSES)
    lines = [[], head, [], *([(" ", ""), *line] for line in bars)]
    left = answer.classes - len(names)
    if left > 0:
        lines.append(
            [(clip(" " + tr("and {count} more classes", count=f"{left:,}"), width), "dim")]
        )
    return lines


def _picture(
    app: ControlCenter, one: Asked, width: int, height: int, *, heated: bool
) -> list[Line]:
    """The picture, with what its colours mean below it."""
    if one.pixels is None or height < 4 or width < 6:
        return []
    is_overlaid = heated and one.overlaid is not None
    state = "overlaid" if is_overlaid else "heat" if heated and one.heat is not None else "plain"
    drawn = _drawn(one, one.revision, state, width - 2, height - 2, *_look(app))
    lines: list[Line] = [[], *([(" ", ""), *line] for line in drawn)]
    return [*lines, _caption(app, one, width, heated=heated)]


def _look(app: ControlCenter) -> tuple[Depth, bool]:
    return depth_of(app), app.painter.ascii


@lru_cache(8)
def _drawn(
    one: Asked, revision: int, state: str, width: int, height: int, depth: Depth, ascii: bool
) -> tuple[Line, ...]:
    """Kept while the picture is the same one: drawing takes longer than a key may."""
    from engine.charts.thumbnail import thumbnail

    pixels = one.overlaid if state == "overlaid" and one.overlaid is not None else one.pixels
    assert pixels is not None
    heat = one.heat if state == "heat" else None
    lines = thumbnail(pixels, width, height, heat=heat, colour=depth, ascii=ascii)
    return tuple(map(from_ansi, lines))


def _caption(app: ControlCenter, one: Asked, width: int, *, heated: bool) -> Line:
    key = app.keymap.first("explain")
    if one.answer is None:
        return []
    if not heated:
        return [(f" {key} ", "key"), (clip(tr("where that is seen"), width - 4), "dim")]
    if one.heat_problem is not None:
        return [(clip(f" {one.heat_problem.what}", width), "bad")]
    if not one.is_located:
        return [(f" {tr('asking…')}", "dim")]
    said = tr("bright speaks for {name}", name=one.answer.prediction)
    return [(clip(f" {said}", width), "dim")]


@dataclass(frozen=True, slots=True)
class ListLayout:
    """Columns of the list: name, class, how sure; 0 where there is no room for one."""

    name: int
    label: int
    sure: int

    @classmethod
    def of(cls, pictures: Sequence[Asked], width: int) -> ListLayout:
        """As much for the names as the classes leave."""
        sure = _SURE_WIDTH if width >= _SURE_FROM else 0
        said = [cell_len(_said(one, asking=False)[0]) for one in pictures]
        label = min(max([cell_len(tr("Class")), *said]), max(6, width * 2 // 5))
        return cls(width - label - sure - 3, label, sure)


def picture_row(one: Asked, layout: ListLayout, width: int, under: str, *, asking: bool) -> Line:
    """A picture in the list: its name, its class, how sure that is."""
    text, look = _said(one, asking=asking)
    line: Line = [(f" {fit(one.name, layout.name)} ", under)]
    line.append((fit(text, layout.label), f"{look} {under}".strip()))
    if layout.sure and one.answer is not None:
        share = f"{one.answer.confidence * 100:.0f} %"
        line.append((fit(share, layout.sure, "right"), f"dim {under}".strip()))
    return pad(line, width, under)


def _said(one: Asked, *, asking: bool) -> tuple[str, str]:
    if one.problem is not None:
        return f"✗ {tr('no answer')}", "bad"
    if one.answer is None:
        return (tr("asking…") if asking else ""), "dim"
    return clean(one.answer.prediction), "good" if one.answer.confidence >= _SURE else "warn"


def picture_list_heading(layout: ListLayout, width: int) -> Line:
    """The names of the columns."""
    line: Line = [(f" {fit(tr('Picture'), layout.name)} ", "column")]
    line.append((fit(tr("Class"), layout.label), "column"))
    if layout.sure:
        line.append((fit(tr("Sure"), layout.sure, "right"), "column"))
    return pad(line, width, "column")


def nothing_asked(app: ControlCenter, champion: ClassifierFacts | None, width: int) -> list[Line]:
    """What to do where no picture was asked about."""
    key = app.keymap.first("paste")
    told = (
        (key, tr("types or pastes the path of a PNG or JPEG; tab completes it")),
        (" ", tr("a file that is dropped on the terminal is asked about at once")),
    )
    lines: list[Line] = [[], [("  ", ""), (tr("Which class is a picture?"), "strong")]]
    for sign, text in told:
        for at, words in enumerate(wrap(text, width - 7)):
            lines.append([("  ", ""), (sign if at == 0 else " ", "key"), (f"  {words}", "")])
    if champion is not None:
        right = tr("accuracy {part}", part=part(champion.accuracy))
        said = f"{champion.id} · {champion.model_type} · {right}"
        lines += [[], [("  ◆ ", "good"), (clip(said, width - 5), "")]]
    return lines
