from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from engine.data.dataset import Dataset
from engine.store import Version
from engine.workspace import Workspace
from tests.unit.cli.conftest import EngineCommand
from tests.unit.deployments import deploy, prepare_dataset


@pytest.fixture
def dataset(workspace: Workspace, tmp_path: Path) -> Dataset:
    return prepare_dataset(workspace, tmp_path)


@pytest.fixture
def champion(workspace: Workspace, bundles: tuple[Path, Path], dataset: Dataset) -> Version:
    return deploy(workspace, bundles[0], dataset=dataset.id)


def test_before_the_first_deploy_nothing_can_be_forecast(command: EngineCommand) -> None:
    answer = command("predict", "--json")

    assert answer.code == 5
    assert answer.json == {
        "error": {
            "kind": "NotFoundError",
            "message": "there is no champion yet",
            "where": None,
            "fix": "Deploy one: engine run full_flow",
        },
        "exit_code": 5,
    }


def test_the_champion_forecasts_the_days_after_the_data(
    command: EngineCommand, champion: Version, dataset: Dataset
) -> None:
    name = dataset.ids[1]
    history = dataset.series_window(name, 14)

    answer = command("predict", "--series", name, "--json").json

    assert (answer["series"], answer["version"]) == (name, champion.id)
    assert (answer["dataset"], answer["last_day"]) == (dataset.id, history.last_day.isoformat())
    # Seasonal naive: the week before, again.
    assert [day["value"] for day in answer["forecast"]] == list(history.values[-7:])
    assert [day["day"] for day in answer["forecast"]] == [
        (history.last_day + dt.timedelta(days=ahead)).isoformat() for ahead in range(1, 8)
    ]


def test_without_a_name_it_is_the_series_with_the_most_volume(
    command: EngineCommand, champion: Version, dataset: Dataset
) -> None:
    volumes = np.nansum(np.abs(dataset.panel().values), axis=1)

    answer = command("predict", "--json").json

    assert answer["series"] == dataset.ids[int(volumes.argmax())]


@pytest.mark.parametrize("steps", [1, 7, 30])
def test_as_many_days_as_wanted_are_forecast(
    command: EngineCommand, champion: Version, steps: int
) -> None:
    assert len(command("predict", "--steps", str(steps), "--json").json["forecast"]) == steps


@pytest.mark.parametrize("steps", ["0", "-1", "366", "1e3", "1000000000"])
def test_a_number_of_days_out_of_range_is_refused(command: EngineCommand, steps: str) -> None:
    assert command("predict", "--steps", steps).code == 2


def test_for_people_the_forecast_is_drawn_and_listed(
    command: EngineCommand, champion: Version, dataset: Dataset
) -> None:
    answer = command("predict", "--series", dataset.ids[0])

    lines = answer.out.splitlines()
    assert f"{dataset.ids[0]}: next 7 days by {champion.id}" in answer.out
    assert max(len(line) for line in lines) <= 100
    last_day = dataset.series_window(dataset.ids[0], 14).last_day
    for ahead, line in enumerate(lines[-7:], start=1):
        assert line.startswith(f"{last_day + dt.timedelta(days=ahead):%a %Y-%m-%d} ")


def test_a_series_that_does_not_exist_is_not_found(
    command: EngineCommand, champion: Version, dataset: Dataset
) -> None:
    answer = command("predict", "--series", dataset.ids[0] + "x")

    assert answer.code == 5
    assert dataset.ids[0] in answer.err


def test_a_champion_that_was_changed_on_disk_does_not_forecast(
    command: EngineCommand, champion: Version
) -> None:
    with (champion.bundle / "model.onnx").open("ab") as file:
        file.write(b"\0")

    answer = command("predict")

    assert answer.code == 1
    assert answer.out == ""
    assert f"version {champion.id}: the bundle does not verify" in answer.err
