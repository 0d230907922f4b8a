from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from tui.lean import lean

MOVES = re.compile(r"((?:\x1b\[\d*;?\d*H|[\r\n])+)")
SGR = re.compile(r"\x1b\[([0-9;]*)m")
CODES = st.one_of(
    st.sampled_from(["", "0", "1", "2", "4", "7", "31", "92", "39", "44", "101", "49"]),
    st.sampled_from(["38;5;7", "38;2;1;2;3", "48;2;18;21;28", "48;5;3", "1;31;48;2;1;1;1", "0;1"]),
)
PIECES = st.one_of(
    CODES.map(lambda code: f"\x1b[{code}m"),
    st.sampled_from(["a", "bc ", "한", "\x1b[3;4H", "\n"]),
)


def painted(text: str) -> list[tuple[str, tuple[object, ...]]]:
    """What a terminal would show: each character with the look that holds for it."""
    look: dict[str, object] = {}
    cells = []
    at = 0
    for match in [*SGR.finditer(text), None]:
        piece = text[at : match.start()] if match else text[at:]
        # A line end and a move paint nothing.
        shown = MOVES.split(piece)
        for place, text_or_move in enumerate(shown):
            plain = place % 2 == 1
            cells += [
                (char, () if plain else tuple(sorted(look.items(), key=str)))
                for char in text_or_move
            ]
        if match is None:
            break
        at = match.end()
        values = (match[1] or "0").split(";")
        while values:
            value = values.pop(0)
            if value in ("38", "48"):
                length = 4 if values[0] == "2" else 2
                look[value] = ";".join(values[:length])
                values = values[length:]
            elif value in ("0", ""):
                look.clear()
            elif value in ("39", "49"):
                look.pop({"39": "38", "49": "48"}[value], None)
            elif 30 <= int(value) <= 37 or 90 <= int(value) <= 97:
                look["38"] = value
            elif 40 <= int(value) <= 47 or 100 <= int(value) <= 107:
                look["48"] = value
            else:
                off = {"22": ("1", "2"), "23": ("3",), "24": ("4",), "27": ("7",)}.get(value)
                for name in off or ():
                    look.pop(f"attribute {name}", None)
                if off is None:
                    look[f"attribute {value}"] = True
    return cells


@given(st.lists(PIECES, max_size=30).map("".join))
def test_the_picture_is_the_same_with_no_more_bytes(text: str) -> None:
    assert painted(lean(text)) == painted(text)
    assert len(lean(text)) <= len(text) + 4


def test_a_ground_that_holds_is_told_once() -> None:
    ground = "48;2;18;21;28"
    text = f"\x1b[38;2;1;2;3;{ground}ma\x1b[0m\x1b[38;2;9;9;9;{ground}mb\x1b[0m"

    assert lean(text) == f"\x1b[38;2;1;2;3;{ground}ma\x1b[38;2;9;9;9mb\x1b[0m"


def test_what_is_not_understood_stays_as_it_is() -> None:
    assert lean("\x1b[58;2;1;2;3mx") == "\x1b[58;2;1;2;3mx"
    assert lean("\x1b]52;c;eA==\x07\x1b[?25l") == "\x1b]52;c;eA==\x07\x1b[?25l"
