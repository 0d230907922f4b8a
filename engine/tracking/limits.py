"""What MLflow takes: how long a text may be, and what a name may consist of."""

from __future__ import annotations

import re

MOST_METRICS = 1000
"""Values in one request."""
MOST_PARAMETERS = 100
"""Parameters, and tags, in one request."""

_MOST_KEY = 250
_MOST_PARAMETER = 6000
MOST_TAG = 5000
"""Characters of a tag; newer servers take more."""

_NOT_IN_KEYS = re.compile(r"[^A-Za-z0-9_\-. /]")


def key_of(name: str) -> str:
    """A name as MLflow takes it for a parameter, a metric or a tag."""
    return _NOT_IN_KEYS.sub("_", name).strip("/. ")[:_MOST_KEY] or "_"


def cut(text: str, most: int = _MOST_PARAMETER) -> str:
    """A text of at most so many characters; one that was cut says so."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
