"""Settings and folders of tiny pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from engine.config.image_settings import ImageDatasetSettings, ImageRules, ImageSplitSettings
from engine.data.images.loading import load_data
from engine.data.images.rules import CleanPictures, validate_pictures
from engine.pictures import encode_png
from models.imaging.pictures import PixelArray

RULES = {
    "duplicates": "keep",
    "min_pictures_a_class": 3,
    "max_errors_listed": 5,
}
SOURCE = {
    "ds_name": "pets",
    "file_path": "pets",
    "height": 8,
    "width": 8,
    "fit": "crop",
    "max_megapixels": 1.0,
    "max_pictures": 1000,
}


def source(**given: Any) -> ImageDatasetSettings:
    """Settings; names of rules and of the split may stand among the others."""
    areas: dict[str, dict[str, Any]] = {"rules": {**RULES}, "split": {}}
    for area, kind in (("rules", ImageRules), ("split", ImageSplitSettings)):
        for name in list(given):
            if name in kind.model_fields:
                areas[area][name] = given.pop(name)
    return ImageDatasetSettings(
        **SOURCE | given,
        rules=ImageRules(**areas["rules"]),
        split=ImageSplitSettings(**areas["split"]),
    )


def of_digits(**given: Any) -> ImageDatasetSettings:
    """Settings that read the bundled digits in their own size."""
    return source(file_path=None, height=None, width=None, **given)


def picture(seed: int, height: int = 8, width: int = 8, channels: int = 3) -> PixelArray:
    """A picture of noise; every seed gives another."""
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (height, width, channels), dtype=np.uint8)


def pets(folder: Path, a_class: int = 40, **shape: int) -> Path:
    """Cats and dogs in `folder`/data/pets, each another picture."""
    for place, name in enumerate(("cats", "dogs")):
        (folder / "data" / "pets" / name).mkdir(parents=True)
        for number in range(a_class):
            content = encode_png(picture(1000 * place + number, **shape))
            (folder / "data" / "pets" / name / f"{number:03}.png").write_bytes(content)
    return folder / "data" / "pets"


def prepared(root: Path, **given: Any) -> CleanPictures:
    """Load and validate."""
    settings = source(**given)
    return validate_pictures(load_data(settings, root=root), settings)
