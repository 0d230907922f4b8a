"""What a backtest came to, in the chosen language: the engine says it as an English sentence."""

from __future__ import annotations

import re
from functools import cache

from tui.language import tr

_SENTENCES = (
    "{winner} beats {loser} by {ahead} {metric} ({low} to {high})",
    "{best} and {name}: no difference that these days can tell",
    "no difference that these days can tell between {names} and {last}",
    "{winner} is ahead of {loser} by {ahead} {metric}; "
    "1 series is too few to tell whether by chance",
    "{winner} is ahead of {loser} by {ahead} {metric}; "
    "{count} series are too few to tell whether by chance",
    "no two contenders could be held against each other by {metric}",
)
"""Every sentence of `engine.backtests.results`; names and numbers hold no blanks."""


def translated(verdict: str) -> str:
    """A verdict as people read it here; one of another version of the engine stays as it is."""
    for sentence in _SENTENCES:
        found = _pattern(sentence).fullmatch(verdict)
        if found:
            return tr(sentence, **found.groupdict())
    return verdict


@cache
def _pattern(sentence: str) -> re.Pattern[str]:
    """A sentence with its fields as groups; only `names` is more than one word."""
    parts = re.split(r"{(\w+)}", sentence)
    words = [
        f"(?P<{part}>{'.+' if part == 'names' else '[^ ]+'})" if at % 2 else re.escape(part)
        for at, part in enumerate(parts)
    ]
    return re.compile("".join(words))
