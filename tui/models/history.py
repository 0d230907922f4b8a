"""Who let which version serve, when and why: the log of the aliases."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tui.language import tr
from tui.models.book import ModelBook
from tui.models.detail import detail_lines, preview_lines
from tui.models.detail_page import DetailPage
from tui.models.facts import IMAGES, Model, Move
from tui.models.tab import Tab
from tui.models.table import nothing_lines, number, part
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
        "champion": (move.champion or _none(move), "strong"),
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
            (f"  {clean(move.champion) or _none(move)}", "strong"),
            (f"  {when}", "dim"),
        ]
    ]
    if move.previous:
        before, after = book.get(move.previous), book.get(move.champion)
        line: Line = [(f" {tr('before')} ", "dim"), (clean(move.previous), "")]
        if before is not None and after is not None:
            line.append((f"   {_change(before, after)}", ""))
        lines.append(line)
    lines += [[(f" {text}", "dim")] for text in wrap(move.who, width - 2) if text]
    lines += [[(f" {text}", "accent")] for text in wrap(move.reason, width - 2) if text]
    return lines


def _none(move: Move) -> str:
    """What stands where no version serves any more."""
    return f"{tr('none')} ({tr('images')})" if move.data_type == IMAGES else tr("none")


def _change(before: Model, after: Model) -> str:
    """What both are judged by, before and after."""
    if before.pictures is not None and after.pictures is not None:
        old, new = (one.own.accuracy for one in (before.pictures, after.pictures))
        return tr("accuracy {old} → {new}", old=part(old), new=part(new))
    mases = (number(one.evaluation.own.mase) for one in (before, after))
    return f"MASE {' → '.join(mases)}"


def _word(action: str) -> str:
    words = {
        "promote": tr("promoted"),
        "roll back": tr("rolled back"),
        "withdraw": tr("withdrawn"),
    }
    return words.get(action, clean(action))


class HistoryTab(Tab):
    """The log of the aliases."""

    name = "history"
    title = "History"

    def __init__(self, app: ControlCenter, book: ModelBook) -> None:
        super().__init__(app)
        self._book = book

    def moves(self) -> tuple[Move, ...]:
        """The log, as far as it is known."""
        return self._book.moves or ()

    def count(self) -> int:
        """Entries of the log."""
        return len(self.moves())

    def selected(self) -> Move | None:
        """The entry under the cursor."""
        at = self.listing.cursor
        return self.moves()[at] if at < self.count() else None

    def model(self) -> Model | None:
        """The version that began to serve."""
        move = self.selected()
        return self._book.get(move.champion) if move else None

    def rows(self, width: int, height: int) -> list[Line]:
        """The log, the newest first."""
        if not self.count():
            return nothing_lines(self.app, self._book, self.name, width)
        columns = history_columns(width)
        lines = [history_heading(columns, width)]
        for at in self.listing.window(self.count(), height - 1):
            under = "cursor" if at == self.listing.cursor else ""
            lines.append(history_row(self.app, self.moves()[at], columns, width, under))
        return lines

    def preview(self, width: int, *, full: bool) -> list[Line]:
        """The entry in full, and the version that it is about."""
        move, model = self.selected(), self.model()
        lines = move_lines(self.app, self._book, move, width) if move is not None else []
        lines += [[]] if full and move is not None else []
        if model is not None:
            make = detail_lines if full else preview_lines
            lines += make(self.app, self._book, model, width)
        return lines

    def is_known(self) -> bool:
        """Whether the log was told."""
        return self._book.moves is not None

    def problem(self) -> str:
        """Why the last question failed."""
        return self._book.problem

    def ask(self) -> None:
        """Ask for the log, too."""
        self._book.wants_moves = True
        self._book.ask()

    def tick(self) -> None:
        """Ask where there is a reason to."""
        self._book.look()

    def open(self) -> None:
        """All about the version that began to serve."""
        model = self.model()
        if model is not None:
            self.app.open_overlay(DetailPage(self.app, self._book, model))
        elif self.selected() is not None:
            self.app.say(tr("that version is not stored any more"), "warn")

    def yanks(self) -> list[tuple[str, str]]:
        """The entry."""
        move = self.selected()
        return [] if move is None else [("entry", "\t".join(self._texts(move)))]

    def texts(self) -> list[list[str]]:
        """The entries."""
        return [self._texts(move) for move in self.moves()]

    def _texts(self, move: Move) -> list[str]:
        return [text for text, _ in move_cells(self.app, move).values()]

    def as_data(self) -> Any:
        """The entries."""
        return [asdict(move) for move in self.moves()]
