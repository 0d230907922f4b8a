"""Which class a picture belongs to: the last ones that were asked about, and the selected one."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.errors import DataError
from tui import memory
from tui.language import tr
from tui.listing import Listing, ListKeys
from tui.models.table import part
from tui.overlays.menu import Choice, Menu
from tui.paint import Line, beside, filled, rule, wrap
from tui.predict.classifying import Asked, Classifying
from tui.predict.inquiring import REST_SECONDS
from tui.predict.picture_pane import (
    ListLayout,
    nothing_asked,
    picture_body,
    picture_heading,
    picture_list_heading,
    picture_row,
)
from tui.predict.picture_paths import complete_path, read_paths
from tui.prompt import Prompt
from tui.verbs import spell
from tui.view import View

if TYPE_CHECKING:
    from tui.actions import Action
    from tui.control_center import ControlCenter
    from tui.predict.forecasts import ClassifierFacts

_PANES_FROM = 140
_LOOK_EVERY = 5
_REMEMBERED = 20


class PictureTab(ListKeys, View):
    """Pictures at the left, what the selected one is at the right.

    Args:
        app: The application.
        is_seen: Whether it is what the screen shows now.
        classifiers: What is known of the deployed ones, the newest first.
    """

    name = "predict"
    filter_hint = "words that stand in it"

    def __init__(
        self,
        app: ControlCenter,
        is_seen: Callable[[], bool],
        classifiers: Callable[[], Sequence[ClassifierFacts]],
    ) -> None:
        super().__init__(app)
        self._classifiers = classifiers
        self.asked = Classifying(app.workspace, app.engine)
        self.listing = Listing()
        self.heated = False
        self._is_seen = is_seen
        self._filter = ""
        self._list_shown = True
        self._list_width = 0
        self._history: list[str] = []
        self._under_way: Asked | None = None
        self._ticks = 0

    # What is selected

    def found(self) -> list[Asked]:
        """The pictures whose names hold the words of the filter."""
        words = self._filter.casefold().split()
        return [one for one in self.asked.pictures if all(w in one.name.casefold() for w in words)]

    def count(self) -> int:
        """How many they are."""
        return len(self.found())

    def selected(self) -> Asked | None:
        """The picture under the cursor."""
        found, at = self.found(), self.listing.cursor
        return found[at] if at < len(found) else None

    def moved(self) -> None:
        """Ask when the cursor has come to rest."""
        self._want()

    # Asking

    def entered(self) -> None:
        """Ask about what is selected."""
        self._want()

    def refreshed(self) -> None:
        """Ask everything anew."""
        self.asked.forget()
        self._want()

    def tick(self) -> None:
        """Now and then, see whether another version serves."""
        self._ticks += 1
        if self._ticks % _LOOK_EVERY == 0 and self.asked.pictures:
            self.app.link.look("classifier", self._look)

    async def _look(self) -> None:
        await self.asked.look_at_predictor()
        self._want()

    def _want(self) -> None:
        if self._is_seen() and self._open_question() is not None:
            self.app.link.look("picture", self._answer)

    def _open_question(self) -> Asked | None:
        """What is asked about and not known: the selected picture, then others that were named."""
        one = self.selected()
        if one is not None and not one.is_known:
            return one
        asks_where = self.heated and one is not None and one.answer is not None
        if one is not None and asks_where and not one.is_located:
            return one
        return next((one for one in self.asked.pictures if one.is_new and not one.is_known), None)

    async def _answer(self) -> None:
        """Answer what is asked, until nothing is any more."""
        begun = False
        while (one := self._open_question()) is not None:
            # A cursor that runs through the list does not ask for all that it passes.
            if begun and not one.is_new:
                await asyncio.sleep(REST_SECONDS)
                if one is not self._open_question():
                    continue
            begun = True
            self._under_way = one
            try:
                await (self.asked.ask_where(one) if one.is_known else self.asked.ask(one))
            finally:
                self._under_way, one.is_new = None, False
            self.app.changed()

    # Drawing

    def lines(self, width: int, height: int) -> list[Line]:
        """The list and the picture: beside each other."""
        if not self.asked.pictures:
            found = self._classifiers()
            champion = next((one for one in found if one.alias == "champion"), None)
            return filled(nothing_asked(self.app, champion, width), height)
        self._list_width = _list_width(width) if self._list_shown else 0
        right = width - self._list_width - 1 if self._list_width else width
        pane = self._pane(right, height)
        if not self._list_width:
            return filled(pane, height)
        return beside(self._list(self._list_width, height), pane, self._list_width, right, height)

    def _list(self, width: int, height: int) -> list[Line]:
        found = self.found()
        layout = ListLayout.of(found, width)
        lines = [picture_list_heading(layout, width)]
        if not found:
            said = tr("no picture fits; esc takes the filter away")
            return [*lines, [], *([(f" {text}", "dim")] for text in wrap(said, width - 2))]
        for row in self.listing.window(len(found), height - 1):
            under = "cursor" if row == self.listing.cursor else ""
            asking = found[row] is self._under_way
            lines.append(picture_row(found[row], layout, width, under, asking=asking))
        return lines

    def _pane(self, width: int, height: int) -> list[Line]:
        one = self.selected()
        if one is None:
            return [rule(width)]
        asking = not one.is_known
        head = picture_heading(one, width, asking=asking)
        room = height - len(head)
        return [*head, *picture_body(self.app, one, width, room, heated=self.heated)]

    def title(self) -> str:
        """Where the cursor stands, and the command that asks the same."""
        if not self.asked.pictures:
            return ""
        place = f"{min(self.listing.cursor + 1, self.count()):,}/{self.count():,}"
        parts = [place, f"/{self._filter}" if self._filter else "", self.command()]
        return "   ".join(part for part in parts if part)

    def command(self) -> str:
        """The `engine` command that asks the same."""
        one = self.selected()
        if one is None:
            return ""
        arguments = self.asked.arguments(one)
        if one.answer is not None and one.answer.address:
            arguments.append("--through-predictor")
        return spell([*arguments, "--heat-map"] if self.heated else arguments)

    def command_of(self, action: Action) -> str:
        """Keys that forecasters have too mean another command here."""
        own = {
            "paste": "engine predict FILE",
            "explain": "engine predict FILE --heat-map",
            "version": "engine predict FILE --version VERSION",
        }
        if action.id in own:
            one = self.selected()
            return own[action.id].replace("FILE", shlex.quote(one.path) if one else "FILE")
        return super().command_of(action)

    def title_of(self, action: Action) -> str:
        """And another title."""
        titles = {"paste": "Type or paste a path", "explain": "Where that is seen"}
        return titles.get(action.id, action.title)

    # Acting

    def do_paste(self) -> None:
        """Type or paste the path of a picture."""
        self.app.ask(
            Prompt(
                tr("Picture"),
                self._take,
                history=self._history,
                complete=complete_path,
                hint=tr("path of a PNG or JPEG"),
            )
        )

    def _take(self, text: str) -> str:
        try:
            self.ask_about(read_paths(text))
        except DataError as error:
            return error.what
        return ""

    def paste(self, text: str) -> None:
        """Paths may be pasted anywhere on the screen, and files dropped."""
        try:
            self.ask_about(read_paths(text))
        except DataError as error:
            self.app.say(error.what, "bad")

    def ask_about(self, paths: list[str]) -> None:
        """Ask which class these pictures belong to."""
        self._filter = ""
        for path in reversed(paths):
            self.asked.add(path)
        self.listing.cursor = self.listing.first = 0
        self._want()

    def do_version(self) -> None:
        """Which version is to answer."""
        found = self._classifiers()
        if not found:
            self.app.say(tr("No model of images is deployed yet."), "warn")
            return
        serving = tr("the one that serves")
        champion = next((one.id for one in found if one.alias == "champion"), "")
        choices = [Choice(serving, champion, partial(self._use_version, ""), "")]
        for one in found:
            right = tr("accuracy {part}", part=part(one.accuracy))
            detail = " · ".join(text for text in (one.model_type, right, one.alias) if text)
            mark = "●" if one.id == self.asked.version else ""
            choices.append(Choice(one.id, detail, partial(self._use_version, one.id), mark))
        self.app.open_overlay(Menu(self.app, tr("Which version answers"), choices))

    def _use_version(self, version: str) -> None:
        self.asked.use_version(version)
        self._want()

    def do_explain(self) -> None:
        """Show where the class is seen, or the plain picture again."""
        self.heated = not self.heated
        self._want()

    def do_open(self) -> None:
        """Look at the picture alone."""
        self._list_shown = False

    def do_next_pane(self) -> None:
        """Give the picture all of the screen, or bring the list back."""
        self._list_shown = not self._list_shown

    do_previous_pane = do_next_pane

    def do_back(self) -> None:
        """The heat first, then the list, the filter."""
        if self.heated:
            self.heated = False
        elif not self._list_shown:
            self._list_shown = True
        elif self._filter:
            self.use_filter("")

    # Filtering, mouse, copying, memory

    def filter_text(self) -> str:
        """The filter in force."""
        return self._filter

    def use_filter(self, text: str) -> str:
        """Show only the pictures whose names fit."""
        self._filter = text.strip()
        self.listing.cursor = 0
        self.moved()
        return ""

    def click(self, x: int, y: int, *, double: bool) -> None:
        """Select a picture."""
        row = self.listing.row_at(y - 1, self.count())
        if row is not None and x < self._list_width:
            self.listing.cursor = row
            self.moved()
            if double:
                self.do_open()

    def yanks(self) -> list[tuple[str, str]]:
        """The path, the answer as JSON, the command, the request to the predictor."""
        one = self.selected()
        if one is None:
            return []
        found = [("path", one.path)]
        if one.answer is not None:
            url = f"{one.answer.address}/predict_image"
            found += [("JSON", json.dumps(self.as_data())), ("command", self.command())]
            curl = shlex.join(["curl", "-sS", "-F", f"file=@{one.path}", url])
            found += [("curl", curl)] if one.answer.address else []
        return found

    def as_data(self) -> Any:
        """The answer about the selected picture."""
        one = self.selected()
        if one is None or one.answer is None:
            return None
        answer = one.answer
        return {
            "picture": one.path,
            "version": answer.version,
            "model_type": answer.model_type,
            "prediction": answer.prediction,
            "confidence": answer.confidence,
            "probabilities": dict(answer.probabilities),
            "answered_by": answer.address or "engine predict",
            "latency_ms": round(answer.latency_ms, 3),
        }

    def remember(self) -> dict[str, Any]:
        """The last pictures."""
        return {"paths": [one.path for one in self.asked.pictures[:_REMEMBERED]]}

    def restore(self, kept: dict[str, Any]) -> None:
        """The pictures of last time; they are asked about when the cursor comes to them."""
        self.asked.pictures = [Asked(path) for path in memory.texts(kept, "paths")[:_REMEMBERED]]


def _list_width(width: int) -> int:
    return 40 if width >= _PANES_FROM else 30 if width >= 100 else 22 if width >= 76 else 16
