from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from engine.data.images.splitting import PARTS
from engine.errors import DataError
from engine.pictures import encode_png
from tests.unit.data.images.sources import pets, picture, prepared

LEARNT = 0
"""A seed that draws the two birds into the training part."""


def complaint(root: Path, **given: object) -> str:
    with pytest.raises(DataError) as caught:
        prepared(root, **given)
    return str(caught.value)


def test_clean_pictures_pass_and_are_counted(tmp_path: Path) -> None:
    pets(tmp_path)
    clean = prepared(tmp_path)
    report = clean.report
    assert clean.classes == ("cats", "dogs")
    assert (report.pictures_found, report.pictures_kept, report.changes) == (80, 80, ())
    assert sum(report.of_part(part) for part in PARTS) == 80
    assert all(sum(counts.values()) == 40 for counts in report.counts.values())
    told = report.sentences()
    assert told[0] == "80 pictures found in data/pets (folder)"
    assert "No rule had to change anything" in told


def test_pictures_are_sorted_by_part_and_then_by_name(tmp_path: Path) -> None:
    pets(tmp_path)
    clean = prepared(tmp_path)
    order = [
        (PARTS.index(part), clean.loaded.names[row])
        for part, row in zip(clean.parts, clean.rows, strict=True)
    ]
    assert order == sorted(order)


def test_broken_files_stop_or_are_skipped(tmp_path: Path) -> None:
    folder = pets(tmp_path)
    for number in range(7):
        (folder / "cats" / f"{number:03}.png").write_bytes(b"words")
    told = complaint(tmp_path)
    assert "7 files give no picture: 'cats/000.png' (this is no PNG or JPEG);" in told
    assert "and 2 more" in told and "dataset.rules.broken: skip" in told
    clean = prepared(tmp_path, broken="skip")
    assert (clean.report.pictures_found, clean.report.pictures_kept) == (80, 73)
    (change,) = clean.report.changes
    assert (change.rule, change.count, len(change.spots)) == ("broken", 7, 5)


@pytest.mark.parametrize("rule", ["error", "skip"])
def test_nothing_but_broken_files_always_stops(tmp_path: Path, rule: str) -> None:
    folder = pets(tmp_path, 2)
    for path in folder.rglob("*.png"):
        path.write_bytes(b"")
    told = complaint(tmp_path, broken=rule)
    assert "not one picture can be read: 4 files" in told and "skip" not in told


def test_copies_within_a_class(tmp_path: Path) -> None:
    folder = pets(tmp_path)
    shutil.copy(folder / "cats" / "003.png", folder / "cats" / "other.png")
    kept = prepared(tmp_path)
    assert kept.report.pictures_kept == 81 and not kept.report.changes
    assert any("1 picture is there already and kept" in note for note in kept.report.notes)
    dropped = prepared(tmp_path, duplicates="drop")
    names = [dropped.loaded.names[row] for row in dropped.rows]
    assert len(names) == 80 and "cats/other.png" not in names
    told = complaint(tmp_path, duplicates="error")
    assert "'cats/other.png' (shows what 'cats/003.png' does)" in told


def test_one_picture_under_two_labels(tmp_path: Path) -> None:
    folder = pets(tmp_path)
    shutil.copy(folder / "cats" / "003.png", folder / "dogs" / "x.png")
    told = complaint(tmp_path)
    assert "'cats/003.png' (class 'cats'); 'dogs/x.png' (class 'dogs')" in told
    clean = prepared(tmp_path, conflicts="drop", duplicates="error")
    names = [clean.loaded.names[row] for row in clean.rows]
    assert len(names) == 79 and not {"cats/003.png", "dogs/x.png"} & set(names)


def test_small_classes(tmp_path: Path) -> None:
    folder = pets(tmp_path)
    (folder / "birds").mkdir()
    (folder / "birds" / "1.png").write_bytes(encode_png(picture(9999)))
    told = complaint(tmp_path, min_pictures_a_class=10)
    assert "1 class has fewer than 10 pictures: 'birds' (1 picture)" in told
    clean = prepared(tmp_path, min_pictures_a_class=10, small_classes="drop")
    assert clean.classes == ("cats", "dogs") and clean.report.pictures_kept == 80
    assert "has nothing" not in str(clean.report.notes)


def test_a_class_that_lost_everything_to_another_rule_is_small(tmp_path: Path) -> None:
    folder = pets(tmp_path)
    (folder / "birds").mkdir()
    shutil.copy(folder / "cats" / "003.png", folder / "birds" / "x.png")
    told = complaint(tmp_path, conflicts="drop", min_pictures_a_class=2)
    assert "'birds' (0 pictures)" in told


def test_one_class_is_nothing_to_tell_apart(tmp_path: Path) -> None:
    folder = pets(tmp_path)
    shutil.rmtree(folder / "dogs")
    assert "nothing to tell apart: 1 class left, 'cats'" in complaint(tmp_path)
    told = complaint(tmp_path, min_pictures_a_class=50, small_classes="drop")
    assert "no class is left" in told


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    folder = pets(tmp_path, 12)
    (folder / "cats" / "000.png").write_bytes(b"")
    shutil.copy(folder / "cats" / "003.png", folder / "dogs" / "x.png")
    shutil.copy(folder / "cats" / "004.png", folder / "cats" / "y.png")
    (folder / "birds").mkdir()
    (folder / "birds" / "1.png").write_bytes(encode_png(picture(9999)))
    told = complaint(tmp_path, duplicates="error", min_pictures_a_class=5)
    for kind in ("gives no picture", "different classes", "there already", "fewer than 5"):
        assert kind in told


def test_a_part_that_stays_empty_stops_and_a_class_that_lacks_one_is_noted(tmp_path: Path) -> None:
    folder = pets(tmp_path, 30)
    (folder / "birds").mkdir()
    for number in range(2):
        (folder / "birds" / f"{number}.png").write_bytes(encode_png(picture(5000 + number)))
    told = complaint(tmp_path, min_pictures_a_class=1, test_share=0.001)
    assert "3 classes have no picture for test" in told and "dataset.split.seed" in told
    clean = prepared(tmp_path, min_pictures_a_class=1, seed=LEARNT)
    assert set(clean.parts) == set(PARTS) and clean.report.counts["birds"]["training"] == 2
    assert "1 class has no picture for test: 'birds'" in clean.report.notes


def test_a_class_without_a_picture_to_learn_from_stops(tmp_path: Path) -> None:
    folder = pets(tmp_path, 30)
    (folder / "birds").mkdir()
    (folder / "birds" / "1.png").write_bytes(encode_png(picture(9999)))
    told = complaint(tmp_path, min_pictures_a_class=1, test_share=0.5, validation_share=0.3, seed=1)
    assert "1 class has no picture for training: 'birds'" in told


def test_pictures_of_one_colour_are_noted(tmp_path: Path) -> None:
    folder = pets(tmp_path)
    (folder / "cats" / "black.png").write_bytes(encode_png(np.full((8, 8, 3), 7, np.uint8)))
    notes = prepared(tmp_path).report.notes
    assert any("1 picture has one colour throughout: 'cats/black.png'" in note for note in notes)


def test_long_names_show_where_they_differ(tmp_path: Path) -> None:
    folder = pets(tmp_path)
    deep = folder / "cats" / ("d" * 90) / ("e" * 90)
    deep.mkdir(parents=True)
    (deep / "the-name.png").write_text("x\x1b[31m")
    assert "the-name.png' (this is no PNG" in complaint(tmp_path)
