"""What is wrong with a configuration: one line a problem, all of them at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import ConfigError

MAX_SHOWN_CHARACTERS = 60
MAX_SHOWN_PROBLEMS = 50

_PLACE = re.compile(r"(?P<file>.*):(?P<line>[0-9]+):(?P<column>[0-9]+)", re.DOTALL)


@dataclass(frozen=True)
class Problem:
    """One thing to correct.

    Attributes:
        what: What is wrong, without a final full stop.
        where: `file:line:column`, the `--set` text or the flag that it is about.
        key: Dotted key of the setting, empty when the file as a whole is meant.
        allowed: What may stand there instead.
        suggestion: The nearest thing that would be right.
    """

    what: str
    where: str = ""
    key: str = ""
    allowed: str = ""
    suggestion: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The problem as data, its place taken apart for whoever shows it there."""
        place = _PLACE.fullmatch(self.where)
        return {
            "message": self.what,
            "key": self.key,
            "where": self.where,
            "file": place["file"] if place else None,
            "line": int(place["line"]) if place else None,
            "column": int(place["column"]) if place else None,
            "allowed": self.allowed,
            "suggestion": self.suggestion,
            "fix": self.fix,
            "text": str(self),
        }

    @property
    def fix(self) -> str:
        """What to do, as far as more is known than what is wrong; "" otherwise."""
        if self.suggestion:
            return f'did you mean "{self.suggestion}"?'
        return f"allowed: {self.allowed}" if self.allowed else ""

    def __str__(self) -> str:
        start = ": ".join(part for part in (self.where, self.key, self.what) if part)
        allowed = f"; allowed: {self.allowed}" if self.allowed else ""
        suggestion = f'; did you mean "{self.suggestion}"?' if self.suggestion else ""
        return f"{start}{allowed}{suggestion}"


class ConfigProblemsError(ConfigError):
    """Everything that is wrong with the files, `--set` values and flags of one run.

    Attributes:
        problems: All of them; the text shows the first 50.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(dict.fromkeys(problems))
        lines = [str(problem) for problem in self.problems[:MAX_SHOWN_PROBLEMS]]
        hidden = len(self.problems) - len(lines)
        if hidden:
            lines.append(f"... and {hidden} more problems")
        super().__init__("\n".join(lines))


def shown(value: object) -> str:
    """Write a value for a message: short, on one line, without characters that move a cursor."""
    if isinstance(value, str):
        text = f'"{printable(value)}"'
    elif value is None or isinstance(value, bool):
        text = {None: "null", True: "true", False: "false"}[value]
    elif isinstance(value, int) and value.bit_length() > 200:
        text = "a very large number"
    else:
        text = printable(repr(value))
    return text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[: MAX_SHOWN_CHARACTERS - 3]}..."


def printable(text: str) -> str:
    """Escape what a terminal would act on: control characters, direction marks, line ends."""
    start = text[: 4 * MAX_SHOWN_CHARACTERS]
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in start)


def nearest(name: str, candidates: Collection[str], cutoff: float = 0.6) -> str:
    """Return the candidate most like `name`, upper and lower case aside, or an empty string."""
    by_lower = {candidate.lower(): candidate for candidate in candidates}
    found = difflib.get_close_matches(name[:100].lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[found[0]] if found else ""


def joined(choices: Sequence[object]) -> str:
    """List choices for the `allowed` part of a problem."""
    return " | ".join("null" if choice is None else str(choice) for choice in choices)
