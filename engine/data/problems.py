"""What is wrong with rows: collected with row numbers, and told in one go."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from engine.errors import DataError
from engine.plurals import counted

_SHOWN_CHARACTERS = 60


def shown(value: object) -> str:
    """Text from data, safe to print: quoted, control characters escaped, cut when long."""
    text = str(value)
    cut = text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
    return repr(cut)


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """`Did you mean 'Stock'?`, or what there is when nothing is near.

    Args:
        name: What was asked for.
        candidates: What exists.
    """
    known = list(candidates)
    folded = {candidate.casefold().strip(): candidate for candidate in reversed(known)}
    near = difflib.get_close_matches(name.casefold().strip(), folded, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {shown(folded[near[0]])}?"
    if not known:
        return "There are none"
    listed = ", ".join(shown(candidate) for candidate in known[:10])
    more = f" and {len(known) - 10:,} more" if len(known) > 10 else ""
    return f"There are: {listed}{more}"


@dataclass(frozen=True)
class Spot:
    """One place in the data: any of row, series, days, value and a remark."""

    row: int | None = None
    series: str | None = None
    day: dt.date | None = None
    until: dt.date | None = None
    value: str | None = None
    remark: str | None = None

    def __str__(self) -> str:
        words = []
        if self.row is not None:
            words.append(f"row {self.row}")
        if self.series is not None:
            words.append(f"series {shown(self.series)}")
        if self.day is not None:
            end = f" to {self.until}" if self.until not in (None, self.day) else ""
            words.append(f"{self.day}{end}")
        if self.value is not None:
            words.append(shown(self.value))
        if self.remark is not None:
            words.append(self.remark)
        return " ".join(words)


def listing(spots: Sequence[Spot], count: int) -> str:
    """The spots in words, and how many there are beyond those listed."""
    more = f"; and {count - len(spots):,} more" if count > len(spots) else ""
    return "; ".join(str(spot) for spot in spots) + more


@dataclass
class Problem:
    """One kind of fault and where it was found.

    Args:
        title: What is wrong, as a template for `counted`.
        about: What it is about, e.g. a column.
        advice: What to do about it, with the setting that would accept it where there is one.
    """

    title: str
    about: str
    advice: str
    count: int = 0
    spots: list[Spot] = field(default_factory=list)

    @property
    def what(self) -> str:
        """What is wrong and where, without advice."""
        about = f"{self.about}: " if self.about else ""
        found = f": {listing(self.spots, self.count)}" if self.spots else ""
        return f"{about}{counted(self.title, self.count)}{found}"


class Problems:
    """A collection of faults, of which each kind lists at most `limit` spots.

    Args:
        limit: `dataset.rules.max_errors_listed`.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._by_key: dict[str, Problem] = {}

    def __len__(self) -> int:
        return len(self._by_key)

    def add(
        self,
        key: str,
        title: str,
        advice: str,
        *,
        count: int,
        spots: Iterable[Spot] = (),
        about: str = "",
    ) -> None:
        """Record `count` further faults of the kind `key`.

        Args:
            key: Kind of fault; the first call of a kind sets its title and advice.
            title: See `Problem`.
            advice: See `Problem`.
            count: How many there are; 0 records nothing.
            spots: Where, in order; only as many are taken as may still be listed.
            about: See `Problem`.
        """
        if count == 0:
            return
        problem = self._by_key.setdefault(key, Problem(title, about, advice))
        problem.count += count
        for spot in spots:
            if len(problem.spots) >= self.limit:
                break
            problem.spots.append(spot)

    def raise_if_any(self, where: str) -> None:
        """Stop with everything that was found.

        Args:
            where: Name of the source.

        Raises:
            DataError: Anything was recorded.
        """
        problems = list(self._by_key.values())
        if not problems:
            return
        if len(problems) == 1:
            raise DataError(problems[0].what, where=where, fix=problems[0].advice)
        lines = "".join(f"\n- {problem.what}. {problem.advice}" for problem in problems)
        raise DataError(f"{len(problems)} kinds of problems{lines}", where=where)
