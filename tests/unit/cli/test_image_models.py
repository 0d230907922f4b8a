"""Classifiers where versions are listed, shown and moved, alone and beside forecasters."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.store import AliasRegistry, Version
from engine.workspace import Workspace
from models.data_types import IMAGE, TIMESERIES
from tests.unit.cli.conftest import EngineCommand
from tests.unit.deployments import deploy
from tests.unit.picture_bundles import deploy_pictures


@pytest.fixture
def classifiers(workspace: Workspace, colour_bundles: tuple[Path, Path]) -> tuple[Version, Version]:
    """The previous classifier and the champion."""
    first, second = colour_bundles
    return deploy_pictures(workspace, first), deploy_pictures(workspace, second)


@pytest.fixture
def forecasters(workspace: Workspace, bundles: tuple[Path, Path]) -> tuple[Version, Version]:
    """The previous forecaster and the champion."""
    return deploy(workspace, bundles[0]), deploy(workspace, bundles[1])


def test_where_there_are_only_classifiers_the_list_has_their_measures(
    command: EngineCommand, classifiers: tuple[Version, Version]
) -> None:
    previous, champion = classifiers

    heading, newest, older = command("models").out.splitlines()
    rows = command("models", "--json").json

    assert heading.split() == [
        *("version", "alias", "accuracy", "mean", "picture", "macro", "F1", "ECE", "deployed")
    ]
    assert newest.split()[:7] == [champion.id, "champion", "95.83", "%", "100.00", "%", "0.958"]
    assert older.split()[:2] == [previous.id, "previous"]
    assert [(row["id"], row["alias"], row["data_type"]) for row in rows] == [
        (champion.id, "champion", IMAGE),
        (previous.id, "previous", IMAGE),
    ]
    summary = rows[0]["summary"]
    assert (summary["accuracy"], summary["errors"], summary["classes"]) == (23 / 24, 1, 3)
    assert summary["accuracy_of_mean_picture"] == 1.0


def test_both_kinds_stand_in_one_table_with_the_measures_of_each(
    command: EngineCommand,
    classifiers: tuple[Version, Version],
    forecasters: tuple[Version, Version],
) -> None:
    heading, *rows = command("models").out.splitlines()
    data = command("models", "--json").json

    assert heading.split() == [
        *("version", "data", "type", "alias", "MASE", "WAPE", "accuracy", "ECE", "deployed")
    ]
    cells = {row.split()[0]: row.split()[1:] for row in rows}
    assert cells[forecasters[1].id][:4] == [TIMESERIES, "champion", "0.900", "0.100"]
    assert cells[forecasters[0].id][:2] == [TIMESERIES, "previous"]
    assert cells[classifiers[1].id][:4] == [IMAGE, "champion", "95.83", "%"]
    assert cells[classifiers[0].id][:2] == [IMAGE, "previous"]
    # Each measure stands below its own heading.
    row = next(row for row in rows if row.startswith(classifiers[1].id))
    assert row.index("95.83") == heading.index("accuracy")
    assert [row["alias"] for row in data] == ["champion", "previous"] * 2


def test_a_classifier_is_shown_with_its_classes_and_its_mistakes(
    command: EngineCommand, classifiers: tuple[Version, Version]
) -> None:
    text = command("models", "show", "champion").out
    shown = text.splitlines()

    places = [
        next(at for at, line in enumerate(shown) if part in line)
        for part in (
            f"{classifiers[1].id}  champion",
            "MeanPicture, 3 classes, pictures of 16 x 16, colour",
            "24 test pictures of 3 classes",
            "MeanPicture (candidate)",
            "24 pictures, 1 of them wrong",
            "classes, the worst first",
            "what is taken for what",
            "green taken for red: once (of 8)",
            "98.0 %  green   red        g/0.png",
            "data set  0000000000000000",
            "settings that differ",
        )
    ]
    assert places == sorted(places)


def test_an_alias_is_that_of_the_only_kind_with_a_champion_or_else_of_series(
    command: EngineCommand,
    workspace: Workspace,
    classifiers: tuple[Version, Version],
    bundles: tuple[Path, Path],
) -> None:
    def shown(*options: str) -> str:
        return str(command("models", "show", "champion", *options, "--json").json["id"])

    assert shown() == classifiers[1].id
    missing = command("models", "show", "champion", "--data-type", TIMESERIES)
    assert missing.code == 5
    assert "no champion of data_type timeseries yet" in missing.err

    forecaster = deploy(workspace, bundles[0])

    assert shown() == forecaster.id
    assert shown("--data-type", IMAGE) == classifiers[1].id


def test_an_id_of_another_kind_than_said_is_not_found(
    command: EngineCommand, classifiers: tuple[Version, Version]
) -> None:
    answer = command("models", "show", classifiers[0].id, "--data-type", TIMESERIES)

    assert answer.code == 5
    assert "it is of image" in answer.err


def test_a_promotion_moves_the_aliases_of_its_own_kind(
    command: EngineCommand,
    workspace: Workspace,
    classifiers: tuple[Version, Version],
    forecasters: tuple[Version, Version],
) -> None:
    data = command("models", "promote", classifiers[0].id, "--json").json

    assert (data["data_type"], data["champion"]) == (IMAGE, classifiers[0].id)
    states = AliasRegistry(workspace.central_storage).of_all()
    assert states[IMAGE].champion == classifiers[0].id
    assert states[TIMESERIES].champion == forecasters[1].id
    text = command("models", "promote", classifiers[1].id).out
    assert text.startswith(f"image champion is now {classifiers[1].id} ")


@pytest.mark.parametrize("data_type", [IMAGE, TIMESERIES])
def test_each_kind_is_rolled_back_by_itself(
    command: EngineCommand,
    workspace: Workspace,
    classifiers: tuple[Version, Version],
    forecasters: tuple[Version, Version],
    data_type: str,
) -> None:
    before = AliasRegistry(workspace.central_storage).of_all()

    assert command("models", "rollback", "--data-type", data_type).code == 0

    for kind, state in AliasRegistry(workspace.central_storage).of_all().items():
        same = before[kind].champion if kind != data_type else before[kind].previous
        assert state.champion == same


def test_without_forecasters_rolling_back_is_about_classifiers(
    command: EngineCommand, classifiers: tuple[Version, Version]
) -> None:
    answer = command("models", "rollback")

    assert answer.out == f"champion is now {classifiers[0].id} (previous: {classifiers[1].id})\n"


def test_the_log_names_the_kind_where_there_are_two(
    command: EngineCommand,
    workspace: Workspace,
    classifiers: tuple[Version, Version],
    bundles: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    assert "data type" not in command("models", "log").out
    deploy(workspace, bundles[0])

    heading, newest, older, _ = command("models", "log").out.splitlines()

    assert heading.split()[:4] == ["when", "what", "data", "type"]
    assert newest.split()[3] == TIMESERIES
    assert older.split()[3] == IMAGE
    assert [move["data_type"] for move in command("models", "log", "--json").json] == [
        TIMESERIES,
        IMAGE,
        IMAGE,
    ]


def test_classifiers_are_compared_with_each_other_only(
    command: EngineCommand,
    classifiers: tuple[Version, Version],
    forecasters: tuple[Version, Version],
) -> None:
    compared = command("models", "compare", *(one.id for one in classifiers)).out
    mixed = command("models", "compare", classifiers[0].id, forecasters[0].id)

    assert next(line for line in compared.splitlines() if line.startswith("accuracy ")).split() == [
        *("accuracy", "0.9583", "0.9583")
    ]
    assert mixed.code == 2
    assert "no measure in common" in mixed.err


def test_a_classifier_is_verified_and_travels_like_any_other(
    command: EngineCommand, classifiers: tuple[Version, Version], tmp_path: Path
) -> None:
    file, other = tmp_path / "version.zip", str(tmp_path / "other")
    champion = classifiers[1].id

    assert command("models", "verify", "champion").out == f"{champion}: verified\n"
    assert command("models", "export", "champion", file).code == 0
    assert command("--workspace", other, "models", "import", file).code == 0
    assert command("--workspace", other, "models", "promote", champion).code == 0
    (row,) = command("--workspace", other, "models", "--json").json

    assert (row["id"], row["alias"], row["data_type"]) == (champion, "champion", IMAGE)


def test_champions_of_both_kinds_are_kept_when_old_versions_are_deleted(
    command: EngineCommand,
    classifiers: tuple[Version, Version],
    forecasters: tuple[Version, Version],
) -> None:
    command("models", "gc", "--keep", "0", "--yes")

    left = {row["id"] for row in command("models", "--json").json}
    assert left == {version.id for version in (*classifiers, *forecasters)}


def test_the_doctor_looks_at_both_champions(
    command: EngineCommand,
    classifiers: tuple[Version, Version],
    forecasters: tuple[Version, Version],
) -> None:
    with (classifiers[1].bundle / "model.onnx").open("ab") as file:
        file.write(b"\0")

    checks = {check["name"]: check for check in command("doctor", "--json").json["checks"]}

    assert checks["champion"]["ok"]
    assert not checks["image champion"]["ok"]
    assert "engine models rollback --data-type image" in checks["image champion"]["advice"]


def test_a_dry_run_names_the_kind_and_only_what_was_changed(
    command: EngineCommand, classifiers: tuple[Version, Version]
) -> None:
    line = ("run", "full_flow", "--data-type", IMAGE, "--epochs", "3", "--dry-run")

    text, data = command(*line).out, command(*line, "--json").json

    assert text.splitlines()[:2] == ["full_flow would run:", "data type: image"]
    assert "None" not in text
    assert (data["data_type"], data["champion"]) == (IMAGE, classifiers[1].id)
    assert [one["key"] for one in data["differences"]] == ["train.hparams.epochs"]
