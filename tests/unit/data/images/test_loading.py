from __future__ import annotations

import errno
import os
import unicodedata
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.data.images import digits, stack
from engine.data.images.loading import load_data
from engine.errors import DataError, EngineError, NotFoundError, StorageError
from engine.pictures import encode_png
from tests.unit.data.images.sources import of_digits, pets, picture, source


def test_the_folders_are_the_classes(tmp_path: Path) -> None:
    folder = pets(tmp_path, 3)
    (folder / "dogs" / "big" / "white").mkdir(parents=True)
    (folder / "dogs" / "big" / "white" / "7.jpg").write_bytes(encode_png(picture(7)))
    seen: list[tuple[int, int]] = []

    loaded = load_data(source(), root=tmp_path, watch=lambda *done: seen.append(done))

    cats = [f"cats/00{n}.png" for n in range(3)]
    assert list(loaded.names) == [
        *cats,
        *(f"dogs/00{n}.png" for n in range(3)),
        "dogs/big/white/7.jpg",
    ]
    assert loaded.labels == ("cats",) * 3 + ("dogs",) * 4
    assert (loaded.source, loaded.format, loaded.notes) == ("data/pets", "folder", ())
    np.testing.assert_array_equal(loaded.pixels[4], picture(1001))
    assert seen == [(done, 7) for done in range(1, 8)]


def test_what_is_no_picture_of_a_class_is_left_out_and_told(tmp_path: Path) -> None:
    folder = pets(tmp_path, 2)
    (folder / "README.md").write_text("about")
    (folder / ".cache").mkdir()
    (folder / "cats" / ".DS_Store").write_text("")
    (folder / "cats" / "Thumbs.db").write_text("")
    (folder / "cats" / "again.png").symlink_to(folder / "cats" / "000.png")
    (folder / "dogs" / "round").symlink_to(folder)
    (folder / "birds").mkdir()
    os.mkfifo(folder / "dogs" / "pipe.png")

    loaded = load_data(source(), root=tmp_path)

    assert set(loaded.labels) == {"cats", "dogs"} and len(loaded.names) == 4
    told = "\n".join(loaded.notes)
    assert "1 file beside the folders of the classes was left out: 'README.md'" in told
    assert "3 hidden files or folders were left out: '.cache'; 'cats/.DS_Store'" in told
    assert "2 links were left out, as they may lead anywhere: 'cats/again.png'" in told
    assert "1 thing that is no file was left out: 'dogs/pipe.png'" in told
    assert "1 folder without pictures is no class: 'birds'" in told


def test_pictures_of_all_sizes_become_one(tmp_path: Path) -> None:
    folder = pets(tmp_path, 1)
    for height, width in ((1, 1), (300, 3), (9, 200)):
        content = encode_png(picture(5, height, width))
        (folder / "cats" / f"{height}x{width}.png").write_bytes(content)
    loaded = load_data(source(height=12, width=16), root=tmp_path)
    assert loaded.pixels.shape == (5, 12, 16, 3)
    assert sorted(loaded.sides.tolist()) == [[1, 1], [8, 8], [8, 8], [9, 200], [300, 3]]


def test_auto_is_gray_until_a_picture_shows_a_colour(tmp_path: Path) -> None:
    folder = pets(tmp_path, 2, channels=1)
    gray_as_colour = np.repeat(picture(70, channels=1), 3, axis=2)
    (folder / "cats" / "gray.png").write_bytes(encode_png(gray_as_colour))
    loaded = load_data(source(), root=tmp_path)
    assert loaded.pixels.shape == (5, 8, 8, 1)
    np.testing.assert_array_equal(loaded.pixels[2], gray_as_colour[:, :, :1])

    (folder / "dogs" / "red.png").write_bytes(encode_png(picture(71)))
    loaded = load_data(source(), root=tmp_path)
    assert loaded.pixels.shape == (6, 8, 8, 3)
    np.testing.assert_array_equal(loaded.pixels[2], gray_as_colour)
    np.testing.assert_array_equal(loaded.pixels[5], picture(71))

    assert load_data(source(channels="gray"), root=tmp_path).pixels.shape[3] == 1
    (folder / "dogs" / "red.png").unlink()
    assert load_data(source(channels="color"), root=tmp_path).pixels.shape[3] == 3


def test_broken_files_are_kept_apart(tmp_path: Path) -> None:
    folder = pets(tmp_path, 2)
    (folder / "cats" / "a.png").write_bytes(b"")
    (folder / "cats" / "b.png").write_bytes(encode_png(picture(3))[:-20])
    (folder / "cats" / "c.txt").write_text("words")
    (folder / "dogs" / "d.png").write_bytes(encode_png(np.zeros((1001, 1000, 1), np.uint8)))
    loaded = load_data(source(), root=tmp_path)
    assert len(loaded.pixels) == len(loaded.names) == 4
    assert [(one.name, one.reason) for one in loaded.broken] == [
        ("cats/a.png", "empty"),
        ("cats/b.png", "broken"),
        ("cats/c.txt", "format"),
        ("dogs/d.png", "pixels"),
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not hold for root")
def test_a_file_that_may_not_be_read_is_broken_and_a_folder_stops(tmp_path: Path) -> None:
    folder = pets(tmp_path, 2)
    (folder / "cats" / "000.png").chmod(0)
    loaded = load_data(source(), root=tmp_path)
    assert [one.what for one in loaded.broken] == ["the file cannot be read (Permission denied)"]
    (folder / "dogs").chmod(0)
    with pytest.raises(StorageError, match="Permission denied"):
        load_data(source(), root=tmp_path)
    (folder / "dogs").chmod(0o700)


def test_a_folder_that_fails_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pets(tmp_path, 2)
    scandir = os.scandir

    def fail(path: Path) -> object:
        if Path(path).name == "dogs":
            raise OSError(errno.EIO, "Input/output error")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", fail)
    with pytest.raises(StorageError, match=r"pets/dogs' cannot be read \(Input/output error\)"):
        load_data(source(), root=tmp_path)


def test_a_file_that_vanishes_while_others_are_read_is_broken(tmp_path: Path) -> None:
    folder = pets(tmp_path, 2)

    def remove(done: int, total: int) -> None:
        (folder / "dogs" / "001.png").unlink(missing_ok=True)

    loaded = load_data(source(), root=tmp_path, watch=remove)
    assert [one.name for one in loaded.broken] == ["dogs/001.png"]


def test_names_are_composed_however_they_were_written(tmp_path: Path) -> None:
    folder = pets(tmp_path, 1)
    apart = unicodedata.normalize("NFD", "수달")
    (folder / apart).mkdir()
    (folder / apart / unicodedata.normalize("NFD", "ü.png")).write_bytes(encode_png(picture(9)))
    (folder / "cats" / "000.png").rename(folder / "cats" / os.fsdecode(b"\xff.png"))
    loaded = load_data(source(), root=tmp_path)
    assert loaded.labels == ("cats", "dogs", "수달")
    assert loaded.names == ("cats/\\udcff.png", "dogs/000.png", "수달/ü.png")


@pytest.mark.parametrize("twin", ["Cats", "cats ", unicodedata.normalize("NFD", "Cäts")])
def test_classes_with_names_too_much_alike_are_refused(tmp_path: Path, twin: str) -> None:
    folder = pets(tmp_path, 1)
    if "t" in twin and not twin.isascii():
        (folder / "cats").rename(folder / unicodedata.normalize("NFC", "cäts"))
    (folder / twin).mkdir()
    (folder / twin / "a.png").write_bytes(encode_png(picture(9)))
    with pytest.raises(DataError, match=r"1 class has names that are too much alike: .* and "):
        load_data(source(), root=tmp_path)


def test_a_folder_without_classes_says_how_it_should_be(tmp_path: Path) -> None:
    (tmp_path / "data" / "pets").mkdir(parents=True)
    with pytest.raises(DataError, match=r"one folder a class: cats/1\.png"):
        load_data(source(), root=tmp_path)
    (tmp_path / "data" / "pets" / "1.png").write_bytes(encode_png(picture(1)))
    with pytest.raises(DataError, match="1 file lies directly in it"):
        load_data(source(), root=tmp_path)


def test_a_wrong_path_names_what_is_near(tmp_path: Path) -> None:
    pets(tmp_path, 1)
    with pytest.raises(NotFoundError, match="Did you mean 'pets'"):
        load_data(source(file_path="pet"), root=tmp_path)
    with pytest.raises(NotFoundError, match=r"data/none/at/all: there is no such.*There are none"):
        load_data(source(file_path="none/at/all"), root=tmp_path)
    with pytest.raises(DataError, match=r"neither a folder of pictures nor a \.csv"):
        load_data(source(file_path="pets/cats/000.png"), root=tmp_path)


def test_too_many_pictures_are_refused_before_one_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pets(tmp_path, 3)
    with pytest.raises(DataError, match="more than 5 pictures"):
        load_data(source(max_pictures=5), root=tmp_path)

    class Full:
        available = 1000

    monkeypatch.setattr(stack.psutil, "virtual_memory", Full)
    with pytest.raises(DataError, match=r"6 pictures of 8 x 8 need .* GB of memory"):
        load_data(source(), root=tmp_path)


def test_what_a_picture_shows_does_not_depend_on_its_file(tmp_path: Path) -> None:
    folder = pets(tmp_path, 1)
    pixels = picture(3, 20, 30)
    gray = picture(4, 20, 30, 1)
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = BytesIO()
    Image.fromarray(np.ascontiguousarray(np.rot90(pixels))).save(buffer, "PNG", exif=exif)
    for name, content in {
        "a": encode_png(pixels),
        "b": buffer.getvalue(),
        "c": encode_png(gray),
        "d": encode_png(np.repeat(gray, 3, axis=2)),
        "e": encode_png(pixels[:, ::-1]),
    }.items():
        (folder / "cats" / name).write_bytes(content)
    loaded = load_data(source(), root=tmp_path)
    sha256 = dict(zip(loaded.names, loaded.sha256, strict=True))
    assert sha256["cats/a"] == sha256["cats/b"] and sha256["cats/c"] == sha256["cats/d"]
    assert len(set(sha256.values())) == 5


def test_the_hash_of_a_source_tells_its_files_apart(tmp_path: Path) -> None:
    folder = pets(tmp_path, 2)
    one = load_data(source(), root=tmp_path)
    again = load_data(source(height=16), root=tmp_path)
    (folder / "cats" / "000.png").rename(folder / "cats" / "900.png")
    other = load_data(source(), root=tmp_path)
    assert one.source_sha256 == again.source_sha256 != other.source_sha256


def test_digits_come_from_the_package_that_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        digits.folder_of_package(digits.PACKAGE)
    except ModuleNotFoundError:
        pytest.skip("scikit-learn is an optional extra")
    loaded = load_data(of_digits(max_pictures=2000), root=Path("/nowhere"))
    assert loaded.pixels.shape == (1797, 8, 8, 1)
    assert (loaded.pixels.min(), loaded.pixels.max()) == (0, 255)
    assert loaded.labels[:10] == tuple("0123456789")
    assert loaded.format == "digits"
    with pytest.raises(DataError, match="more than 5 pictures"):
        load_data(of_digits(max_pictures=5), root=Path("/nowhere"))


def test_without_the_package_it_is_said_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> Path:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(digits, "folder_of_package", missing)
    with pytest.raises(NotFoundError, match=r'pip install "mlops-tui\[demo\]"'):
        load_data(of_digits(), root=tmp_path)
    monkeypatch.setattr(digits, "folder_of_package", lambda name: tmp_path)
    with pytest.raises(EngineError, match="Install it anew"):
        load_data(of_digits(), root=tmp_path)
