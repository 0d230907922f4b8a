"""Types and versions held against each other: a tab of the screen of models."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from tui.backtests.book import BacktestBook
from tui.backtests.facts import Backtest
from tui.backtests.page import BacktestPage, backtest_lines
from tui.backtests.table import (
    contenders_table,
    list_cells,
    list_columns,
    list_heading,
    list_row,
    verdict_lines,
)
from tui.backtests.verdicts import translated
from tui.language import tr
from tui.models.book import ModelBook
from tui.models.tab import Tab
from tui.overlays.question import Question
from tui.paint import Line, wrap

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

_BEGIN = "engine backtest run LightGBM LSTM"


class BacktestsTab(Tab):
    """The backtests of the workspace. They run in processes of their own: none is begun here."""

    name = "backtests"
    title = "Backtests"
    filter_hint = "words in id, name, data set or contenders"

    def __init__(self, app: ControlCenter, models: ModelBook, answered: Callable[[], None]) -> None:
        super().__init__(app)
        self.book = BacktestBook(app, answered)
        self._models = models
        self.chosen = ""

    def shown(self) -> list[Backtest]:
        """Those that fit the filter, the newest first."""
        words = self.filter.casefold().split()
        return [one for one in self.book.backtests or () if _fits(one, words)]

    def count(self) -> int:
        """How many they are."""
        return len(self.shown())

    def selected(self) -> Backtest | None:
        """The one under the cursor."""
        shown, at = self.shown(), self.listing.cursor
        return shown[at] if at < len(shown) else None

    def moved(self) -> None:
        """Remember which one is meant, and ask for all of it."""
        one = self.selected()
        self.chosen = one.id if one else ""
        self.book.want_whole(self.selected)

    # Drawing

    def rows(self, width: int, height: int) -> list[Line]:
        """The list, the newest first."""
        shown = self.shown()
        self._keep_cursor(shown)
        if not shown:
            return self._nothing(width)
        columns = list_columns(width)
        lines = [list_heading(columns, width)]
        for at in self.listing.window(len(shown), height - 1):
            under = "cursor" if at == self.listing.cursor else ""
            lines.append(list_row(self.app, shown[at], columns, width, under))
        return lines

    def _keep_cursor(self, shown: list[Backtest]) -> None:
        ids = [one.id for one in shown]
        if self.chosen in ids:
            self.listing.cursor = ids.index(self.chosen)

    def _nothing(self, width: int) -> list[Line]:
        if self.book.problem:
            return [[], *([(f"  {text}", "bad")] for text in wrap(self.book.problem, width - 4))]
        if self.book.backtests is None:
            said = tr("asking for the backtests") if self.app.connects else ""
            return [[], [(f"  {said}", "dim")]]
        if self.book.backtests:
            return [[], [("  " + tr("no backtest fits the filter; esc takes it away"), "dim")]]
        advice = tr("copies the command that holds types against each other on the last days")
        lines: list[Line] = [[], [("  " + tr("No backtest yet."), "strong")]]
        for at, text in enumerate(wrap(advice, width - 7)):
            key = self.app.keymap.first("yank") if at == 0 else " "
            lines.append([("  ", ""), (key, "key"), (f"  {text}", "")])
        return [*lines, [("     ", ""), (self._command(None), "accent")]]

    def preview(self, width: int, *, full: bool) -> list[Line]:
        """Contenders and what it came to; where there is room, everything."""
        one = self.selected()
        if one is None:
            return []
        if full:
            return backtest_lines(self.app, self.book, one, width)
        whole = self.book.whole(one)
        return [*verdict_lines(whole, width)[:2], *contenders_table(whole, width)]

    def problem(self) -> str:
        """Why the last question failed."""
        return self.book.problem

    def is_known(self) -> bool:
        """Whether the list was told."""
        return self.book.backtests is not None

    # Life and acting

    def ask(self) -> None:
        """Ask for the list."""
        self.book.ask()

    def tick(self) -> None:
        """Ask where there is a reason to."""
        self.book.look()
        self.book.want_whole(self.selected)

    def open(self) -> None:
        """All of it."""
        one = self.selected()
        if one is not None:
            self.book.want_whole(self.selected)
            self.app.open_overlay(BacktestPage(self.app, self.book, one))

    def delete(self) -> None:
        """Delete the selected one with its forecasts, after asking."""
        one = self.selected()
        if one is None:
            return
        command = f"engine backtest delete {one.id}"

        async def work() -> str:
            try:
                await self.app.engine("backtest", "delete", one.id)
            finally:
                self.book.ask()
            return tr("deleted: {names}", names=one.id)

        text = tr("Delete the backtest {name} with its forecasts, for ever?", name=one.id)
        self.app.open_overlay(
            Question(self.app, text, command, partial(self.app.act, command, work))
        )

    # Copying

    def subject(self) -> dict[str, str]:
        """The id."""
        one = self.selected()
        return {"backtest": one.id} if one else {}

    def _command(self, one: Backtest | None) -> str:
        """What measures the same again, or goes on with it; else what begins a first one."""
        if one is not None:
            return one.command()
        return f"{_BEGIN} champion" if self._models.champion() is not None else _BEGIN

    def yanks(self) -> list[tuple[str, str]]:
        """Id, verdict, row, JSON, and the commands that show it and that measure it."""
        one = self.selected()
        found: list[tuple[str, str]] = []
        if one is not None:
            whole = self.book.whole(one)
            found = [("id", one.id)]
            found += [("verdict", translated(one.verdict))] if one.verdict else []
            found += [
                ("row", "\t".join(list_cells(self.app, one))),
                ("JSON", json.dumps(asdict(whole), ensure_ascii=False)),
                ("command", f"engine backtest show {one.id}"),
            ]
        return [*found, ("launch command", self._command(one))]

    def texts(self) -> list[list[str]]:
        """The list."""
        return [list_cells(self.app, one) for one in self.shown()]

    def as_data(self) -> Any:
        """All of them, as far as they are known."""
        return [asdict(self.book.whole(one)) for one in self.book.backtests or ()]


def _fits(one: Backtest, words: list[str]) -> bool:
    names = " ".join(contender.name for contender in one.contenders)
    text = f"{one.id} {one.name} {one.dataset} {one.dataset_name} {one.state} {names}".casefold()
    return all(word in text for word in words)
