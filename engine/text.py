"""Text from anywhere made safe to show: nothing in it acts on a terminal."""

from __future__ import annotations

import unicodedata

# Control, format (bidi, zero width), surrogate, private, unassigned, line and paragraph separator:
# what moves the cursor, reorders a line or has a width that terminals disagree on.
_ESCAPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
MAX_MARKS = 4


def printable(text: str, *, ascii: bool = False) -> str:
    r"""Return the text with everything escaped that a terminal would act on.

    An escape character becomes the four characters `\x1b`. Decomposed letters are composed;
    variation selectors and piles of combining marks are dropped. With `ascii`, any other
    character outside ASCII becomes a question mark.
    """
    if text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    marks = 0
    for char in unicodedata.normalize("NFC", text):
        category = unicodedata.category(char)
        if category in _ESCAPED:
            shown.append(char.encode("unicode_escape").decode("ascii"))
        elif category in ("Mn", "Me"):
            marks += 1
            if marks <= MAX_MARKS and not _is_variation_selector(char):
                shown.append(char)
            continue
        else:
            shown.append(char)
        marks = 0
    result = "".join(shown)
    return result.encode("ascii", "replace").decode("ascii") if ascii else result


def _is_variation_selector(char: str) -> bool:
    return "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"
