"""What can be done on every screen."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from engine.atomic import write_bytes
from engine.errors import StorageError
from engine.schema import FLOW_NAMES
from tui import command_line
from tui.actions import SCREENS, possible_on
from tui.language import tr
from tui.overlays.help import help_lines
from tui.overlays.menu import Choice, Menu
from tui.overlays.page import Page
from tui.paint import Line, clip, wrap
from tui.prompt import Prompt
from tui.states import TIME_MODES, moment
from tui.themes import THEMES

if TYPE_CHECKING:
    from tui.control_center import ControlCenter


class GlobalActions:
    """The methods behind the actions that belong to no screen.

    Args:
        app: The application.
    """

    def __init__(self, app: ControlCenter) -> None:
        self.app = app

    # Screens

    def do_last_screen(self) -> None:
        """Back to the screen that was seen before."""
        self.app.show(self.app.previous_screen)

    def do_back(self) -> None:
        """A screen that knows nothing smaller to leave goes back to the one before."""
        if self.app.view.filter_text():
            self.app.view.use_filter("")
        elif self.app.view.name == "run":
            self.app.show("runs")

    def do_run(self) -> None:
        """Choose a flow to launch."""
        marks: list[Choice] = [
            Choice(flow, f"engine run {flow}", partial(self.app.open_form, flow), str(number))
            for number, flow in enumerate(FLOW_NAMES, 1)
        ]
        self.app.open_overlay(Menu(self.app, tr("Run a flow"), marks, quick=True))

    # Finding

    def do_filter(self) -> None:
        """Type a filter; it is in force as it is typed, escape brings the old one back."""
        view, before = self.app.view, self.app.view.filter_text()
        self.app.ask(
            Prompt(
                "/",
                view.use_filter,
                text=before,
                changed=view.use_filter,
                cancelled=lambda: self._drop_filter(before),
                history=self.app.filter_history,
                hint=tr(view.filter_hint),
            )
        )

    def _drop_filter(self, before: str) -> None:
        self.app.view.use_filter(before)

    def do_command(self) -> None:
        """Type a command."""
        self.app.ask(
            Prompt(
                ":",
                partial(command_line.perform, self.app),
                history=self.app.command_history,
                complete=command_line.complete,
                hint=tr("a screen, an action, run FLOW, open ID, theme NAME"),
            )
        )

    def do_palette(self) -> None:
        """Everything that can be done here, to be found by typing."""
        view = self.app.view
        choices = [
            Choice(
                tr(view.title_of(action)),
                view.command_of(action) if action.command else tr(action.section),
                partial(self.app.perform, action),
                self.app.keymap.first(action.id),
            )
            for action in possible_on(view.name)
            if self.app.can(action)
        ]
        self.app.open_overlay(Menu(self.app, tr("All actions"), choices))

    def do_help(self) -> None:
        """What this screen is for, and its keys."""
        name = self.app.view.name
        content = partial(help_lines, self.app, name)
        self.app.open_overlay(Page(self.app, f"{tr('Help')}: {tr(name.capitalize())}", content))

    # Copying and saving

    def do_yank(self) -> None:
        """Choose what to copy."""
        found = self.app.view.yanks()
        if not found:
            self.app.say(tr("nothing to copy here"), "warn")
            return
        keys = _quick_keys([name for name, _ in found])
        choices = [
            Choice(tr(name), text, partial(self.app.copy, text), key)
            for (name, text), key in zip(found, keys, strict=True)
        ]
        self.app.open_overlay(Menu(self.app, tr("Copy"), choices, quick=True))

    def do_save_view(self) -> None:
        """Save what is seen, as text or picture."""
        self.app.open_overlay(
            Menu(
                self.app,
                tr("Save what is seen"),
                [
                    Choice(tr("text"), "", partial(self._save, "txt", self._seen_as_text), "t"),
                    Choice("SVG", "", partial(self._save, "svg", self.app.picture), "s"),
                ],
                quick=True,
            )
        )

    def do_save_all(self) -> None:
        """Save all that the screen knows, as text or JSON."""
        choices = [Choice(tr("text"), "", partial(self._save, "txt", self.app.view.as_text), "t")]
        if self.app.view.as_data() is not None:
            choices.append(Choice("JSON", "", partial(self._save, "json", self._all_as_json), "j"))
        self.app.open_overlay(Menu(self.app, tr("Save all of it"), choices, quick=True))

    def _seen_as_text(self) -> str:
        return "\n".join(self.app.seen()) + "\n"

    def _all_as_json(self) -> str:
        return json.dumps(self.app.view.as_data(), ensure_ascii=False, indent=2, default=str) + "\n"

    def _save(self, kind: str, content: Callable[[], str]) -> None:
        self.app.draw()  # without the menu that asked
        stamp = datetime.fromtimestamp(self.app.now(), self.app.zone)
        path = Path.cwd() / f"{self.app.view.name}-{stamp:%Y%m%d-%H%M%S}.{kind}"
        try:
            write_bytes(path, content().encode(errors="replace"))
        except StorageError as error:
            self.app.say(str(error), "bad")
            return
        self.app.say(tr("saved: {path}", path=path))

    # The terminal itself

    def do_undo(self) -> None:
        """Take back the last thing that can be taken back."""
        if not self.app.undo_stack:
            self.app.say(tr("nothing to undo"), "warn")
            return
        _, take_back = self.app.undo_stack.pop()
        take_back()

    def do_time_mode(self) -> None:
        """Times as ago, clock or date."""
        at = TIME_MODES.index(self.app.time_mode)
        self.app.time_mode = TIME_MODES[(at + 1) % len(TIME_MODES)]
        self.app.say(tr("times: {mode}", mode=tr(self.app.time_mode)))

    def do_command_log(self) -> None:
        """What was done, as commands."""
        self.app.open_overlay(Page(self.app, tr("Commands so far"), self._command_lines, wide=True))

    def _command_lines(self, width: int) -> list[Line]:
        lines: list[Line] = []
        for at, command, outcome in self.app.commands:
            when = moment(at, "clock", self.app.now(), self.app.zone)
            lines.append([(f"{when}  ", "dim"), (clip(command, width - 10), "accent")])
            lines += [[(" " * 10, ""), (text, "dim")] for text in wrap(outcome, width - 10) if text]
        return lines or [[(tr("none yet"), "dim")]]

    def do_refresh(self) -> None:
        """Ask for everything anew."""
        self.app.board.book.forget_order()
        if self.app.connects:
            self.app.link.want_overview()
        self.app.view.refreshed()
        self.app.say(tr("asked again"))

    def do_theme(self) -> None:
        """The next theme."""
        names = list(THEMES)
        self.app.use_theme(names[(names.index(self.app.theme_name) + 1) % len(names)])
        self.app.say(tr("theme: {name}", name=self.app.theme_name))

    def do_language(self) -> None:
        """The other language."""
        self.app.use_language("en" if self.app.chosen_language == "ko" else "ko")

    def do_redraw(self) -> None:
        """Repaint, when something else wrote on the terminal."""
        self.app.redraw()

    def do_engine_up(self) -> None:
        """Start the engine."""

        async def start() -> str:
            await self.app.engine("up")
            return tr("the engine runs")

        self.app.act("engine up", start)

    def do_quit(self) -> None:
        """Leave; nothing that runs is touched."""
        self.app.exit()


def _show(name: str) -> Callable[[GlobalActions], None]:
    def show(actions: GlobalActions) -> None:
        actions.app.show(name)

    show.__doc__ = f"Go to the screen {name}."
    return show


for _name in SCREENS:
    setattr(GlobalActions, f"do_show_{_name}", _show(_name))


def _quick_keys(names: list[str]) -> list[str]:
    """A letter of each name, each another one."""
    keys: list[str] = []
    for name in names:
        letters = [*re.sub(r"[^a-z]", "", name.lower()), *"abcdefghijklmnopqrstuvwxyz0123456789"]
        keys.append(next(letter for letter in letters if letter not in keys))
    return keys
