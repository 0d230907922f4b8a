"""Fewer bytes for the same picture: colours are told only when they change.

What Textual writes names all colours of each stretch of text and takes them back after it. Over a
slow line that is most of what is sent. Here the colours that hold are remembered, and of the next
ones only the difference is written.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from textual.driver import Driver

_SGR = re.compile(r"\x1b\[([0-9;]*)m")
_MOVES = re.compile(r"(?:\x1b\[\d*(?:;\d*)?H|[\r\n])+")
_RESET = "\x1b[0m"
# Attributes, and what takes them away; bold and faint go together.
_OFF = {"1": "22", "2": "22", "3": "23", "4": "24", "5": "25", "7": "27", "9": "29", "53": "55"}

# Foreground, background, and attributes such as bold, as parameters of the escape sequence.
_Look = tuple[str, str, frozenset[str]]
_PLAIN: _Look = ("", "", frozenset())


def lean(text: str) -> str:
    """The same text with the shortest changes of colours; it begins and ends without any."""
    parts: list[str] = []
    shown = wanted = _PLAIN
    at = 0
    for match in _SGR.finditer(text):
        if match.start() > at:
            shown = _append(parts, text[at : match.start()], shown, wanted)
        at = match.end()
        read = _read(match[1], wanted)
        if read is None:
            # Something else than we know: as it stands, from a plain beginning.
            parts += [_change(shown, wanted), match[0]]
            shown = wanted = _PLAIN
        else:
            wanted = read
    if at < len(text):
        shown = _append(parts, text[at:], shown, wanted)
    if shown != _PLAIN:
        parts.append(_RESET)
    return "".join(parts)


def _append(parts: list[str], text: str, shown: _Look, wanted: _Look) -> _Look:
    """Add a stretch of text in a look; returns the look that holds after it."""
    moves = _MOVES.match(text)
    if moves is not None:
        # Where nothing is painted, no colour is needed.
        parts.append(moves[0])
        text = text[moves.end() :]
        if not text:
            return shown
    parts += [_change(shown, wanted), text]
    return wanted


@lru_cache(4096)
def _read(parameters: str, look: _Look) -> _Look | None:
    """The look after a sequence; None if there is something in it that is not understood."""
    front, ground, attributes = look
    values = parameters.split(";") if parameters else ["0"]
    index = 0
    while index < len(values):
        value = values[index]
        if value in ("38", "48"):
            length = {"2": 5, "5": 3}.get(values[index + 1] if index + 1 < len(values) else "", 0)
            if not length or index + length > len(values):
                return None
            colour = ";".join(values[index : index + length])
            front, ground = (colour, ground) if value == "38" else (front, colour)
            index += length
            continue
        if value in ("0", ""):
            front, ground, attributes = _PLAIN
        elif value in _OFF:
            attributes = attributes | {value}
        elif value == "39":
            front = ""
        elif value == "49":
            ground = ""
        elif value.isdigit() and (30 <= int(value) <= 37 or 90 <= int(value) <= 97):
            front = value
        elif value.isdigit() and (40 <= int(value) <= 47 or 100 <= int(value) <= 107):
            ground = value
        else:
            return None
        index += 1
    return front, ground, attributes


@lru_cache(4096)
def _change(shown: _Look, wanted: _Look) -> str:
    """The shortest sequence from one look to another."""
    if shown == wanted:
        return ""
    if wanted == _PLAIN:
        return _RESET
    front, ground, attributes = wanted
    off = {_OFF[value] for value in shown[2] - attributes}
    on = {value for value in attributes if value not in shown[2] or _OFF[value] in off}
    values = [*sorted(off), *sorted(on)]
    if front != shown[0]:
        values.append(front or "39")
    if ground != shown[1]:
        values.append(ground or "49")
    return f"\x1b[{';'.join(values)}m"


def lean_driver(driver: type[Driver]) -> type[Driver]:
    """A driver that writes the same with fewer bytes."""

    class LeanDriver(driver):  # type: ignore[misc, valid-type]
        """Leaves out what holds already."""

        def write(self, data: str) -> Any:
            """Write to the terminal."""
            return super().write(lean(data) if "\x1b[" in data else data)

    return LeanDriver
