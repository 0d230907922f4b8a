"""Which part a picture belongs to: decided by the picture alone.

A picture must not change sides when others come or go: a test picture that slips into training
after more were collected makes every later measure too good, and nobody would notice. So its side
may depend on nothing but what it shows and a seed. Every such rule draws independently for each
picture, and shares come out right only on average: of n pictures of a class a share p gives
n p ± sqrt(n p (1 - p)), 15 ± 3.6 of 100. Exact shares need to know who else is there, and would
move pictures when that changes. The promise is worth more than the last per cent; the counts of
every class in every part are reported.

The label is left out too: a picture whose class is corrected stays where it is. Copies of a picture
fall on one side, so that none is learnt from and tested on.
"""

from __future__ import annotations

import hashlib
from typing import Literal, get_args

from engine.config.image_settings import ImageSplitSettings

Part = Literal["training", "validation", "test"]
PARTS: tuple[Part, ...] = get_args(Part)

_DRAW_BYTES = 8


def part_of(sha256: str, split: ImageSplitSettings) -> Part:
    """The part of a picture.

    The test part comes first: another `validation_share` leaves it as it is.

    Args:
        sha256: Of what it shows; see `content_sha256`.
        split: Shares and seed.
    """
    drawn = hashlib.sha256(f"{split.seed}:{sha256}".encode()).digest()[:_DRAW_BYTES]
    share = int.from_bytes(drawn) / 256**_DRAW_BYTES
    if share < split.test_share:
        return "test"
    if share < split.test_share + split.validation_share:
        return "validation"
    return "training"
