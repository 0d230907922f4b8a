"""The form of ids and of names that people give: what is looked up, and may become a file name."""

from __future__ import annotations

import re

ID = r"[a-z0-9][a-z0-9._-]{0,63}"
"""As a regular expression, for all of a text."""

WORDS = "1 to 64 characters: a-z, 0-9, and after the first also . _ -"
"""In words, for messages."""

TAG = r"[\w.:-]{1,50}"
"""A tag of a run as a regular expression, for all of a text."""

TAG_WORDS = "1 to 50 letters, digits and _ . : -"
"""The form of a tag in words, for messages."""

MOST_TAGS = 20
"""How many tags a run can have."""

_ID = re.compile(ID)
_TAG = re.compile(TAG)


def is_id(text: str) -> bool:
    """Whether a text has the form: what comes from outside is asked this before it is used."""
    return _ID.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    """Whether a text can be a tag of a run."""
    return _TAG.fullmatch(text) is not None
