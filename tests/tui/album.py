"""Stored pictures of screens, and what has changed since they were stored."""

from __future__ import annotations

import os
import re
from html import unescape
from pathlib import Path

from tui.picture import CELL_WIDTH

FOLDER = Path(__file__).parent / "pictures"
UPDATE = "MLOPS_UPDATE_SNAPSHOTS"
WHERE = "MLOPS_TEST_PICTURES"
_TEXT = re.compile(r'<text class="[^"]*" x="([0-9.]+)"[^>]*>([^<]*)</text>')
_HEAD_LINES = 3


class Album:
    """Holds pictures against the stored ones.

    Args:
        folder: Where pictures go that differ.

    Attributes:
        differences: What differs, a sentence each.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = Path(os.environ.get(WHERE) or folder)
        self._updates = bool(os.environ.get(UPDATE))
        self.differences: list[str] = []

    def add(self, name: str, picture: str) -> None:
        """A picture as it looks now."""
        stored = FOLDER / f"{name}.svg"
        if self._updates:
            stored.write_text(picture, encoding="utf-8")
            return
        before = stored.read_text(encoding="utf-8") if stored.exists() else ""
        if before == picture:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{name}.svg"
        path.write_text(picture, encoding="utf-8")
        why = first_difference(before, picture) if before else "  it is not stored yet"
        self.differences.append(f"{name}: see {path}\n{why}")

    def check(self) -> None:
        """That nothing differs."""
        advice = f"\n{UPDATE}=1 stores how it looks now"
        assert not self.differences, "\n".join(self.differences) + advice


def words_of(line: str) -> str:
    """The words in a line of a picture, where they stand; what is drawn is left out."""
    found = ""
    for x, text in _TEXT.findall(line):
        column = round(float(x) / CELL_WIDTH)
        found = found.ljust(column) + unescape(text)
    return found


def first_difference(before: str, after: str) -> str:
    """The first line that differs between two pictures, as words, or else as it is drawn."""
    old, new = before.splitlines(), after.splitlines()
    if len(old) != len(new):
        return f"  {len(old) - _HEAD_LINES - 1} lines, now {len(new) - _HEAD_LINES - 1}"
    changed = [row for row, pair in enumerate(zip(old, new, strict=True)) if pair[0] != pair[1]]
    rows = [row for row in changed if words_of(old[row]) != words_of(new[row])]
    row = (rows or changed)[0]
    told, tells = words_of(old[row]), words_of(new[row])
    if told == tells:
        told, tells = old[row], new[row]
    number = row - _HEAD_LINES + 1
    return f"  line {number} was  {told}\n  line {number} is   {tells}"
