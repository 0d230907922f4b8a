"""Values of settings as people type them, and as the `engine` command takes them."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.ids import MOST_TAGS, TAG_WORDS, is_tag
from tui.language import tr

NULL = "null"
_WHOLE = re.compile(r"[-+]?[0-9]{1,18}")
# What no reader of `--set` takes for a number, a boolean, a date or a structure.
_PLAIN = re.compile(r"[A-Za-z_/][\w./@%+-]*")
_WORDS = frozenset(
    ("null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf", "infinity")
)


@dataclass(frozen=True, slots=True)
class FormField:
    """One input of a form.

    Attributes:
        key: Dotted key as `--set` takes it; of what is no setting, its option.
        section: Dotted key of the section around it.
        name: Its last part.
        kind: bool, int, float, text, choice, list, mapping; tags; raw: whatever `--set` takes.
        choices: What may be chosen, for a choice.
        low: Smallest number allowed; None: no limit.
        high: Largest number allowed.
        is_optional: Whether null may stand there.
        default: What a launch without it would use, as one would type it.
        origin: Where that comes from.
        help: What it means.
        allowed: What may stand there, in words.
        option: Option of the command line that sets it, "" when only `--set` does.
        models: Model types that use this hyper-parameter; empty for other settings.
        owners: Those of them that have it themselves, and do not only hand it on.
    """

    key: str
    section: str
    name: str
    kind: str = "text"
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    is_optional: bool = False
    default: str = ""
    origin: str = ""
    help: str = ""
    allowed: str = ""
    option: str = ""
    models: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        """Its name among the flags of a launch, "" where it has none."""
        return self.option.removeprefix("--").replace("-", "_")

    @classmethod
    def of(cls, data: dict[str, Any]) -> FormField:
        """One field as `engine config form` tells it."""
        return cls(
            key=data["key"],
            section=data["section"],
            name=data["name"],
            kind=data["kind"],
            choices=tuple(data["choices"]),
            low=data["low"],
            high=data["high"],
            is_optional=data["is_optional"],
            default=shown(data["default"]),
            origin=data["origin"],
            help=data["help"],
            allowed=data["allowed"],
            option=data["option"],
            models=tuple(data["models"]),
            owners=tuple(data["owners"]),
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """What a typed text means: the value, or what is wrong with the text."""

    value: Any = None
    problem: str = ""


def shown(value: Any) -> str:
    """A value as one would type it."""
    if value is None:
        return NULL
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(_stands_in_a_row(one) for one in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False)


def _stands_in_a_row(value: Any) -> bool:
    return isinstance(value, str) and value != "" and "," not in value and value == value.strip()


def read(field: FormField, text: str) -> Reading:
    """What a text means in a field; whether it fits others is not looked at."""
    if text in field.choices:
        return Reading(text)
    text = text.strip()
    if field.is_optional and text in ("", NULL):
        return Reading(None)
    if field.kind == "bool":
        known = {"true": True, "false": False}
        return Reading(known[text]) if text in known else _wrong(field)
    if field.kind in ("int", "float"):
        return _number(field, text)
    if field.kind == "choice":
        return Reading(text) if text in field.choices else _wrong(field)
    if field.kind == "tags":
        return _tags(text)
    if field.kind in ("list", "mapping") or (text[:1] == "[" and "a list" in field.allowed):
        return _structure(field, text)
    if any(ord(char) < 32 for char in text):
        return _wrong(field)
    return Reading(text)


def _wrong(field: FormField) -> Reading:
    allowed = " | ".join(field.choices) if field.choices else field.allowed
    return Reading(problem=tr("allowed: {allowed}", allowed=allowed or field.kind))


def _number(field: FormField, text: str) -> Reading:
    value: float
    if field.kind == "int":
        if not _WHOLE.fullmatch(text):
            return _wrong(field)
        value = int(text)
    else:
        try:
            value = float(text)
        except ValueError:
            return _wrong(field)
    too_low = field.low is not None and value < field.low
    too_high = field.high is not None and value > field.high
    return _wrong(field) if too_low or too_high or not math.isfinite(value) else Reading(value)


def _tags(text: str) -> Reading:
    tags = tuple(dict.fromkeys(text.replace(",", " ").split()))
    if len(tags) > MOST_TAGS:
        return Reading(problem=tr("at most {count} tags", count=MOST_TAGS))
    bad = next((tag for tag in tags if not is_tag(tag)), None)
    return Reading(tags) if bad is None else Reading(problem=f"{bad}: {TAG_WORDS}")


def _structure(field: FormField, text: str) -> Reading:
    if field.kind != "mapping" and text[:1] != "[":
        return Reading([part.strip() for part in text.split(",") if part.strip()])
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return _wrong(field)
    wanted = dict if field.kind == "mapping" else list
    return Reading(value) if isinstance(value, wanted) else _wrong(field)


def override(key: str, value: Any) -> str:
    """A value as `--set` takes it."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.casefold() not in _WORDS:
        return f"{key}={value}"
    return f"{key}={json.dumps(value, ensure_ascii=False)}"


def override_text(text: str) -> tuple[str, str]:
    """Key and value of what `--set` was given, the value as one would type it in a form."""
    key, _, value = text.partition("=")
    try:
        return key.strip(), shown(json.loads(value))
    except (ValueError, RecursionError):
        return key.strip(), value.strip()


def path_of(text: str) -> str:
    """A file as `--data` means it: relative ones from the folder one stands in."""
    try:
        return str(Path(text).expanduser().absolute())
    except (RuntimeError, OSError):  # ~ of a user that there is not
        return text


def path_offers(text: str) -> list[str]:
    """What a path may become: the folders and data files that begin so."""
    folder, _, start = text.rpartition("/")
    base = Path(path_of(f"{folder}/" if folder or text.startswith("/") else "."))
    try:
        entries = sorted(base.iterdir(), key=lambda entry: entry.name)[:2000]
        named = [
            f"{entry.name}/" if entry.is_dir() else entry.name
            for entry in entries
            if entry.name.startswith(start) and (start or not entry.name.startswith("."))
        ]
    except OSError:
        return []
    kept = [name for name in named if name.endswith(("/", ".csv", ".parquet", ".gz", ".zip"))]
    before = text[: len(text) - len(start)]
    return [before + name for name in kept]
