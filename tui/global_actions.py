"""What can be done on every screen."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.atomic import write_bytes
from engine.errors import StorageError
from engine.schema import FLOW_NAMES
from tui import clipboard, command_line, language
from tui.actions import SCREENS, possible_on
from tui.language import Language, tr
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
    """The methods behind the actions that belong to no screen; a part of the application."""

    # Screens

    def do_last_screen(self: ControlCenter) -> None:
        """Back to the screen that was seen before."""
        self.show(self.previous_screen)

    def do_back(self: ControlCenter) -> None:
        """A screen that knows nothing smaller to leave goes back to the one before."""
        if self.view.filter_text():
            self.view.use_filter("")
        elif self.view.name == "run":
            self.show("runs")

    def open_run(self: ControlCenter, run_id: str) -> None:
        """Go to a run."""
        view: Any = self.view_of("run")
        view.open(run_id)
        self.show("run")

    def open_log(self: ControlCenter, run_id: str) -> None:
        """Go to the log of a run."""
        view: Any = self.view_of("logs")
        view.open(run_id)
        self.show("logs")

    def open_form(self: ControlCenter, flow: str, run_id: str | None = None) -> None:
        """Go to the form of a flow; with the request of a run, to launch it edited."""
        view: Any = self.view_of("flows")
        view.open(flow, run_id)
        self.show("flows")

    def do_run(self: ControlCenter) -> None:
        """Choose a flow to launch."""
        marks: list[Choice] = [
            Choice(flow, f"engine run {flow}", partial(self.open_form, flow), str(number))
            for number, flow in enumerate(FLOW_NAMES, 1)
        ]
        self.open_overlay(Menu(self, tr("Run a flow"), marks, quick=True))

    # Finding

    def do_filter(self: ControlCenter) -> None:
        """Type a filter; it is in force as it is typed, escape brings the old one back."""
        view, before = self.view, self.view.filter_text()
        self.ask(
            Prompt(
                "/",
                view.use_filter,
                text=before,
                changed=view.use_filter,
                cancelled=lambda: self._drop_filter(before),
                history=self.filter_history,
                hint=tr(view.filter_hint),
            )
        )

    def _drop_filter(self: ControlCenter, before: str) -> None:
        self.view.use_filter(before)

    def do_command(self: ControlCenter) -> None:
        """Type a command."""
        self.ask(
            Prompt(
                ":",
                partial(command_line.perform, self),
                history=self.command_history,
                complete=command_line.complete,
                hint=tr("a screen, an action, run FLOW, open ID, theme NAME"),
            )
        )

    def do_palette(self: ControlCenter) -> None:
        """Everything that can be done here, to be found by typing."""
        view = self.view
        choices = [
            Choice(
                tr(action.title),
                view.command_of(action) if action.command else tr(action.section),
                partial(self.perform, action),
                self.keymap.first(action.id),
            )
            for action in possible_on(view.name)
            if hasattr(view, action.method) or hasattr(self, action.method)
        ]
        self.open_overlay(Menu(self, tr("All actions"), choices))

    def do_help(self: ControlCenter) -> None:
        """What this screen is for, and its keys."""
        name = self.view.name
        content = partial(help_lines, self, name)
        self.open_overlay(Page(self, f"{tr('Help')}: {tr(name.capitalize())}", content))

    # Copying and saving

    def do_yank(self: ControlCenter) -> None:
        """Choose what to copy."""
        found = self.view.yanks()
        if not found:
            self.say(tr("nothing to copy here"), "warn")
            return
        keys = _quick_keys([name for name, _ in found])
        choices = [
            Choice(tr(name), text, partial(self.copy, text), key)
            for (name, text), key in zip(found, keys, strict=True)
        ]
        self.open_overlay(Menu(self, tr("Copy"), choices, quick=True))

    def copy(self: ControlCenter, text: str) -> None:
        """Copy a text through the terminal."""
        written = clipboard.sequence(text)
        if written is None:
            self.say(tr("too long for the terminal's clipboard; S saves it to a file"), "warn")
            return
        if self._driver is not None:
            self._driver.write(written)
            self._driver.flush()
        self.say(tr("copied: {text}", text=clip(" ".join(text.split()), 60)))

    def do_save_view(self: ControlCenter) -> None:
        """Save what is seen, as text or picture."""
        self.open_overlay(
            Menu(
                self,
                tr("Save what is seen"),
                [
                    Choice(tr("text"), "", partial(self._save, "txt", self._seen_as_text), "t"),
                    Choice("SVG", "", partial(self._save, "svg", self.export_screenshot), "s"),
                ],
                quick=True,
            )
        )

    def do_save_all(self: ControlCenter) -> None:
        """Save all that the screen knows, as text or JSON."""
        choices = [Choice(tr("text"), "", partial(self._save, "txt", self.view.as_text), "t")]
        if self.view.as_data() is not None:
            choices.append(Choice("JSON", "", partial(self._save, "json", self._all_as_json), "j"))
        self.open_overlay(Menu(self, tr("Save all of it"), choices, quick=True))

    def _seen_as_text(self: ControlCenter) -> str:
        return "\n".join(strip.text.rstrip() for strip in self._window.strips) + "\n"

    def _all_as_json(self: ControlCenter) -> str:
        return json.dumps(self.view.as_data(), ensure_ascii=False, indent=2, default=str) + "\n"

    def _save(self: ControlCenter, kind: str, content: Callable[[], str]) -> None:
        stamp = datetime.fromtimestamp(self.now(), self.zone)
        path = Path.cwd() / f"{self.view.name}-{stamp:%Y%m%d-%H%M%S}.{kind}"
        try:
            write_bytes(path, content().encode(errors="replace"))
        except StorageError as error:
            self.say(str(error), "bad")
            return
        self.say(tr("saved: {path}", path=path))

    # The terminal itself

    def do_undo(self: ControlCenter) -> None:
        """Take back the last thing that can be taken back."""
        if not self.undo_stack:
            self.say(tr("nothing to undo"), "warn")
            return
        _, take_back = self.undo_stack.pop()
        take_back()

    def do_time_mode(self: ControlCenter) -> None:
        """Times as ago, clock or date."""
        at = TIME_MODES.index(self.time_mode)
        self.time_mode = TIME_MODES[(at + 1) % len(TIME_MODES)]
        self.say(tr("times: {mode}", mode=tr(self.time_mode)))

    def do_command_log(self: ControlCenter) -> None:
        """What was done, as commands."""
        self.open_overlay(Page(self, tr("Commands so far"), self._command_lines, wide=True))

    def _command_lines(self: ControlCenter, width: int) -> list[Line]:
        lines: list[Line] = []
        for at, command, outcome in self.commands:
            when = moment(at, "clock", self.now(), self.zone)
            lines.append([(f"{when}  ", "dim"), (clip(command, width - 10), "accent")])
            lines += [[(" " * 10, ""), (text, "dim")] for text in wrap(outcome, width - 10) if text]
        return lines or [[(tr("none yet"), "dim")]]

    def do_refresh(self: ControlCenter) -> None:
        """Ask for everything anew."""
        self.board.book.forget_order()
        if self._connect:
            self.link.want_overview()
        self.view.refreshed()
        self.say(tr("asked again"))

    def do_theme(self: ControlCenter) -> None:
        """The next theme."""
        names = list(THEMES)
        self.use_theme(names[(names.index(self.theme_name) + 1) % len(names)])
        self.say(tr("theme: {name}", name=self.theme_name))

    def do_language(self: ControlCenter) -> None:
        """The other language."""
        self.use_language("en" if self.chosen_language == "ko" else "ko")

    def use_language(self: ControlCenter, chosen: Language) -> None:
        """Speak a language from now on."""
        self.chosen_language = chosen
        language.choose(chosen)
        self.redraw()

    def do_redraw(self: ControlCenter) -> None:
        """Repaint, when something else wrote on the terminal."""
        self.redraw()

    def do_engine_up(self: ControlCenter) -> None:
        """Start the engine."""

        async def start() -> str:
            await self.engine("up")
            return tr("the engine runs")

        self.act("engine up", start)

    def do_quit(self: ControlCenter) -> None:
        """Leave; nothing that runs is touched."""
        self.exit()


def _show(name: str) -> Callable[[ControlCenter], None]:
    def show(app: ControlCenter) -> None:
        app.show(name)

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
