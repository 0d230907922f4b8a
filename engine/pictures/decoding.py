"""From the bytes of a PNG or JPEG file to pixels."""

from __future__ import annotations

import re
import struct
import zlib
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from engine.pictures import jpeg, png
from engine.pictures.exif import upright
from engine.pictures.lean import LeanFile
from engine.pictures.problem import DEFAULT, Limits, PictureProblem, broken, other_format
from models.imaging.pictures import PixelArray

_WHITE = 255
_OTHER_FORMATS = (
    (rb"GIF8[79]a", "a GIF"),
    (rb"BM.{12}", "a BMP"),
    (rb"RIFF.{4}WEBP", "a WebP"),
    (rb"II\*\x00|MM\x00\*", "a TIFF or a camera's raw picture"),
    (rb".{4}ftyp(avif|avis)", "an AVIF picture"),
    (rb".{4}ftyp(heic|heix|hevc|mif1|msf1)", "a HEIC picture"),
    (rb"\x00{3}\x0cjP  ", "a JPEG 2000"),
    (rb"\xff\x0a|\x00{3}\x0cJXL ", "a JPEG XL"),
    (rb"\x00\x00\x01\x00", "an icon (ICO)"),
    (rb"8BPS", "a Photoshop document"),
    (rb"%PDF", "a PDF"),
    (rb"PK\x03\x04", "a ZIP archive or an Office document"),
    (rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?(<!doctype svg[^>]*>\s*)?<svg", "an SVG drawing"),
    (rb"\s*(<!doctype html|<html|<head|<body)", "a web page (HTML)"),
)
_HEAD_BYTES = 1024
_FAULTS_OF_DECODERS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    AttributeError,
    OverflowError,
    struct.error,
    zlib.error,
)
"""What Pillow raises for damaged files; it has no error of its own for them."""


def decode(content: bytes, *, where: str, limits: Limits = DEFAULT) -> PixelArray:
    """Decode a PNG or JPEG picture, whatever its name says.

    Transparent parts lie on white; a picture that was taken on its side is turned; 16 bits become
    8, CMYK and palettes become red, green and blue (gray, where a palette has nothing else). No
    colour profile is applied. Nothing here is shared between threads.

    Args:
        content: The bytes of the file.
        where: Its name, for messages.
        limits: What is refused before it is decoded.

    Returns:
        uint8 (height, width, channels), C-contiguous: 1 channel for gray, else 3.

    Raises:
        PictureProblem: It cannot be used; its `reason` says which way.
    """
    lean = _lean(content, where, limits)
    _refuse_too_large(lean, where, limits)
    if lean.format == "PNG":
        png.check_png_data(lean, where)
    opener = PngImageFile if lean.format == "PNG" else JpegImageFile
    try:
        # Their own classes, not `Image.open`: that one loads plugins, warns and sniffs.
        with opener(BytesIO(lean.content)) as image:
            if image.size != (lean.width, lean.height):
                raise broken(f"the {lean.format} is damaged (its size)", where)
            image.load()
            pixels = _pixels(image, lean)
    except PictureProblem:
        raise
    except _FAULTS_OF_DECODERS as error:
        raise broken(f"the {lean.format} is damaged ({error})", where) from error
    except MemoryError as error:
        raise PictureProblem(
            "pixels",
            f"there is no memory for {lean.width:,} x {lean.height:,} pixels",
            where=where,
            fix="Make the picture smaller",
        ) from error
    return np.ascontiguousarray(upright(pixels, lean.orientation))


def is_gray(pixels: PixelArray) -> bool:
    """Whether a picture shows no colour, however many channels it has.

    Args:
        pixels: uint8 (height, width, channels).
    """
    if pixels.shape[2] == 1:
        return True
    red, green, blue = (pixels[:, :, channel] for channel in range(3))
    return bool(np.array_equal(red, green) and np.array_equal(green, blue))


def _lean(content: bytes, where: str, limits: Limits) -> LeanFile:
    if not content:
        raise PictureProblem("empty", "the file is empty", where=where, fix="Leave it out")
    if len(content) > limits.max_bytes:
        raise PictureProblem(
            "size",
            f"the file has {len(content):,} bytes, more than {limits.max_bytes:,}",
            where=where,
            fix="Make the picture smaller",
        )
    if content.startswith(png.MAGIC):
        return png.lean_png(content, where)
    if content.startswith(jpeg.MAGIC):
        return jpeg.lean_jpeg(content, where)
    if png.MAGIC.startswith(content) or jpeg.MAGIC.startswith(content):
        raise broken("the file ends within its first bytes", where)
    for beginning, what in _OTHER_FORMATS:
        if re.match(beginning, content[:_HEAD_BYTES], re.DOTALL | re.IGNORECASE):
            raise other_format(f"this is {what}, not a PNG or JPEG", where)
    raise other_format("this is no PNG or JPEG", where)


def _refuse_too_large(lean: LeanFile, where: str, limits: Limits) -> None:
    size = f"{lean.width:,} x {lean.height:,} pixels"
    most = None
    if lean.width * lean.height > limits.max_pixels:
        most = f"{limits.max_pixels:,} pixels"
    elif max(lean.width, lean.height) > limits.max_side:
        most = f"{limits.max_side:,} on a side"
    if most is not None:
        raise PictureProblem(
            "pixels",
            f"the picture has {size}, more than {most}",
            where=where,
            fix="Make the picture smaller",
        )


def _pixels(image: ImageFile, lean: LeanFile) -> PixelArray:
    """What a decoded picture looks like on white: uint8 (height, width, channels)."""
    wanted = "L" if lean.is_gray else "RGB"
    if image.mode == "I;16":
        return _of_16_bits(np.asarray(image), lean.transparent)
    if lean.has_palette and "transparency" in image.info:
        return _reduced(_on_white(image.convert("RGBA"), wanted))
    if image.mode in ("LA", "RGBA"):
        return _on_white(image, wanted)
    pixels = _array(image if image.mode == wanted else image.convert(wanted))
    if lean.transparent is not None:
        pixels[(pixels == np.array(lean.transparent)).all(axis=2)] = _WHITE
    return _reduced(pixels) if lean.has_palette else pixels


def _of_16_bits(values: npt.NDArray[np.uint16], transparent: tuple[int, ...] | None) -> PixelArray:
    pixels = (values >> 8).astype(np.uint8)
    if transparent is not None:
        pixels[values == transparent[0]] = _WHITE
    return pixels[:, :, np.newaxis]


def _on_white(image: Image.Image, mode: str) -> PixelArray:
    background = Image.new(mode, image.size, "white")
    background.paste(image.convert(mode), mask=image.getchannel("A"))
    return _array(background)


def _array(image: Image.Image) -> PixelArray:
    pixels = np.array(image, dtype=np.uint8)
    return pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis]


def _reduced(pixels: PixelArray) -> PixelArray:
    return pixels[:, :, :1] if is_gray(pixels) else pixels
