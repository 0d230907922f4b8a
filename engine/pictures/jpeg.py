"""JPEG files, marker by marker."""

from __future__ import annotations

import re
import struct

from engine.pictures.exif import UPRIGHT, orientation_of
from engine.pictures.lean import LeanFile
from engine.pictures.problem import broken, other_format

MAGIC = b"\xff\xd8\xff"

_NEXT_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
"""Within packed pixels 0xFF is followed by 0 or by a restart mark; fill bytes may come before."""
_START, _END, _SCAN, _EXIF, _ADOBE, _COMMENT = 0xD8, 0xD9, 0xDA, 0xE1, 0xEE, 0xFE
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_DECODED_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})
"""The others are lossless or hierarchical; nothing writes them but medical devices."""
_REMARKS = frozenset(range(0xE0, 0xF0)) | {_COMMENT}
_MOST_MARKERS = 100_000
_MOST_SCANS = 64
"""Each passes over every pixel: a small file of many would take minutes. Usual are 10."""


def lean_jpeg(content: bytes, where: str) -> LeanFile:
    """Walk through a JPEG file and keep what its picture needs.

    Further pictures behind the first one (a thumbnail, the other eye, a map of brightness) are left
    out, as every viewer does.

    Args:
        content: Beginning with `MAGIC`.
        where: Name of the file.

    Raises:
        PictureProblem: broken or format.
    """
    kept: list[bytes | memoryview] = []
    frame: tuple[int, int, int] | None = None
    orientation, scans, at, done = UPRIGHT, 0, 2, 0
    view = memoryview(content)
    for _ in range(_MOST_MARKERS):
        found = _NEXT_MARKER.search(content, at)
        if found is None:
            raise broken("the JPEG is cut off", where)
        marker, at = content[found.end() - 1], found.end()
        if marker == _END:
            break
        if marker == _START:
            raise broken("a second JPEG begins within the first", where)
        body, at = _segment(view, at, where)
        if marker in _FRAMES:
            if frame is not None:
                raise broken("the JPEG has a second header", where)
            frame = _frame(marker, body, where)
        scans += marker == _SCAN
        if scans > _MOST_SCANS:
            raise other_format(f"this JPEG comes in more than {_MOST_SCANS} passes", where)
        if marker in _REMARKS and not _tells_colours(marker, body):
            if marker == _EXIF and bytes(body[:6]) == b"Exif\0\0":
                orientation = orientation_of(bytes(body[6:]))
            kept.append(view[done : found.start()])
            done = at
    else:
        raise broken(f"the JPEG has more than {_MOST_MARKERS:,} markers", where)
    if frame is None or not scans:
        raise broken("the JPEG holds no picture", where)
    kept.append(view[done:at])
    width, height, channels = frame
    return LeanFile(
        format="JPEG",
        width=width,
        height=height,
        is_gray=channels == 1,
        has_palette=False,
        orientation=orientation,
        transparent=None,
        content=b"".join(kept),
    )


def _segment(view: memoryview, at: int, where: str) -> tuple[memoryview, int]:
    """What stands behind a marker, and where it ends."""
    if at + 2 > len(view):
        raise broken("the JPEG is cut off", where)
    (length,) = struct.unpack_from(">H", view, at)
    if length < 2:
        raise broken("the JPEG is damaged (a segment without a length)", where)
    if at + length > len(view):
        raise broken("the JPEG is cut off", where)
    return view[at + 2 : at + length], at + length


def _frame(marker: int, body: memoryview, where: str) -> tuple[int, int, int]:
    """Width, height and channels."""
    if len(body) < 6:
        raise broken("the header of the JPEG is damaged", where)
    depth, height, width, channels = struct.unpack_from(">BHHB", body)
    if marker not in _DECODED_FRAMES or depth != 8:
        kind = f"{depth} bits a channel" if depth != 8 else f"frame type 0x{marker:X}"
        raise other_format(f"this kind of JPEG is not read ({kind})", where)
    if not width or not height or channels not in (1, 3, 4):
        raise broken("the header of the JPEG is damaged", where)
    return width, height, channels


def _tells_colours(marker: int, body: memoryview) -> bool:
    """Whether a remark says how channels become colours."""
    return bytes(body[:5]) in (b"JFIF\0", b"Adobe") and marker in (0xE0, _ADOBE)
