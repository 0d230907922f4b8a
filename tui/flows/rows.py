"""Which lines a form has: its fields by section, as they are folded and narrowed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tui.flows.launch_form import LaunchForm
from tui.flows.values import FormField


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the form: a field, the heading of a section, or the button."""

    kind: str
    key: str = ""


BUTTON = Row("button")


def rows_of(form: LaunchForm, opened: Sequence[str], needle: str) -> list[Row]:
    """The lines of a form.

    Args:
        form: Which one.
        opened: Sections that are unfolded.
        needle: Only fields that fit this text are shown, all of them unfolded; "" for all.
    """
    fits = _narrowing(form, needle)
    rows = [Row("field", field.key) for field in form.common() if fits(field)]
    for section in form.sections:
        fields = [field for field in form.of_section(section) if fits(field)]
        if fields:
            rows.append(Row("section", section))
            if needle or section in opened:
                rows += [Row("field", field.key) for field in fields]
    return [*rows, BUTTON]


def _narrowing(form: LaunchForm, needle: str) -> Callable[[FormField], bool]:
    """Whether a field fits: the text is in its name or, where it is in none, its letters are."""
    wanted = needle.casefold().strip()
    if any(wanted in _name_of(field) for field in form.fields.values()):
        return lambda field: wanted in _name_of(field)
    return lambda field: _has_letters(wanted.replace(" ", ""), _name_of(field))


def _name_of(field: FormField) -> str:
    return f"{field.key} {field.option}".casefold()


def _has_letters(wanted: str, name: str) -> bool:
    letters = iter(name)
    return all(letter in letters for letter in wanted)
