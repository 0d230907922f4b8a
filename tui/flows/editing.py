"""The keys that change a launch form: type, choose, toggle, reset, take over."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from tui.actions import BY_ID
from tui.flows.launch_form import DATA, DATA_TYPE, LaunchForm
from tui.flows.rows import Row
from tui.flows.values import FormField, path_offers
from tui.language import tr
from tui.line_editor import LineEditor
from tui.overlays.menu import Choice, Menu

if TYPE_CHECKING:
    from tui.control_center import ControlCenter


class FormEditing:
    """What a view with a form in it does to its fields.

    Attributes:
        editor: What is typed into; None while nothing is.
    """

    app: ControlCenter
    editor: LineEditor | None = None
    _field: FormField | None = None
    _before = ""
    _is_untouched = False
    _offered: Sequence[str] = ()

    def current_form(self) -> LaunchForm | None:
        """The form that is seen, None while there is none."""
        raise NotImplementedError

    def current_row(self) -> Row | None:
        """What the cursor stands on in the form; None while it is elsewhere."""
        raise NotImplementedError

    def typed(self, form: LaunchForm) -> None:
        """A form was changed."""
        raise NotImplementedError

    def turn_to(self, data_type: str) -> None:
        """Go to the form of another kind of data."""
        raise NotImplementedError

    def move(self, step: int) -> None:
        """Go to another row."""
        raise NotImplementedError

    # Typing

    @property
    def edited(self) -> str:
        """Key of the field that is typed into, "" while none is."""
        return self._field.key if self.editor is not None and self._field is not None else ""

    def key(self, key: str, character: str | None) -> bool:
        """Take a key press while a field is typed into."""
        form, editor, field = self.current_form(), self.editor, self._field
        if form is None or editor is None or field is None or field.key not in form.fields:
            self.editor = None
            return False
        if key in ("escape", "ctrl+c"):
            form.set(field.key, self._before)
            self._leave(form)
        elif key in ("enter", "up", "down") or (key == "tab" and field.key != DATA):
            self._leave(form)
            if key != "enter":
                self.move(-1 if key == "up" else 1)
        elif key == "ctrl+l":
            self._leave(form)
            self.app.perform(BY_ID["launch"])
        else:
            before = editor.text
            if self._is_untouched and field.kind in ("int", "float") and _is_typed(character):
                # A number is rather replaced than added to.
                editor.set("")
            self._is_untouched = False
            editor.key(key, character)
            if editor.text != before:
                self._typed(form, field, editor)
        return True

    def paste(self, text: str) -> None:
        """Put pasted text into the field that is typed into, or begin to type into it."""
        row, form = self.current_row(), self.current_form()
        if self.editor is None and row is not None and row.kind == "field" and form is not None:
            self.begin(form, form.fields[row.key])
        if self.editor is None or self._field is None or form is None:
            self.app.say(tr("nothing can be pasted here"), "warn")
            return
        self.editor.insert(text)
        self._typed(form, self._field, self.editor)

    def stop(self) -> None:
        """Let go of the field that is typed into, which keeps what was typed."""
        form = self.current_form()
        if self.editor is not None and form is not None:
            self._leave(form)
        self.editor = None

    def begin(self, form: LaunchForm, field: FormField) -> None:
        """Type into a field, or choose from what it allows."""
        if field.kind == "choice":
            self._choose(form, field)
        elif field.kind == "bool":
            self.step(form, field, 1)
        else:
            text = form.text(field.key)
            complete = path_offers if field.key == DATA else None
            self._field, self._before, self._is_untouched = field, text, True
            self.editor = LineEditor("" if text == "null" else text, complete=complete)
            self._look(self.editor)

    def offers(self) -> Sequence[str]:
        """What the text that is typed may become."""
        return self._offered if self.edited == DATA else []

    def _look(self, editor: LineEditor) -> None:
        # Folders are read as keys are pressed, not as lines are drawn.
        self._offered = editor.offers(20)

    def _typed(self, form: LaunchForm, field: FormField, editor: LineEditor) -> None:
        form.set(field.key, editor.text)
        self._look(editor)
        self.typed(form)

    def _leave(self, form: LaunchForm) -> None:
        self.editor = None
        if self._field is not None and self._field.is_optional:
            # An empty text stands for null: that is how the field is shown.
            text = form.text(self._field.key).strip()
            form.set(self._field.key, text or "null")
        self.typed(form)

    # Choosing

    def _choose(self, form: LaunchForm, field: FormField) -> None:
        now = form.text(field.key)
        values = [*field.choices, *(["null"] if field.is_optional else [])]
        choices = [
            Choice(
                value,
                tr("default") if value == field.default else "",
                partial(self._put, form, field, value),
            )
            for value in values
        ]
        at = values.index(now) if now in values else 0
        self.app.open_overlay(Menu(self.app, field.key, choices, at=at))

    def step(self, form: LaunchForm, field: FormField, step: int) -> bool:
        """The next of a few values; returns whether the field has few."""
        values = {"bool": ("true", "false"), "choice": field.choices}.get(field.kind)
        if not values:
            return False
        now = form.text(field.key)
        at = values.index(now) if now in values else 0
        self._put(form, field, values[(at + step) % len(values)])
        return True

    def _put(self, form: LaunchForm, field: FormField, text: str) -> None:
        if field.key == DATA_TYPE:
            self.turn_to(text)
            return
        form.set(field.key, text)
        self.typed(form)

    # Whole groups

    def do_mark(self) -> None:
        """Toggle a boolean, or take the next choice."""
        row, form = self.current_row(), self.current_form()
        if row is None or form is None or row.kind != "field":
            return
        if not self.step(form, form.fields[row.key], 1):
            self.begin(form, form.fields[row.key])

    def do_reset_field(self) -> None:
        """Give a field its default; on a heading all of its section, on the button everything."""
        row, form = self.current_row(), self.current_form()
        if row is None or form is None:
            return
        if row.key == DATA_TYPE:
            self.turn_to(form.fields[DATA_TYPE].default)
            return
        if row.kind == "field":
            form.reset([row.key])
        elif row.kind == "section":
            self._undoable(form, tr("a section"))
            form.reset(field.key for field in form.of_section(row.key))
        else:
            self._undoable(form, tr("the form"))
            form.reset(list(form.texts))
        self.typed(form)

    def do_last_values(self) -> None:
        """Fill in what the last run of the flow was asked for."""
        form = self.current_form()
        earlier = (form.again or form.last) if form is not None else None
        if form is None or earlier is None:
            self.app.say(tr("no run of this flow is known"), "warn")
            return
        self._undoable(form, tr("the form"))
        form.take(earlier)
        count, name = len(form.texts), earlier.run.name
        self.app.say(tr("{count} values of {name}; u takes them back", count=count, name=name))
        self.typed(form)

    def _undoable(self, form: LaunchForm, name: str) -> None:
        texts, as_set = dict(form.texts), set(form.as_set)

        def take_back() -> None:
            form.put_back(texts, as_set)
            self.typed(form)

        self.app.undo_stack.append((name, take_back))

    def yanks(self) -> list[tuple[str, str]]:
        """The command, and the request as JSON."""
        form = self.current_form()
        if form is None:
            return []
        import msgspec

        row = self.current_row()
        found = [
            ("command", form.request().command()),
            ("JSON", msgspec.json.encode(form.fresh_request()).decode()),
        ]
        if row is not None and row.kind == "field":
            found.append(("value", form.text(row.key)))
            found.append(("setting", row.key))
        return found


def _is_typed(character: str | None) -> bool:
    return character is not None and character.isprintable()
