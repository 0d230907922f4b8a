"""What a plain (unquoted) YAML scalar means, and which ones mean something unexpected.

YAML 1.1 and 1.2 and their parsers read some scalars differently. Those are refused with the way
to write them, so a file means the same to every reader and to the person who wrote it.
"""

from __future__ import annotations

import math
import re

MAX_NUMBER_CHARACTERS = 40

_NULL = {"", "~", "null", "Null", "NULL"}
_BOOL = {
    text: meaning
    for words, meaning in (("true yes on", True), ("false no off", False))
    for word in words.split()
    for text in (word, word.capitalize(), word.upper())
}
_INT = re.compile(r"[-+]?(0|[1-9][0-9_]*)")
_FLOAT = re.compile(r"[-+]?([0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)([eE][-+]?[0-9]+)?")
_OCTAL = re.compile(r"(?P<sign>[-+]?)0+(?P<digits>[0-9_]*[0-9])")
_EXPONENT_WITHOUT_DOT = re.compile(r"(?P<digits>[-+]?[0-9]+)[eE](?P<exponent>[-+]?[0-9]+)")
_NOT_FINITE = re.compile(r"[-+]?\.?(inf|infinity|nan)", re.IGNORECASE)

Scalar = bool | int | float | str | None


class ScalarError(ValueError):
    """A scalar that is refused; the text says why and how to write it."""


def resolve_plain(text: str) -> Scalar:
    """Read an unquoted scalar.

    Raises:
        ScalarError: The scalar is read differently by different readers, or is not finite.
    """
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _NOT_FINITE.fullmatch(text):
        raise ScalarError(f"infinity and NaN are not settings; for the text write {text!r}")
    if not text[0].isascii() or not (text[0].isdigit() or text[0] in "+-."):
        return text
    return _resolve_number(text)


def _resolve_number(text: str) -> Scalar:
    if _INT.fullmatch(text) or _FLOAT.fullmatch(text):
        if len(text) > MAX_NUMBER_CHARACTERS:
            raise ScalarError(f"a number of {len(text)} characters is too long")
        digits = text.replace("_", "")
        number = int(digits) if _INT.fullmatch(text) else float(digits)
        if not math.isfinite(number):
            raise ScalarError(f"{text} is beyond the largest number")
        return number
    if octal := _OCTAL.fullmatch(text):
        decimal = f"{octal['sign']}{octal['digits']}"
        raise ScalarError(
            f"{text} begins with a zero, which some readers take as an octal number; "
            f'write {decimal}, or "{text}" for text'
        )
    if exponent := _EXPONENT_WITHOUT_DOT.fullmatch(text):
        number_text = f"{exponent['digits']}.0e{exponent['exponent']}"
        raise ScalarError(
            f'{text} without a dot is read as text; write {number_text}, or "{text}" for text'
        )
    return text


def plain_or_quoted(value: Scalar) -> str:
    """Write a scalar so that reading it gives the same value back."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        mantissa, _, exponent = repr(value).partition("e")
        dotted = mantissa if "." in mantissa else f"{mantissa}.0"
        return f"{dotted}e{exponent}" if exponent else dotted
    return value if _may_stand_plain(value) else _quoted(value)


def _may_stand_plain(text: str) -> bool:
    if not re.fullmatch(r"[_/.]*[A-Za-z0-9][A-Za-z0-9_/.+-]*", text):
        return False
    try:
        return isinstance(resolve_plain(text), str)
    except ScalarError:
        return False


def _quoted(text: str) -> str:
    escaped = "".join(
        character if character.isprintable() and character not in '"\\' else _escape(character)
        for character in text
    )
    return f'"{escaped}"'


def _escape(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\U{code:08x}"
