"""A classifier that tells colours, and picture files, made by the real code."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from engine.config.image_settings import ImageDatasetSettings, ImageRules, ImageSplitSettings
from engine.data.images.dataset import ImageDataset, write_image_dataset
from engine.data.images.loading import load_data
from engine.data.images.rules import validate_pictures
from engine.store import AliasRegistry, Version, VersionStore
from engine.tables.handoffs import Handoffs
from engine.workspace import Workspace
from models import registry
from models.arrays import IntArray
from models.data_types import IMAGE
from models.imaging.bundle import write_bundle
from models.imaging.evaluation import evaluate
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


def picture_story(dataset: str = "0" * 16, *, fit: str = "crop") -> dict[str, Any]:
    """What deploy_flow records of a classifier that took one green picture of 24 for a red one."""
    pictures = colour_pictures()
    right = np.eye(len(pictures.classes))[pictures.labels] * 0.97 + 0.01
    wrong = right.copy()
    wrong[8] = right[-1]
    scores = {
        name: {
            **evaluate(told, pictures.labels, pictures.classes).summary(),
            "mistakes": [
                {"name": "g/0.png", "actual": "green", "predicted": "red", "confidence": 0.98}
            ],
        }
        for name, told in (("candidate", wrong), ("MeanPicture", right))
    }
    model = {"model_type": "MeanPicture", "height": SIDE, "width": SIDE, "channels": 3}
    model |= {"classes": list(pictures.classes), "seed": 1, "hyperparameters": {}}
    return {
        "training": {"run": None, "dataset": dataset, "picture_fit": fit, "model": model},
        "evaluation": {
            "data_type": IMAGE,
            "model_type": "MeanPicture",
            "classes": list(pictures.classes),
            "scores": scores,
            "notes": [],
        },
    }


def deploy_pictures(
    workspace: Workspace, bundle: Path, *, dataset: str = "0" * 16, fit: str = "crop"
) -> Version:
    """Store a bundle and make it the champion of images."""
    store = VersionStore(workspace.central_storage)
    created = 1_767_225_600.0 + len(store.newest())
    version = store.add(bundle, created=created, lineage=picture_story(dataset, fit=fit))
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


def prepare_pictures(workspace: Workspace, folder: Path, *, a_class: int = 20) -> ImageDataset:
    """Write pictures of each colour into a folder and prepare them as data_flow does."""
    for place, name in enumerate(COLOURS):
        (folder / "colours" / name).mkdir(parents=True)
        for number in range(a_class):
            content = png(colour_picture(name, 8, seed=100 * place + number))
            (folder / "colours" / name / f"{number:02}.png").write_bytes(content)
    settings = ImageDatasetSettings(
        ds_name="colours",
        ds_root=".",
        file_path="colours",
        height=8,
        width=8,
        fit="crop",
        max_megapixels=1.0,
        max_pictures=1000,
        rules=ImageRules(min_pictures_a_class=3, max_errors_listed=5),
        split=ImageSplitSettings(),
    )
    clean = validate_pictures(load_data(settings, root=folder), settings)
    dataset = write_image_dataset(clean, settings=settings, datasets_dir=workspace.datasets)
    Handoffs(workspace.database).leave("dataset", dataset.id, "a-run", IMAGE)
    return dataset
