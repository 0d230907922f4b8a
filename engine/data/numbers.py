"""Text into numbers, strictly: what is not a number is named, never guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

MISSING_TEXTS = ("", "NA", "N/A", "#N/A", "NaN", "nan", "NAN", "null", "NULL", "None", "none")
"""Texts that mean that there is no value."""

_INFINITE = re.compile(r"[+-]?(inf|infinity)", re.IGNORECASE)
_GROUPED_BY_COMMA = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
_GROUPED_BY_POINT = re.compile(r"[+-]?\d{1,3}((\.\d{3})+,\d+|(\.\d{3}){2,})")
_DECIMAL_POINT = re.compile(r"[+-]?\d*\.\d+")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_GROUPED_BY_OTHER = re.compile(r"[+-]?\d{1,3}(?:(?P<mark>[ '_\u00a0\u202f’])\d{3})+([.,]\d*)?")

NumberFault = Literal["formula", "infinite", "grouped", "decimal", "text"]


@dataclass(frozen=True)
class NumberStyle:
    """How numbers are written.

    Args:
        decimal: Decimal mark.
        thousands: Mark between groups of three digits, or None.
    """

    decimal: str = "."
    thousands: str | None = None

    @property
    def is_plain(self) -> bool:
        """Whether numbers are written as in programs: 1234.5."""
        return self.decimal == "." and self.thousands is None

    @property
    def pattern(self) -> str:
        """Regular expression (RE2) of a number in this style.

        Groups must be of three digits: with thousands `,` the text `1,5` is no number, because
        it is far more likely a decimal comma.
        """
        mark = re.escape(self.decimal)
        whole = r"\d+"
        if self.thousands is not None:
            whole = rf"(\d+|\d{{1,3}}({re.escape(self.thousands)}\d{{3}})+)"
        return rf"^[+-]?({whole}({mark}\d*)?|{mark}\d+)([eE][+-]?\d+)?$"


@dataclass(frozen=True)
class ParsedNumbers:
    """Numbers, and the places that hold something else.

    Args:
        values: float64 (n,); NaN where a value is missing or faulty.
        faults: Indices of the faulty ones.
        texts: What stands there.
    """

    values: npt.NDArray[np.float64]
    faults: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    texts: list[str] = field(default_factory=list)


def parse_texts(texts: Any, style: NumberStyle) -> ParsedNumbers:
    """Read an Arrow string array as numbers.

    Args:
        texts: Arrow array of strings; null and `MISSING_TEXTS` are missing values.
        style: How numbers are written.
    """
    trimmed = pc.utf8_trim_whitespace(texts)
    missing = pc.or_(
        pc.is_null(trimmed),
        pc.fill_null(pc.is_in(trimmed, value_set=pa.array(MISSING_TEXTS)), True),
    )
    given = pc.if_else(missing, pa.scalar(None, pa.string()), trimmed)
    if style.is_plain:
        try:
            return _without_infinities(_to_float64(given), texts)
        except pa.ArrowInvalid:
            pass  # Something in there is no number: the slow way finds out what.
    valid = pc.fill_null(pc.match_substring_regex(given, style.pattern), False)
    faulty = pc.and_(pc.invert(missing), pc.invert(valid))
    plain = pc.if_else(valid, given, pa.scalar(None, pa.string()))
    if style.thousands is not None:
        plain = pc.replace_substring(plain, style.thousands, "")
    if style.decimal != ".":
        plain = pc.replace_substring(plain, style.decimal, ".")
    parsed = _without_infinities(_to_float64(plain), texts)
    at = np.flatnonzero(faulty.to_numpy(zero_copy_only=False)).astype(np.int64)
    return _merge(parsed, at, texts)


def parse_values(array: Any) -> ParsedNumbers:
    """Read a numeric or Boolean Arrow array; infinities are faults.

    Args:
        array: Arrow array of integers, floats, decimals or Booleans; null is missing.

    Raises:
        pyarrow.ArrowException: The type cannot be read as a number.
    """
    if pa.types.is_boolean(array.type):
        array = pc.cast(array, pa.int8())
    return _without_infinities(_to_float64(array), array)


def _to_float64(array: Any) -> npt.NDArray[np.float64]:
    # safe=False: an integer beyond 2^53 is rounded, which no stock or demand notices.
    cast = pc.cast(array, pa.float64(), safe=pa.types.is_string(array.type))
    return np.array(cast.to_numpy(zero_copy_only=False), dtype=np.float64)


def _without_infinities(values: npt.NDArray[np.float64], source: Any) -> ParsedNumbers:
    at = np.flatnonzero(np.isinf(values))
    values[at] = np.nan
    return _merge(ParsedNumbers(values), at, source)


def _merge(parsed: ParsedNumbers, at: npt.NDArray[np.int64], source: Any) -> ParsedNumbers:
    if at.size == 0:
        return parsed
    faults = np.concatenate([parsed.faults, at])
    texts = parsed.texts + [str(text) for text in source.take(pa.array(at)).to_pylist()]
    order = np.argsort(faults, kind="stable")
    return ParsedNumbers(parsed.values, faults[order], [texts[i] for i in order])


def explain(text: str, style: NumberStyle) -> tuple[NumberFault, str]:
    """Say what kind of fault a text is, and what to do about it.

    Args:
        text: What stands in place of a number.
        style: How numbers were expected.
    """
    text = text.strip()
    if text.startswith("="):
        return "formula", (
            "The file holds formulas instead of their results; in the spreadsheet, paste them as "
            "values and export again"
        )
    if _INFINITE.fullmatch(text) or re.fullmatch(style.pattern, text):
        return "infinite", "Write a finite number, or leave the cell empty where there is no value"
    settings = _settings_that_read(text)
    wanted = {name: mark for name, mark in settings.items() if getattr(style, name) != mark}
    if wanted:
        words = " and ".join(f'dataset.{name}: "{mark}"' for name, mark in wanted.items())
        if wanted.get("decimal", "") == style.thousands and "thousands" not in wanted:
            words += " and dataset.thousands: null"
        return ("grouped" if "thousands" in wanted else "decimal"), f"Set {words}"
    return "text", "Write a number, or leave the cell empty where there is no value"


def _settings_that_read(text: str) -> dict[str, str]:
    if _GROUPED_BY_COMMA.fullmatch(text):
        return {"thousands": ",", "decimal": "."}
    if _GROUPED_BY_POINT.fullmatch(text):
        return {"thousands": ".", "decimal": ","}
    if _DECIMAL_COMMA.fullmatch(text):
        return {"decimal": ","}
    if _DECIMAL_POINT.fullmatch(text):
        return {"decimal": "."}
    other = _GROUPED_BY_OTHER.fullmatch(text)
    if other and other["mark"] in " '_":
        return {"thousands": other["mark"]}
    return {}


FAULT_TITLES: dict[NumberFault, str] = {
    "formula": "[is a formula, not a number|are formulas, not numbers]",
    "infinite": "[is|are] infinite or too large",
    "grouped": "[looks like a number|look like numbers] with marks between thousands",
    "decimal": "[looks like a number|look like numbers] with another decimal mark",
    "text": "[is text, not a number|are text, not numbers]",
}
