"""What a decoder is given: the header that is needed, and a file without anything but its picture.

Text, colour profiles, thumbnails and other remarks are where decompression bombs and most faults of
decoders are. They are left out here, so that none of them is ever unpacked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class LeanFile:
    """A picture file that has been walked through, but not decoded.

    Args:
        format: Of the two that are read.
        width: Columns as stored.
        height: Rows as stored.
        is_gray: Whether the file says so; one with a palette says nothing.
        has_palette: Whether pixels are places in a table of colours.
        orientation: EXIF's, 1 to 8; 1 is upright.
        transparent: The colour that stands for "nothing here", as pixels have it once they are
            decoded; None where there is none.
        content: The file with its picture alone.
    """

    format: Literal["PNG", "JPEG"]
    width: int
    height: int
    is_gray: bool
    has_palette: bool
    orientation: int
    transparent: tuple[int, ...] | None
    content: bytes
