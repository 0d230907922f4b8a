"""Pictures of a source: found, decoded one at a time, resized."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from engine.config.image_settings import ImageDatasetSettings
from engine.data.images.content import content_sha256
from engine.data.images.csv_source import find_in_csv
from engine.data.images.digits import SIDE, read_digits
from engine.data.images.folder_source import find_in_folder
from engine.data.images.found import FoundFile, FoundFiles, SourceFormat, refuse_too_many
from engine.data.images.stack import PixelStack
from engine.data.problems import did_you_mean
from engine.errors import DataError, NotFoundError
from engine.pictures import Limits, PictureProblem, ProblemKind, bytes_of, decode
from models.imaging.classifier import SMALLEST_SIDE
from models.imaging.pictures import PixelArray

Watch = Callable[[int, int], None]
"""Told how many pictures of how many are done."""

_CSV_SUFFIX = ".csv"
_DIGITS = "the digits of scikit-learn"
_SIZED = 100
"""Pictures that are looked at to find the usual size."""
_LARGEST_USUAL = 64
"""Of more, networks learn for long: who wants it says so."""
_BYTES_A_PIXEL = 8
"""Of 16 bits, four channels, not packed: no honest file needs more."""
_SMALL_FILE = 1 << 20


@dataclass(frozen=True)
class BrokenPicture:
    """A file that gave no picture.

    Args:
        name: Of the file.
        reason: In a word; see `engine.pictures.PictureProblem`.
        what: In a sentence.
        row: Row of the list that names it; None in a folder.
    """

    name: str
    reason: ProblemKind
    what: str
    row: int | None


@dataclass(frozen=True, eq=False)
class LoadedPictures:
    """The pictures of a source, before any rule has touched them.

    Args:
        pixels: uint8 (n, height, width, channels), resized.
        names: Of their files.
        labels: Name of the class of each.
        sha256: Of what each shows in its full size; see `content_sha256`.
        sides: int64 (n, 2), rows and columns before resizing.
        broken: Files that gave no picture.
        source: Name of the source for people.
        format: folder, csv or digits.
        source_sha256: Of the names, labels and bytes of all files.
        notes: What was left out, and other facts.
    """

    pixels: PixelArray
    names: tuple[str, ...]
    labels: tuple[str, ...]
    sha256: tuple[str, ...]
    sides: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
    broken: tuple[BrokenPicture, ...]
    source: str
    format: SourceFormat
    source_sha256: str
    notes: tuple[str, ...] = ()


def load_data(
    settings: ImageDatasetSettings, *, root: Path, watch: Watch = lambda done, total: None
) -> LoadedPictures:
    """Read the pictures of a source as they are; no rule is applied yet.

    One file is open at a time: memory is taken for the resized pictures, and for one decoded one.

    Args:
        settings: The source, and what its pictures are brought to.
        root: The workspace, which relative paths start from.
        watch: Told after every picture.

    Raises:
        NotFoundError: There is no such folder or file, or the package of the digits is missing.
        StorageError: A folder or list cannot be read.
        DataError: The source is none of pictures; everything found is listed.
    """
    if settings.file_path is None:
        return _digits(settings, watch)
    path = root / settings.ds_root / settings.file_path
    where = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
    kind, found = _find(path, settings, where)
    limits = _limits(settings)
    size = settings.size or _usual_size(found.files, limits)
    stack = PixelStack(len(found.files), size, settings, where)
    work = _Work()
    for done, file in enumerate(found.files, 1):
        try:
            pixels = work.decoded(file, limits)
        except PictureProblem as problem:
            work.broken.append(BrokenPicture(file.name, problem.reason, problem.what, file.row))
        else:
            stack.add(pixels)
            work.took(file.name, file.label, pixels)
        watch(done, len(found.files))
    return work.loaded(stack, where, kind, found.notes)


def _find(
    path: Path, settings: ImageDatasetSettings, where: str
) -> tuple[SourceFormat, FoundFiles]:
    limit = settings.rules.max_errors_listed
    if path.is_dir():
        return "folder", find_in_folder(path, where, most=settings.max_pictures, limit=limit)
    if path.is_file() and path.suffix.casefold() == _CSV_SUFFIX:
        return "csv", find_in_csv(path, settings, where)
    if path.exists():
        raise DataError(
            "this is neither a folder of pictures nor a .csv file",
            where=where,
            fix="Set dataset.file_path to a folder with one folder a class, or to a CSV of paths "
            "and labels",
        )
    beside: Iterator[Path] = path.parent.iterdir() if path.parent.is_dir() else iter(())
    names = sorted(entry.name for entry in beside if not entry.name.startswith("."))
    raise NotFoundError(
        "there is no such folder or file",
        where=where,
        fix=f"{did_you_mean(path.name, names).rstrip('.')} — set dataset.file_path",
    )


def _limits(settings: ImageDatasetSettings) -> Limits:
    pixels = int(settings.max_megapixels * 1_000_000)
    return Limits(max_bytes=pixels * _BYTES_A_PIXEL + _SMALL_FILE, max_pixels=pixels)


def _digits(settings: ImageDatasetSettings, watch: Watch) -> LoadedPictures:
    pixels, labels = read_digits()
    refuse_too_many(len(pixels), settings.max_pictures, _DIGITS)
    stack = PixelStack(len(pixels), settings.size or (SIDE, SIDE), settings, _DIGITS)
    work = _Work()
    for place, (picture, label) in enumerate(zip(pixels, labels, strict=True)):
        stack.add(picture)
        work.hash_of_source(f"digit-{place:04}", label, picture.tobytes())
        work.took(f"digit-{place:04}", label, picture)
        watch(place + 1, len(pixels))
    return work.loaded(stack, _DIGITS, "digits", ())


def _usual_size(files: Sequence[FoundFile], limits: Limits) -> tuple[int, int]:
    """Rows and columns that most pictures come near to, as far as models need them.

    The middle of some pictures from all over the source; broken ones say nothing.
    """
    step = max(1, len(files) // _SIZED)
    sides = []
    for file in files[::step]:
        try:
            pixels = decode(_bytes_of(file, limits), where=file.name, limits=limits)
        except PictureProblem:
            continue
        sides.append(pixels.shape[:2])
    if not sides:
        return _LARGEST_USUAL, _LARGEST_USUAL
    height, width = np.median(np.array(sides), axis=0)
    return (
        int(np.clip(height, SMALLEST_SIDE, _LARGEST_USUAL)),
        int(np.clip(width, SMALLEST_SIDE, _LARGEST_USUAL)),
    )


@dataclass
class _Work:
    """What is known of the pictures so far."""

    names: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    sha256: list[str] = field(default_factory=list)
    sides: list[tuple[int, int]] = field(default_factory=list)
    broken: list[BrokenPicture] = field(default_factory=list)
    source: hashlib._Hash = field(default_factory=hashlib.sha256)

    def decoded(self, file: FoundFile, limits: Limits) -> PixelArray:
        content = _bytes_of(file, limits)
        self.hash_of_source(file.name, file.label, content)
        return decode(content, where=file.name, limits=limits)

    def hash_of_source(self, name: str, label: str, content: bytes) -> None:
        line = [name, label, hashlib.sha256(content).hexdigest()]
        self.source.update(json.dumps(line).encode())

    def took(self, name: str, label: str, pixels: PixelArray) -> None:
        self.names.append(name)
        self.labels.append(label)
        self.sha256.append(content_sha256(pixels))
        self.sides.append((pixels.shape[0], pixels.shape[1]))

    def loaded(
        self, stack: PixelStack, where: str, kind: SourceFormat, notes: tuple[str, ...]
    ) -> LoadedPictures:
        return LoadedPictures(
            pixels=stack.pixels,
            names=tuple(self.names),
            labels=tuple(self.labels),
            sha256=tuple(self.sha256),
            sides=np.array(self.sides, dtype=np.int64).reshape(-1, 2),
            broken=tuple(self.broken),
            source=where,
            format=kind,
            source_sha256=self.source.hexdigest(),
            notes=notes,
        )


def _bytes_of(file: FoundFile, limits: Limits) -> bytes:
    return bytes_of(file.path, where=file.name, limits=limits)
