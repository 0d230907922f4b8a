"""The leaderboard: deployed versions, a line each, with what tells how good they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len

from engine.charts.scales import format_duration
from tui.language import tr
from tui.models.book import ModelBook
from tui.models.facts import IMAGES, SERIES, Model
from tui.models.orders import ORDERS, kind_of
from tui.models.pictures import PictureMeasures
from tui.paint import Align, Line, clean, clip, fit, pad, restyle
from tui.states import moment

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

Best = Mapping[tuple[str, str], float]
"""The best value of each measure, by data type and name."""

_BAR, _WIDEST_BAR = 8, 20
# In the order in which they stand; the number says which ones go first where there is no room.
_SERIES_COLUMNS = {
    "alias": (10, 0),
    "version": (0, 0),
    "type": (0, 4),
    "mase": (7, 0),
    "share": (_BAR, 6),
    "gain": (9, 0),
    "rmsse": (7, 5),
    "wape": (7, 2),
    "bias": (8, 3),
    "naive": (7, 7),
    "deployed": (12, 1),
    "trained": (9, 8),
}
_IMAGE_COLUMNS = {
    "alias": (10, 0),
    "version": (0, 0),
    "type": (0, 4),
    "accuracy": (10, 0),
    "interval": (14, 3),
    "share": (_BAR, 6),
    "gain": (9, 0),
    "f1": (9, 2),
    "loss": (9, 7),
    "ece": (8, 5),
    "naive": (9, 8),
    "deployed": (12, 1),
    "trained": (9, 9),
}
_COLUMNS_OF_BOTH = {
    "alias": (10, 0),
    "version": (0, 0),
    "data": (7, 4),
    "type": (0, 3),
    "score": (17, 0),
    "share": (_BAR, 6),
    "gain": (9, 0),
    "naive": (9, 7),
    "deployed": (12, 1),
    "trained": (9, 8),
}
_COLUMNS = {SERIES: _SERIES_COLUMNS, IMAGES: _IMAGE_COLUMNS, "": _COLUMNS_OF_BOTH}
TITLES = {
    "mase": "MASE",
    "rmsse": "RMSSE",
    "wape": "WAPE",
    "gain": "vs naive",
    "share": "",
    "f1": "macro F1",
    "loss": "log loss",
    "ece": "ECE",
    "interval": "95 % interval",
    "score": "In the test",
}
_LEFT = ("alias", "version", "type", "data", "share", "deployed")
_LEAST_VERSION = 14


@dataclass(frozen=True, slots=True)
class Sorted:
    """By what the leaderboard is sorted, a name in `ORDERS`, and whether it is turned around."""

    by: str
    turned: bool

    @property
    def arrow(self) -> str:
        """Which way."""
        return "↓" if ORDERS[self.by].most_first != self.turned else "↑"


def columns_for(models: Sequence[Model], width: int) -> dict[str, int]:
    """Which columns there is room for, and how wide they are."""
    known = _COLUMNS[kind_of(models)]
    sizes = {name: size for name, (size, _) in known.items()}
    sizes["version"] = min(34, max(_LEAST_VERSION, *(len(model.id) for model in models)))
    sizes["type"] = min(14, max(4, *(cell_len(clean(model.model_type)) for model in models)))
    for name in sorted(known, key=lambda name: -known[name][1]):
        if 1 + sum(sizes.values()) + len(sizes) <= width or not known[name][1]:
            break
        del sizes[name]
    spare = width - 1 - sum(sizes.values()) - len(sizes)
    if spare < 0:
        sizes["version"] = max(_LEAST_VERSION, sizes["version"] + spare)
    elif "share" in sizes:
        sizes["share"] += min(spare, _WIDEST_BAR - _BAR)
    return sizes


def heading(columns: Mapping[str, int], width: int, order: Sorted) -> Line:
    """The names of the columns; the one that is sorted by is marked."""
    line: Line = [(" ", "column")]
    for name, size in columns.items():
        title = tr(TITLES.get(name, name.capitalize())) if name != "share" else ""
        is_sorted = name == order.by
        if is_sorted:
            title = f"{title}{order.arrow}"
        line.append((fit(title, size, align(name)), "column key" if is_sorted else "column"))
        line.append((" ", "column"))
    return pad(line, width, "column")


def align(column: str) -> Align:
    """Numbers stand at the right."""
    return "left" if column in _LEFT else "right"


def row(
    app: ControlCenter,
    model: Model,
    alias: str,
    best: Best,
    columns: Mapping[str, int],
    width: int,
    *,
    marked: bool,
    under: str,
) -> Line:
    """One version; `under` is the style of the cursor, where it stands here."""
    line: Line = [("▌" if marked else " ", "mark")]
    for name, size in columns.items():
        if name == "share":
            line += share_bar(model, size)
        else:
            text, look = _cell(app, model, alias, best, name)
            line.append((fit(text, size, align(name)), look))
        line.append((" ", ""))
    return restyle(pad(line, width), under) if under else line


def cells(app: ControlCenter, model: Model, alias: str) -> dict[str, str]:
    """All columns of a version as texts."""
    columns = _COLUMNS[model.data_type]
    return {name: _cell(app, model, alias, {}, name)[0] for name in columns if name != "share"}


def _cell(app: ControlCenter, model: Model, alias: str, best: Best, name: str) -> tuple[str, str]:
    if name == "alias":
        return alias_text(alias)
    if name == "version":
        return model.id, "strong" if alias == "champion" else ""
    if name == "type":
        return model.model_type, "accent"
    if name == "data":
        return (tr("images"), "run") if model.pictures else (tr("series"), "dim")
    if name == "interval":
        return between(model.pictures.own if model.pictures else None), "dim"
    if name == "naive":
        return _naive(model), "dim"
    if name == "deployed":
        return moment(model.created, app.time_mode, app.now(), app.zone), "dim"
    if name == "trained":
        seconds = model.training.seconds
        return ("-" if seconds is None else format_duration(seconds)), "dim"
    text, look = _measure(model, name)
    judged_by = "accuracy" if model.pictures else "mase"
    by = judged_by if name == "score" else name
    key = (model.data_type, by)
    is_best = key in best and ORDERS[by].key(model) == best[key]
    return (f"{text}*", "good strong") if is_best else (f"{text} ", look if text != "-" else "dim")


def _measure(model: Model, name: str) -> tuple[str, str]:
    """A column of which the best is marked."""
    if name == "gain":
        return percent(model.gain), "good" if (model.gain or 0) > 0 else "bad"
    if model.pictures is None:
        own = model.evaluation.own
        if name == "score":
            return f"MASE {number(own.mase)}", ""
        return number(getattr(own, name), "+.3f" if name == "bias" else ".3f"), ""
    seen = model.pictures.own
    if name == "score":
        return tr("accuracy {part}", part=part(seen.accuracy)), ""
    if name in ("accuracy", "ece"):
        return part(getattr(seen, name)), ""
    return number(seen.macro_f1 if name == "f1" else seen.log_loss), ""


def _naive(model: Model) -> str:
    if model.pictures is not None:
        return part(model.pictures.naive.accuracy)
    return number(model.evaluation.naive.mase)


def between(measures: PictureMeasures | None) -> str:
    """Where the accuracy lies with 95 % confidence, as in "97.4–99.6 %"."""
    if measures is None or measures.low is None or measures.high is None:
        return "-"
    return f"{measures.low * 100:.1f}–{measures.high * 100:.1f} %"


def nothing_lines(app: ControlCenter, book: ModelBook, tab: str, width: int) -> list[Line]:
    """Why a list is empty, and what to do."""
    if book.problem:
        said = clip(f"  {book.problem}", width)
        return [[], [(said, "bad")], [("  ", ""), (tr("^g asks again"), "dim")]]
    waits = book.moves is None and tab == "history"
    if app.connects and (waits or not book.asked):
        return [[], [("  " + tr("asking for the versions"), "dim")]]
    if tab == "leaderboard" and book.models:
        return [[], [("  " + tr("no version fits the filter; esc takes it away"), "dim")]]
    advice = tr("starts full_flow, which trains, measures and deploys one")
    return [
        [],
        [("  " + tr("No version is deployed yet."), "strong")],
        [("  ", ""), (app.keymap.first("run"), "key"), (f"  {advice}", "")],
    ]


def alias_text(alias: str) -> tuple[str, str]:
    """Sign and word of an alias, with its style."""
    if alias == "champion":
        return f"◆ {tr('champion')}", "good strong"
    if alias == "previous":
        return f"○ {tr('previous')}", "run"
    return "", ""


def share_bar(model: Model, width: int) -> Line:
    """The error beside that of the simplest model, which is the whole bar."""
    if model.gain is None:
        return [(" " * width, "")]
    share = min(max(1.0 - model.gain, 0.0), 1.0)
    long = max(1, round(share * width))
    return [("━" * long, "good" if model.gain > 0 else "bad"), ("─" * (width - long), "rule")]


def number(value: float | None, form: str = ".3f") -> str:
    """A measure that may not exist."""
    if value is None:
        return "-"
    return format(value, form) if abs(value) < 10_000 else format(value, form[:-2] + "2g")


def percent(value: float | None) -> str:
    """A part with its sign, as in "+22.5 %"."""
    if value is None:
        return "-"
    return f"{value * 100:+.1f} %" if abs(value) < 10 else f"{value * 100:+.0f} %"


def part(value: float | None) -> str:
    """A part of all, as in "98.92 %"; what is not all of it is never 100 %."""
    if value is None:
        return "-"
    return f"{min(value, 0.9999) * 100:.2f} %" if value < 1 else f"{value * 100:.0f} %"
