"""What is seen, as an SVG that looks the same everywhere and asks for nothing from elsewhere.

Line by line, so that two pictures can be compared as texts. Blocks and straight lines are drawn
and not written: fonts disagree about where those end, and charts would get gaps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from rich.cells import cell_len
from rich.color import Color
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from textual.strip import Strip

CELL_WIDTH, CELL_HEIGHT = 9.0, 18.0
_BASELINE = 13.5
_HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
    'width="{width:g}" height="{height:g}">'
)
_STYLE = (
    "text{{font:15px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,'Liberation Mono',"
    "'Noto Sans Mono CJK KR',NanumGothicCoding,monospace;white-space:pre}}.w{{font-size:17px}}"
    ".b{{font-weight:bold}}.i{{font-style:italic}}.u{{text-decoration:underline}}{rules}"
)
Box = tuple[float, float, float, float]
_WEST: Box = (0, 0.47, 0.5, 0.06)
_EAST: Box = (0.5, 0.47, 0.5, 0.06)
_NORTH: Box = (0.44, 0, 0.12, 0.5)
_SOUTH: Box = (0.44, 0.5, 0.12, 0.5)
# What is drawn instead of written, as boxes: left, top, width, height in parts of a cell.
_DRAWN: dict[str, tuple[Box, ...]] = {
    **{char: ((0, 1 - n / 8, 1, n / 8),) for n, char in enumerate("▁▂▃▄▅▆▇█", 1)},
    **{char: ((0, 0, n / 8, 1),) for n, char in enumerate("▏▎▍▌▋▊▉", 1)},
    "▀": ((0, 0, 1, 0.5),), "▐": ((0.5, 0, 0.5, 1),), "▕": ((7 / 8, 0, 1 / 8, 1),),
    "─": ((0, 0.47, 1, 0.06),), "━": ((0, 0.43, 1, 0.14),), "│": ((0.44, 0, 0.12, 1),),
    **dict.fromkeys("┌╭", (_EAST, _SOUTH)), **dict.fromkeys("┐╮", (_WEST, _SOUTH)),
    **dict.fromkeys("└╰", (_EAST, _NORTH)), **dict.fromkeys("┘╯", (_WEST, _NORTH)),
    "├": (_EAST, _NORTH, _SOUTH), "┤": (_WEST, _NORTH, _SOUTH),
    "┬": (_WEST, _EAST, _SOUTH), "┴": (_WEST, _EAST, _NORTH),
    "┼": (_WEST, _EAST, _NORTH, _SOUTH),
}  # fmt: skip
# Those that go on over several columns; the others are drawn column by column.
_ACROSS = frozenset("▁▂▃▄▅▆▇█▀─━")
_WIDE_GAP = 3
_DEFAULT = Color.default()


def picture(strips: Sequence[Strip], base: Style, colours: TerminalTheme) -> str:
    """An SVG of a screen.

    Args:
        strips: Its lines, all of the same width.
        base: The style of what has none; its background is that of the whole.
        colours: What the terminal's own sixteen colours and its default ones look like.

    Returns:
        The document; a line of it is a line of the screen, after one with the styles.
    """
    width = max((strip.cell_length for strip in strips), default=0) * CELL_WIDTH
    palette = _Palette(base, colours)
    body = [f"<g>{''.join(_row(strip, row, palette))}</g>" for row, strip in enumerate(strips)]
    head = _HEAD.format(width=width, height=len(strips) * CELL_HEIGHT)
    style = _STYLE.format(rules=palette.rules())
    ground = f'<rect width="100%" height="100%" fill="{palette.ground}"/>'
    return "\n".join([head, f"<style>{style}</style>", ground, *body, "</svg>", ""])


class _Palette:
    """Colours by short names of classes."""

    def __init__(self, base: Style, colours: TerminalTheme) -> None:
        self._base = base
        self._colours = colours
        self.ground = self.of(base)[1]
        self._names: dict[str, str] = {}

    def of(self, style: Style | None) -> tuple[str, str]:
        """Text and background of a style, as they are seen."""
        style = self._base + style if style is not None else self._base
        text = self._hex(style.color, is_text=True)
        ground = self._hex(style.bgcolor, is_text=False)
        return (ground, text) if style.reverse else (text, ground)

    def name(self, colour: str) -> str:
        """The class of a colour."""
        return self._names.setdefault(colour, f"c{len(self._names)}")

    def rules(self) -> str:
        """What the classes mean."""
        return "".join(f".{name}{{fill:{colour}}}" for colour, name in self._names.items())

    def _hex(self, colour: Color | None, *, is_text: bool) -> str:
        return (colour or _DEFAULT).get_truecolor(self._colours, foreground=is_text).hex


def _row(strip: Strip, row: int, palette: _Palette) -> Iterator[str]:
    top = row * CELL_HEIGHT
    at = 0
    grounds: list[str] = []
    inks: list[str] = []
    for segment in strip:
        width = cell_len(segment.text)
        text, ground = palette.of(segment.style)
        if ground != palette.ground and width:
            grounds.append(_rect(at, top, width, 1.0, 0.0, palette.name(ground)))
        style = segment.style or Style.null()
        marks = "".join(
            f" {mark}"
            for mark, is_so in (("b", style.bold), ("i", style.italic), ("u", style.underline))
            if is_so
        )
        inks += _ink(segment.text, at, top, palette.name(text), marks)
        at += width
    yield from grounds
    yield from inks


def _ink(text: str, at: int, top: float, colour: str, marks: str) -> Iterator[str]:
    """The signs of a run of one style: drawn, or written a word group at a time."""
    for kind, chars in groupby(text, _kind):
        run = "".join(chars)
        width = cell_len(run)
        if kind in _DRAWN:
            yield from _drawn(kind, at, top, width, colour)
        else:
            # Full-width signs fill their two columns better when they are a bit larger.
            size = " w" if kind == "wide" else ""
            yield from _written(run, at, top, colour + marks + size, is_underlined="u" in marks)
        at += width


def _kind(char: str) -> str:
    """What may stand in one element: equal drawn signs, or letters of one width."""
    if char in _DRAWN:
        return char
    return "wide" if cell_len(char) == 2 else "plain"


def _drawn(char: str, at: int, top: float, width: int, colour: str) -> Iterator[str]:
    for left, above, wide, high in _DRAWN[char]:
        if char in _ACROSS:
            yield _rect(at, top, width, high, above, colour)
            continue
        for column in range(at, at + width):
            yield _rect(column + left, top, wide, high, above, colour)


def _rect(at: float, top: float, width: float, height: float, above: float, colour: str) -> str:
    x, y = at * CELL_WIDTH, top + above * CELL_HEIGHT
    return (
        f'<rect class="{colour}" x="{x:g}" y="{y:g}" width="{width * CELL_WIDTH:g}" '
        f'height="{height * CELL_HEIGHT:g}"/>'
    )


def _written(text: str, at: int, top: float, classes: str, *, is_underlined: bool) -> Iterator[str]:
    # Wide gaps need not be written, unless they are underlined.
    parts = [text] if is_underlined else _words(text)
    for part in parts:
        width = cell_len(part)
        if part.strip() or is_underlined:
            yield (
                f'<text class="{classes}" x="{at * CELL_WIDTH:g}" y="{top + _BASELINE:g}" '
                f'textLength="{width * CELL_WIDTH:g}">{escape(part, quote=False)}</text>'
            )
        at += width


def _words(text: str) -> list[str]:
    """A text cut where blanks begin and end that are wider than a few columns, with them."""
    parts: list[str] = []
    for is_blank, chars in groupby(text, lambda char: char == " "):
        run = "".join(chars)
        if parts and (not is_blank or len(run) < _WIDE_GAP) and parts[-1].strip():
            parts[-1] += run
        else:
            parts.append(run)
    return [piece for part in parts for piece in _trimmed(part)]


def _trimmed(part: str) -> list[str]:
    """Blanks at the ends of a part, and what stands between them."""
    inner = part.strip(" ")
    if not inner or inner == part:
        return [part]
    before = len(part) - len(part.lstrip(" "))
    after = len(part) - before - len(inner)
    return [piece for piece in (" " * before, inner, " " * after) if piece]
