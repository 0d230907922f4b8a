"""What can be done to deployed versions: compare, promote, roll back, verify, delete."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tui.language import tr
from tui.models import moves as model_moves
from tui.models.book import ModelBook
from tui.models.comparison import LEAST, MOST, ComparePage
from tui.models.facts import Model
from tui.models.table import number, percent
from tui.overlays.question import Question

if TYPE_CHECKING:
    from tui.control_center import ControlCenter


class ModelActions:
    """The actions. A view says which versions are selected, shown and chosen."""

    app: ControlCenter
    book: ModelBook
    tab: str
    marked: set[str]

    def selected(self) -> Model | None:
        """The version under the cursor."""
        raise NotImplementedError

    def shown(self) -> list[Model]:
        """The versions of the leaderboard, in its order."""
        raise NotImplementedError

    def chosen(self) -> list[Model]:
        """The versions that an action means."""
        raise NotImplementedError

    def do_down(self) -> None:
        """One row down."""
        raise NotImplementedError

    # Marks and comparing

    def do_mark(self) -> None:
        """Mark the version, or take the mark away, and go on."""
        model = self.selected()
        if model is not None and self.tab == "leaderboard":
            self.marked ^= {model.id}
            self.do_down()

    def do_unmark_all(self) -> None:
        """Take all marks away."""
        self.marked.clear()

    def do_compare(self) -> None:
        """The marked versions side by side."""
        found = [model for model in self.shown() if model.id in self.marked]
        if not LEAST <= len(found) <= MOST:
            self.app.say(
                tr(
                    "mark {least} to {most} versions to compare them; {count} are marked",
                    least=LEAST,
                    most=MOST,
                    count=len(found),
                ),
                "warn",
            )
            return
        self.app.open_overlay(ComparePage(self.app, self.book, found))

    # Acting

    def do_promote(self) -> None:
        """Let the selected version serve, after asking."""
        model, champion = self.selected(), self.book.champion
        if model is None:
            return
        if champion is not None and model.id == champion.id:
            self.app.say(tr("{version} serves already", version=model.id), "warn")
            return
        model_moves.promote(self.app, model.id, self.book.ask, note=self._beside(model, champion))

    def _beside(self, model: Model, champion: Model | None) -> str:
        if champion is None:
            return ""
        return tr(
            "MASE {new} ({gain} vs naive); that of the champion {champion}: {old}.",
            new=number(model.evaluation.own.mase),
            gain=percent(model.gain),
            champion=champion.id,
            old=number(champion.evaluation.own.mase),
        )

    def do_rollback(self) -> None:
        """Let the version that served before serve again, after asking."""
        previous = self.book.aliases.get("previous", "")
        model_moves.rollback(self.app, self.book.ask, previous=previous)

    def do_verify(self) -> None:
        """Check files and golden forecast of the chosen versions, in the background."""
        found = [model.id for model in self.chosen()]
        if found:
            self.book.verify(found)

    def do_delete(self) -> None:
        """Delete the chosen versions, after a word is typed; the engine keeps those in service."""
        ids = [model.id for model in self.chosen()]
        if not ids:
            return
        command = " && ".join(f"engine models delete {version}" for version in ids)

        async def work() -> str:
            try:
                for version in ids:
                    await self.app.engine("models", "delete", version)
                    self.marked.discard(version)
            finally:
                self.book.ask()
            return tr("deleted: {names}", names=", ".join(ids))

        text = tr("Delete {names} with its files and its story, for ever?", names=", ".join(ids))
        yes = partial(self.app.act, command, work)
        self.app.open_overlay(Question(self.app, text, command, yes, word="delete"))
