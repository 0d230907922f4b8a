"""Blanking out secrets in text that is kept or shown."""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = "***"

# Shorter values would blank out half of a log.
_SHORTEST = 5
_IN_URL = re.compile(
    r"(?P<before>\b[a-z][a-z0-9+.-]{1,30}://[^\s/?#@:'\"]*:)[^\s/?#'\"]+(?=@)", re.I
)
# What `engine token create` makes.
_TOKEN = re.compile(r"\bmlops-[A-Za-z0-9_-]{40,}")
_AFTER_NAME = re.compile(
    r"""(?P<before>
        (?:authorization['"]?\s*[:=]\s*['"]?(?:basic|bearer)\s+)
      | (?:(?:password|passwd|pwd|secret|token|api_?key|auth_string)['"]?\s*[:=]\s*['"]?)
    )
    (?: (?<=') [^']+ (?=') | (?<=") [^"]+ (?=") | [^\s'",;&]+ )""",
    re.IGNORECASE | re.VERBOSE,
)


class Masker:
    """Replaces known secrets, tokens, passwords in URLs and `password=...` by `***`."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # The longest first: one may be the beginning of another.
        known = sorted({s for s in secrets if len(s) >= _SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def mask(self, text: str) -> str:
        """Return the text without secrets."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        if "://" in text:
            text = _IN_URL.sub(rf"\g<before>{MASK}", text)
        if "mlops-" in text:
            text = _TOKEN.sub(MASK, text)
        if "=" in text or ":" in text:
            text = _AFTER_NAME.sub(rf"\g<before>{MASK}", text)
        return text
