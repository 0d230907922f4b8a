"""The only writer of stdout: there goes the answer, data for machines or text for people."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engine.charts.depth import Depth

_DEFAULT_WIDTH = 100
_DEFAULT_HEIGHT = 30


def write_json(value: Any) -> None:
    """Print one JSON document."""
    write_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def write_text(text: str) -> None:
    """Print text; characters that the terminal's encoding lacks are escaped, not fatal."""
    encoding = sys.stdout.encoding or "utf-8"
    printable = text.encode(encoding, errors="backslashreplace").decode(encoding)
    sys.stdout.write(printable + "\n")
    sys.stdout.flush()


def write_table(table: RenderableType) -> None:
    """Print a Rich table in the width of the terminal."""
    from rich.console import Console

    console = Console(
        file=sys.stdout, width=terminal_size()[0], highlight=False, no_color=not wants_colour()
    )
    console.print(table)


def terminal_size() -> tuple[int, int]:
    """Columns and rows for charts; a fixed size where there is no terminal."""
    size = shutil.get_terminal_size((_DEFAULT_WIDTH, _DEFAULT_HEIGHT))
    return size.columns, size.lines


def wants_colour() -> bool:
    """Whether stdout is a terminal that shows colours, and the user has not declined them."""
    declined = "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not declined


def colour_depth() -> Depth:
    """How many colours to use on stdout: as many as its terminal says it has, or none."""
    from rich.console import Console

    from engine.charts.depth import Depth

    if not wants_colour():
        return Depth.NONE
    depths = {"standard": Depth.SIXTEEN, "256": Depth.PALETTE, "truecolor": Depth.TRUE}
    # Rich says None where a variable of the environment declines colours that NO_COLOR does not.
    return depths.get(Console(file=sys.stdout).color_system or "", Depth.NONE)


def wants_ascii() -> bool:
    """Whether stdout cannot show box-drawing characters."""
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    return not encoding.startswith("utf")
