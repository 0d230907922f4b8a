"""First pass over a CSV file: its encoding, its lines and its faults, at the level of bytes.

The parser of the second pass is fast because it does not know lines. This pass finds out which
lines begin a record, so that every message can name the line in the file.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.data.problems import shown
from engine.errors import DataError

DELIMITERS = (",", ";", "\t", "|")
CHUNK_BYTES = 8 << 20
MAX_LINE_BYTES = 1 << 20
_MAX_LINES_OF_VALUE = 100
_MAX_HEADER_BYTES = 100_000
_MAX_HEADER_LINES = 10_000
_NEWLINE, _QUOTE, _RETURN = 10, 34, 13

IntArray = npt.NDArray[np.int64]

_WIDE_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Utf8Stream(io.RawIOBase):
    """A file of any encoding, read as UTF-8 without a byte order mark.

    Args:
        file: Open binary file; read from its current position.
        encoding: Name of its codec.
        skip: Bytes of the UTF-8 text to leave out at the start.

    Raises:
        UnicodeDecodeError: While reading, at the first bytes that the codec does not know.
    """

    def __init__(self, file: io.BufferedReader, encoding: str, skip: int = 0) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder(encoding)("strict")
        self._pass_through = codecs.lookup(encoding).name in ("utf-8", "ascii")
        self._ready = b""
        self._ended = False
        self._skip = skip
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Of the bytes of the file that were read so far, in hex."""
        return self._hash.hexdigest()

    def readable(self) -> bool:
        """Always: this is for reading."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill `buffer` as far as possible; 0 at the end of the file."""
        while not self._ready and not self._ended:
            self._ready = self._next_chunk()
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def chunks(self) -> Iterator[bytes]:
        """Everything that is left, in pieces."""
        while not self._ended:
            chunk = self._next_chunk()
            if chunk:
                yield chunk

    def _next_chunk(self) -> bytes:
        raw = self._file.read(CHUNK_BYTES)
        self._ended = not raw
        self._hash.update(raw)
        text = self._decoder.decode(raw, final=self._ended)
        # ASCII and UTF-8 are only checked: encoding them again would give the same bytes.
        chunk = raw if self._pass_through else text.encode()
        dropped = min(self._skip, len(chunk))
        self._skip -= dropped
        return chunk[dropped:] if dropped else chunk


@dataclass(frozen=True)
class CsvScan:
    """What the first pass found.

    Args:
        encoding: Codec that reads the file.
        sha256: Of the bytes of the file.
        header: Names in the first record, blanks at their ends removed.
        delimiter: Character between columns.
        body_offset: Where the first record after the header begins, in bytes of UTF-8 text.
        records: Records after the header, blank lines left out.
        first_break: Line on which the first quoted value opens that spans lines, or None.
        lines: Number of the line on which each record begins, by the index of the record.
    """

    encoding: str
    sha256: str
    header: tuple[str, ...]
    delimiter: str
    body_offset: int
    records: int
    first_break: int | None
    lines: RecordLines


class RecordLines:
    """Lines of records, kept as the (few) lines on which no record begins.

    Args:
        skipped: Sorted numbers of the lines that are blank or continue a quoted value, or
            belong to the header.
    """

    def __init__(self, skipped: IntArray) -> None:
        # Record k begins on line k + 1 plus the skipped lines before it. Skipped line number i
        # has `skipped[i] - i - 1` records before it.
        self._records_before = skipped - np.arange(skipped.size) - 1

    def of(self, records: IntArray) -> IntArray:
        """Line (from 1) on which each record (from 0, header not counted) begins."""
        return records + 1 + np.searchsorted(self._records_before, records, side="right")


def candidate_encodings(head: bytes, wanted: str, where: str) -> tuple[str, ...]:
    """Codecs to try, in order: for auto UTF-8 with or without a byte order mark, then CP949.

    Args:
        head: First four bytes of the file.
        wanted: `dataset.encoding`: auto or the name of a codec.
        where: Name of the file, for messages.

    Raises:
        DataError: auto, and a byte order mark that is not UTF-8's.
    """
    marked = head.startswith(codecs.BOM_UTF8)
    if wanted != "auto":
        is_utf8 = codecs.lookup(wanted).name == "utf-8"
        return ("utf-8-sig",) if marked and is_utf8 else (wanted,)
    for mark, name in _WIDE_MARKS:
        if head.startswith(mark):
            raise DataError(
                f"the text is {name.upper()}, not UTF-8",
                where=where,
                fix=f"Save it as UTF-8, or set dataset.encoding: {name}",
            )
    return ("utf-8-sig",) if marked else ("utf-8", "cp949")


def _scan_lines(
    file: io.BufferedReader, encodings: tuple[str, ...], where: str
) -> tuple[_LineScan, str, str]:
    """Lines, codec and SHA-256 of a file, with the first codec that can read all of it."""
    for encoding in encodings:
        file.seek(0)
        lines = _LineScan(where)
        stream = Utf8Stream(file, encoding)
        try:
            for chunk in stream.chunks():
                lines.take(chunk)
        except UnicodeDecodeError:
            continue
        lines.finish()
        return lines, encoding, stream.sha256
    line, raw = _first_undecodable(file, encodings[0])
    names = "neither UTF-8 nor CP949" if encodings == ("utf-8", "cp949") else f"not {encodings[0]}"
    raise DataError(
        f"the text is {names} (bytes {raw.hex(' ')})",
        where=f"{where}:{line}",
        fix="Save the file as UTF-8, or set dataset.encoding to its codec, e.g. cp1252",
    )


def _first_undecodable(file: io.BufferedReader, encoding: str) -> tuple[int, bytes]:
    """Line and bytes that a codec does not know."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    line = 1
    while True:
        raw = file.read(CHUNK_BYTES)
        try:
            line += decoder.decode(raw, final=not raw).count("\n")
        except UnicodeDecodeError as error:
            before = error.object[: error.start].count(b"\n")
            return line + before, bytes(error.object[error.start : error.end])


def scan(
    file: io.BufferedReader,
    *,
    encoding: str,
    delimiter: str,
    decimal: str,
    wanted: tuple[str, ...],
    where: str,
) -> CsvScan:
    """Read a CSV file once and find its records.

    Args:
        file: Open binary file.
        encoding: `dataset.encoding`.
        delimiter: `dataset.delimiter`.
        decimal: Decimal mark, which is no candidate for a delimiter.
        wanted: Columns that are needed; a delimiter that yields them wins.
        where: Name of the file, for messages.

    Raises:
        DataError: An encoding, NUL byte, line end or quotation mark that cannot be read; an
            empty file; a header in which no delimiter is found.
    """
    file.seek(0)
    encodings = candidate_encodings(file.read(4), encoding, where)
    lines, codec, sha256 = _scan_lines(file, encodings, where)
    text, header_lines = lines.header()
    found = _find_delimiter(text, delimiter, decimal, wanted, where)
    names = _names(text, found)
    skipped = np.union1d(lines.skipped, np.arange(1, header_lines + 1)).astype(np.int64)
    return CsvScan(
        encoding=codec,
        sha256=sha256,
        header=tuple(names),
        delimiter=found,
        body_offset=lines.header_end,
        records=lines.count - skipped.size,
        first_break=lines.first_break,
        lines=RecordLines(skipped),
    )


class _LineScan:
    """Line numbers of blank lines and of lines inside quoted values, chunk by chunk."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.count = 0
        self.header_end = 0
        self._head = bytearray()
        self._rest = b""
        self._opened_on: int | None = None
        self._parts: list[IntArray] = []
        self.first_break: int | None = None

    @property
    def skipped(self) -> IntArray:
        """Lines that begin no record."""
        return np.concatenate(self._parts) if self._parts else np.empty(0, dtype=np.int64)

    def take(self, chunk: bytes) -> None:
        """Look at the whole lines of what has been read so far."""
        data = self._rest + chunk
        end = data.rfind(b"\n") + 1
        self._rest = data[end:]
        self._lines(data[:end])
        if len(self._rest) > MAX_LINE_BYTES:
            self._refuse(self.count + 1, "the line is longer than 1 MB", "Is this a CSV file?")

    def finish(self) -> None:
        """Look at a last line without a line end, and at a quoted value that never ends."""
        if self._rest:
            self._lines(self._rest + b"\n")
            self._rest = b""
        if self._opened_on is not None:
            self._refuse_open_quote()

    def header(self) -> tuple[str, int]:
        """Text of the first record, and the number of lines before the second one.

        Raises:
            DataError: There is no record.
        """
        skipped = set(self.skipped[:_MAX_HEADER_LINES].tolist())
        begins = (number for number in range(1, self.count + 1) if number not in skipped)
        if next(begins, None) is None:
            raise DataError(
                "the file is empty", where=self.where, fix="Add a header and the daily rows"
            )
        lines_before = next(begins, self.count + 1) - 1
        text = b"".join(bytes(self._head).splitlines(keepends=True)[:lines_before])
        self.header_end = len(text)
        if self.header_end >= _MAX_HEADER_BYTES:
            self._refuse(1, "the header is longer than 100 kB", "Is this a CSV file?")
        return text.lstrip(b"\r\n").decode(), lines_before

    def _lines(self, data: bytes) -> None:
        if not data:
            return
        if len(self._head) < _MAX_HEADER_BYTES:
            self._head += data[: _MAX_HEADER_BYTES - len(self._head)]
        self._refuse_control_bytes(data)
        array = np.frombuffer(data, dtype=np.uint8)
        ends = np.flatnonzero(array == _NEWLINE)
        lengths = np.diff(ends, prepend=-1) - 1
        if int(lengths.max()) > MAX_LINE_BYTES:
            number = self.count + 1 + int(np.argmax(lengths))
            self._refuse(number, "the line is longer than 1 MB", "Is this a CSV file?")
        blank = lengths == 0
        one = np.flatnonzero(lengths == 1)
        blank[one] = array[ends[one] - 1] == _RETURN
        inside = self._inside_quotes(array, ends)
        at = np.flatnonzero(blank | inside)
        if at.size:
            self._parts.append(at.astype(np.int64) + self.count + 1)
        self.count += ends.size

    def _inside_quotes(self, array: npt.NDArray[np.uint8], ends: IntArray) -> npt.NDArray[np.bool_]:
        """Which lines begin inside a quoted value: after an odd number of quotation marks."""
        quotes = np.flatnonzero(array == _QUOTE)
        was_open = self._opened_on is not None
        if quotes.size == 0 and not was_open:
            return np.zeros(ends.size, dtype=np.bool_)
        is_open_after = (np.searchsorted(quotes, ends) + int(was_open)) % 2 == 1
        inside = np.concatenate([[was_open], is_open_after[:-1]]).astype(np.bool_)
        self._refuse_long_value(inside)
        if not is_open_after[-1]:
            self._opened_on = None
        elif not inside.all():
            opening = np.flatnonzero(is_open_after & ~inside)
            self._opened_on = self.count + 1 + int(opening[-1])
        if self.first_break is None and inside.any():
            self.first_break = self.count + int(np.argmax(inside))
        return inside

    def _refuse_long_value(self, inside: npt.NDArray[np.bool_]) -> None:
        edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(np.int8)))
        for begin, end in edges.reshape(-1, 2).tolist():
            opened_on = self.count + begin if begin else self._opened_on
            if opened_on is not None and self.count + end - opened_on >= _MAX_LINES_OF_VALUE:
                self._opened_on = opened_on
                self._refuse_open_quote()

    def _refuse_control_bytes(self, data: bytes) -> None:
        nul = data.find(b"\0")
        if nul >= 0:
            self._refuse(
                self.count + 1 + data.count(b"\n", 0, nul),
                "the file holds a NUL byte",
                "It is damaged, or UTF-16 without a byte order mark (then set dataset.encoding)",
            )
        if b"\r" in data and data.count(b"\r") != data.count(b"\r\n"):
            lone = re.search(rb"\r(?!\n)", data)
            at = lone.start() if lone else 0
            self._refuse(
                self.count + 1 + data.count(b"\n", 0, at),
                "a carriage return stands there without a line feed",
                "Save the file with line ends LF or CRLF",
            )

    def _refuse_open_quote(self) -> None:
        self._refuse(
            self._opened_on or 1,
            "a quotation mark opens a value here and none closes it",
            'Close the value, or write a quotation mark inside a value as ""',
        )

    def _refuse(self, line: int, what: str, fix: str) -> None:
        raise DataError(what, where=f"{self.where}:{line}", fix=fix)


def _names(header: str, delimiter: str) -> list[str]:
    row = next(csv.reader(io.StringIO(header, newline=""), delimiter=delimiter))
    return [name.strip() for name in row]


def _find_delimiter(
    header: str, delimiter: str, decimal: str, wanted: tuple[str, ...], where: str
) -> str:
    if delimiter != "auto":
        return delimiter
    names: dict[str, list[str]] = {}
    for candidate in DELIMITERS:
        if candidate != decimal:
            names[candidate] = _names(header, candidate)
    hits = Counter({mark: sum(name in found for name in wanted) for mark, found in names.items()})
    best = max(names, key=lambda mark: (hits[mark], len(names[mark])))
    if len(names[best]) < 2:
        raise DataError(
            f"no delimiter (comma, semicolon, tab or |) is found in the header "
            f"{shown(header.strip())}",
            where=f"{where}:1",
            fix="Set dataset.delimiter to the character between the columns",
        )
    return best
