"""The language that logs are searched with: `loss level:warning !epoch ~took [0-9]{3}`.

A filter is a row of terms, and a line fits when it fits all of them:

    word          stands in it, whatever the case
    "two words"   as they stand
    level:error   an entry of this level or a worse one, with the lines that belong to it
    task:train    what wrote it
    run:otter     of which run: the beginning of its id, or a part of its flow or name
    ~regex        a regular expression that is found in it
    !term         not so
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from tui.language import tr

OfRun = Callable[[str, str], bool]
"""Whether a run, by its id, is meant by a text."""

LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}
_MOST_CHARACTERS = 500
_TERM = re.compile(r"""(!?)(?:(level|task|run):|(~))?(?:"([^"]*)("?)|(\S*))""")

# `2026-01-31 14:05:09.123 +0900 INFO    train_model: message`, as runs write it.
ENTRY = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\.(\d{3}) ([+-]\d{4}) (" + "|".join(LEVELS) + r") +(.*?): "
)
_LEVEL = re.compile(r"\d{4}-\d\d-\d\d [0-9:.]{12} [+-]\d{4} (" + "|".join(LEVELS) + r")\b")
ERROR = re.compile(
    rb"^(?:\d{4}-\d\d-\d\d [0-9:.]{12} [+-]\d{4} )?(?:ERROR|CRITICAL|FATAL)\b"
    rb"|^\s*Traceback \(most recent call last\)",
    re.MULTILINE,
)
"""What the first error is looked for by."""


@dataclass(frozen=True)
class LogTerm:
    """One condition.

    Attributes:
        kind: "" for text, else level, task, run or regex.
        value: What is looked for; `small`: the same in small letters.
        negated: It must not be so.
        pattern: What finds it in a text.
    """

    kind: str
    value: str
    negated: bool
    pattern: re.Pattern[str]
    small: str


@dataclass(frozen=True)
class LogFilter:
    """A filter that is understood; see the module for its language.

    Attributes:
        text: What was typed.
        terms: Its conditions.
    """

    text: str = ""
    terms: tuple[LogTerm, ...] = ()

    @cached_property
    def has_levels(self) -> bool:
        """Whether lines without a level depend on the entry that they belong to."""
        return any(term.kind == "level" for term in self.terms)

    @cached_property
    def needle(self) -> bytes:
        """Bytes that stand in every line that fits, in small letters; b"" if none are known."""
        words = [
            term.small
            for term in self.terms
            if not term.kind and not term.negated and _has_one_case(term.value)
        ]
        return max(words, key=len, default="").encode(errors="replace")

    @cached_property
    def highlight(self) -> tuple[re.Pattern[str], ...]:
        """What is marked in the lines that fit."""
        return tuple(
            term.pattern for term in self.terms if term.kind in ("", "regex") and not term.negated
        )

    def fits(self, line: str, level: int, run_id: str, of_run: OfRun) -> bool:
        """Whether a line fits.

        Args:
            line: The line as it stands in the log.
            level: Its level, or that of the entry that it belongs to; 0 for none.
            run_id: Its run.
            of_run: Whether a run is meant by a text.
        """
        small = line.lower()
        for term in self.terms:
            if not term.kind:
                found = term.small in small
            elif term.kind == "level":
                found = level >= LEVELS[term.value]
            elif term.kind == "run":
                found = of_run(run_id, term.value)
            elif term.kind == "task":
                entry = ENTRY.match(line)
                found = entry is not None and term.small in entry[5].lower()
            else:
                found = term.pattern.search(line) is not None
            if found == term.negated:
                return False
        return True


def parse_log_filter(text: str) -> tuple[LogFilter, str]:
    """Understand a filter; returns it, and what is wrong with it, or ""."""
    terms: list[LogTerm] = []
    problem = "" if len(text) <= _MOST_CHARACTERS else tr("the filter is too long")
    for found in _TERM.finditer(text[:_MOST_CHARACTERS]):
        negation, field, tilde, quoted, closed, plain = found.groups()
        value = plain if quoted is None else quoted
        if not value:
            continue
        if quoted is not None and not closed:
            problem = problem or tr("a quote is not closed")
        kind = field or ("regex" if tilde else "")
        try:
            terms.append(_term(kind, value, bool(negation)))
        except (ValueError, re.error, OverflowError, RecursionError) as error:
            problem = problem or str(error)
    return LogFilter(text.strip(), tuple(terms)), problem


def level_of(line: str, before: int) -> int:
    """The level of an entry, or of the one that the line goes on with; 0 for other lines.

    Args:
        line: The line.
        before: The level of the line before it.
    """
    entry = _LEVEL.match(line)
    if entry is not None:
        return LEVELS[entry[1]]
    return before if line.startswith("    ") else 0


def _term(kind: str, value: str, negated: bool) -> LogTerm:
    if kind == "level":
        names = [name for name in LEVELS if name.startswith(value.upper())]
        if not names:
            raise ValueError(tr("there is no level {name}", name=repr(value)))
        value = names[0]
    source = value if kind == "regex" else re.escape(value)
    return LogTerm(kind, value, negated, re.compile(source, re.IGNORECASE), value.lower())


def _has_one_case(text: str) -> bool:
    """Whether small letters of it are found by bytes: ASCII, or scripts without capitals."""
    return all(char.isascii() or char.lower() == char.upper() for char in text)
