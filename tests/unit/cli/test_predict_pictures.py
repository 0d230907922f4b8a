"""`engine predict PICTURE...`: the classes of pictures."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.pictures import decode
from engine.store import Version
from engine.workspace import Workspace
from tests.faults.predictor_process import predictor_process
from tests.unit.cli.conftest import Answer, EngineCommand
from tests.unit.deployments import deploy
from tests.unit.picture_bundles import COLOURS, colour_picture, deploy_pictures, jpeg, png

Ask = Callable[..., Answer]


@pytest.fixture
def champion(workspace: Workspace, colour_bundles: tuple[Path, Path]) -> Version:
    return deploy_pictures(workspace, colour_bundles[1])


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """A picture file of each colour, and some that cannot be used."""
    made = {}
    for place, name in enumerate(COLOURS):
        kind = jpeg if name == "red" else png
        made[name] = tmp_path / f"{name}.jpg"
        made[name].write_bytes(kind(colour_picture(name, 24, seed=50 + place)))
    for name, content in (("text", b"hello"), ("empty", b"")):
        made[name] = tmp_path / f"{name}.png"
        made[name].write_bytes(content)
    return made


@pytest.mark.parametrize("name", list(COLOURS))
def test_a_picture_is_classified_with_how_sure_that_is(
    command: EngineCommand, champion: Version, files: dict[str, Path], name: str
) -> None:
    answer = command("predict", files[name], "--json")
    text = command("predict", files[name]).out

    assert answer.code == 0
    (one,) = answer.json["pictures"]
    assert (one["file"], one["prediction"]) == (str(files[name]), name)
    assert (answer.json["version"], answer.json["answered_by"]) == (champion.id, "this process")
    assert next(iter(one["probabilities"])) == name
    assert sum(one["probabilities"].values()) == pytest.approx(1)
    assert one["confidence"] == max(one["probabilities"].values())
    assert "overlaid_png" not in one
    lines = text.splitlines()
    assert lines[-5] == str(files[name])
    assert lines[-4].startswith(f"{name} (")
    assert f"by {champion.id}" in lines[-4]
    assert lines[-3].startswith(name), "the likeliest class comes first"
    assert len(lines) > 8, "above it is the picture"
    assert max(map(len, lines)) <= 100


def test_the_heat_map_lies_over_the_picture(
    command: EngineCommand, champion: Version, files: dict[str, Path]
) -> None:
    (one,) = command("predict", files["red"], "--heat-map", "--json").json["pictures"]
    plain = command("predict", files["red"]).out
    heated = command("predict", files["red"], "--heat-map").out

    drawn = decode(base64.b64decode(one["overlaid_png"]), where="the answer")
    assert drawn.shape == (24, 24, 3)
    assert heated.splitlines()[0] != plain.splitlines()[0]
    assert len(heated.splitlines()) == len(plain.splitlines())


def test_several_pictures_are_a_table_and_bad_ones_keep_none_from_it(
    command: EngineCommand, champion: Version, files: dict[str, Path], tmp_path: Path
) -> None:
    answer = command("predict", *files.values())
    data = command("predict", *files.values(), "--json")

    heading, *rows, last = answer.out.splitlines()
    assert heading.split() == ["class", "sure", "or", "else", "picture"]
    assert [row.split()[0] for row in rows] == list(COLOURS)
    assert all(row.endswith(f"/{name}.jpg") for row, name in zip(rows, COLOURS, strict=True))
    assert max(map(len, rows)) <= 100
    assert last == f"3 of 5 pictures classified by {champion.id}"
    assert f"{files['text']}: this is no PNG or JPEG" in answer.err
    assert f"{files['empty']}: the file is empty" in answer.err
    assert (answer.code, data.code, data.json["exit_code"]) == (3, 3, 3)
    told = {Path(one["file"]).stem: one for one in data.json["pictures"]}
    assert [told[name]["prediction"] for name in COLOURS] == list(COLOURS)
    assert told["text"]["error"]["kind"] == "DataError"


@pytest.mark.parametrize(("name", "code"), [("nowhere.png", 5), (".", 3)])
def test_what_is_no_file_is_told(
    command: EngineCommand, champion: Version, tmp_path: Path, name: str, code: int
) -> None:
    answer = command("predict", tmp_path / name)

    assert answer.code == code
    assert str(tmp_path) in answer.err
    assert answer.out == ""


def test_without_a_classifier_it_says_how_to_deploy_one(
    command: EngineCommand,
    workspace: Workspace,
    bundles: tuple[Path, Path],
    files: dict[str, Path],
) -> None:
    forecaster = deploy(workspace, bundles[0])

    answer = command("predict", files["red"])
    named = command("predict", files["red"], "--version", forecaster.id)

    assert answer.code == 5
    assert "engine run full_flow --data-type image" in answer.err
    assert named.code == 1
    assert "tells no classes of pictures" in named.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--steps", "3"], "--steps"),
        (["--series", "a", "--explain"], "--series, --explain"),
        (["--on-hand", "5"], "--on-hand"),
    ],
)
def test_what_is_asked_of_series_goes_not_with_pictures(
    command: EngineCommand,
    champion: Version,
    files: dict[str, Path],
    options: list[str],
    said: str,
) -> None:
    answer = command("predict", files["red"], *options)

    assert answer.code == 2
    assert f"{said}: for series only" in answer.err


def test_where_only_pictures_can_be_answered_it_says_so(
    command: EngineCommand, champion: Version
) -> None:
    answer = command("predict")

    assert answer.code == 2
    assert "engine predict photo.png" in answer.err
    assert command("predict", "--heat-map").code == 2


def test_the_running_predictor_tells_the_same(
    command: EngineCommand, workspace: Workspace, champion: Version, files: dict[str, Path]
) -> None:
    line = ("predict", *files.values(), "--heat-map", "--json")
    here = command(*line).json
    with predictor_process(workspace):
        there = command(*line, "--through-predictor").json

    assert there["answered_by"].startswith("http://127.0.0.1:")
    assert there["version"] == here["version"]
    for mine, asked in zip(here["pictures"], there["pictures"], strict=True):
        assert mine.keys() == asked.keys()
        if "error" not in mine:
            assert asked["prediction"] == mine["prediction"]
            assert asked["confidence"] == pytest.approx(mine["confidence"])
            pixels = [
                decode(base64.b64decode(one["overlaid_png"]), where="") for one in (mine, asked)
            ]
            # A heat map has 256 steps on its way through HTTP.
            assert abs(pixels[0].astype(int) - pixels[1].astype(int)).max() <= 4


def test_long_paths_and_names_leave_a_table_readable(
    command: EngineCommand,
    champion: Version,
    files: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "60")

    lines = command("predict", files["red"], files["blue"]).out.splitlines()

    assert max(map(len, lines)) <= 60
    assert lines[1].startswith("red ")
    assert lines[1].endswith("/red.jpg")
    assert "…" in lines[1]
