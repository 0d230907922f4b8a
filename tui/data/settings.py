"""The effective settings of a flow or of the engine, as `engine config show --json` tells them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from engine.masking import MASK, Masker
from engine.schema import FLOW_NAMES
from models.data_types import IMAGE

ENGINE = "engine"
_PICTURES = f"{IMAGE}_"
OWNERS = (*FLOW_NAMES, *(f"{_PICTURES}{flow}" for flow in FLOW_NAMES), ENGINE)
"""Whose settings there are: of the flows, of the flows about pictures, of the engine."""

_OWN_LAYERS = ("workspace", "run", "set")
_PLACE = re.compile(r"(?P<file>.+\.ya?ml):(?P<line>[0-9]+)(?: \(shipped\))?")
_SECRET = re.compile(r"pass(word|wd)?$|secret|token|(^|[._-])key$|credential", re.IGNORECASE)
_ADDRESS = re.compile(r"(?P<to>[a-z][a-z0-9+.-]*://[^/@?#]+)(?=[/?#]|$)", re.IGNORECASE)
_masker = Masker()


def flow_of(owner: str) -> str:
    """The flow of an owner, whatever data it is about; the engine has none but its own name."""
    return owner.removeprefix(_PICTURES)


def prefix_of(owner: str) -> str:
    """What the names of the owner's files and of those beside it begin with."""
    return owner[: len(owner) - len(flow_of(owner))]


def show_arguments(owner: str) -> tuple[str, ...]:
    """The command that shows the settings of an owner, without the name of the program."""
    about = ("--data-type", IMAGE) if prefix_of(owner) else ()
    return ("config", "show", flow_of(owner), *about)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting with what holds, where that comes from and what it means.

    Attributes:
        key: Dotted key.
        value: What holds.
        shown: The same as text, without secrets.
        origin: Where it comes from: a file and line, or "default".
        file: The file, "" where it stands in none.
        line: The line in it, from 1; 0 where it stands in none.
        differs: Whether the workspace says something else than what is shipped.
        default: What is shipped, as text.
        type: Kind of value, in words.
        allowed: What may stand there.
        doc: What it means.
    """

    key: str
    value: Any
    shown: str
    origin: str
    file: str
    line: int
    differs: bool
    default: str
    type: str
    allowed: str
    doc: str

    @property
    def from_shipped(self) -> bool:
        """Whether it stands in a file that came with the package."""
        return self.origin.endswith("(shipped)")

    @property
    def short_origin(self) -> str:
        """The file without its folder, and the line."""
        if not self.file:
            return self.origin
        return f"{self.file.rpartition('/')[2]}:{self.line}"

    def place(self, width: int) -> str:
        """The same in so many columns: the line is what must be seen."""
        text = self.short_origin
        return text if len(text) <= width else text.replace("_config.yaml", "")

    def fits(self, words: list[str]) -> bool:
        """Whether each word stands somewhere in it; one after "!" must not."""
        text = f"{self.key} {self.shown} {self.short_origin} {self.doc}".casefold()
        return all(
            (word[1:] not in text) if word.startswith("!") and len(word) > 1 else word in text
            for word in words
        )


def read_settings(document: Any) -> list[Setting]:
    """The settings in an answer of the command; entries that are none are left out."""
    values = document.get("values") if isinstance(document, dict) else None
    found = values if isinstance(values, list) else []
    return [_setting(one) for one in found if isinstance(one, dict) and one.get("key")]


def _setting(one: dict[str, Any]) -> Setting:
    key, origin = str(one["key"]), str(one.get("origin") or "")
    secret = one.get("is_secret") is True or _SECRET.search(key) is not None
    place = _PLACE.fullmatch(origin)
    own = one.get("layer") in _OWN_LAYERS
    return Setting(
        key=key,
        value=one.get("value"),
        shown=value_text(one.get("value"), secret=secret),
        origin=origin,
        file=place["file"] if place else "",
        line=int(place["line"]) if place else 0,
        differs=own and one.get("value") != one.get("default"),
        default=value_text(one.get("default"), secret=secret),
        type=str(one.get("type") or ""),
        allowed=str(one.get("allowed") or ""),
        doc=str(one.get("doc") or ""),
    )


def value_text(value: Any, *, secret: bool = False) -> str:
    """A value as it would stand in a file.

    Args:
        value: As it came from the command.
        secret: It may hold a secret: of texts only references such as ${NAME} are shown, and of
            addresses where they lead to.
    """
    if isinstance(value, str):
        return _text(value, secret) or '""'
    return json.dumps(_without_secrets(value, secret), ensure_ascii=False)


def _without_secrets(value: Any, secret: bool) -> Any:
    if isinstance(value, dict):
        return {
            name: _without_secrets(part, secret or _SECRET.search(str(name)) is not None)
            for name, part in value.items()
        }
    if isinstance(value, list):
        return [_without_secrets(part, secret) for part in value]
    return _text(value, secret) if isinstance(value, str) else value


def _text(text: str, secret: bool) -> str:
    if not secret or not text or "${" in text:
        return _masker.mask(text)
    address = _ADDRESS.match(text)
    if address is None:
        return MASK
    return text if text[address.end() :] in ("", "/") else f"{address['to']}/{MASK}"
