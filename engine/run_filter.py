"""The language that lists of runs are searched with: `state:failed dur>60 !tag:old swift`.

A filter is a row of terms, and a run fits when it fits all of them:

    word          its letters in their order: in the name, the flow, the id, the model, the message
    "two words"   as it stands, in one of the same
    field:value   flow model name origin message key: a part; id: the beginning; tag: all of it
    field=value   all of it
    state:a,b     beginnings of states; `open` and `ended` are several at once
    dur>60        numbers: dur age cpu (seconds or 90s 5m 2h 1d), mem (MiB or 300m 2g), priority
    !term -term   not so
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from engine.errors import ConfigError
from engine.ids import TAG_WORDS, is_tag
from engine.run_terms import (
    BARE_FIELDS,
    NUMBERS,
    STATE_WORDS,
    TEXTS,
    NumberTerm,
    Run,
    Sql,
    StateTerm,
    TagTerm,
    Term,
    TextTerm,
    folded,
)

MOST_CHARACTERS = 500
"""Length of the longest filter."""

ALIASES = {"msg": "message", "prio": "priority"}
"""Short names of fields."""

FIELDS = ("state", "tag", *(name for name in TEXTS if name != "tags"), *NUMBERS)
"""Every field that can be named."""

_TERM = re.compile(
    r"""(?P<negation>[!-]?)
        (?:(?P<field>[A-Za-z_]+)(?P<sign>:?[<>]=?|[:=]))?
        (?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<plain>[^\s"']\S*)?)""",
    re.VERBOSE,
)
_NUMBER = re.compile(r"(?P<digits>-?[0-9]{1,15}(?:\.(?P<decimals>[0-9]{1,6}))?)(?P<unit>[a-z]*)")


class FilterError(ConfigError):
    """A filter that cannot be understood.

    Attributes:
        position: Index of the character where it goes wrong.
    """

    def __init__(self, what: str, position: int, fix: str | None = None) -> None:
        super().__init__(what, where=f"filter, character {position + 1}", fix=fix)
        self.position = position


@dataclass(frozen=True)
class RunFilter:
    """A filter that is understood.

    Attributes:
        text: What was typed.
        terms: Its terms, each with whether it must not fit.
    """

    text: str = ""
    terms: tuple[tuple[Term, bool], ...] = ()

    @property
    def is_of_states(self) -> bool:
        """Whether it asks for states and nothing else, which an index answers."""
        return all(isinstance(term, StateTerm) for term, _ in self.terms)

    def matches(self, run: Run, now: float) -> bool:
        """Whether a run fits.

        Args:
            run: The run.
            now: Seconds since the epoch, for the age of runs and the duration of those that go on.
        """
        return all(term.matches(run, now) != negated for term, negated in self.terms)

    def where(self, now: float) -> Sql:
        """The filter as an SQL condition over the table of runs, with its values.

        Nothing that was typed stands in the condition itself.
        """
        conditions: list[str] = []
        values: list[Any] = []
        for term, negated in self.terms:
            condition, more = term.where(now)
            conditions.append(f"NOT coalesce({condition}, 0)" if negated else f"({condition})")
            values += more
        return " AND ".join(conditions) or "TRUE", values


def parse_filter(text: str) -> RunFilter:
    """Understand a filter; an empty one fits every run.

    Raises:
        FilterError: It is no filter; the error says where, what is allowed and what was meant.
    """
    # Texts in the table went the same way.
    text = text.encode(errors="backslashreplace").decode()
    if len(text) > MOST_CHARACTERS:
        raise FilterError(f"it is longer than {MOST_CHARACTERS} characters", MOST_CHARACTERS)
    if "\0" in text:
        raise FilterError("there is a NUL character, which no run has", text.index("\0"))
    return RunFilter(text, tuple((_term(part), part.negated) for part in _parts(text)))


@dataclass(frozen=True)
class _Part:
    """One term as it was typed; `at` and `value_at` are indices in the filter."""

    at: int
    negated: bool
    field: str
    sign: str
    value: str
    value_at: int
    quoted: bool


def _parts(text: str) -> Iterator[_Part]:
    at = 0
    while True:
        at += len(text[at:]) - len(text[at:].lstrip())
        if at == len(text):
            return
        found = _TERM.match(text, at)
        assert found is not None, "every group may be empty"
        kind = next((name for name in ("double", "single", "plain") if found[name] is not None), "")
        end = found.end()
        if not kind:
            if end < len(text) and text[end] in "\"'":
                raise FilterError("this quote is not closed", end, f"Add another {text[end]}")
            before = found["field"] or found["negation"]
            raise FilterError(
                f"{text[at:end]} is not followed by anything",
                end,
                "Write a value right behind it" if found["field"] else f"Quote it: '{before}'",
            )
        yield _Part(
            at=at + len(found["negation"]),
            negated=bool(found["negation"]),
            field=folded(found["field"] or ""),
            sign=(found["sign"] or "").replace(":<", "<").replace(":>", ">"),
            value=found[kind],
            value_at=found.start(kind),
            quoted=kind != "plain",
        )
        at = end


def _term(part: _Part) -> Term:
    if not part.field:
        return TextTerm(BARE_FIELDS, part.value, "part" if part.quoted else "fuzzy")
    field = ALIASES.get(part.field, part.field)
    if field not in FIELDS:
        raise FilterError(
            f"there is no field {part.field!r}{_meant(part.field, (*FIELDS, *ALIASES))}",
            part.at,
            f"Fields are {', '.join(FIELDS)}; a text with a {part.sign} in it needs quotes",
        )
    if field in NUMBERS:
        return _number_term(field, part)
    if part.sign not in (":", "="):
        raise FilterError(
            f"{field} is no number and cannot be compared by {part.sign}",
            part.at,
            f"Write {field}: or {field}=, or compare one of {', '.join(NUMBERS)}",
        )
    if field == "state":
        return _state_term(part)
    if field == "tag":
        if not is_tag(part.value):
            raise FilterError(f"{part.value!r} cannot be a tag", part.value_at, f"Use {TAG_WORDS}")
        return TagTerm(part.value)
    usual = "start" if field == "id" else "part"
    return TextTerm((field,), part.value, "whole" if part.sign == "=" else usual)


def _state_term(part: _Part) -> StateTerm:
    states: dict[str, None] = {}
    for word in folded(part.value).split(","):
        names = [name for name in STATE_WORDS if name.startswith(word)] if word else []
        if part.sign == "=":
            names = [name for name in names if name == word]
        if not names:
            raise FilterError(
                f"there is no state {word!r}{_meant(word, STATE_WORDS)}",
                part.value_at,
                f"States are {', '.join(STATE_WORDS)}; their beginnings are enough",
            )
        states |= dict.fromkeys(state for name in names for state in STATE_WORDS[name])
    return StateTerm(tuple(states))


def _number_term(field: str, part: _Part) -> NumberTerm:
    kind = NUMBERS[field]
    found = _NUMBER.fullmatch(folded(part.value))
    unit = found["unit"] if found else ""
    if kind.is_size:
        unit = unit.removesuffix("ib").removesuffix("b")
    if found is None or unit not in kind.units:
        raise FilterError(
            f"{part.value!r} is no value of {field}", part.value_at, f"Write {kind.example}"
        )
    size = kind.units[unit]
    return NumberTerm(
        field,
        "=" if part.sign == ":" else part.sign,
        float(found["digits"]) * size,
        10.0 ** -len(found["decimals"] or "") * size,
    )


def _meant(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f'; did you mean "{near[0]}"?' if near else ""
