"""How many colours a chart may use."""

from __future__ import annotations

from enum import IntEnum


class Depth(IntEnum):
    """How many colours a terminal shows.

    `NONE` is false and the others are true, so that one goes wherever `colour` is asked for.
    """

    NONE = 0
    SIXTEEN = 16
    PALETTE = 256
    TRUE = 1 << 24

    @property
    def is_shaded(self) -> bool:
        """Whether there are shades of a colour, which are told by number and not by name."""
        return self >= Depth.PALETTE
