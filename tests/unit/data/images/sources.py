"""Settings and folders of tiny pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from engine.data.images.loading import load_data
from engine.data.images.rules import CleanPictures, validate_pictures
from engine.data.images.wanted import Channels
from engine.pictures import Fit, encode_png
from models.imaging.pictures import PixelArray


@dataclass(frozen=True)
class Rules:
    broken: Literal["error", "skip"] = "error"
    duplicates: Literal["keep", "drop", "error"] = "keep"
    conflicts: Literal["error", "drop"] = "error"
    small_classes: Literal["error", "drop"] = "error"
    min_pictures_a_class: int = 1
    max_errors_listed: int = 5


@dataclass(frozen=True)
class Split:
    validation_share: float = 0.15
    test_share: float = 0.15
    split_seed: int = 0


@dataclass(frozen=True)
class Source:
    ds_name: str = "pets"
    ds_root: str = "data"
    path: str = "pets"
    path_col: str = "path"
    label_col: str = "label"
    height: int = 8
    width: int = 8
    channels: Channels = "auto"
    fit: Fit = "crop"
    max_megapixels: float = 1.0
    max_pictures: int = 1000
    rules: Rules = field(default_factory=Rules)
    split: Split = field(default_factory=Split)


def source(**given: Any) -> Source:
    """Settings; names of rules and of the split may stand among the others."""
    areas: dict[str, dict[str, Any]] = {"rules": {}, "split": {}}
    for area, kind in (("rules", Rules), ("split", Split)):
        for name in list(given):
            if name in kind.__dataclass_fields__:
                areas[area][name] = given.pop(name)
    return Source(**given, rules=Rules(**areas["rules"]), split=Split(**areas["split"]))


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
