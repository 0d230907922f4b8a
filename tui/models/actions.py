"""What can be done to deployed versions: compare, promote, roll back, verify, delete."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from tui.language import tr
from tui.listing import Listing
from tui.models import moves as model_moves
from tui.models.book import ModelBook
from tui.models.comparison import LEAST, MOST, ComparePage
from tui.models.facts import SERIES, Model
from tui.models.orders import kind_of, orders_of
from tui.models.tab import Tab
from tui.models.table import Sorted, between, number, part, percent
from tui.overlays.question import Question

if TYPE_CHECKING:
    from tui.control_center import ControlCenter


def on_versions(perform: Callable[[Any], None]) -> property:
    """An action on deployed versions: it is there only while the screen is about some."""

    def action(view: Any) -> Callable[[], None] | None:
        return None if view.tab == "backtests" else partial(perform, view)

    return property(action, doc=perform.__doc__)


class ModelActions:
    """The actions. A view says which versions are selected, shown and chosen."""

    app: ControlCenter
    book: ModelBook
    tab: str
    marked: set[str]
    order: Sorted

    @property
    def other(self) -> Tab | None:
        """The tab that is seen, where it is not the leaderboard."""
        raise NotImplementedError

    @property
    def listing(self) -> Listing:
        """Its cursor."""
        raise NotImplementedError

    def moved(self) -> None:
        """The cursor stands somewhere else."""
        raise NotImplementedError

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

    @on_versions
    def do_mark(self) -> None:
        """Mark the version, or take the mark away, and go on."""
        model = self.selected()
        if model is not None and self.tab == "leaderboard":
            self.marked ^= {model.id}
            self.do_down()

    @on_versions
    def do_unmark_all(self) -> None:
        """Take all marks away."""
        self.marked.clear()

    @on_versions
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
        if len({model.data_type for model in found}) > 1:
            said = tr("a forecaster and a model of images cannot be compared: mark one kind only")
            self.app.say(said, "warn")
            return
        self.app.open_overlay(ComparePage(self.app, self.book, found))

    # Acting

    @on_versions
    def do_promote(self) -> None:
        """Let the selected version serve, after asking."""
        model = self.selected()
        if model is None:
            return
        champion = self.book.champion(model.data_type)
        if champion is not None and model.id == champion.id:
            self.app.say(tr("{version} serves already", version=model.id), "warn")
            return
        model_moves.promote(self.app, model.id, self.book.ask, note=self._beside(model, champion))

    def _beside(self, model: Model, champion: Model | None) -> str:
        if champion is None:
            return ""
        if model.pictures is not None and champion.pictures is not None:
            return tr(
                "accuracy {new} ({interval}); that of the champion {champion}: {old}.",
                new=part(model.pictures.own.accuracy),
                interval=between(model.pictures.own),
                champion=champion.id,
                old=part(champion.pictures.own.accuracy),
            )
        return tr(
            "MASE {new} ({gain} vs naive); that of the champion {champion}: {old}.",
            new=number(model.evaluation.own.mase),
            gain=percent(model.gain),
            champion=champion.id,
            old=number(champion.evaluation.own.mase),
        )

    @on_versions
    def do_rollback(self) -> None:
        """Let the version that served before serve again, after asking.

        Of the data type of the selected version.
        """
        model = self.selected()
        previous = self.book.previous(model.data_type if model is not None else SERIES)
        model_moves.rollback(
            self.app,
            self.book.ask,
            previous=previous.id if previous is not None else "",
            data_type=self.moved_type(),
        )

    def moved_type(self) -> str:
        """Whose champion is meant; "" where all versions are of one data type."""
        model = self.selected()
        return "" if model is None or kind_of(self.book.models) else model.data_type

    @on_versions
    def do_verify(self) -> None:
        """Check files and golden forecast of the chosen versions, in the background."""
        found = [model.id for model in self.chosen()]
        if found:
            self.book.verify(found)

    def do_delete(self) -> None:
        """Delete the chosen versions, after a word is typed; the engine keeps those in service.

        Of what is listed beside versions, the selected one.
        """
        if self.tab == "backtests" and self.other is not None:
            self.other.delete()
            return
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

    # Sorting and seeking

    @on_versions
    def do_next_match(self) -> None:
        """The next version that an alias names."""
        self._seek(1)

    @on_versions
    def do_previous_match(self) -> None:
        """The one before."""
        self._seek(-1)

    def _seek(self, step: int) -> None:
        if self.other:
            return
        found, at = self.shown(), self.listing.cursor
        for far in range(1, len(found)):
            there = (at + far * step) % len(found)
            if self.book.alias(found[there].id):
                self.listing.cursor = there
                self.moved()
                return

    @on_versions
    def do_sort(self) -> None:
        """By the next column."""
        names = orders_of(kind_of(self.book.models))
        by = names[(names.index(self.order.by) + 1) % len(names)]
        self.order = Sorted(by, turned=False)

    @on_versions
    def do_turn_around(self) -> None:
        """The other way round."""
        self.order = Sorted(self.order.by, turned=not self.order.turned)
