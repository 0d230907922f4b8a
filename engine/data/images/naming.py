"""Names of files and classes: one spelling each, and safe to show."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from engine.data.problems import Problems, Spot, shown

_SHOWN_CHARACTERS = 100


def clean_name(text: str) -> str:
    """A name as it is kept: composed, so that ü is one character wherever the file was written.

    Bytes that are no text are kept as escapes.
    """
    return unicodedata.normalize("NFC", text.encode(errors="backslashreplace").decode())


def spot_of(name: str, remark: str | None = None, *, row: int | None = None) -> Spot:
    """A file in a message; of a long path the end is shown, where files differ.

    Args:
        name: Of the file.
        remark: What is the matter with it.
        row: Of the list that names it.
    """
    cut = name if len(name) <= _SHOWN_CHARACTERS else "…" + name[1 - _SHOWN_CHARACTERS :]
    return Spot(row=row, remark=repr(cut) + (f" ({remark})" if remark else ""))


def find_alike(classes: Iterable[str], problems: Problems) -> None:
    """Report classes whose names differ by nothing but case, blanks or how they are encoded.

    Whether these are two classes or one that was misspelt must not be guessed.

    Args:
        classes: Each name once.
        problems: Where to.
    """
    alike = defaultdict(list)
    for name in classes:
        alike[" ".join(clean_name(name).casefold().split())].append(name)
    found = [names for names in alike.values() if len(names) > 1]
    problems.add(
        "alike",
        "{count} [class has|classes have] names that are too much alike",
        "Give them one name, or names that differ by more than upper and lower case",
        count=len(found),
        spots=(Spot(remark=" and ".join(shown(name) for name in names)) for names in found),
    )
