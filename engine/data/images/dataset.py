"""Prepared pictures on disk: immutable, named by their content, checked whenever they are opened.

Layout of `<datasets_dir>/<id>/`: `pixels.npy` (uint8 (n, height, width, channels), sorted by part,
then name), `pictures.parquet` (`name, label, sha256, part` of each, in the same order),
`reference.json` (the training part in numbers), `report.json`, and `manifest.json`, which holds the
SHA-256 of the others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.atomic import write_json
from engine.checksums import file_facts
from engine.config.image_settings import ImageDatasetSettings
from engine.data.catalogue import MANIFEST_FILE, REPORT_FILE
from engine.data.dataset_files import (
    changed,
    content_hash,
    open_manifest,
    publish,
    read_json,
    unreadable,
    verified,
)
from engine.data.images.reference import Reference, reference_of
from engine.data.images.rules import CleanPictures
from engine.data.images.splitting import PARTS, Part
from models.arrays import IntArray
from models.data_types import IMAGE
from models.imaging.pictures import Pictures, PixelArray

FORMAT = 1
PIXELS_FILE, PICTURES_FILE, REFERENCE_FILE = "pixels.npy", "pictures.parquet", "reference.json"

_FILES = (PIXELS_FILE, PICTURES_FILE, REFERENCE_FILE, REPORT_FILE)
_COLUMNS = ("name", "label", "sha256", "part")
_BLOCK_BYTES = 8 << 20


@dataclass(frozen=True, eq=False)
class ImageDataset:
    """A prepared data set of pictures whose files have been verified.

    Args:
        id: First 16 hex digits of the content's hash; also the name of the folder.
        folder: Where it lies.
        manifest: What manifest.json says.
    """

    id: str
    folder: Path
    manifest: Mapping[str, Any] = field(repr=False)
    # Pixels are mapped: what is not looked at takes no memory.
    _pixels: PixelArray = field(repr=False)
    _table: Any = field(repr=False)

    @property
    def name(self) -> str:
        """`dataset.ds_name` at the time of writing."""
        return str(self.manifest["ds_name"])

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the labels."""
        return tuple(self.manifest["content"]["classes"])

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every picture."""
        height, width, channels = self._pixels.shape[1:]
        return int(height), int(width), int(channels)

    @property
    def fit(self) -> str:
        """How pictures were brought to this size; later ones have to be treated alike."""
        return str(self.manifest["content"]["fit"])

    @property
    def report(self) -> dict[str, Any]:
        """What report.json says."""
        return read_json(self.folder / REPORT_FILE)

    @property
    def reference(self) -> Reference:
        """The training part in numbers."""
        return Reference.from_dict(read_json(self.folder / REFERENCE_FILE))

    def training(self) -> Pictures:
        """What may be learnt from."""
        return self.pictures("training")

    def validation(self) -> Pictures:
        """What decides when training stops."""
        return self.pictures("validation")

    def test(self) -> Pictures:
        """What training never sees."""
        return self.pictures("test")

    def pictures(self, part: Part) -> Pictures:
        """The pictures of a part, sorted by name; their pixels cannot be written to."""
        rows = self._rows(part)
        return Pictures(self._pixels[rows], self._labels[rows], self.classes)

    def names_of(self, part: Part) -> tuple[str, ...]:
        """Names of the files of a part, in the order of its pictures."""
        return tuple(self._table.column("name").to_pylist()[self._rows(part)])

    def hashes_of(self, part: Part) -> tuple[str, ...]:
        """What the pictures of a part show, as hashes; see `content_sha256`."""
        return tuple(self._table.column("sha256").to_pylist()[self._rows(part)])

    def _rows(self, part: Part) -> slice:
        counts = [int(self.manifest["parts"][one]) for one in PARTS]
        begin = sum(counts[: PARTS.index(part)])
        return slice(begin, begin + counts[PARTS.index(part)])

    @cached_property
    def _labels(self) -> IntArray:
        return _labels_of(self._table.column("label"), self.classes)


def write_image_dataset(
    clean: CleanPictures, *, settings: ImageDatasetSettings, datasets_dir: Path
) -> ImageDataset:
    """Write prepared pictures; the same content has the same id and is written once.

    Args:
        clean: What the rules let through.
        settings: Name, fit and split.
        datasets_dir: Folder of all data sets; made when it is absent.

    Raises:
        StorageError: The disk is full or refuses; nothing is left behind.
        DataError: A folder with this id is there, but was changed.
    """
    table = _table_of(clean)
    digest = hashlib.sha256()
    for block in _npy_blocks(clean):
        digest.update(block)
    content = {
        "format": FORMAT,
        "data_type": IMAGE,
        "pixels_sha256": digest.hexdigest(),
        "pictures_sha256": _values_sha256(table),
        "classes": list(clean.classes),
        "shape": list(clean.loaded.pixels.shape[1:]),
        "fit": settings.fit,
        "validation_share": settings.split.validation_share,
        "test_share": settings.split.test_share,
        "split_seed": settings.split.seed,
    }

    def write(folder: Path) -> None:
        _write_files(folder, clean, table, settings, content)

    size = int(clean.loaded.pixels[:1].nbytes) * len(clean.rows)
    return open_image_dataset(datasets_dir, publish(datasets_dir, content, write, size=size))


def open_image_dataset(datasets_dir: Path, dataset_id: str) -> ImageDataset:
    """Open a data set of pictures and verify every file of it.

    Args:
        datasets_dir: Folder of all data sets.
        dataset_id: Name of one.

    Raises:
        NotFoundError: There is no such data set.
        DataError: It holds no pictures, or a file changed since it was written.
        StorageError: A file cannot be read.
    """
    manifest = open_manifest(datasets_dir, dataset_id, data_type=IMAGE)
    folder = datasets_dir / dataset_id
    content = manifest["content"]
    try:
        files = {name: str(manifest["files"][name]["sha256"]) for name in _FILES}
        counts = [int(manifest["parts"][part]) for part in PARTS]
    except (KeyError, TypeError, ValueError):
        raise changed(folder / MANIFEST_FILE) from None
    small = {name: verified(folder / name, files[name]) for name in _FILES if name != PIXELS_FILE}
    pixels = _mapped(folder / PIXELS_FILE, str(content["pixels_sha256"]))
    # read_table would import pandas.
    table = pq.ParquetFile(BytesIO(small[PICTURES_FILE])).read(use_threads=False)
    if _values_sha256(table) != content["pictures_sha256"]:
        raise changed(folder / PICTURES_FILE)
    parts = table.column("part").to_pylist()
    if [parts.count(part) for part in PARTS] != counts or len(parts) != len(pixels):
        raise changed(folder / MANIFEST_FILE)
    return ImageDataset(dataset_id, folder, manifest, pixels, table)


def _mapped(path: Path, sha256: str) -> PixelArray:
    try:
        if file_facts(path)["sha256"] != sha256:
            raise changed(path)
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise changed(path) from None
    except OSError as error:
        raise unreadable(path, error) from error
    pixels: PixelArray = np.asarray(mapped)
    return pixels


def _table_of(clean: CleanPictures) -> Any:
    rows = clean.rows.tolist()
    loaded = clean.loaded
    columns = [
        [loaded.names[row] for row in rows],
        [loaded.labels[row] for row in rows],
        [loaded.sha256[row] for row in rows],
        list(clean.parts),
    ]
    arrays = [pa.array(values, pa.string()) for values in columns]
    return pa.table(arrays, names=list(_COLUMNS))


def _labels_of(column: Any, classes: tuple[str, ...]) -> IntArray:
    places = {name: place for place, name in enumerate(classes)}
    return np.array([places[label] for label in column.to_pylist()], dtype=np.int64)


def _values_sha256(table: Any) -> str:
    """Hash of the values, which does not depend on how a version of Parquet stores them."""
    values = [table.column(name).to_pylist() for name in _COLUMNS]
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def _npy_blocks(clean: CleanPictures) -> Iterator[bytes]:
    """The bytes of pixels.npy: pictures in their new order, without a second copy of them all."""
    pixels, rows = clean.loaded.pixels, clean.rows
    head = BytesIO()
    shape = (len(rows), *pixels.shape[1:])
    described = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(head, described)
    yield head.getvalue()
    step = max(1, _BLOCK_BYTES // int(pixels[:1].nbytes))
    for begin in range(0, len(rows), step):
        yield pixels[rows[begin : begin + step]].tobytes()


def _write_files(
    folder: Path,
    clean: CleanPictures,
    table: Any,
    settings: ImageDatasetSettings,
    content: dict[str, Any],
) -> None:
    report = clean.report
    with (folder / PIXELS_FILE).open("wb") as file:
        for block in _npy_blocks(clean):
            file.write(block)
    pq.write_table(table, folder / PICTURES_FILE, compression="zstd")
    parts = {part: report.of_part(part) for part in PARTS}
    written: PixelArray = np.load(folder / PIXELS_FILE, mmap_mode="r", allow_pickle=False)
    count = parts["training"]
    labels = _labels_of(table.column("label")[:count], clean.classes)
    training = Pictures(np.asarray(written[:count]), labels, clean.classes)
    write_json(folder / REFERENCE_FILE, reference_of(training).to_dict())
    write_json(folder / REPORT_FILE, report.to_dict())
    manifest = {
        "id": content_hash(content)[:16],
        "hash": content_hash(content),
        "data_type": IMAGE,
        "content": content,
        "ds_name": settings.ds_name,
        "files": {name: file_facts(folder / name) for name in _FILES},
        "pictures": len(clean.rows),
        "parts": parts,
        "counts": {name: dict(counts) for name, counts in report.counts.items()},
        "source": {
            "name": report.source,
            "format": report.source_format,
            "sha256": report.source_sha256,
        },
    }
    write_json(folder / MANIFEST_FILE, manifest)
