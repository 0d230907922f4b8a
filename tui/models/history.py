"""Who let which version serve, when and why: the log of the aliases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.language import tr
from tui.models.book import ModelBook
from tui.models.facts import Move
from tui.models.table import number
from tui.paint import Line, clean, fit, pad, wrap
from tui.states import moment

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

_LOOKS = {"promote": ("↑", "good"), "roll back": ("←", "warn"), "withdraw": ("✗", "bad")}


def history_columns(width: int) -> dict[str, int]:
    """Which columns there is room for, and how wide they are."""
    columns = {"when": 12, "what": 14, "champion": 28, "who": 0, "why": 0}
    if width < 100:
        columns["champion"] = 24
    rest = width - 1 - sum(columns.values()) - len(columns)
    columns["who"] = max(8, min(34, rest * 3 // 5))
    columns["why"] = max(0, rest - columns["who"])
    return columns


def history_heading(columns: dict[str, int], width: int) -> Line:
    """The names of the columns."""
    line: Line = [(" ", "column")]
    for name, size in columns.items():
        line.append((fit(tr(name.capitalize()), size) + " ", "column"))
    return pad(line, width, "column")


def move_cells(app: ControlCenter, move: Move) -> dict[str, tuple[str, str]]:
    """The columns of an entry with their styles."""
    mark, look = _LOOKS.get(move.action, ("·", ""))
    return {
        "when": (moment(move.at, app.time_mode, app.now(), app.zone), "dim"),
        "what": (f"{mark} {_word(move.action)}", look),
        "champion": (move.champion or tr("none"), "strong"),
        "who": (move.who, ""),
        "why": (move.reason, "accent"),
    }


def history_row(
    app: ControlCenter, move: Move, columns: dict[str, int], width: int, under: str
) -> Line:
    """One entry; `under` is the style of the cursor, where it stands here."""
    found = move_cells(app, move)
    line: Line = [(" ", under)]
    for name, size in columns.items():
        text, look = found[name]
        line += [(fit(text, size), f"{look} {under}".strip()), (" ", under)]
    return pad(line, width, under)


def move_lines(app: ControlCenter, book: ModelBook, move: Move, width: int) -> list[Line]:
    """An entry in full."""
    mark, look = _LOOKS.get(move.action, ("·", ""))
    when = moment(move.at, "date", app.now(), app.zone)
    lines: list[Line] = [
        [
            (f" {mark} {_word(move.action)}", f"{look} strong"),
            (f"  {clean(move.champion) or tr('none')}", "strong"),
            (f"  {when}", "dim"),
        ]
    ]
    if move.previous:
        before, after = book.get(move.previous), book.get(move.champion)
        line: Line = [(f" {tr('before')} ", "dim"), (clean(move.previous), "")]
        if before is not None and after is not None:
            old, new = before.evaluation.own.mase, after.evaluation.own.mase
            line.append((f"   MASE {number(old)} → {number(new)}", ""))
        lines.append(line)
    lines += [[(f" {text}", "dim")] for text in wrap(move.who, width - 2) if text]
    lines += [[(f" {text}", "accent")] for text in wrap(move.reason, width - 2) if text]
    return lines


def _word(action: str) -> str:
    words = {
        "promote": tr("promoted"),
        "roll back": tr("rolled back"),
        "withdraw": tr("withdrawn"),
    }
    return words.get(action, clean(action))
