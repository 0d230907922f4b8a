"""The application: one window, nine views, overlays, and the way from a key to what it does.

It owns nothing: quitting it, a crash or a lost SSH session changes no run.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from datetime import tzinfo
from typing import Any, ClassVar

from textual import events
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.driver import Driver

from engine.errors import EngineError
from engine.workspace import Workspace
from engine.zones import LOCAL, zone_of
from tui import clipboard, language, memory
from tui.acting import Acting
from tui.actions import SCREENS, Action
from tui.board import Board
from tui.chrome import tab_at
from tui.dispatch import Dispatcher
from tui.frame import frame
from tui.global_actions import GlobalActions
from tui.keymap import Keymap, load_keymap
from tui.language import Language, tr
from tui.lean import lean_driver
from tui.link import Link
from tui.overlays.overlay import Overlay
from tui.paint import clip
from tui.prompt import Prompt
from tui.screens import make_view
from tui.states import TIME_MODES, TimeMode, present
from tui.themes import DEFAULT, THEMES, Painter
from tui.view import View
from tui.window import Window

_FRAME_SECONDS = 0.05
_MESSAGE_SECONDS = 8.0
_WHEEL_LINES = 3
_LIVELY_SECONDS, _CALM_SECONDS = 1.0, 3.0
_CALM_TICKS = 4


class ControlCenter(Acting, App[None], inherit_bindings=False):
    """The full-screen terminal of a workspace.

    Args:
        workspace: Whose engine.
        read_only: Refuse whatever changes something.
        autostart: Start the engine when none runs.
        theme_name: Look; None for the one of last time.
        chosen_language: Language; None for the one of last time, or else of the locale.
        ascii: Keep to ASCII.
        connect: Whether to reach for the engine at all; without, the board is filled by hand.
        clock: The present, in seconds since the epoch.
    """

    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = []
    CSS = "Screen { layers: base; } ToastRack { display: none; }"
    TITLE = "mlops-tui"

    def __init__(
        self,
        workspace: Workspace,
        *,
        read_only: bool = False,
        autostart: bool = True,
        theme_name: str | None = None,
        chosen_language: Language | None = None,
        ascii: bool = False,
        connect: bool = True,
        clock: Callable[[], float] = present,
    ) -> None:
        super().__init__(ansi_color=True)
        self.workspace = workspace
        self.read_only = read_only
        self.now = clock
        self.board = Board()
        self.link = Link(workspace, self.board, self.changed, self.crash, autostart=autostart)
        self.connects = connect
        self._memory = memory.load(workspace.root)
        self.theme_name = theme_name or memory.text(self._memory, "theme", DEFAULT)
        self.chosen_language: Language = chosen_language or _language(self._memory)
        language.choose(self.chosen_language)
        self._ascii = ascii
        self.painter = self._make_painter()
        self.keymap: Keymap = load_keymap(workspace.configs)
        self.time_mode = _time_mode(self._memory)
        self.actions = GlobalActions(self)
        self.dispatcher = Dispatcher(self)
        self.views: dict[str, View] = {}
        self.view: View = self._view(_screen(self._memory))
        self.previous_screen = "runs"
        self.overlays: list[Overlay] = []
        self.prompt: Prompt | None = None
        self.pending = ""
        self.message: tuple[str, str] | None = None
        self._message_until = 0.0
        self.command_history = memory.texts(self._memory, "commands")
        self.filter_history = memory.texts(self._memory, "filters")
        self._zone: tuple[str, tzinfo | None] | None = None
        self._window = Window()
        self._frame_due = False
        self._has_begun = False
        self._ticks = 0

    # Life

    def compose(self) -> ComposeResult:
        """The one widget."""
        yield self._window

    def on_mount(self) -> None:
        """Draw, then reach for the engine."""
        self._window.focus()
        self.view.entered()
        for problem in self.keymap.problems[:1]:
            self.say(problem, "warn")
        self.draw()
        self.set_timer(_LIVELY_SECONDS, self._tick)

    def post_display_hook(self) -> None:
        """The first frame is seen: only now anything else is begun, so that nothing delays it."""
        if not self._has_begun and self._window.strips:
            self._has_begun = True
            self.call_later(self._begin)

    def get_driver_class(self) -> type[Driver]:
        """The terminal's driver, with fewer bytes."""
        return lean_driver(super().get_driver_class())

    def _begin(self) -> None:
        # What was imported stays: it need not be looked through again and again.
        gc.freeze()
        gc.enable()
        if self.connects:
            self.run_worker(self.link.start(), exit_on_error=True)
        else:
            self.link.allow_looks()

    async def on_unmount(self) -> None:
        """Keep what is to be found again, and let go of the engine."""
        self.save_memory()
        await self.finish_work()
        await self.link.stop()

    def save_memory(self) -> None:
        """Write down what the next start takes up."""
        kept = memory.part(self._memory, "views")
        kept.update({name: view.remember() for name, view in self.views.items()})
        self._memory.update(
            screen=self.view.name,
            theme=self.theme_name,
            language=self.chosen_language,
            time_mode=self.time_mode,
            commands=self.command_history[-100:],
            filters=self.filter_history[-100:],
            views=kept,
        )
        if self.workspace.root.is_dir():
            memory.save(self.workspace.root, self._memory)

    def crash(self, error: BaseException) -> None:
        """A mistake of ours in the background ends the terminal with its traceback, no run."""

        def fail() -> None:
            raise error

        self.call_later(fail)

    # Drawing

    def changed(self) -> None:
        """Something that is shown may have changed: draw soon, once for many changes."""
        if not self._frame_due and self.is_running:
            self._frame_due = True
            self.set_timer(_FRAME_SECONDS, self._draw_due)

    def _draw_due(self) -> None:
        self._frame_due = False
        self.draw()

    def draw(self) -> None:
        """Draw now."""
        width, height = self.size
        if not width or not height:
            return
        lines = frame(self, width, height)
        self._window.show(self.painter.frame(lines[:height], width))
        if self.connects:
            self.link.want_pages()

    def seen(self) -> list[str]:
        """The lines of the whole screen."""
        return [strip.text.rstrip() for strip in self._window.strips]

    def picture(self) -> str:
        """What is seen, as an SVG."""
        from tui.picture import picture

        ground = self.background_colors[1]
        strips = self._window.strips
        for line_filter in self.get_line_filters():
            strips = [strip.apply_filter(line_filter, ground) for strip in strips]
        return picture(strips, self.painter.base, self.ansi_theme)

    def _make_painter(self) -> Painter:
        theme = THEMES.get(self.theme_name, THEMES[DEFAULT])
        self.theme_name = theme.name
        if self.no_color:
            # A cursor that is a colour would not be seen: in this theme it is reversed.
            theme = THEMES["terminal"]
        return Painter(theme, ascii=self._ascii)

    def use_theme(self, name: str) -> None:
        """Look differently from now on."""
        self.theme_name = name
        self.painter = self._make_painter()
        self._window.forget()
        self.draw()

    def redraw(self) -> None:
        """Draw everything anew, whatever the terminal shows."""
        self._window.forget()
        self.draw()

    def _tick(self) -> None:
        """Each second where something goes on, less often where nothing does."""
        self._ticks += 1
        is_over = self.message is not None and self.now() > self._message_until
        if is_over:
            self.message = None
        self.view.tick()
        is_lively = self.view.is_lively()
        # At rest only what is told as "ago" changes, and that slowly.
        if is_over or is_lively or self._ticks % _CALM_TICKS == 0:
            self.draw()
        is_calm = not is_lively and self.message is None and self._ticks > _CALM_TICKS
        self.set_timer(_CALM_SECONDS if is_calm else _LIVELY_SECONDS, self._tick)

    # Talking

    @property
    def zone(self) -> tzinfo | None:
        """The time zone of the times that people see."""
        status = self.board.status
        name = status.timezone if status is not None and status.timezone else LOCAL
        # Each time that is shown asks; that of the machine is read from a file.
        if self._zone is None or self._zone[0] != name:
            try:
                self._zone = (name, zone_of(name))
            except EngineError:
                self._zone = (name, None)
        return self._zone[1]

    def say(self, text: str, style: str = "notice") -> None:
        """Show a message for a while."""
        self.message = (text, style)
        self._message_until = self.now() + _MESSAGE_SECONDS
        self.changed()

    # Screens and overlays

    def _view(self, name: str) -> View:
        if name not in self.views:
            view = make_view(name, self)
            view.restore(memory.part(memory.part(self._memory, "views"), name))
            self.views[name] = view
        return self.views[name]

    def view_of(self, name: str) -> View:
        """A screen, also when it is not seen."""
        return self._view(name)

    def show(self, name: str) -> View:
        """Go to a screen."""
        view = self._view(name)
        if view is not self.view:
            self.view.left()
            self.previous_screen = self.view.name
            self.view = view
            view.entered()
        self.changed()
        return view

    def open_overlay(self, over: Overlay) -> None:
        """Lay something over the screen."""
        self.overlays.append(over)
        self.changed()

    def close_overlay(self, over: Overlay) -> None:
        """Take it away."""
        if over in self.overlays:
            self.overlays.remove(over)
        self.changed()

    def ask(self, prompt: Prompt) -> None:
        """Let a line be typed."""
        self.prompt = prompt
        self.changed()

    def open_run(self, run_id: str) -> None:
        """Go to a run."""
        view: Any = self.view_of("run")
        view.open(run_id)
        self.show("run")

    def open_log(self, run_id: str) -> None:
        """Go to the log of a run."""
        view: Any = self.view_of("logs")
        view.open(run_id)
        self.show("logs")

    def open_form(self, flow: str, run_id: str | None = None) -> None:
        """Go to the form of a flow; with the request of a run, to launch it edited."""
        view: Any = self.view_of("flows")
        view.open(flow, run_id)
        self.show("flows")

    def copy(self, text: str) -> None:
        """Copy a text through the terminal."""
        written = clipboard.sequence(text)
        if written is None:
            self.say(tr("too long for the terminal's clipboard; S saves it to a file"), "warn")
            return
        if self._driver is not None:
            self._driver.write(written)
            self._driver.flush()
        self.say(tr("copied: {text}", text=clip(" ".join(text.split()), 60)))

    def use_language(self, chosen: Language) -> None:
        """Speak a language from now on."""
        self.chosen_language = chosen
        language.choose(chosen)
        self.redraw()

    # From keys to actions

    async def on_event(self, event: events.Event) -> None:
        """Keys and pasted text are ours; Textual's own bindings are not used."""
        if isinstance(event, events.Key):
            self._press(event)
            return
        if isinstance(event, events.Paste):
            self._paste(event.text)
            return
        await super().on_event(event)

    def _press(self, event: events.Key) -> None:
        try:
            self.dispatcher.press(event.key, event.character)
        finally:
            self.draw()

    def perform(self, action: Action) -> None:
        """Do what an action means here."""
        self.dispatcher.perform(action)

    def can(self, action: Action) -> bool:
        """Whether an action means something on the screen that is seen."""
        return self.dispatcher.method(action) is not None

    def _paste(self, text: str) -> None:
        if self.prompt is not None:
            self.prompt.paste(text)
        elif self.overlays:
            self.overlays[-1].paste(text)
        else:
            paste = getattr(self.view, "paste", None)
            if paste is not None:
                paste(text)
        self.draw()

    # Mouse and size

    def on_resize(self, event: events.Resize) -> None:
        """The terminal has another size."""
        self.call_after_refresh(self.draw)

    def on_click(self, event: events.Click) -> None:
        """A click selects; a double click opens; a click on a tab goes there."""
        if self.overlays or self.prompt is not None:
            return
        x, y = event.screen_x, event.screen_y
        if y == 0:
            name = tab_at(self, self.size.width, x)
            if name is not None:
                self.show(name)
        elif y <= self.view.size[1]:
            self.view.click(x, y - 1, double=event.chain > 1)
        self.draw()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel."""
        self._scroll(_WHEEL_LINES)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel."""
        self._scroll(-_WHEEL_LINES)

    def _scroll(self, lines: int) -> None:
        if self.overlays:
            method = getattr(self.overlays[-1], "do_down" if lines > 0 else "do_up", None)
            for _ in range(abs(lines)):
                if method is not None:
                    method()
        else:
            self.view.scroll(lines)
        self.draw()


def _language(kept: dict[str, Any]) -> Language:
    chosen = memory.text(kept, "language")
    if chosen == "ko":
        return "ko"
    return "en" if chosen == "en" else language.from_environment()


def _time_mode(kept: dict[str, Any]) -> TimeMode:
    chosen = memory.text(kept, "time_mode")
    return next((mode for mode in TIME_MODES if mode == chosen), "ago")


def _screen(kept: dict[str, Any]) -> str:
    chosen = memory.text(kept, "screen", "pulse")
    return chosen if chosen in SCREENS else "pulse"
