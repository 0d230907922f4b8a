"""Text into days, only where it can be read in one way.

The form of a whole column is judged at once: a day above 12 anywhere in it tells whether
04/03/2024 begins with the day or with the month. Nothing that stays open is guessed.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

FIRST_YEAR, LAST_YEAR = 1900, 2199
"""Years outside are taken for slips of the pen: a day in 2204 would make two centuries of gaps."""

_TIME = (
    r"(?:[T ]+(?P<time>\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?)"
    r" ?(?P<zone>Z|UTC|[+-]\d{2}:?\d{2}|[+-]\d{2})?)?"
)
_MONTH_NAME = r"(?P<name>[A-Za-z]{3,9})\.?"
_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (form, re.compile(pattern + _TIME))
    for form, pattern in (
        ("YYYY-MM-DD", r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"),
        ("YYYYMMDD", r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})"),
        ("YYYY/MM/DD", r"(?P<year>\d{4})/(?P<month>\d{1,2})/(?P<day>\d{1,2})"),
        ("YYYY.MM.DD", r"(?P<year>\d{4})\. ?(?P<month>\d{1,2})\. ?(?P<day>\d{1,2})\.?"),
        ("YYYY년 MM월 DD일", r"(?P<year>\d{4})년 ?(?P<month>\d{1,2})월 ?(?P<day>\d{1,2})일"),
        ("DD month YYYY", rf"(?P<day>\d{{1,2}})[ -]{_MONTH_NAME}[ -](?P<year>\d{{4}})"),
        ("month DD, YYYY", rf"{_MONTH_NAME} (?P<day>\d{{1,2}}),? (?P<year>\d{{4}})"),
        ("NN/NN/YYYY", r"(?P<first>\d{1,2})/(?P<second>\d{1,2})/(?P<year>\d{4})"),
        ("NN-NN-YYYY", r"(?P<first>\d{1,2})-(?P<second>\d{1,2})-(?P<year>\d{4})"),
        ("NN.NN.YYYY", r"(?P<first>\d{1,2})\.(?P<second>\d{1,2})\.(?P<year>\d{4})"),
    )
)
_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip

DateFault = Literal[
    "empty", "zone", "time", "year", "impossible", "unreadable", "ambiguous", "mixed"
]

ADVICE: Mapping[DateFault, tuple[str, str]] = {
    "empty": ("{count} [date is|dates are] empty", "Every row needs its day"),
    "zone": (
        "{count} [date carries|dates carry] a time zone",
        "A day depends on the zone: convert them to local days and write them as YYYY-MM-DD",
    ),
    "time": (
        "{count} [date holds|dates hold] a time within the day",
        "The platform forecasts days: add the rows of a day up first, or write the day alone",
    ),
    "year": (
        f"{{count}} [date lies|dates lie] outside {FIRST_YEAR} to {LAST_YEAR}",
        "Correct the year",
    ),
    "impossible": ("{count} [date is|dates are] not in the calendar", "Correct them"),
    "unreadable": (
        "{count} [date|dates] cannot be read",
        'Write them as YYYY-MM-DD, or set dataset.date_format, e.g. "%d/%m/%Y"',
    ),
    "ambiguous": (
        "{count} [date|dates] can be read with the day first or with the month first",
        'Set dataset.date_format: "{day_first}" or "{month_first}"',
    ),
    "mixed": (
        "{count} [date is|dates are] written differently from the others",
        "Write all of them in the same form",
    ),
}
"""Title and advice of each fault."""


@dataclass(frozen=True)
class DateColumn:
    """What a column of date texts means.

    Args:
        days: Day of each text that could be read.
        faults: What is wrong with each of the others, with a remark (or "").
        form: How the dates are written, or None when nothing could be read.
        order_proof: A text that tells whether day or month comes first, where that matters.
    """

    days: Mapping[str, dt.date]
    faults: Mapping[str, tuple[DateFault, str]]
    form: str | None = None
    order_proof: str | None = None


@dataclass
class _Reading:
    days: dict[str, dt.date] = field(default_factory=dict)
    faults: dict[str, tuple[DateFault, str]] = field(default_factory=dict)

    def settle(self, text: str, year: int, month: int, day: int) -> None:
        if not FIRST_YEAR <= year <= LAST_YEAR:
            self.faults[text] = ("year", "")
            return
        try:
            self.days[text] = dt.date(year, month, day)
        except ValueError:
            self.faults[text] = ("impossible", "")


def read_dates(counts: Mapping[str, int], date_format: str | None) -> DateColumn:
    """Read the different texts of a date column.

    Args:
        counts: How many rows hold each text; decides which form is the usual one.
        date_format: A strptime format, or None for ISO 8601 and what reads in one way only.
    """
    if date_format is not None:
        return _read_with_format(counts, date_format)
    reading = _Reading()
    by_form: dict[str, dict[str, re.Match[str]]] = {}
    for text in counts:
        found = _match(text.strip(), text, reading)
        if found is not None:
            form, match = found
            by_form.setdefault(form, {})[text] = match
    if not by_form:
        return DateColumn(reading.days, reading.faults)
    usual = max(by_form, key=lambda form: sum(counts[text] for text in by_form[form]))
    for form, matches in by_form.items():
        if form != usual:
            example = next(iter(by_form[usual]))
            remark = f"(the others are like {example.strip()!r})"
            reading.faults.update((text, ("mixed", remark)) for text in matches)
    proof = _settle_form(by_form[usual], reading)
    return DateColumn(reading.days, reading.faults, usual, proof)


def _match(trimmed: str, text: str, reading: _Reading) -> tuple[str, re.Match[str]] | None:
    for form, pattern in _FORMS:
        match = pattern.fullmatch(trimmed)
        if match is None:
            continue
        if match["zone"]:
            reading.faults[text] = ("zone", "")
        elif match["time"] and re.search(r"[1-9]", match["time"]):
            reading.faults[text] = ("time", "")
        else:
            return form, match
        return None
    reading.faults[text] = ("unreadable", _remark_on(trimmed))
    return None


def _remark_on(text: str) -> str:
    if re.fullmatch(r"[2-6]\d{4}(\.0+)?", text):
        return "(perhaps a day number of a spreadsheet: format the column as a date)"
    if re.fullmatch(r"\d{10}|\d{13}", text):
        return "(perhaps seconds or milliseconds since 1970)"
    if re.fullmatch(r"\d{1,2}([/.-])\d{1,2}\1\d{2}", text):
        return "(the year has two digits)"
    if text.startswith("="):
        return "(a formula instead of its result)"
    return ""


def _settle_form(matches: Mapping[str, re.Match[str]], reading: _Reading) -> str | None:
    first = next(iter(matches.values()))
    groups = first.re.groupindex
    if "first" in groups:
        return _settle_open_order(matches, reading)
    for text, match in matches.items():
        if "name" in groups:
            month = _month_number(match["name"])
            if month is None:
                reading.faults[text] = ("unreadable", "")
                continue
        else:
            month = int(match["month"])
        reading.settle(text, int(match["year"]), month, int(match["day"]))
    return None


def _month_number(name: str) -> int | None:
    folded = name.lower()
    for number, month in enumerate(_MONTHS, start=1):
        if folded in (month, month[:3]) or (folded == "sept" and number == 9):
            return number
    return None


def _settle_open_order(matches: Mapping[str, re.Match[str]], reading: _Reading) -> str | None:
    day_first = [text for text, match in matches.items() if int(match["first"]) > 12]
    month_first = [text for text, match in matches.items() if int(match["second"]) > 12]
    if day_first and month_first:
        fewer, others = sorted((day_first, month_first), key=len)
        remark = f"(day and month stand the other way round than in {others[0].strip()!r})"
        reading.faults.update((text, ("mixed", remark)) for text in fewer)
        return None
    if not day_first and not month_first:
        reading.faults.update((text, ("ambiguous", "")) for text in matches)
        return None
    for text, match in matches.items():
        one, two = int(match["first"]), int(match["second"])
        month, day = (two, one) if day_first else (one, two)
        reading.settle(text, int(match["year"]), month, day)
    return (day_first or month_first)[0]


def strptime_choices(text: str) -> tuple[str, str]:
    """The two formats that an ambiguous text like 03/04/2024 can have: day first, month first."""
    mark = next(character for character in text.strip() if not character.isdigit())
    return f"%d{mark}%m{mark}%Y", f"%m{mark}%d{mark}%Y"


def _read_with_format(texts: Iterable[str], date_format: str) -> DateColumn:
    reading = _Reading()
    for text in texts:
        try:
            moment = dt.datetime.strptime(text.strip(), date_format)
        except ValueError:
            reading.faults[text] = ("unreadable", f"(dataset.date_format is {date_format!r})")
            continue
        if moment.tzinfo is not None:
            reading.faults[text] = ("zone", "")
        elif moment.time() != dt.time():
            reading.faults[text] = ("time", "")
        else:
            reading.settle(text, moment.year, moment.month, moment.day)
    return DateColumn(reading.days, reading.faults, date_format)
