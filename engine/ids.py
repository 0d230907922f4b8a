"""The form of ids and of names that people give: what is looked up, and may become a file name."""

from __future__ import annotations

import re

ID = r"[a-z0-9][a-z0-9._-]{0,63}"
"""As a regular expression, for all of a text."""

WORDS = "1 to 64 characters: a-z, 0-9, and after the first also . _ -"
"""In words, for messages."""

_ID = re.compile(ID)


def is_id(text: str) -> bool:
    """Whether a text has the form: what comes from outside is asked this before it is used."""
    return _ID.fullmatch(text) is not None
