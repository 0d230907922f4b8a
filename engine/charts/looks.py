"""How states look: sign, colour, marker, and which of several asks most for attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.timeline import Bar

# Which of several states a folded bar shows, and which rows a short screen keeps.
ATTENTION = (
    "CRASHED",
    "FAILED",
    "RUNNING",
    "CANCELLING",
    "PAUSED",
    "PENDING",
    "SCHEDULED",
    "CANCELLED",
    "COMPLETED",
)

# Marker by kind of bar: waiting, running, and the same in ASCII. Flows are drawn thinner than
# the tasks inside them.
MARKERS = {"task": ("░", "▇", ".", "#"), "flow": ("╌", "━", ".", "=")}

# Deeper than this, the branches of the tree would leave no room for names.
DEEPEST_GUIDE = 8


@dataclass(frozen=True, slots=True)
class Look:
    """Sign and colour of a state; colours are those of `engine.charts.text.SGR`."""

    sign: str
    ascii_sign: str
    colour: str

    def sign_in(self, ascii: bool) -> str:
        """Return the sign, in ASCII where asked for."""
        return self.ascii_sign if ascii else self.sign


_LOOKS = {
    "COMPLETED": Look("✓", "+", "green"),
    "FAILED": Look("✗", "x", "red"),
    "CRASHED": Look("!", "!", "red"),
    "CANCELLED": Look("⊘", "/", "yellow"),
    "CANCELLING": Look("⊘", "/", "yellow"),
    "RUNNING": Look("●", "*", "cyan"),
    "PENDING": Look("○", ".", "grey"),
    "SCHEDULED": Look("○", ".", "grey"),
    "PAUSED": Look("‖", "=", "yellow"),
}
_UNKNOWN = Look("?", "?", "magenta")
_RANKS = {state: rank for rank, state in enumerate(ATTENTION)}


def look_of(state: str) -> Look:
    """Return how a state looks; one that nobody knows has a question mark."""
    return _LOOKS.get(state, _UNKNOWN)


def attention(state: str) -> int:
    """Return the rank of a state: 0 asks most for attention, one that nobody knows least."""
    return _RANKS.get(state, len(ATTENTION))


def marker_of(bar: Bar, kind: str, ascii: bool) -> str:
    """Return the character that fills the cells of a "waiting" or "running" segment."""
    return MARKERS[bar.kind][(kind == "running") + 2 * ascii]


def colour_of(bar: Bar, kind: str) -> str:
    """Return the colour of a "waiting" or "running" segment."""
    return "grey" if kind == "waiting" else look_of(bar.state).colour


def branches(goes_on: Sequence[bool], ascii: bool) -> str:
    """Return the branches of the tree to the left of a name.

    Args:
        goes_on: For each level from the outermost, whether more follows on it below.
        ascii: Keep to ASCII.
    """
    pipe, branch, corner = ("| ", "|-", "`-") if ascii else ("│ ", "├ ", "└ ")
    outer = "".join(pipe if more else "  " for more in goes_on[:-1])
    return outer + (branch if goes_on[-1] else corner) if goes_on else ""
