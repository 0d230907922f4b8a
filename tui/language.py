"""The language of the interface: English texts are the keys, Korean ones are looked up."""

from __future__ import annotations

import os
from typing import Literal

Language = Literal["en", "ko"]

_texts: dict[str, str] = {}


def choose(language: Language) -> None:
    """Speak a language from now on."""
    _texts.clear()
    if language == "ko":
        from tui.korean import texts

        _texts.update(texts())


def from_environment() -> Language:
    """The language of the user's locale, where it is one of ours."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name, "")
        if value:
            return "ko" if value.lower().startswith("ko") else "en"
    return "en"


def tr(text: str, /, **fields: object) -> str:
    """A text in the chosen language, with its {fields} filled in."""
    shown = _texts.get(text, text)
    return shown.format(**fields) if fields else shown
