from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.config.loading import load_settings
from engine.store import VersionStore
from engine.workspace import Workspace
from tests.unit.cli.conftest import EngineCommand
from tests.unit.deployments import deploy, lineage, make_bundle


@pytest.fixture
def deployed(workspace: Workspace, bundles: tuple[Path, Path]) -> tuple[str, str]:
    """Ids of the previous version and of the champion."""
    return deploy(workspace, bundles[0]).id, deploy(workspace, bundles[1]).id


def test_before_the_first_deploy_the_list_says_how_to_make_one(command: EngineCommand) -> None:
    answer = command("models")

    assert answer.code == 0
    assert "engine run full_flow" in answer.out
    assert command("models", "--json").json == []


@pytest.mark.parametrize("alias", ["champion", "previous"])
def test_an_alias_of_nothing_is_not_found(command: EngineCommand, alias: str) -> None:
    answer = command("models", "show", alias)

    assert answer.code == 5
    assert f"there is no {alias} yet" in answer.err


def test_the_list_says_which_version_serves_and_how_good_it_is(
    command: EngineCommand, deployed: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    previous, champion = deployed

    heading, newest, older = command("models").out.splitlines()

    assert heading.split()[:3] == ["version", "alias", "MASE"]
    assert newest.split()[:4] == [champion, "champion", "0.900", "0.900"]
    assert older.split()[:2] == [previous, "previous"]
    data = command("models", "--json").json
    assert [(row["id"], row["alias"]) for row in data] == [
        (champion, "champion"),
        (previous, "previous"),
    ]


@pytest.mark.parametrize("alias", ["champion", "previous", None])
def test_a_version_is_shown_by_its_id_or_its_alias(
    command: EngineCommand, deployed: tuple[str, str], alias: str | None
) -> None:
    wanted = deployed[0] if alias == "previous" else deployed[1]

    text = command("models", "show", alias or wanted).out
    data = command("models", "show", alias or wanted, "--json").json

    assert data["id"] == wanted
    assert data["model_type"] == "SeasonalNaive"
    first, second, third = text.splitlines()[:3]
    assert first == f"{wanted}  {alias or 'champion'}"
    assert second.strip() == "SeasonalNaive"
    assert third.strip().startswith("deployed 2026-01-01 ")


def store_version(workspace: Workspace, folder: Path, told: dict[str, Any]) -> str:
    store = VersionStore(workspace.central_storage)
    return store.add(make_bundle(folder / "bundle"), created=1.0, lineage=told).id


def trained_story() -> dict[str, Any]:
    """What deploy_flow records of boosted trees that were trained with one setting changed."""
    settings = load_settings("train_flow", workspace_configs=None).settings
    told = lineage()
    told["training"] |= {
        "model": {"model_type": "LightGBM", "window": 30, "horizon": 7, "objective": "stock"},
        "fit": {"seconds": 6.0, "importance": {"lag_1": 0.1, "lag_7": 0.9}},
        "refit": {"seconds": 2.0, "importance": {}},
        "settings": settings.model_dump(mode="json", include={"dataset", "model", "train"}),
        "run": "631fadca-0000-4000-8000-000000000000",
    }
    told["training"]["settings"]["train"]["seed"] = 99
    told["evaluation"] |= {"folds": 4, "horizon": 7}
    told["gate"] = [{"name": "bias", "passed": True, "sentence": "bias -0.020 (allowed: any)"}]
    return told


def test_what_people_ask_of_a_version_stands_first_and_its_configuration_is_short(
    command: EngineCommand, workspace: Workspace, tmp_path: Path
) -> None:
    version = store_version(workspace, tmp_path, trained_story())

    text = command("models", "show", version).out
    shown = text.splitlines()

    places = [
        next(at for at, line in enumerate(shown) if part in line)
        for part in (
            version,
            "deployed 1970-01-01",
            "rolling origin, 4 folds x 7 days",
            "(candidate)",
            "passed: bias -0.020",
            "What its trees look at",
            "90.0 %",
            "10.0 %",
            "days up to 2026-02-01",
            "in 6.0 s, again from all days in 2.0 s",
            "settings that differ from the defaults",
            "train.seed  99  (default ",
        )
    ]
    assert places == sorted(places)
    assert len(shown) == places[-1] + 1, "no other setting differs"
    assert "objective stock, window 30 days, horizon 7 days" in text


def test_the_whole_configuration_is_shown_when_asked_for(
    command: EngineCommand, workspace: Workspace, tmp_path: Path
) -> None:
    told = trained_story()
    version = store_version(workspace, tmp_path, told)

    text = command("models", "show", version, "--config").out
    data = command("models", "show", version, "--config", "--json").json

    assert yaml.safe_load(text.partition("\nconfiguration\n")[2]) == told["training"]["settings"]
    assert "differ" not in text
    assert data["lineage"]["training"] == told["training"]


def test_hyper_parameters_that_the_type_does_not_have_are_no_difference(
    command: EngineCommand, workspace: Workspace, tmp_path: Path
) -> None:
    told = trained_story()
    told["training"]["settings"]["train"]["hparams"] |= {"epochs": 3, "of_tomorrow": 1}
    told["training"]["settings"]["tomorrow"] = {"key": "value"}
    version = store_version(workspace, tmp_path, told)

    text = command("models", "show", version).out

    assert "epochs" not in text
    assert 'tomorrow.key  "value"' in text


def test_a_leaderboard_is_shown_as_a_table(
    command: EngineCommand, workspace: Workspace, tmp_path: Path
) -> None:
    row = {"member": None, "model_type": "auto", "hyperparameters": {}, "seed": 7, "score": 0.77}
    row |= {"low": 0.7, "high": 0.8, "weight": None, "seconds": 6.0, "status": "done"}
    told = lineage()
    told["training"]["fit"] = {"seconds": 6.0, "leaderboard": [row]}
    store = VersionStore(workspace.central_storage)
    version = store.add(make_bundle(tmp_path / "bundle"), created=1.0, lineage=told)

    text = command("models", "show", version.id).out
    data = command("models", "show", version.id, "--json").json

    measured, _, table = text.partition("\n\nleaderboard of the validation part\n")
    assert "rolling origin" in measured
    assert "0.7000 to 0.8000" in table.partition("\n\n")[0]
    assert data["lineage"]["training"]["fit"]["leaderboard"] == [row]


def test_rolling_back_twice_returns(command: EngineCommand, deployed: tuple[str, str]) -> None:
    previous, champion = deployed

    assert command("models", "rollback", "--json").json == {
        "data_type": "timeseries",
        "champion": previous,
        "previous": champion,
        "replaced": champion,
    }
    answer = command("models", "rollback")
    assert answer.out == f"champion is now {champion} (previous: {previous})\n"


def test_with_nothing_to_roll_back_to_it_is_not_found(
    command: EngineCommand, workspace: Workspace, bundles: tuple[Path, Path]
) -> None:
    assert command("models", "rollback").code == 5
    only = deploy(workspace, bundles[0])

    answer = command("models", "rollback")

    assert answer.code == 5
    assert "no previous version" in answer.err
    assert command("models", "show", "champion", "--json").json["id"] == only.id


@pytest.mark.parametrize("name", ["../aliases.db", "nope", "/etc/passwd"])
def test_a_version_that_does_not_exist_is_not_found_with_those_that_do(
    command: EngineCommand, deployed: tuple[str, str], name: str
) -> None:
    answer = command("models", "show", name)

    assert answer.code == 5
    assert f"Newest: {deployed[1]}, {deployed[0]}" in answer.err


def test_a_stored_version_is_promoted_with_a_reason_that_is_kept(
    command: EngineCommand, deployed: tuple[str, str]
) -> None:
    previous, champion = deployed

    data = command("models", "promote", previous, "--reason", "the new one is late", "--json").json
    text = command("models", "log").out

    assert data == {
        "data_type": "timeseries",
        "champion": previous,
        "previous": champion,
        "replaced": champion,
    }
    newest = command("models", "log", "--json").json[0]
    assert (newest["action"], newest["champion"]) == ("promote", previous)
    assert newest["reason"] == "the new one is late"
    assert text.splitlines()[1].split()[2:4] == ["promote", previous]


def test_what_a_promotion_replaced_undoes_it(
    command: EngineCommand, deployed: tuple[str, str]
) -> None:
    previous, champion = deployed

    replaced = command("models", "promote", previous, "--json").json["replaced"]
    command("models", "promote", replaced)

    assert command("models", "show", "champion", "--json").json["id"] == champion
    # Nothing moves, so that there is nothing to undo.
    assert command("models", "promote", champion, "--json").json["replaced"] is None


def test_the_list_has_the_measures_of_each_version_at_hand(
    command: EngineCommand, deployed: tuple[str, str]
) -> None:
    summary = command("models", "--json").json[0]["summary"]

    assert (summary["mase"], summary["mase_of_seasonal_naive"]) == (0.9, 0.9)
    assert (summary["bias"], summary["last_day_seen"]) == (-0.02, "2026-02-01")
    assert {"rmsse", "wape", "mae", "seed", "run", "training_seconds"} <= summary.keys()


def test_a_version_that_does_not_verify_is_not_promoted(
    command: EngineCommand, deployed: tuple[str, str], workspace: Workspace
) -> None:
    previous, champion = deployed
    bundle = workspace.central_storage / "versions" / previous / "bundle"
    (bundle / "model.onnx").write_bytes(b"something else")

    answer = command("models", "promote", previous)
    verified = command("models", "verify", "--json")

    assert answer.code == 1
    assert "does not verify" in answer.err
    assert command("models", "show", "champion", "--json").json["id"] == champion
    assert verified.code == 1
    problems = {row["id"]: row["problem"] for row in verified.json}
    assert problems[champion] is None
    assert "model.onnx" in problems[previous]
    assert command("models", "verify", champion).out == f"{champion}: verified\n"


def test_without_a_deploy_the_log_is_empty(command: EngineCommand) -> None:
    assert "no version was deployed yet" in command("models", "log").out
    assert command("models", "log", "--json").json == []


@pytest.mark.parametrize(("name", "which"), [("champion", 1), ("previous", 0)])
def test_a_version_that_an_alias_names_is_not_deleted(
    command: EngineCommand, deployed: tuple[str, str], name: str, which: int
) -> None:
    answer = command("models", "delete", deployed[which])

    assert answer.code == 8
    assert f"it is the {name} version" in answer.err
    assert len(command("models", "--json").json) == 2


def test_a_version_that_nobody_needs_is_deleted(
    command: EngineCommand, workspace: Workspace, deployed: tuple[str, str], tmp_path: Path
) -> None:
    third = deploy(workspace, make_bundle(tmp_path / "third", window=28))

    assert command("models", "delete", deployed[0], "--json").json == {"deleted": deployed[0]}

    left = [row["id"] for row in command("models", "--json").json]
    assert left == [third.id, deployed[1]]
    assert command("models", "delete", deployed[0]).code == 5
    names = {path.name for path in (workspace.central_storage / "versions").iterdir()}
    assert names == set(left)


def test_versions_are_compared_side_by_side(
    command: EngineCommand, deployed: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    rows = command("models", "compare", *deployed, "--json").json
    lines = command("models", "compare", "previous", "champion").out.splitlines()

    assert [row["id"] for row in rows] == list(deployed)
    assert rows[0]["mase"] == 0.9
    assert lines[0].split() == list(deployed)
    mase = next(line for line in lines if line.startswith("mase "))
    assert mase.split()[1:] == ["0.9", "0.9"]


def test_a_version_travels_to_another_workspace(
    command: EngineCommand, deployed: tuple[str, str], tmp_path: Path
) -> None:
    file, other = tmp_path / "version.zip", str(tmp_path / "other")

    told = command("models", "export", "champion", str(file), "--json").json
    first = command("--workspace", other, "models", "import", str(file)).out
    second = command("--workspace", other, "models", "import", str(file)).out

    assert told == {"id": deployed[1], "file": str(file), "bytes": file.stat().st_size}
    assert first == (
        f"stored: {deployed[1]}; it serves after: engine models promote {deployed[1]}\n"
    )
    assert second == f"{deployed[1]} was here already\n"
    assert command("--workspace", other, "models", "promote", deployed[1]).code == 0
    (row,) = command("--workspace", other, "models", "--json").json
    assert (row["id"], row["alias"]) == (deployed[1], "champion")
    assert row["lineage"]["imported"]["file"] == "version.zip"


def test_what_is_no_export_is_refused(command: EngineCommand, tmp_path: Path) -> None:
    (tmp_path / "notes.zip").write_text("not a zip")

    answer = command("models", "import", str(tmp_path / "notes.zip"))

    assert answer.code == 1
    assert "is not a whole zip file" in answer.err
    assert "engine models export" in answer.err


def test_old_versions_are_deleted_after_a_question(
    command: EngineCommand,
    workspace: Workspace,
    deployed: tuple[str, str],
    tmp_path: Path,
) -> None:
    third = deploy(workspace, make_bundle(tmp_path / "third", window=28)).id
    old = deployed[0]

    shown = command("models", "gc", "--keep", "1", "--dry-run").out
    refused = command("models", "gc", "--keep", "1")
    done = command("models", "gc", "--keep", "1", "--yes")

    assert shown == f"old version: {old}\n"
    assert refused.code != 0
    assert done.out == f"old version: {old}\ndeleted\n"
    assert {row["id"] for row in command("models", "--json").json} == {deployed[1], third}
    assert command("models", "gc", "--keep", "1", "--yes", "--json").json == {
        "versions": [],
        "copies": [],
        "abandoned": [],
        "unfinished": 0,
        "deleted": True,
    }


def test_what_dead_writers_left_is_deleted_although_no_version_is_old(
    command: EngineCommand, workspace: Workspace, deployed: tuple[str, str]
) -> None:
    left = workspace.central_storage / "versions" / ".tmp-left"
    left.mkdir()
    os.utime(left, (1.0, 1.0))

    assert command("models", "gc", "--dry-run").out == "nothing to delete\n"
    assert left.exists()
    assert command("models", "gc").out == "folders that were left unfinished: 1\ndeleted\n"
    assert not left.exists()


def test_a_measure_that_does_not_exist_is_shown_as_none(
    command: EngineCommand, workspace: Workspace, bundles: tuple[Path, Path]
) -> None:
    story = lineage()
    story["evaluation"]["scores"]["candidate"]["overall"]["mase"] = None
    VersionStore(workspace.central_storage).add(bundles[0], created=1.0, lineage=story)

    answer = command("models")

    assert answer.code == 0
    assert " - " in answer.out.splitlines()[1]
