"""Data sets of pictures where data sets are listed, shown and compared with what came later."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.data.images.dataset import ImageDataset
from engine.pictures import encode_png
from engine.workspace import Workspace
from tests.unit.cli.conftest import EngineCommand
from tests.unit.deployments import prepare_dataset
from tests.unit.picture_bundles import (
    COLOURS,
    colour_picture,
    deploy_pictures,
    prepare_pictures,
)


@pytest.fixture
def pictures(workspace: Workspace, tmp_path: Path) -> ImageDataset:
    return prepare_pictures(workspace, tmp_path / "of-pictures")


def later(folder: Path, *, brighter: int = 0, a_class: int = 30) -> Path:
    """A folder of pictures like those of the data set, or brighter."""
    folder.mkdir()
    for place, name in enumerate(COLOURS):
        for number in range(a_class):
            pixels = colour_picture(name, 8, seed=5000 + 100 * place + number).astype(int)
            content = encode_png(np.clip(pixels + brighter, 0, 255).astype(np.uint8))
            (folder / f"{name}-{number}.png").write_bytes(content)
    return folder


def test_data_sets_of_pictures_are_listed_by_pictures_and_classes(
    command: EngineCommand, pictures: ImageDataset
) -> None:
    heading, line = command("data", "list").out.splitlines()
    (row,) = command("data", "list", "--json").json

    assert heading.split() == ["id", "pictures", "classes", "size", "source"]
    assert line.split()[:4] == [pictures.id, "latest", "60", "3"]
    assert (row["data_type"], row["pictures"], row["classes"]) == ("image", 60, 3)


def test_both_kinds_stand_in_one_list_and_each_has_its_latest(
    command: EngineCommand, workspace: Workspace, pictures: ImageDataset, tmp_path: Path
) -> None:
    series = prepare_dataset(workspace, tmp_path)

    heading, *lines = command("data", "list").out.splitlines()
    rows = {row["id"]: row for row in command("data", "list", "--json").json}

    assert heading.split()[:4] == ["id", "data", "type", "holds"]
    told = {line.split()[0]: " ".join(line.split()[1:8]) for line in lines}
    assert told[pictures.id].startswith("latest image 60 pictures of 3 classes")
    assert told[series.id].startswith("latest timeseries 3 series, 360 rows")
    assert [rows[one.id]["is_latest"] for one in (pictures, series)] == [True, True]


def test_a_data_set_of_pictures_is_shown_with_its_classes_and_its_looks(
    command: EngineCommand, pictures: ImageDataset
) -> None:
    text = command("data", "show").out
    data = command("data", "show", pictures.id, "--json").json

    assert text.startswith(f"{pictures.id} (colours)\n")
    lines = {line.split()[0]: line.split() for line in text.splitlines() if line.strip()}
    counts = pictures.manifest["counts"]
    for name in COLOURS:
        row = [name, *(str(counts[name][part]) for part in ("training", "validation", "test"))]
        assert row in [line.split()[:4] for line in text.splitlines()]
    assert text.count("Class ") == 0, "the table tells of the classes"
    mean = pictures.reference.features["brightness"].mean
    assert lines["brightness"][1] == f"{mean:.1f}"
    assert (data["id"], data["data_type"], data["is_latest"]) == (pictures.id, "image", True)
    assert (data["height"], data["width"], data["channels"]) == (8, 8, 3)
    assert data["counts"] == counts
    assert data["reference"] == pictures.reference.to_dict()


def test_of_both_kinds_that_of_series_is_shown_unless_said(
    command: EngineCommand, workspace: Workspace, pictures: ImageDataset, tmp_path: Path
) -> None:
    series = prepare_dataset(workspace, tmp_path)

    assert command("data", "show", "--json").json["id"] == series.id
    shown = command("data", "show", "--data-type", "image", "--json").json
    assert shown["id"] == pictures.id
    assert command("data", "show", pictures.id, "--json").json["id"] == pictures.id


def test_what_is_asked_of_series_is_refused_for_pictures(
    command: EngineCommand, pictures: ImageDataset
) -> None:
    for line in (
        ("data", "show", pictures.id, "--series", "a"),
        ("data", "values", pictures.id, "--series", "a"),
        ("data", "anomalies", "--dataset", pictures.id),
    ):
        answer = command(*line)
        assert answer.code == 3, line
        assert "holds pictures, and series are needed here" in answer.err
    answer = command("data", "values", "--series", "a")
    assert answer.code == 5
    assert "there is no data set of series yet" in answer.err


def test_pictures_that_look_like_those_of_training_have_not_drifted(
    command: EngineCommand, pictures: ImageDataset, tmp_path: Path
) -> None:
    folder = later(tmp_path / "same")

    answer = command("data", "drift", folder)
    data = command("data", "drift", folder, "--json").json

    assert answer.code == 0
    assert "look like what was learnt from" in answer.out
    assert (data["dataset"], data["verdict"]) == (pictures.id, "alike")
    assert (data["files"], data["pictures"], data["broken"]) == (90, 90, [])
    names = [one["name"] for one in data["features"]]
    assert names == list(pictures.reference.features)


def test_brighter_pictures_have_drifted(
    command: EngineCommand, pictures: ImageDataset, tmp_path: Path
) -> None:
    folder = later(tmp_path / "bright", brighter=60)
    (folder / "broken.png").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("left out")

    answer = command("data", "drift", folder)
    data = command("data", "drift", folder, "--json")

    assert (answer.code, data.code, data.json["verdict"]) == (1, 1, "drifted")
    assert "90 of 91 pictures beside" in answer.out
    assert f"{folder / 'broken.png'}: this is no PNG or JPEG" in answer.err
    (broken,) = data.json["broken"]
    assert broken["where"] == str(folder / "broken.png")
    brightness = data.json["features"][0]
    assert brightness["verdict"] == "drifted"
    assert brightness["mean"] > brightness["mean_then"] + 30


def test_a_few_pictures_may_differ_by_chance(
    command: EngineCommand, pictures: ImageDataset, tmp_path: Path
) -> None:
    folder = later(tmp_path / "few", a_class=2)

    answer = command("data", "drift", folder)
    features = command("data", "drift", folder, "--json").json["features"]

    assert any(one["psi"] > 0.25 for one in features), "as much as of drifted ones"
    assert answer.code == 0
    assert "6 pictures tell little" in answer.out


def test_of_many_files_some_from_all_over_are_looked_at(
    command: EngineCommand, pictures: ImageDataset, tmp_path: Path
) -> None:
    data = command("data", "drift", later(tmp_path / "many"), "--most", "30", "--json").json

    assert (data["files"], data["pictures"]) == (90, 30)


def test_drift_is_told_from_what_the_champion_learnt_from(
    command: EngineCommand,
    workspace: Workspace,
    pictures: ImageDataset,
    colour_bundles: tuple[Path, Path],
    tmp_path: Path,
) -> None:
    newer = prepare_pictures(workspace, tmp_path / "newer", a_class=24)
    folder = later(tmp_path / "later")

    assert command("data", "drift", folder, "--json").json["dataset"] == newer.id
    deploy_pictures(workspace, colour_bundles[0], dataset=pictures.id)
    assert command("data", "drift", folder, "--json").json["dataset"] == pictures.id
    chosen = command("data", "drift", folder, "--dataset", newer.id, "--json").json
    assert chosen["dataset"] == newer.id


def test_drift_of_nothing_or_from_series_is_refused(
    command: EngineCommand, workspace: Workspace, pictures: ImageDataset, tmp_path: Path
) -> None:
    series = prepare_dataset(workspace, tmp_path)
    (tmp_path / "empty").mkdir()

    nothing = command("data", "drift", tmp_path / "empty")
    nowhere = command("data", "drift", tmp_path / "nowhere")
    other = command("data", "drift", later(tmp_path / "some"), "--dataset", series.id)

    assert (nothing.code, nowhere.code, other.code) == (3, 5, 3)
    assert "there is no picture here" in nothing.err
    assert "holds series, and pictures are needed here" in other.err
