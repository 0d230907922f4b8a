"""The reference of all settings, derived from the models: key, type, default, range, meaning."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic.fields import FieldInfo

from engine.config.series_settings import SeriesSettings
from engine.config.values import Allowed, Section
from engine.config.yaml_scalars import plain_or_quoted

_WORDS = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    types.NoneType: "null",
}
_KINDS = {bool: "bool", int: "int", float: "float", str: "text"}


@dataclass(frozen=True)
class SettingDoc:
    """One setting as the reference shows it.

    Attributes:
        key: Dotted key, as `--set` takes it.
        type: Kind of value in words.
        default: Value when no file, `--set` or flag gives one.
        allowed: What may stand there, in words: choices, range or form.
        doc: What it means.
        choices: The choices of a closed list, else empty.
        is_secret: The value may be a secret and is not repeated in messages.
        kind: What an input for it is made for: bool, int, float, text, choice, list or mapping; of
            several the first.
        low: Smallest number allowed, or the one that it must be above.
        high: Largest number allowed.
        is_optional: Whether null may stand there.
    """

    key: str
    type: str
    default: object
    allowed: str
    doc: str
    choices: tuple[str, ...] = ()
    is_secret: bool = False
    kind: str = "text"
    low: float | None = None
    high: float | None = None
    is_optional: bool = False


@cache
def describe_settings(root: type[Section] = SeriesSettings) -> tuple[SettingDoc, ...]:
    """Describe every setting of a tree, in the order of the models.

    Args:
        root: SeriesSettings or ImageSettings (of a flow), or EngineSettings (of the workspace).
    """
    return tuple(_walk(root, ""))


@cache
def mappings(root: type[Section] = SeriesSettings) -> frozenset[str]:
    """Return the dotted keys of the settings that hold names of somebody else's choice."""
    return frozenset(doc.key for doc in describe_settings(root) if doc.type == "mapping")


@cache
def section_docs(root: type[Section] = SeriesSettings) -> dict[str, str]:
    """Return the dotted key and documentation of every section of a tree."""
    return dict(_sections(root, ""))


def _sections(model: type[Section], prefix: str) -> Iterator[tuple[str, str]]:
    for name, info in model.model_fields.items():
        if section := section_of(info):
            yield f"{prefix}{name}", _one_line(info.description)
            yield from _sections(section, f"{prefix}{name}.")


def _walk(model: type[Section], prefix: str) -> Iterator[SettingDoc]:
    for name, info in model.model_fields.items():
        if section := section_of(info):
            yield from _walk(section, f"{prefix}{name}.")
            continue
        low, high = _bounds(_constraints(info.metadata))
        yield SettingDoc(
            key=f"{prefix}{name}",
            type=words_for(info.annotation),
            default=_plain(info.get_default(call_default_factory=True)),
            allowed=_allowed_words(info.annotation, info.metadata),
            doc=_one_line(info.description),
            choices=tuple(_choices(info.annotation)),
            is_secret=any(isinstance(mark, Allowed) and mark.is_secret for mark in info.metadata),
            kind=kind_of(info.annotation),
            low=low,
            high=high,
            is_optional=types.NoneType in _members(info.annotation),
        )


def section_of(info: FieldInfo) -> type[Section] | None:
    """Return the model of a field that is a section, or None for a field that is a setting."""
    annotation = info.annotation
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return None


def _one_line(doc: str | None) -> str:
    return " ".join((doc or "").split())


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _members(annotation: object) -> list[object]:
    is_union = get_origin(annotation) in (Union, types.UnionType)
    return (
        [m for part in get_args(annotation) for m in _members(part)] if is_union else [annotation]
    )


def words_for(annotation: object) -> str:
    """Name the type of a setting in words: `whole number`, `text or null`."""
    words = [_onewords_for(member) for member in _members(annotation)]
    return " or ".join(dict.fromkeys(words))


def _onewords_for(annotation: object) -> str:
    origin = get_origin(annotation)
    if origin is Annotated:
        return words_for(get_args(annotation)[0])
    if origin is Literal:
        return "choice"
    if origin in (tuple, list):
        return f"list of {words_for(get_args(annotation)[0])}"
    if origin is dict:
        return "mapping"
    return _WORDS[annotation] if isinstance(annotation, type) else str(annotation)


def kind_of(annotation: object) -> str:
    """Name the kind of input that a setting of this type needs; of several the first counts."""
    for member in _members(annotation):
        if member is not types.NoneType:
            return _kind_of_one(member)
    return "text"


def _kind_of_one(annotation: object) -> str:
    origin = get_origin(annotation)
    if origin is Annotated:
        return kind_of(get_args(annotation)[0])
    if origin is Literal:
        return "choice"
    if origin in (tuple, list):
        return "list"
    if origin is dict:
        return "mapping"
    return _KINDS.get(annotation, "text") if isinstance(annotation, type) else "text"


def _allowed_words(annotation: object, metadata: Iterable[object]) -> str:
    metadata = list(metadata)
    for mark in metadata:
        if isinstance(mark, Allowed):
            return mark.words
    words = []
    for member in _members(annotation):
        if get_origin(member) is Annotated:
            inner, *marks = get_args(member)
            words.append(_allowed_words(inner, marks))
        elif get_origin(member) is Literal:
            words.extend(plain_or_quoted(choice) for choice in get_args(member))
        else:
            words.append(f"{_onewords_for(member)}{_range_words(_constraints(metadata))}")
    return " | ".join(dict.fromkeys(words))


def _constraints(metadata: Iterable[object]) -> Iterator[object]:
    for mark in metadata:
        yield from mark.metadata if isinstance(mark, FieldInfo) else (mark,)


def _bounds(constraints: Iterable[object]) -> tuple[float | None, float | None]:
    low: Any = None
    high: Any = None
    for constraint in constraints:
        if isinstance(constraint, annotated_types.Ge):
            low = constraint.ge
        elif isinstance(constraint, annotated_types.Gt):
            low = constraint.gt
        elif isinstance(constraint, annotated_types.Le):
            high = constraint.le
    return low, high


def _range_words(constraints: Iterable[object]) -> str:
    low = high = ""
    for constraint in constraints:
        if isinstance(constraint, annotated_types.Ge):
            low = str(constraint.ge)
        elif isinstance(constraint, annotated_types.Gt):
            low = f"above {constraint.gt}"
        elif isinstance(constraint, annotated_types.Le):
            high = str(constraint.le)
    return f", {low} to {high}" if low and high else ""


def _choices(annotation: object) -> Iterator[str]:
    for member in _members(annotation):
        if get_origin(member) is Literal:
            yield from (choice for choice in get_args(member) if isinstance(choice, str))
