"""PNG files, chunk by chunk."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from engine.pictures.exif import UPRIGHT, orientation_of
from engine.pictures.lean import LeanFile
from engine.pictures.problem import broken, other_format

MAGIC = b"\x89PNG\r\n\x1a\n"

_GRAY, _COLOUR, _PALETTE, _GRAY_ALPHA, _COLOUR_ALPHA = 0, 2, 3, 4, 6
_CHANNELS = {_GRAY: 1, _COLOUR: 3, _PALETTE: 1, _GRAY_ALPHA: 2, _COLOUR_ALPHA: 4}
_DEPTHS = {
    _GRAY: (1, 2, 4, 8, 16),
    _COLOUR: (8, 16),
    _PALETTE: (1, 2, 4, 8),
    _GRAY_ALPHA: (8, 16),
    _COLOUR_ALPHA: (8, 16),
}
_NEEDED = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
_OWN = (*_NEEDED, b"tRNS")
_MOST_CHUNKS = 100_000
_PASSES = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
"""Interlaced pictures come in seven: first column, first row, columns apart, rows apart."""
_PIECE_BYTES = 1 << 20
_MOST_DEFLATED = 1032
"""No stream of zlib grows by more than this factor."""


@dataclass(frozen=True)
class _Header:
    width: int
    height: int
    depth: int
    colour: int
    is_interlaced: bool

    @property
    def bytes(self) -> int:
        """Of all rows once they are unpacked, each with the byte that names its filter."""
        bits = self.depth * _CHANNELS[self.colour]
        if not self.is_interlaced:
            return self.height * (1 + (self.width * bits + 7) // 8)
        total = 0
        for left, top, across, down in _PASSES:
            columns = (self.width - left + across - 1) // across
            rows = (self.height - top + down - 1) // down
            if columns > 0 and rows > 0:
                total += rows * (1 + (columns * bits + 7) // 8)
        return total


def lean_png(content: bytes, where: str) -> LeanFile:
    """Walk through a PNG file and keep what its picture needs.

    Args:
        content: Beginning with `MAGIC`.
        where: Name of the file.

    Raises:
        PictureProblem: broken or format.
    """
    header: _Header | None = None
    kept, has_data, orientation = [MAGIC], False, UPRIGHT
    transparent: bytes | None = None
    for name, chunk, body in _chunks(content, where):
        if header is None:
            header = _header(name, body, where)
        elif name == b"IHDR":
            raise broken("the PNG has a second header", where)
        elif name == b"IDAT":
            has_data = True
        elif name == b"acTL" and len(body) >= 4 and int.from_bytes(body[:4]) > 1:
            raise other_format("this is an animated PNG, and one picture is needed", where)
        elif name == b"eXIf":
            orientation = orientation_of(bytes(body))
        elif name == b"tRNS" and header.colour != _PALETTE:
            transparent = bytes(body)
            continue  # decoders differ on what it means for less and more than 8 bits
        if name in _OWN:
            kept.append(bytes(chunk))
        elif name[0:1].isupper():
            raise broken(f"the PNG has a chunk {name!r} that is needed and not known", where)
    if header is None or not has_data:
        raise broken("the PNG holds no picture", where)
    return LeanFile(
        format="PNG",
        width=header.width,
        height=header.height,
        is_gray=header.colour in (_GRAY, _GRAY_ALPHA),
        has_palette=header.colour == _PALETTE,
        orientation=orientation,
        transparent=_colour(transparent, header),
        content=b"".join(kept),
    )


def _chunks(content: bytes, where: str) -> Iterator[tuple[bytes, memoryview, memoryview]]:
    """Name, whole chunk and body of each, up to the end mark."""
    view = memoryview(content)
    at = len(MAGIC)
    for _ in range(_MOST_CHUNKS):
        if at + 12 > len(view):
            raise broken("the PNG is cut off", where)
        (length,) = struct.unpack_from(">I", view, at)
        end = at + 12 + length
        if end > len(view):
            raise broken("the PNG is cut off", where)
        name, body = bytes(view[at + 4 : at + 8]), view[at + 8 : end - 4]
        # A remark may be damaged: it is left out.
        if name in _OWN and struct.unpack_from(">I", view, end - 4)[0] != zlib.crc32(
            view[at + 4 : end - 4]
        ):
            raise broken(f"the PNG is damaged (checksum of {name.decode()})", where)
        yield name, view[at:end], body
        if name == b"IEND":
            return
        at = end
    raise broken(f"the PNG has more than {_MOST_CHUNKS:,} chunks", where)


def _header(name: bytes, body: memoryview, where: str) -> _Header:
    if name != b"IHDR" or len(body) != 13:
        raise broken("the PNG does not begin with its header", where)
    width, height, depth, colour, packing, filtering, interlace = struct.unpack(">IIBBBBB", body)
    is_known = (
        depth in _DEPTHS.get(colour, ()) and packing == filtering == 0 and interlace in (0, 1)
    )
    if not is_known or not 0 < width < 1 << 31 or not 0 < height < 1 << 31:
        raise broken("the header of the PNG is damaged", where)
    return _Header(width, height, depth, colour, interlace == 1)


def check_png_data(lean: LeanFile, where: str) -> None:
    """Raise unless there are as many pixels as the header says.

    The decoder would leave black what is missing.

    Args:
        lean: Whose size was found to be within limits.
        where: Name of the file.

    Raises:
        PictureProblem: broken.
    """
    unpacker = zlib.decompressobj()
    header, missing, stored = None, 0, 0
    for name, _, body in _chunks(lean.content, where):
        if name == b"IHDR":
            header = _header(name, body, where)
            missing = header.bytes
            stored = len(lean.content)
        if name != b"IDAT":
            continue
        if missing > stored * _MOST_DEFLATED:
            break
        try:
            missing -= _unpacked(unpacker, bytes(body), missing)
        except zlib.error:
            break
    if missing > 0:
        raise broken("the PNG holds fewer pixels than its header says", where)


def _unpacked(unpacker: zlib._Decompress, packed: bytes, wanted: int) -> int:
    """How many bytes come out, counted until they are enough; nothing of them is kept."""
    count = 0
    while count < wanted:
        piece = len(unpacker.decompress(packed, _PIECE_BYTES))
        packed = unpacker.unconsumed_tail
        count += piece
        # All is taken in, and no more waits to come out.
        if not packed and piece < _PIECE_BYTES:
            break
    return count


def _colour(stored: bytes | None, header: _Header) -> tuple[int, ...] | None:
    """The transparent colour as decoded pixels have it: 8 bits a channel, gray of 16 bits 16."""
    channels = _CHANNELS[header.colour]
    if stored is None or header.colour not in (_GRAY, _COLOUR) or len(stored) != 2 * channels:
        return None
    values = struct.unpack(f">{channels}H", stored)
    if header.depth == 16:
        return values if channels == 1 else None  # colours were cut to 8 bits: none is exact
    top = (1 << header.depth) - 1
    return tuple((value & top) * (255 // top) for value in values)
