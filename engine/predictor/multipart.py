"""Bodies of the kind `multipart/form-data` (RFC 7578), read strictly.

The body is in memory already, within a limit: finding its parts is a few searches in it, and what
is not exactly as the standards have it is refused rather than guessed at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.refusal import RefusalError

MOST_PARTS = 128
HEAD_BYTES = 4096
"""What the headers of one part may take; its file name is in them."""

_FORM = "multipart/form-data"
_BAD_REQUEST = 400
_UNSUPPORTED = 415
_CRLF = b"\r\n"
_ENCODINGS = frozenset({"7bit", "8bit", "binary"})
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_KIND = re.compile(rf"\s*({_TOKEN}(?:/{_TOKEN})?)\s*")
_PARAMETER = re.compile(rf';\s*({_TOKEN})=(?:"((?:[^"\\]|\\.)*)"|([^\s;"\\]+))\s*')
_ESCAPED = re.compile(r'\\(["\\])')
_HEADER = re.compile(rf"({_TOKEN}):[ \t]*(.*)")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True)
class Part:
    """One field of a form.

    Attributes:
        name: Of the field.
        filename: What the client calls the file, None where it said nothing.
        content: The bytes.
    """

    name: str
    filename: str | None
    content: bytes


def boundary_of(content_type: str) -> bytes:
    """What parts the body, from its header Content-Type.

    Raises:
        RefusalError: 415 for another kind of body, 400 for a boundary that can be none.
    """
    kind, _ = split_kind(content_type)
    if kind != _FORM:
        raise RefusalError(_UNSUPPORTED, f"send a form, with the header Content-Type: {_FORM}")
    boundary = _parameters(content_type, "Content-Type").get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        raise _broken("the header Content-Type names no boundary of 1 to 70 characters")
    return boundary.encode()


def split_kind(value: str) -> tuple[str, int]:
    """The first word of a header in lower case, and where what follows it begins; "": none."""
    found = _KIND.match(value)
    return (found[1].lower(), found.end()) if found else ("", 0)


def parts_of(body: bytes, boundary: bytes) -> list[Part]:
    """The fields of a form, in its order.

    Args:
        body: All of it.
        boundary: As `boundary_of` found it.

    Raises:
        RefusalError: 400, for everything that is not as it should be.
    """
    delimiter = _CRLF + b"--" + boundary
    at = _after_first(body, delimiter)
    parts: list[Part] = []
    while not body.startswith(b"--", at):
        where = f"part {len(parts) + 1}"
        if len(parts) == MOST_PARTS:
            raise _broken(f"it has more than {MOST_PARTS} parts")
        begin = _end_of_line(body, at, where)
        end = body.find(delimiter, begin - len(_CRLF))
        if end < 0:
            raise _broken(f"{where} has no end: the last boundary is missing")
        parts.append(_part(body, begin, end, where))
        at = end + len(delimiter)
    return parts


def _after_first(body: bytes, delimiter: bytes) -> int:
    """Where the first boundary ends; what stands before it means nothing."""
    opening = delimiter.removeprefix(_CRLF)
    if body.startswith(opening):
        return len(opening)
    found = body.find(delimiter)
    if found < 0:
        raise _broken("the boundary that the header Content-Type names does not stand in the body")
    return found + len(delimiter)


def _end_of_line(body: bytes, at: int, where: str) -> int:
    """Where the line after a boundary begins; only blanks may follow the boundary itself."""
    while body[at : at + 1] in (b" ", b"\t"):
        at += 1
    if not body.startswith(_CRLF, at):
        raise _broken(f"{where}: its boundary is not alone in its line, or the line has no CRLF")
    return at + len(_CRLF)


def _part(body: bytes, begin: int, end: int, where: str) -> Part:
    blank = body.find(_CRLF + _CRLF, begin, min(end, begin + HEAD_BYTES))
    if blank < 0:
        raise _broken(f"{where}: its headers have no end within {HEAD_BYTES} bytes")
    headers = _headers(body[begin:blank], where)
    disposition = headers.get("content-disposition", "")
    if split_kind(disposition)[0] != "form-data":
        raise _broken(f"{where} has no header Content-Disposition: form-data")
    said = _parameters(disposition, f"{where}: Content-Disposition")
    if "name" not in said:
        raise _broken(f"{where}: the header Content-Disposition has no name")
    if split_kind(headers.get("content-type", ""))[0].startswith("multipart/"):
        raise _broken(f"{where}: a form within a form is not read; send each file as a field")
    encoding = headers.get("content-transfer-encoding", "binary").strip().lower()
    if encoding not in _ENCODINGS:
        raise _broken(
            f"{where}: Content-Transfer-Encoding {encoding!r}; send the bytes as they are"
        )
    return Part(said["name"], said.get("filename"), body[blank + 2 * len(_CRLF) : end])


def _headers(head: bytes, where: str) -> dict[str, str]:
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        raise _broken(f"{where}: its headers are not UTF-8") from error
    headers: dict[str, str] = {}
    for line in text.split("\r\n"):
        found = _HEADER.fullmatch(line)
        if found is None or _CONTROL.search(line):
            raise _broken(f"{where}: a line of its head is no header")
        name = found[1].lower()
        if name in headers:
            raise _broken(f"{where}: the header {found[1]} stands there twice")
        headers[name] = found[2]
    return headers


def _parameters(value: str, where: str) -> dict[str, str]:
    """What follows the first word of a header, as name=value; a file name may be any text."""
    _, at = split_kind(value)
    found: dict[str, str] = {}
    while at < len(value):
        parameter = _PARAMETER.match(value, at)
        if parameter is None:
            raise _broken(f"{where} cannot be read after {value[:at][-40:]!r}")
        name = parameter[1].lower()
        if name in found:
            raise _broken(f"{where}: {name} stands there twice")
        found[name] = parameter[3] if parameter[2] is None else _unquoted(parameter[2])
        at = parameter.end()
    return found


def _unquoted(text: str) -> str:
    # A backslash before anything else is one, as in a path of Windows.
    return _ESCAPED.sub(r"\1", text)


def _broken(what: str) -> RefusalError:
    return RefusalError(_BAD_REQUEST, f"the body is no form of the kind {_FORM}: {what}")
