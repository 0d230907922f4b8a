"""Later pictures, of which nobody says the class: those of a folder, or single files."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.data.images.dataset import ImageDataset
from engine.errors import DataError, NotFoundError, StorageError
from engine.pictures import FITS, PictureProblem, bytes_of, decode, fitted
from models.imaging.pictures import PixelArray

_SUFFIXES = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True, eq=False)
class LaterPictures:
    """Pictures in the size of a data set, and why others are not among them.

    Attributes:
        files: How many there are, looked at or not.
        pixels: uint8 (n, height, width, channels), n >= 1.
        broken: What is wrong with each file that gave no picture.
    """

    files: int
    pixels: PixelArray
    broken: tuple[PictureProblem, ...]


def read_later(paths: Sequence[Path], dataset: ImageDataset, *, most: int) -> LaterPictures:
    """Read pictures and treat them as those of a data set were treated.

    Args:
        paths: Files, and folders whose PNG and JPEG files are read with those of folders in them.
        dataset: Whose size, colours and fit they are brought to.
        most: Of more files than this, so many that are spread over all of them are looked at.

    Raises:
        NotFoundError: One of the paths is not there.
        DataError: Not one picture can be used.
        StorageError: A folder cannot be read.
    """
    where = ", ".join(map(str, paths))
    files = [file for path in paths for file in _files_of(path)]
    count = len(files)
    files = files[:: max(1, math.ceil(count / most))]
    height, width, channels = dataset.shape
    fit = next(fit for fit in FITS if fit == dataset.fit)
    pixels: list[PixelArray] = []
    broken: list[PictureProblem] = []
    for file in files:
        try:
            decoded = decode(bytes_of(file, where=str(file)), where=str(file))
        except PictureProblem as problem:
            broken.append(problem)
        else:
            pixels.append(fitted(decoded, height, width, channels, fit=fit))
    if not pixels:
        beside = f"; of {len(broken)} files none can be used: {broken[0]}" if broken else ""
        raise DataError(
            f"there is no picture here{beside}",
            where=where,
            fix="Name a folder of PNG and JPEG pictures, or such files",
        )
    return LaterPictures(count, np.stack(pixels), tuple(broken))


def _files_of(path: Path) -> Iterator[Path]:
    """A file itself, or what a folder and the folders in it have of pictures, sorted."""
    if not path.exists():
        raise NotFoundError("there is no such folder or file", where=str(path))
    if not path.is_dir():
        yield path
        return
    for folder, folders, names in os.walk(path, onerror=_unreadable):
        folders.sort()
        yield from (
            Path(folder, name)
            for name in sorted(names)
            if name.casefold().endswith(_SUFFIXES) and not name.startswith(".")
        )


def _unreadable(error: OSError) -> None:
    raise StorageError(
        f"the folder cannot be read ({error.strerror or error})",
        where=str(error.filename),
        fix="Check its permissions and the disk",
    ) from error
