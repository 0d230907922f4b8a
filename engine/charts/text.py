"""Text that is safe to put into a chart: escaped, cut by display width, coloured."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

from engine.text import MAX_MARKS, printable

# The sixteen colours that every terminal theme defines, so that charts follow the theme.
SGR = {
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
    "grey": "90",
    "bold": "1",
}


def fit(text: str, width: int, *, ascii: bool = False) -> str:
    """Escape the text and cut or fill it to exactly `width` columns; a cut ends in an ellipsis."""
    if width <= 0:
        return ""
    # No more characters than could ever show: a name may be a megabyte long.
    text = printable(text[: width * (MAX_MARKS + 1)], ascii=ascii)
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, width - 1) + ("~" if ascii else "…")


def fit_right(text: str, width: int, *, ascii: bool = False) -> str:
    """Escape the text and cut or fill it, from the left, to exactly `width` columns."""
    shown = clip(text, width, ascii=ascii)
    return " " * (width - cell_len(shown)) + shown


def clip(text: str, width: int, *, ascii: bool = False) -> str:
    """Escape the text and cut it to at most `width` columns."""
    return fit(text, width, ascii=ascii).rstrip()


def clip_start(text: str, width: int, *, ascii: bool = False) -> str:
    """Escape the text and cut its start: what a path begins with is mostly the same."""
    text = printable(text, ascii=ascii)
    if cell_len(text) <= width:
        return text
    while text and cell_len(text) > width - 1:
        text = text[max(1, (cell_len(text) - width) // 2) :]
    return (("~" if ascii else "…") + text)[: max(width, 0)]


def paint(text: str, style: str, colour: bool) -> str:
    """Return the text in one of the colours of `SGR`, or as it is."""
    return f"\x1b[{SGR[style]}m{text}\x1b[0m" if colour and text.strip() else text


def sentence(text: str, width: int, height: int, *, ascii: bool = False) -> str:
    """Return one line that stands where a chart would: why there is nothing to draw."""
    return clip(text, width, ascii=ascii) if width > 0 and height > 0 else ""
