"""YAML text to plain data, with the line and column of every key and value.

Events are read one by one and building stops at the first cap that is passed, so a hostile file
costs no more than a large honest one. Only what settings need is accepted: mappings, lists and
plain scalars; no tags, anchors, aliases, merge keys or second documents.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import yaml

from engine.config.problems import ConfigProblemsError, Problem, printable, shown
from engine.config.yaml_scalars import ScalarError, resolve_plain

MAX_BYTES = 1_000_000
MAX_DEPTH = 16
MAX_NODES = 10_000

TOO_DEEP = f"values are nested deeper than {MAX_DEPTH} levels"

KeyPath = tuple[str | int, ...]

# The C parser reads a settings file in a millisecond; the Python one needs about fifteen.
_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Position:
    """A place in a file, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Source:
    """A value's place and how it was written.

    Attributes:
        key: Where its key stands (for a list element: where the element stands).
        value: Where the value stands.
        text: The scalar as written without quotes, or None for anything else.
    """

    key: Position
    value: Position
    text: str | None = None


@dataclass(frozen=True)
class YamlDocument:
    """One YAML file as data.

    Attributes:
        name: How messages call the file.
        data: Its mapping.
        sources: Key path to where that value stands.
    """

    name: str
    data: dict[str, object]
    sources: dict[KeyPath, Source]


def read_yaml_file(path: Path, name: str | None = None) -> YamlDocument:
    """Read one settings file.

    Args:
        path: A regular file.
        name: How messages call it; the path by default.

    Raises:
        ConfigProblemsError: The file cannot be read, or is not a mapping in plain YAML.
    """
    shown_name = name or str(path)
    try:
        # Opening a pipe would wait for a writer that never comes.
        if not stat.S_ISREG(path.stat().st_mode):
            raise ConfigProblemsError([Problem("this is not a regular file", where=shown_name)])
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        problem = Problem(f"the file cannot be read: {reason}", where=shown_name)
        raise ConfigProblemsError([problem]) from error
    return parse_yaml(raw, shown_name)


def parse_yaml(raw: bytes, name: str) -> YamlDocument:
    """Read YAML bytes into plain data with positions.

    Args:
        raw: UTF-8, with or without a byte order mark.
        name: How messages call the file.

    Raises:
        ConfigProblemsError: With the line and column of everything that is wrong.
    """
    if len(raw) > MAX_BYTES:
        what = f"the file is larger than {MAX_BYTES} bytes; settings need a few thousand"
        raise ConfigProblemsError([Problem(what, where=name)])
    text = _decode(raw, name)
    builder = _Builder(name, text)
    try:
        data = builder.document()
    except yaml.MarkedYAMLError as error:
        builder.problems.append(_syntax_problem(error, name, text))
    if builder.problems:
        raise ConfigProblemsError(builder.problems)
    return YamlDocument(name, data, builder.sources)


def _decode(raw: bytes, name: str) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        what = "the file is saved as UTF-16; save it as UTF-8"
        raise ConfigProblemsError([Problem(what, where=f"{name}:1:1")])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8", errors="replace")
        what = f"byte 0x{raw[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise ConfigProblemsError([Problem(what, where=f"{name}:{_place(before)}")]) from None
    if control := _CONTROL.search(text):
        what = f"character U+{ord(control[0]):04X} is not allowed in a text file; remove it"
        place = _place(text[: control.start()])
        raise ConfigProblemsError([Problem(what, where=f"{name}:{place}")])
    return text


def _place(before: str) -> str:
    """Return line:column of the character after `before`."""
    return f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


class _StopReadingError(Exception):
    """A cap is passed: the problem is recorded and the rest of the file is not looked at."""


@dataclass
class _Builder:
    """Builds data from parser events; problems that allow going on are collected."""

    name: str
    text: str
    problems: list[Problem] = field(default_factory=list)
    sources: dict[KeyPath, Source] = field(default_factory=dict)
    nodes: int = 0

    def __post_init__(self) -> None:
        self.parser = _Parser(self.text)

    def document(self) -> dict[str, object]:
        try:
            return self._document()
        except _StopReadingError:
            return {}
        finally:
            self.parser.dispose()

    def _document(self) -> dict[str, object]:
        self.parser.get_event()  # start of the stream
        if isinstance(self.parser.get_event(), yaml.StreamEndEvent):
            self._problem("the file holds no settings", Position(1, 1))
            return {}
        first = self._event()
        data = self._value(first, ())
        if data == {}:
            data = None
        self.parser.get_event()  # end of the document
        following = self.parser.get_event()
        if not isinstance(following, yaml.StreamEndEvent):
            what = "a second document begins here; a file holds one, so remove this ---"
            self._problem(what, _start(following))
        if isinstance(data, dict):
            return data
        if data is None:
            self._problem("the file holds no settings", Position(1, 1))
        elif not self.problems:
            what = f"{kind_of(data)} stands where `key: value` lines are expected"
            self._problem(what, _start(first))
        return {}

    def _event(self) -> yaml.Event:
        event: yaml.Event = self.parser.get_event()
        self.nodes += 1
        if self.nodes > MAX_NODES:
            self._stop(f"the file has more than {MAX_NODES} values", event)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            self._stop("anchors (&) and aliases (*) are not accepted; write the value out", event)
        if tag := getattr(event, "tag", None):
            short = printable(tag.replace("tag:yaml.org,2002:", "!!"))
            what = f"the tag {short} is not accepted; settings are plain text and numbers"
            self._problem(what, _start(event))
        return event

    def _value(self, event: yaml.Event, path: KeyPath) -> object:
        if len(path) > MAX_DEPTH:
            self._stop(TOO_DEEP, event)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        raise AssertionError(f"the parser gave {event!r} where a value begins")

    def _scalar(self, event: yaml.ScalarEvent, path: KeyPath) -> object:
        if event.style:
            return str(event.value)
        try:
            return resolve_plain(event.value)
        except ScalarError as error:
            self._problem(str(error), _start(event), path)
            return None

    def _sequence(self, path: KeyPath) -> list[object]:
        items: list[object] = []
        while not isinstance(event := self._event(), yaml.SequenceEndEvent):
            inner = (*path, len(items))
            self.sources[inner] = Source(_start(event), _start(event), _plain_text(event))
            items.append(self._value(event, inner))
        return items

    def _mapping(self, path: KeyPath) -> dict[str, object]:
        data: dict[str, object] = {}
        first_seen: dict[str, Position] = {}
        while not isinstance(event := self._event(), yaml.MappingEndEvent):
            place = _start(event)
            key = self._key(event, path)
            value_event = self._event()
            inner = (*path, key)
            if key in first_seen:
                first = first_seen[key]
                what = f"this key stands twice, on lines {first.line} and {place.line}; keep one"
                self._problem(what, place, inner)
                self._value(value_event, (*path, f"{key} (again)"))
                continue
            first_seen[key] = place
            value_place = place if _is_empty(value_event) else _start(value_event)
            self.sources[inner] = Source(place, value_place, _plain_text(value_event))
            data[key] = self._value(value_event, inner)
        return data

    def _key(self, event: yaml.Event, path: KeyPath) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            self._stop("a key is text, not a list or mapping", event)
        key = self._scalar(event, path)
        if key == "<<" and not event.style:
            self._stop("merge keys (<<) are not accepted; write the values out", event)
        if not isinstance(key, str) and not self._reported_at(event):
            what = (
                f"the key {printable(event.value)} is read as {kind_of(key)}; keys are text, "
                f'so write "{printable(event.value)}"'
            )
            self._problem(what, _start(event), path)
        return str(event.value)

    def _reported_at(self, event: yaml.Event) -> bool:
        place = self._where(_start(event))
        return any(problem.where == place for problem in self.problems)

    def _where(self, place: Position) -> str:
        return f"{self.name}:{place.line}:{place.column}"

    def _problem(self, what: str, place: Position, path: KeyPath = ()) -> None:
        self.problems.append(Problem(what, where=self._where(place), key=dotted(path)))

    def _stop(self, what: str, event: yaml.Event) -> NoReturn:
        self._problem(what, _start(event))
        raise _StopReadingError


def _start(event: yaml.Event) -> Position:
    assert event.start_mark is not None  # only hand-made events come without
    return Position(event.start_mark.line + 1, event.start_mark.column + 1)


def _is_empty(event: yaml.Event) -> bool:
    return isinstance(event, yaml.ScalarEvent) and not event.style and event.value == ""


def _plain_text(event: yaml.Event) -> str | None:
    if isinstance(event, yaml.ScalarEvent) and not event.style:
        return str(event.value)
    return None


def dotted(path: KeyPath) -> str:
    """Write a key path the way `--set` takes it."""
    return printable(".".join(str(part) for part in path))


def kind_of(value: object) -> str:
    """Name the kind of a value in words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"a switch (true or false), {shown(value)}"
    if isinstance(value, int | float):
        return f"the number {shown(value)}"
    if isinstance(value, str):
        return f"the text {shown(value)}"
    return "a mapping" if isinstance(value, dict) else "a list"


def _syntax_problem(error: yaml.MarkedYAMLError, name: str, text: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return Problem(f"this is not YAML: {error}", where=name)
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    place = f"{name}:{mark.line + 1}:{mark.column + 1}"
    indentation = line[: len(line) - len(line.lstrip())]
    if "\t" in indentation:
        column = indentation.index("\t") + 1
        what = "a tab stands in the indentation; YAML is indented with spaces"
        return Problem(what, where=f"{name}:{mark.line + 1}:{column}")
    if line[mark.column : mark.column + 1] == "\t":
        return Problem("a tab stands here; separate with spaces", where=place)
    return Problem(_syntax_advice(error, line[mark.column :]), where=place)


def _syntax_advice(error: yaml.MarkedYAMLError, rest: str) -> str:
    problem = error.problem or "this is not YAML"
    if "maximum nesting depth" in problem:
        # The C parser reads ahead, and since 0.2.6 has a cap of its own that may come first.
        return TOO_DEEP
    opened = error.context_mark.line + 1 if error.context_mark else 0
    if "mapping values are not allowed" in problem:
        return "a colon is not expected here; check the indentation, or quote the value"
    if "cannot start any token" in problem:
        value = printable(rest.split(" #")[0].strip())
        return f'a value cannot begin with {shown(rest[:1])}; quote it: "{value}"'
    if "end of stream" in problem and "quoted" in (error.context or ""):
        return f"the quote that opens on line {opened} is not closed"
    if "',' or" in problem and rest[:1] == "{":
        return 'braces in a list between brackets belong in quotes: ["https://host/${NAME}"]'
    if "',' or" in problem:
        return f"the bracket that opens on line {opened} is not closed, or a comma is missing"
    if any(part in problem for part in ("expected ':'", "expected key", "expected <block")):
        return f"the lines since line {opened} do not fit together; check colons and indentation"
    context = f"{error.context}: " if error.context else ""
    return f"this is not YAML: {context}{problem}"
