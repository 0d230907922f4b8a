"""The leaderboard: deployed versions, a line each, with what tells how good they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len

from engine.charts.scales import format_duration
from tui.language import tr
from tui.models.book import ModelBook
from tui.models.facts import ORDERS, Model
from tui.paint import Align, Line, clean, clip, fit, pad, restyle
from tui.states import moment

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

_BAR, _WIDEST_BAR = 8, 20
# In the order in which they stand; the number says which ones go first where there is no room.
_COLUMNS = {
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
TITLES = {"mase": "MASE", "rmsse": "RMSSE", "wape": "WAPE", "gain": "vs naive", "share": ""}
_LEFT = ("alias", "version", "type", "share", "deployed")
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
    sizes = {name: size for name, (size, _) in _COLUMNS.items()}
    sizes["version"] = min(34, max(_LEAST_VERSION, *(len(model.id) for model in models)))
    sizes["type"] = min(14, max(4, *(cell_len(clean(model.model_type)) for model in models)))
    for name in sorted(_COLUMNS, key=lambda name: -_COLUMNS[name][1]):
        if 1 + sum(sizes.values()) + len(sizes) <= width or not _COLUMNS[name][1]:
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
    best: Mapping[str, float],
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
    return {name: _cell(app, model, alias, {}, name)[0] for name in _COLUMNS if name != "share"}


def _cell(
    app: ControlCenter, model: Model, alias: str, best: Mapping[str, float], name: str
) -> tuple[str, str]:
    own = model.evaluation.own
    if name == "alias":
        return alias_text(alias)
    if name == "version":
        return model.id, "strong" if alias == "champion" else ""
    if name == "type":
        return model.model_type, "accent"
    if name == "naive":
        return number(model.evaluation.naive.mase), "dim"
    if name == "deployed":
        return moment(model.created, app.time_mode, app.now(), app.zone), "dim"
    if name == "trained":
        seconds = model.training.seconds
        return ("-" if seconds is None else format_duration(seconds)), "dim"
    if name == "gain":
        text, look = percent(model.gain), "good" if (model.gain or 0) > 0 else "bad"
    else:
        text, look = number(getattr(own, name), "+.3f" if name == "bias" else ".3f"), ""
    is_best = name in best and ORDERS[name].key(model) == best[name]
    return (f"{text}*", "good strong") if is_best else (f"{text} ", look if text != "-" else "dim")


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
    """The error beside that of seasonal naive, which is the whole bar."""
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
