"""What a filter of runs is made of: conditions on their state, texts, tags and numbers.

Each can judge a run that a client holds, and can say the same as SQL for the table of runs: a
terminal and the engine agree.

Upper and lower case of the letters A to Z are the same everywhere; of others they are not.
"""

from __future__ import annotations

import operator
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from engine.states import FINAL_STATES, OPEN_STATES

_FOLD = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)

Sql = tuple[str, list[Any]]
"""A condition, and the values of the question marks in it."""


class Run(Protocol):
    """What a filter looks at: messages about runs and rows of the table have it alike."""

    @property
    def id(self) -> str: ...  # noqa: D102  as in `RunInfo`, all of them
    @property
    def flow(self) -> str: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def state(self) -> str: ...  # noqa: D102
    @property
    def message(self) -> str: ...  # noqa: D102
    @property
    def created(self) -> float: ...  # noqa: D102
    @property
    def started(self) -> float | None: ...  # noqa: D102
    @property
    def ended(self) -> float | None: ...  # noqa: D102
    @property
    def parameters(self) -> dict[str, Any]: ...  # noqa: D102
    @property
    def priority(self) -> int: ...  # noqa: D102
    @property
    def origin(self) -> str: ...  # noqa: D102
    @property
    def key(self) -> str | None: ...  # noqa: D102
    @property
    def tags(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def cpu_seconds(self) -> float | None: ...  # noqa: D102
    @property
    def memory(self) -> int | None: ...  # noqa: D102


class Term(Protocol):
    """One condition; negation is not its business."""

    def matches(self, run: Run, now: float) -> bool:
        """Whether a run fits, at a time in seconds since the epoch."""

    def where(self, now: float) -> Sql:
        """The same as SQL over a row of the table; it may be NULL for what has no value."""


@dataclass(frozen=True)
class StateTerm:
    """The run is in one of some states."""

    states: tuple[str, ...]

    def matches(self, run: Run, now: float) -> bool:
        """See `Term`."""
        return run.state in self.states

    def where(self, now: float) -> Sql:
        """See `Term`."""
        return f"state IN ({', '.join('?' * len(self.states))})", list(self.states)


@dataclass(frozen=True)
class TextTerm:
    """A text is in one of some fields: in pieces, in one piece, at its beginning or as all of it.

    Attributes:
        fields: Names of fields in `TEXTS`.
        text: What is looked for.
        how: fuzzy (its characters in their order), part, start or whole.
    """

    fields: tuple[str, ...]
    text: str
    how: str = "part"

    def matches(self, run: Run, now: float) -> bool:
        """See `Term`."""
        wanted = folded(self.text)
        found = _HOW[self.how]
        return any(found(wanted, folded(TEXTS[field].of(run))) for field in self.fields)

    def where(self, now: float) -> Sql:
        """See `Term`."""
        letters = [f"\\{letter}" if letter in "%_\\" else letter for letter in self.text]
        pattern = ("%" if self.how == "fuzzy" else "").join(letters)
        before = "%" if self.how in ("fuzzy", "part") else ""
        after = "" if self.how == "whole" else "%"
        columns = [TEXTS[field].column for field in self.fields]
        condition = " OR ".join(f"{column} LIKE ? ESCAPE '\\'" for column in columns)
        return f"({condition})", [f"{before}{pattern}{after}"] * len(columns)


@dataclass(frozen=True)
class TagTerm:
    """The run has a tag."""

    tag: str

    def matches(self, run: Run, now: float) -> bool:
        """See `Term`."""
        return folded(self.tag) in map(folded, run.tags)

    def where(self, now: float) -> Sql:
        """See `Term`."""
        # The column holds the tags with a blank on both sides of each, and no tag has one in it.
        return TextTerm(("tags",), f" {self.tag} ").where(now)


@dataclass(frozen=True)
class NumberTerm:
    """A number is in a range.

    Attributes:
        field: Name of a field in `NUMBERS`.
        sign: One of > >= < <= =.
        bound: What it is compared with, in the unit of the engine (seconds, bytes).
        step: For =, how far above the bound still counts: `dur=5m` is less than 6 minutes.
    """

    field: str
    sign: str
    bound: float
    step: float

    def matches(self, run: Run, now: float) -> bool:
        """See `Term`."""
        number = NUMBERS[self.field].of(run, now)
        return number is not None and all(
            COMPARISONS[sign](number, bound) for sign, bound in self._limits
        )

    def where(self, now: float) -> Sql:
        """See `Term`."""
        field = NUMBERS[self.field]
        before = [now] if "?" in field.column else []
        condition = " AND ".join(f"{field.column} {sign} ?" for sign, _ in self._limits)
        return f"({condition})", [value for _, bound in self._limits for value in (*before, bound)]

    @property
    def _limits(self) -> list[tuple[str, float]]:
        if self.sign == "=":
            return [(">=", self.bound), ("<", self.bound + self.step)]
        return [(self.sign, self.bound)]


@dataclass(frozen=True)
class TextField:
    """A text of a run, in SQL and in Python."""

    column: str
    of: Callable[[Run], str]


@dataclass(frozen=True)
class NumberField:
    """A number of a run, in SQL (a question mark is the time now) and in Python.

    Attributes:
        column: The SQL.
        of: The same from a run, None where it has none.
        units: Sizes of the units that may follow a number, in the engine's own.
        example: How it is typed.
        is_size: Whether the units may be followed by b or ib.
    """

    column: str
    of: Callable[[Run, float], float | None]
    units: Mapping[str, float]
    example: str
    is_size: bool = False


def _duration(run: Run, now: float) -> float | None:
    if run.started is None:
        return None
    return (now if run.ended is None else run.ended) - run.started


def _model(run: Run) -> str:
    model = run.parameters.get("model_type")
    return model if isinstance(model, str) else ""


_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
_BYTES = {"": 2.0**20, "k": 2.0**10, "m": 2.0**20, "g": 2.0**30, "t": 2.0**40}

TEXTS = {
    "flow": TextField("flow", lambda run: run.flow),
    "model": TextField("model", _model),
    "name": TextField("name", lambda run: run.name),
    "id": TextField("id", lambda run: run.id),
    "origin": TextField("origin", lambda run: run.origin),
    "message": TextField("message", lambda run: run.message),
    "key": TextField("coalesce(launch_key, '')", lambda run: run.key or ""),
    "tags": TextField("tags", lambda run: f" {' '.join(run.tags)} " if run.tags else ""),
}
"""Fields with a text, by name."""

NUMBERS = {
    "priority": NumberField(
        "priority", lambda run, now: run.priority, {"": 1.0}, "a number, as in priority>0"
    ),
    "dur": NumberField(
        "(coalesce(ended, ?) - started)", _duration, _SECONDS, "seconds, or 90s 5m 2h 1d"
    ),
    "age": NumberField(
        "(? - created)", lambda run, now: now - run.created, _SECONDS, "seconds, or 90s 5m 2h 1d"
    ),
    "cpu": NumberField(
        "cpu_seconds", lambda run, now: run.cpu_seconds, _SECONDS, "seconds, or 90s 5m 2h 1d"
    ),
    "mem": NumberField(
        "peak_bytes", lambda run, now: run.memory, _BYTES, "MiB, or 900k 300m 2g", True
    ),
}
"""Fields with a number, by name."""

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}

BARE_FIELDS = ("name", "flow", "id", "model", "message")
"""Where a word without a field is looked for."""

STATE_WORDS: dict[str, tuple[str, ...]] = {
    **{state.lower(): (state,) for state in (*OPEN_STATES, *sorted(FINAL_STATES))},
    "open": OPEN_STATES,
    "ended": tuple(sorted(FINAL_STATES)),
}
"""What can be typed for a state, and the states that it means."""


def folded(text: str) -> str:
    """The text with the letters A to Z in lower case, as SQLite compares it."""
    return text.translate(_FOLD)


def _is_fuzzy(wanted: str, text: str) -> bool:
    """Whether all characters of one text are in another, in their order."""
    rest = iter(text)
    return all(letter in rest for letter in wanted)


def _is_part(wanted: str, text: str) -> bool:
    return wanted in text


def _is_start(wanted: str, text: str) -> bool:
    return text.startswith(wanted)


_HOW: dict[str, Callable[[str, str], bool]] = {
    "fuzzy": _is_fuzzy,
    "part": _is_part,
    "start": _is_start,
    "whole": operator.eq,
}
