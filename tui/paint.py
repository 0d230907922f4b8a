"""Lines of styled text, and what is done to them before they are drawn.

A line is a list of spans; a span is a text and the name of a style, or several names of which later
ones add to earlier ones ("bad", "cursor bad"). What a name looks like is the theme's business.
Widths are terminal columns: Korean and Chinese characters take two. Whatever a text holds, nothing
in it acts on the terminal, and nothing in it is markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

from rich.cells import cell_len, set_cell_size

from engine.text import printable

Span = tuple[str, str]
Line = list[Span]
Align = Literal["left", "right", "center"]

ELLIPSIS = "…"
_SGR = re.compile(r"\x1b\[([0-9;]*)m")
# A colour by number or by its parts, or any other code.
_CODES = re.compile(
    r"(?P<where>38|48);(?:5;(?P<number>\d+)|2;(?P<red>\d+);(?P<green>\d+);(?P<blue>\d+))"
    r"|(?P<plain>\d+)"
)
_ANSI_NAMES = {
    "31": "red",
    "32": "green",
    "33": "yellow",
    "34": "blue",
    "35": "magenta",
    "36": "cyan",
    "90": "dim",
    "1": "strong",
}


def width_of(line: Iterable[Span]) -> int:
    """How many columns a line takes."""
    return sum(cell_len(text) for text, _ in line)


def text_of(line: Iterable[Span]) -> str:
    """A line without its styles."""
    return "".join(text for text, _ in line)


def clean(text: object, most: int = 2000) -> str:
    """What something says, as one line that is safe to show; beyond `most` characters it is cut."""
    return printable(str(text)[:most])


def fit(text: object, width: int, align: Align = "left") -> str:
    """A text cut or filled to exactly `width` columns; a cut ends in an ellipsis."""
    if width <= 0:
        return ""
    shown = clean(text, width * 4 + 8)
    taken = cell_len(shown)
    if taken > width:
        return set_cell_size(shown, width - 1) + ELLIPSIS
    room = width - taken
    if align == "right":
        return " " * room + shown
    if align == "center":
        return " " * (room // 2) + shown + " " * (room - room // 2)
    return shown + " " * room


def clip(text: object, width: int) -> str:
    """A text cut to at most `width` columns; a cut ends in an ellipsis."""
    return fit(text, width).rstrip() if width > 0 else ""


def crop(line: Sequence[Span], start: int, end: int) -> Line:
    """The columns from `start` to before `end`; half of a wide character becomes a blank."""
    found: Line = []
    at = 0
    for text, style in line:
        width = cell_len(text)
        if at >= end:
            break
        if at + width > start:
            low, high = max(0, start - at), min(width, end - at)
            found.append((_cut(text, low, high, width), style))
        at += width
    return found


def _cut(text: str, low: int, high: int, width: int) -> str:
    if low == 0 and high == width:
        return text
    if len(text) == width:
        return text[low:high]
    head = set_cell_size(text, high)
    if low == 0:
        return head
    # The part that is dropped may end inside a wide character.
    dropped = 0
    for index, char in enumerate(head):
        if dropped >= low:
            return " " * (dropped - low) + head[index:]
        dropped += cell_len(char)
    return " " * (high - low)


def pad(line: Sequence[Span], width: int, style: str = "") -> Line:
    """A line cut or filled to exactly `width` columns."""
    taken = width_of(line)
    if taken > width:
        return crop(line, 0, width)
    return [*line, (" " * (width - taken), style)] if taken < width else list(line)


def filled(lines: Sequence[Line], height: int) -> list[Line]:
    """Exactly `height` lines: cut, or filled with empty ones."""
    return [*lines[:height], *([] for _ in range(height - len(lines)))]


def restyle(line: Iterable[Span], style: str) -> Line:
    """A line with one more style over all of it."""
    return [(text, f"{own} {style}" if own else style) for text, own in line]


def overlay(base: Sequence[Span], width: int, at: int, over: Sequence[Span]) -> Line:
    """A line of `width` columns with another one laid over it from column `at` on."""
    end = at + width_of(over)
    full = pad(base, width)
    return [*crop(full, 0, at), *crop(over, 0, width - at), *crop(full, end, width)]


def beside(
    left: Sequence[Line], right: Sequence[Line], left_width: int, right_width: int, height: int
) -> list[Line]:
    """Two columns of lines with a rule between them."""
    lines: list[Line] = []
    for row in range(height):
        one = left[row] if row < len(left) else []
        two = right[row] if row < len(right) else []
        lines.append([*pad(one, left_width), ("│", "rule"), *pad(two, right_width)])
    return lines


def rule(width: int, title: str = "", note: str = "") -> Line:
    """A horizontal rule with a title in it, and a note at its right end."""
    title = clip(title, max(0, width - 4))
    note = clip(note, max(0, width - cell_len(title) - 8))
    line: Line = [("─", "rule")]
    if title:
        line += [(" ", "rule"), (title, "title"), (" ", "rule")]
    tail: Line = [(" ", "rule"), (note, "dim"), (" ─", "rule")] if note else []
    room = max(0, width - width_of(line) - width_of(tail))
    return pad([*line, ("─" * room, "rule"), *tail], width)


def box(lines: Sequence[Line], width: int, title: str = "", footer: str = "") -> list[Line]:
    """Lines in a frame of `width` columns."""
    inner = max(0, width - 4)
    top = pad([("╭─", "frame")], 2)
    name = clip(title, inner - 2) if title else ""
    if name:
        top += [(f" {name} ", "frame title")]
    top.append(("─" * max(0, width - 1 - width_of(top)), "frame"))
    top.append(("╮", "frame"))
    note = clip(footer, inner - 2) if footer else ""
    bottom: Line = [("╰─", "frame")]
    if note:
        bottom.append((f" {note} ", "frame dim"))
    bottom.append(("─" * max(0, width - 1 - width_of(bottom)), "frame"))
    bottom.append(("╯", "frame"))
    body = [[("│ ", "frame"), *_on_panel(pad(line, inner)), (" │", "frame")] for line in lines]
    return [top, *body, bottom]


def _on_panel(line: Sequence[Span]) -> Line:
    # First, so that a cursor or a field keeps the ground of its own.
    return [(text, f"panel {own}".rstrip()) for text, own in line]


def wrap(text: object, width: int) -> list[str]:
    """A text broken into lines of at most `width` columns, at blanks where there are any."""
    lines: list[str] = []
    for paragraph in str(text).splitlines() or [""]:
        line = ""
        for word in clean(paragraph).split(" "):
            while cell_len(word) > width > 0:
                room = width - cell_len(line) - (1 if line else 0)
                if room < 2:
                    lines.append(line)
                    line = ""
                    continue
                head = set_cell_size(word, room).rstrip()
                lines.append(f"{line} {head}" if line else head)
                word, line = word[len(head) :], ""
            if line and cell_len(line) + 1 + cell_len(word) > width:
                lines.append(line)
                line = word
            else:
                line = f"{line} {word}" if line else word
        lines.append(line)
    return lines


def shortened(text: object, width: int, most: int) -> list[str]:
    """A text broken into at most so many lines; where it is cut, the last ends in an ellipsis."""
    lines = wrap(text, width)
    if len(lines) <= most:
        return lines
    return [*lines[: most - 1], clip(" ".join(lines[most - 1 : most + 1]), width)]


def from_ansi(text: str) -> Line:
    """A line of one of our own charts: its colour codes become names of styles.

    Colours that no theme has a name for become "ink:24" or "ink:#a0b0c0", and "ground:..." behind
    the text.
    """
    line: Line = []
    style, at = "", 0
    for match in _SGR.finditer(text):
        if match.start() > at:
            line.append((text[at : match.start()], style))
        style = " ".join(filter(None, map(_name_of, _CODES.finditer(match[1]))))
        at = match.end()
    if at < len(text):
        line.append((text[at:], style))
    return line


def _name_of(code: re.Match[str]) -> str:
    """The name of the style that a code of a sequence stands for; "" for none."""
    if code["plain"]:
        return _ANSI_NAMES.get(code["plain"], "")
    is_text = code["where"] == "38"
    if code["number"]:
        number = int(code["number"])
        if is_text and number < 16:
            # One of the sixteen colours of the palette as its plain code.
            return _ANSI_NAMES.get(str(30 + number if number < 8 else 82 + number), "")
        told = str(number)
    else:
        told = "#" + "".join(f"{int(code[part]):02x}" for part in ("red", "green", "blue"))
    return f"{'ink' if is_text else 'ground'}:{told}"
