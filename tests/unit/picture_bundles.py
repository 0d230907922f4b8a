"""A classifier that tells colours, and picture files, made by the real code."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from engine.store import AliasRegistry, Version, VersionStore
from engine.workspace import Workspace
from models import registry
from models.arrays import IntArray
from models.data_types import IMAGE
from models.imaging.bundle import write_bundle
from models.imaging.pictures import Pictures, PixelArray
from models.learner import no_progress

SIDE = 16
COLOURS = {"blue": (20, 30, 220), "green": (30, 200, 40), "red": (220, 20, 30)}


def colour_picture(name: str, side: int = SIDE, noise: int = 15, seed: int = 0) -> PixelArray:
    """A picture of one colour, uint8 (side, side, 3)."""
    shaken = np.random.default_rng(seed).integers(-noise, noise + 1, (side, side, 3))
    return np.clip(np.array(COLOURS[name]) + shaken, 0, 255).astype(np.uint8)


def colour_pictures(side: int = SIDE, count: int = 8) -> Pictures:
    """So many of each colour."""
    names = tuple(COLOURS)
    labels: IntArray = np.repeat(np.arange(len(names)), count)
    pixels = [colour_picture(names[label], side, seed=place) for place, label in enumerate(labels)]
    return Pictures(np.stack(pixels), labels, names)


def make_picture_bundle(folder: Path, *, side: int = SIDE) -> Path:
    """A bundle of the classifier that compares with the mean picture of each colour."""
    pictures = colour_pictures(side)
    model = registry.create_classifier(
        "MeanPicture",
        height=side,
        width=side,
        channels=3,
        classes=pictures.classes,
        seed=1,
        threads=1,
        hparams={},
    )
    model.fit(pictures, pictures.take(slice(0)), progress=no_progress)
    write_bundle(model, folder, pictures.pixels)
    return folder


def deploy_pictures(workspace: Workspace, bundle: Path, *, fit: str = "crop") -> Version:
    """Store a bundle and make it the champion of images."""
    store = VersionStore(workspace.central_storage)
    created = 1_767_225_600.0 + len(store.newest())
    lineage = {"training": {"run": None, "picture_fit": fit}}
    version = store.add(bundle, created=created, lineage=lineage)
    aliases = AliasRegistry(workspace.central_storage, IMAGE)
    aliases.promote(version.id, expected=aliases.read().champion)
    return version


def png(pixels: PixelArray) -> bytes:
    """A PNG file."""
    return _file(pixels, "PNG")


def jpeg(pixels: PixelArray) -> bytes:
    """A JPEG file."""
    return _file(pixels, "JPEG")


def bomb(width: int, height: int) -> bytes:
    """A small PNG that claims so many pixels and holds as many zeros."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width // 8 + 1) * height), 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def _file(pixels: PixelArray, kind: str) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, kind)
    return content.getvalue()
