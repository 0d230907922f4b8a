"""Paths of pictures as they are typed, pasted, or dropped on the terminal."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from engine.errors import DataError
from tui.language import tr

MOST_PATHS = 20
_SUFFIXES = (".png", ".jpg", ".jpeg")
_MOST_OFFERS = 200


def read_paths(text: str) -> list[str]:
    """Read one path a line: as it is, in quotes, with escaped blanks, or as a file:// address.

    Raises:
        DataError: There is none, or there are too many.
    """
    found = [path for line in text.splitlines() if (path := _path(line.strip()))]
    if not found:
        raise DataError(tr("there is no path in it"))
    if len(found) > MOST_PATHS:
        raise DataError(tr("at most {most} pictures at once", most=MOST_PATHS))
    return found


def _path(text: str) -> str:
    if text.startswith("file://"):
        text = unquote(urlsplit(text).path)
    elif text[:1] in ("'", '"') or "\\" in text:
        try:
            parts = shlex.split(text)
        except ValueError:
            parts = []
        text = parts[0] if len(parts) == 1 else text
    return str(Path(text).expanduser()) if text else ""


def complete_path(text: str) -> Sequence[str]:
    """Folders and pictures that begin with what was typed."""
    folder, _, begun = text.rpartition("/")
    place = Path(folder + "/" if "/" in text else ".").expanduser()
    try:
        entries = sorted(place.iterdir(), key=lambda one: one.name.casefold())
    except OSError:
        return []
    offers = []
    for one in entries:
        if not one.name.startswith(begun) or (one.name.startswith(".") and not begun):
            continue
        head = f"{folder}/" if "/" in text else ""
        if one.is_dir():
            offers.append(f"{head}{one.name}/")
        elif one.suffix.casefold() in _SUFFIXES:
            offers.append(f"{head}{one.name}")
        if len(offers) >= _MOST_OFFERS:
            break
    return offers
