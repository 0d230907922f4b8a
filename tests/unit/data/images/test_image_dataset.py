from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from engine.data.catalogue import describe_datasets
from engine.data.dataset import open_dataset
from engine.data.images.dataset import ImageDataset, open_image_dataset, write_image_dataset
from engine.data.images.reference import reference_of
from engine.data.images.splitting import PARTS
from engine.errors import DataError, NotFoundError, StorageError
from engine.pictures import decode, encode_png
from tests.unit.data.images.sources import pets, picture, prepared, source


def write(root: Path, **given: object) -> ImageDataset:
    clean = prepared(root, **given)
    return write_image_dataset(clean, settings=source(**given), datasets_dir=root / "datasets")


@pytest.fixture
def dataset(tmp_path: Path) -> ImageDataset:
    pets(tmp_path)
    return write(tmp_path)


def test_what_was_written_is_what_is_opened(dataset: ImageDataset, tmp_path: Path) -> None:
    opened = open_image_dataset(tmp_path / "datasets", dataset.id)
    assert (opened.name, opened.classes, opened.shape) == ("pets", ("cats", "dogs"), (8, 8, 3))
    assert opened.fit == "crop"
    seen = {}
    for part in PARTS:
        pictures = opened.pictures(part)
        names = opened.names_of(part)
        assert list(names) == sorted(names) and len(names) == len(pictures) > 0
        assert len(opened.hashes_of(part)) == len(names)
        for name, pixels, label in zip(names, pictures.pixels, pictures.labels, strict=True):
            seen[name] = pixels
            assert name.startswith(opened.classes[label])
    assert len(seen) == 80
    for name, pixels in seen.items():
        content = (tmp_path / "data" / "pets" / name).read_bytes()
        np.testing.assert_array_equal(decode(content, where=""), pixels)
    lengths = [len(part) for part in (opened.training(), opened.validation(), opened.test())]
    assert lengths == [opened.manifest["parts"][part] for part in PARTS]
    assert opened.report["parts"] == opened.manifest["parts"]


def test_pixels_are_mapped_and_cannot_be_written_to(dataset: ImageDataset) -> None:
    pixels = dataset.training().pixels
    assert not pixels.flags.owndata and not pixels.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        pixels[0] = 0


def test_the_manifest_says_what_it_is_and_where_it_comes_from(dataset: ImageDataset) -> None:
    manifest = json.loads((dataset.folder / "manifest.json").read_text())
    assert manifest["data_type"] == manifest["content"]["data_type"] == "image"
    assert manifest["pictures"] == 80 and manifest["content"]["shape"] == [8, 8, 3]
    assert manifest["source"]["name"] == "data/pets" and manifest["source"]["format"] == "folder"
    assert set(manifest["files"]) == {
        "pixels.npy",
        "pictures.parquet",
        "reference.json",
        "report.json",
    }
    assert sum(manifest["counts"]["cats"].values()) == 40


def test_the_reference_is_that_of_the_training_part(dataset: ImageDataset) -> None:
    assert dataset.reference.to_dict() == reference_of(dataset.training()).to_dict()


def test_the_same_content_is_written_once(dataset: ImageDataset, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in dataset.folder.iterdir()}
    assert write(tmp_path).id == dataset.id
    assert {path: path.stat().st_mtime_ns for path in dataset.folder.iterdir()} == before


def test_other_content_and_another_split_have_other_ids(
    dataset: ImageDataset, tmp_path: Path
) -> None:
    others = [write(tmp_path, **given) for given in ({"seed": 1}, {"fit": "pad"}, {"width": 9})]
    (tmp_path / "data" / "pets" / "cats" / "x.png").write_bytes(encode_png(picture(99)))
    assert len({dataset.id, *(one.id for one in others), write(tmp_path).id}) == 5


def flip_a_bit(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("damage", [flip_a_bit, cut_in_half, Path.unlink])
@pytest.mark.parametrize(
    "name", ["pixels.npy", "pictures.parquet", "reference.json", "report.json", "manifest.json"]
)
def test_a_file_that_changed_on_disk_is_refused(
    dataset: ImageDataset, name: str, damage: Callable[[Path], object]
) -> None:
    if (name, damage) == ("manifest.json", flip_a_bit):
        path = dataset.folder / name
        path.write_text(path.read_text().replace('"split_seed": 0', '"split_seed": 1'))
    else:
        damage(dataset.folder / name)
    with pytest.raises(DataError, match="on disk since the data flow wrote it") as caught:
        open_image_dataset(dataset.folder.parent, dataset.id)
    assert str(dataset.folder / name) in str(caught.value)


def test_moved_borders_between_the_parts_are_noticed(dataset: ImageDataset) -> None:
    path = dataset.folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["parts"]["training"] += 1
    manifest["parts"]["test"] -= 1
    path.write_text(json.dumps(manifest))
    with pytest.raises(DataError, match="changed on disk"):
        open_image_dataset(dataset.folder.parent, dataset.id)


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    pets(tmp_path)
    monkeypatch.setattr(pq, "write_table", refuse)
    with pytest.raises(StorageError, match=r"\(15,360 bytes\): No space left"):
        write(tmp_path)
    assert list((tmp_path / "datasets").iterdir()) == []


def test_an_unknown_one_is_told(dataset: ImageDataset) -> None:
    with pytest.raises(NotFoundError, match=dataset.id):
        open_image_dataset(dataset.folder.parent, "0" * 16)


def test_series_and_pictures_are_not_taken_for_each_other(
    dataset: ImageDataset, series_id: Callable[[Path], str]
) -> None:
    folder = dataset.folder.parent
    with pytest.raises(DataError, match="holds pictures, and series are needed") as caught:
        open_dataset(folder, dataset.id)
    assert "data_type: image" in str(caught.value)
    with pytest.raises(DataError, match="holds series, and pictures are needed"):
        open_image_dataset(folder, series_id(folder))


def test_both_are_listed(dataset: ImageDataset, series_id: Callable[[Path], str]) -> None:
    series = series_id(dataset.folder.parent)
    found = {info.id: info for info in describe_datasets(dataset.folder.parent)}
    pictures = found[dataset.id]
    assert (pictures.data_type, pictures.pictures, pictures.classes) == ("image", 80, 2)
    assert (pictures.name, pictures.source_format, pictures.series) == ("pets", "folder", 0)
    assert pictures.bytes > 80 * 192 and not pictures.problem
    assert (found[series].data_type, found[series].series, found[series].pictures) == (
        "timeseries",
        2,
        0,
    )
    (dataset.folder / "report.json").write_text("[]")
    (broken,) = (i for i in describe_datasets(dataset.folder.parent) if i.id == dataset.id)
    assert "cannot be read" in broken.problem and broken.data_type == ""


def test_pictures_are_read_without_the_modules_that_are_slow_to_import(
    dataset: ImageDataset,
) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from engine.data.images.dataset import open_image_dataset\n"
        f"found = open_image_dataset(Path({str(dataset.folder.parent)!r}), {dataset.id!r})\n"
        "found.training(), found.names_of('test')\n"
        "print(sorted({'pandas', 'torch', 'sqlalchemy', 'prefect', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
