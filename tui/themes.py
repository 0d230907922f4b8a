"""What the names of styles look like, by theme.

States are told by sign and letter as well as by colour; a theme may therefore do without any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from engine.text import printable
from tui.paint import Line, Span, pad


@dataclass(frozen=True)
class Theme:
    """Names of styles with their looks, in Rich's notation.

    Attributes:
        name: How the user calls it.
        base: Of everything that has no style of its own; text and background.
        looks: The others.
    """

    name: str
    base: str
    looks: dict[str, str]


def _theme(
    name: str,
    *,
    text: str,
    ground: str,
    panel: str,
    raised: str,
    dim: str,
    accent: str,
    on_accent: str,
    good: str,
    bad: str,
    warn: str,
    run: str,
    other: str,
    blue: str,
    select: str,
) -> Theme:
    return Theme(
        name,
        f"{text} on {ground}",
        {
            "dim": dim,
            "strong": "bold",
            "title": f"bold {accent}",
            "accent": accent,
            "rule": raised,
            "frame": f"{accent} on {panel}",
            "panel": f"on {panel}",
            "header": f"{dim} on {panel}",
            "tab": f"bold {on_accent} on {accent}",
            "key": f"bold {accent}",
            "column": f"{dim} underline",
            "good": good,
            "bad": f"bold {bad}",
            "warn": warn,
            "run": run,
            "red": bad,
            "green": good,
            "yellow": warn,
            "blue": blue,
            "magenta": other,
            "cyan": run,
            "cursor": f"on {select}",
            "idle-cursor": f"on {raised}",
            "mark": f"bold {other}",
            "match": f"bold underline {warn}",
            "caret": "reverse",
            "field": f"on {raised}",
            "stale": dim,
            "danger": f"bold {ground} on {bad}",
            "notice": f"{text} on {panel}",
        },
    )


# Numbers of the palette of 256 colours: every terminal has it, and to change to one of them costs
# half the bytes of a colour that is told as red, green and blue.
THEMES = {
    theme.name: theme
    for theme in (
        _theme(
            "dark", text="color(252)", ground="color(234)", panel="color(236)",
            raised="color(239)", dim="color(245)", accent="color(75)", on_accent="color(233)",
            good="color(78)", bad="color(203)", warn="color(215)", run="color(80)",
            other="color(176)", blue="color(69)", select="color(18)",
        ),
        _theme(
            "light", text="color(235)", ground="color(231)", panel="color(255)",
            raised="color(252)", dim="color(242)", accent="color(25)", on_accent="color(231)",
            good="color(28)", bad="color(160)", warn="color(130)", run="color(30)",
            other="color(91)", blue="color(26)", select="color(153)",
        ),
        # As near as the palette comes to the eight colours of Okabe and Ito (2008), which people
        # with every kind of colour blindness tell apart.
        _theme(
            "colour-blind", text="color(254)", ground="color(234)", panel="color(236)",
            raised="color(239)", dim="color(246)", accent="color(74)", on_accent="color(233)",
            good="color(74)", bad="color(166)", warn="color(227)", run="color(36)",
            other="color(175)", blue="color(32)", select="color(18)",
        ),
    )
}  # fmt: skip
# The terminal's own colours and background, in sixteen colours.
THEMES["terminal"] = Theme(
    "terminal",
    "default on default",
    {
        "dim": "bright_black",
        "strong": "bold",
        "title": "bold bright_blue",
        "accent": "bright_blue",
        "rule": "bright_black",
        "frame": "bright_blue",
        "panel": "",
        "header": "bright_black",
        "tab": "bold reverse",
        "key": "bold bright_blue",
        "column": "bright_black underline",
        "good": "green",
        "bad": "bold red",
        "warn": "yellow",
        "run": "cyan",
        "red": "red",
        "green": "green",
        "yellow": "yellow",
        "blue": "blue",
        "magenta": "magenta",
        "cyan": "cyan",
        # Without the colours of what stands there, each of which would be a ground of its own.
        "cursor": "reverse default on default",
        "idle-cursor": "underline",
        "mark": "bold magenta",
        "match": "bold underline yellow",
        "caret": "reverse",
        "field": "underline",
        "stale": "bright_black",
        "danger": "bold reverse red",
        "notice": "bold",
    },
)
DEFAULT = "dark"


class Painter:
    """Turns lines into what Textual shows, in one theme.

    Args:
        theme: What the names of styles look like.
        ascii: Keep to ASCII, for terminals that show nothing else; charts ask for it too.
    """

    def __init__(self, theme: Theme, *, ascii: bool = False) -> None:
        self.theme = theme
        self.ascii = ascii
        self.base = Style.parse(theme.base)
        self._styles: dict[str, Style] = {"": self.base}
        self._frame: dict[tuple[Span, ...], Strip] = {}
        self._manner = (0, ascii)

    def frame(self, lines: Sequence[Line], width: int) -> list[Strip]:
        """All lines of a screen; one that stood in the last frame too is the same object again."""
        manner = (width, self.ascii)
        before = self._frame if manner == self._manner else {}
        self._frame, self._manner = {}, manner
        strips = []
        for line in lines:
            key = tuple(line)
            strip = before.get(key) or self._frame.get(key) or self.strip(line, width)
            self._frame[key] = strip
            strips.append(strip)
        return strips

    def strip(self, line: Line, width: int) -> Strip:
        """One line as exactly `width` columns."""
        segments: list[Segment] = []
        for text, names in pad(line, width):
            shown = printable(text)
            if self.ascii and not shown.isascii():
                shown = to_ascii(shown)
            style = self.style(names)
            if segments and (style is segments[-1].style or self._is_like(shown, style, segments)):
                segments[-1] = Segment(segments[-1].text + shown, segments[-1].style)
            else:
                segments.append(Segment(shown, style))
        return Strip(segments, width).adjust_cell_length(width, self.base)

    @staticmethod
    def _is_like(text: str, style: Style, segments: list[Segment]) -> bool:
        """Whether blanks look the same in the style of what stands before them.

        To change a style costs thirty bytes, and nobody sees the colour of a blank.
        """
        before = segments[-1].style
        return (
            before is not None
            and text.isspace()
            and not (style.underline or before.underline or style.reverse or before.reverse)
            and style.bgcolor == before.bgcolor
        )

    def style(self, names: str) -> Style:
        """The look of one or more names.

        Raises:
            KeyError: The theme knows no such name.
        """
        style = self._styles.get(names)
        if style is None:
            style = self.base
            for name in names.split():
                style = style + (_numbered(name) or Style.parse(self.theme.looks[name]))
            # Colours of pictures come in any number, and those of one are not those of the next.
            if ":" not in names:
                self._styles[names] = style
        return style


@lru_cache(4096)
def _numbered(name: str) -> Style | None:
    """The look of a colour by number: "ink:24", "ground:#a0b0c0"; None for another name."""
    place, _, told = name.partition(":")
    if place not in ("ink", "ground") or not told:
        return None
    colour = told if told.startswith("#") else f"color({told})"
    return Style.parse(colour if place == "ink" else f"on {colour}")


_ASCII_SIGNS = str.maketrans(
    {
        **dict.fromkeys("─━╌┄═", "-"),
        **dict.fromkeys("│┃┊╎║", "|"),
        **dict.fromkeys("╭╮╰╯┌┐└┘├┤┬┴┼╞╡", "+"),
        **dict.fromkeys("█▇▆▅▓", "#"),
        **dict.fromkeys("▄▃▒", "="),
        **dict.fromkeys("▂▁░", "."),
        "●": "*", "○": "o", "◐": "o", "✓": "+", "✗": "x", "⊘": "/", "‖": "=", "…": "~", "·": ".",
        "▸": ">", "▾": "v", "▶": ">", "◀": "<", "→": ">", "←": "<", "↑": "^", "↓": "v", "×": "x",
        "▲": "^", "▼": "v", "‹": "<", "›": ">", "–": "-", "±": "~", "▏": "|", "▕": "|", "◆": "*",
        "≥": ">", "≤": "<",
    }
)  # fmt: skip


@lru_cache(4096)
def to_ascii(text: str) -> str:
    """A text of the same width in ASCII: drawing signs get their likes, others question marks."""
    signs = text.translate(_ASCII_SIGNS)
    return "".join(char if char.isascii() else "?" * cell_len(char) for char in signs)
