from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.data.images.loading import LoadedPictures, load_data
from engine.errors import DataError
from engine.pictures import encode_png
from tests.unit.data.images.sources import picture, source

Load = Callable[..., LoadedPictures]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Write a list beside three pictures, and load it."""
    (tmp_path / "data" / "files").mkdir(parents=True)
    for number in range(3):
        content = encode_png(picture(number))
        (tmp_path / "data" / "files" / f"{number}.png").write_bytes(content)

    def write_and_load(text: str | bytes, **given: object) -> LoadedPictures:
        raw = text.encode() if isinstance(text, str) else text
        (tmp_path / "data" / "list.csv").write_bytes(raw)
        return load_data(source(file_path="list.csv", **given), root=tmp_path)

    return write_and_load


def test_paths_start_from_the_folder_of_the_list(load: Load, tmp_path: Path) -> None:
    absolute = tmp_path / "data" / "files" / "2.png"
    loaded = load(f"path,label\nfiles/1.png,dog\n\nfiles/0.png,cat\n{absolute},dog\n")
    assert loaded.names == (str(absolute), "files/0.png", "files/1.png")
    assert loaded.labels == ("dog", "cat", "dog")
    assert loaded.format == "csv"


@pytest.mark.parametrize(
    "text",
    [
        '\ufeffpath;label;who\r\nfiles/0.png;고양이;"a;b"\r\nfiles/1.png;개;x\r\n'.encode(),
        "who\tlabel\tpath\nx\t고양이\tfiles/0.png\ny\t개\tfiles/1.png".encode("cp949"),
    ],
)
def test_encodings_and_delimiters_are_found(load: Load, text: bytes) -> None:
    assert load(text).labels == ("고양이", "개")


def test_other_columns_may_be_named(load: Load) -> None:
    loaded = load("file,kind\nfiles/0.png,a\n", path_col="file", label_col="kind")
    assert loaded.labels == ("a",)


def test_everything_wrong_is_told_at_once_with_its_row(load: Load) -> None:
    text = (
        "path,label,n\n"
        "files/0.png,cat,1\n"
        "files/9.png,cat,1\n"
        ",cat,1\n"
        "files/1.png, ,1\n"
        "files,dog,1\n"
        "files/1.png,dog\n"
        "\n"
        "files/2.png,Cat,1\n"
    )
    with pytest.raises(DataError) as caught:
        load(text)
    told = str(caught.value)
    assert (
        "2 pictures are not there: row 3 'files/9.png' (no such file); row 6 'files' (not a" in told
    )
    assert "1 row has no path: row 4" in told
    assert "1 row has no label: row 5" in told
    assert "1 row does not have as many columns as the header, 3: row 7 has 2" in told
    assert "1 class has names that are too much alike: 'cat' and 'Cat'" in told
    assert told.startswith("data/list.csv: 5 kinds of problems")


def test_only_so_many_rows_are_listed(load: Load) -> None:
    with pytest.raises(DataError, match=r"20 pictures are not there: .*row 4 'x' .*; and 17 more"):
        load("path,label\n" + "x,cat\n" * 20, max_errors_listed=3)


def test_broken_pictures_tell_their_row(load: Load, tmp_path: Path) -> None:
    (tmp_path / "data" / "files" / "2.png").write_text("no picture")
    (broken,) = load("path,label\nfiles/0.png,a\nfiles/2.png,b\n").broken
    assert (broken.name, broken.row, broken.reason) == ("files/2.png", 3, "format")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the file is empty"),
        ("path,label\n", "no picture is listed"),
        (
            "file,label\nfiles/0.png,a\n",
            r"list.csv:1: column 'path' \(dataset.path_col\) is missing",
        ),
        ("paths,label\nfiles/0.png,a\n", "Did you mean 'paths'"),
        ("path,label,label\nfiles/0.png,a,b\n", "more than once"),
        ('path,label\n"files/0.png,a\n', "quotation mark"),
        ('path,label\nfiles/"0".png,"a"b\nfiles/0.png,"x"\n', "list.csv:2: the line cannot be"),
        ("path,label\nfiles/0\0.png,a\n", "NUL byte"),
        (b"path,label\nfiles/0.png,\xff\xfe\xff\n", "neither UTF-8 nor CP949"),
    ],
)
def test_a_list_that_cannot_be_read_says_why(load: Load, text: str | bytes, told: str) -> None:
    with pytest.raises(DataError, match=told):
        load(text)


def test_too_many_rows_are_refused(load: Load) -> None:
    with pytest.raises(DataError, match="more than 2 pictures"):
        load("path,label\n" + "files/0.png,a\n" * 3, max_pictures=2)
