from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from engine.data.dataset import Dataset
from engine.predictor.feedback import ServedForecast
from engine.processes import start_mark
from engine.store import Version
from engine.workspace import Workspace
from tests.faults.predictor_process import predictor_process
from tests.unit.cli.conftest import EngineCommand
from tests.unit.deployments import deploy, make_bundle, prepare_dataset
from tests.unit.engine_thread import wait_until


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


def test_the_answer_has_what_the_model_saw_and_some_days_before(
    command: EngineCommand, champion: Version, dataset: Dataset
) -> None:
    answer = command("predict", "--series", dataset.ids[0], "--json").json

    assert (answer["model_type"], answer["window"], answer["horizon"]) == ("SeasonalNaive", 14, 7)
    assert answer["latency_ms"] >= 0
    # So that who wants an interval knows whether to ask for it.
    assert (answer["has_intervals"], answer["level"]) == (False, None)
    assert len(answer["history"]) == 90
    assert [one["value"] for one in answer["history"]] == dataset.panel().values[0, -90:].tolist()
    assert answer["history"][-1]["day"] == answer["last_day"]


def test_pasted_values_are_forecast_instead_of_a_series(
    command: EngineCommand, champion: Version
) -> None:
    values = [float(number) for number in range(1, 15)]
    text = ",".join(str(value) for value in values)

    with_day = command("predict", "--values", text, "--last-date", "2026-03-01", "--json").json
    without = command("predict", "--values", text.replace(",", " ; "), "--json").json
    drawn = command("predict", "--values", text, "--last-date", "2026-03-01").out
    listed = command("predict", "--values", text).out

    assert [one["value"] for one in with_day["forecast"]] == values[-7:]
    assert with_day["forecast"][0]["day"] == "2026-03-02"
    assert (with_day["series"], with_day["dataset"]) == (None, None)
    assert [one["value"] for one in with_day["history"]] == values
    # Nobody said which day it is, and nothing is made up.
    assert [one["value"] for one in without["forecast"]] == values[-7:]
    assert {one["day"] for one in without["forecast"] + without["history"]} == {None}
    assert "Mon 2026-03-02" in drawn
    assert listed.splitlines()[0].split() == ["day", "1", "8.00"]


@pytest.fixture
def with_intervals(workspace: Workspace, dataset: Dataset, tmp_path: Path) -> Version:
    """A champion whose intervals begin at the forecast and reach upwards."""
    bundle = make_bundle(tmp_path / "calibrated", calibrated=True)
    return deploy(workspace, bundle, dataset=dataset.id)


def test_with_a_level_each_day_has_its_interval(
    command: EngineCommand, with_intervals: Version, dataset: Dataset
) -> None:
    line = ("predict", "--series", dataset.ids[1])
    plain = command(*line, "--json").json
    answer = command(*line, "--level", "80", "--json").json
    pasted = command("predict", "--values", "1 " * 14, "--level", "80").out.splitlines()

    assert (plain["level"], answer["level"]) == (None, 80)
    assert plain["forecast"][0].keys() == {"day", "value"}
    assert [day["value"] for day in answer["forecast"]] == [
        day["value"] for day in plain["forecast"]
    ]
    for day in answer["forecast"]:
        assert day["lower"] == day["value"] < day["upper"]
    # A window that stands still is measured by the calmest that was seen: it rose 7 a week.
    assert pasted[0].split() == ["day", "1", "1.00", "1.00", "to", "8.00"]


def test_with_a_level_a_band_is_drawn_and_listed(
    command: EngineCommand, with_intervals: Version, dataset: Dataset
) -> None:
    line = ("predict", "--series", dataset.ids[1], "--steps", "30")
    answer = command(*line, "--level", "90", "--json").json["forecast"]
    drawn = command(*line, "--level", "90").out

    assert "░ interval" in drawn
    assert "interval" not in command(*line).out
    for day, text in zip(answer, drawn.splitlines()[-30:], strict=True):
        numbers = [f"{day['value']:.2f}", f"{day['lower']:.2f}", "to", f"{day['upper']:.2f}"]
        assert text.split()[-4:] == numbers


def test_a_version_without_intervals_is_not_asked_for_one(
    command: EngineCommand, champion: Version
) -> None:
    answer = command("predict", "--level", "80")

    assert answer.code == 8
    assert "has no prediction intervals" in answer.err
    assert champion.id in answer.err


@pytest.mark.parametrize("level", ["0", "0.8", "100", "-5", "nan", "most"])
def test_a_level_that_is_no_percentage_is_a_usage_error(
    command: EngineCommand, with_intervals: Version, level: str
) -> None:
    assert command("predict", f"--level={level}").code == 2


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("", "there is no value"),
        (" , ;", "there is no value"),
        ("1,2,three", "value 3 is not a finite number: 'three'"),
        ("nan,2", "value 1 is not a finite number"),
        ("-1e999", "value 1 is not a finite number"),
    ],
)
def test_values_that_cannot_be_forecast_are_refused_with_the_place(
    command: EngineCommand, champion: Version, values: str, said: str
) -> None:
    answer = command("predict", "--values", values)

    assert answer.code == 3
    assert said in answer.err
    assert "--values" in answer.err


@pytest.mark.parametrize(
    "options",
    [
        ["--values", "1", "--series", "a"],
        ["--last-date", "2026-01-31"],
        ["--values", "1", "--last-date", "31.01.2026"],
        ["--version", "champion", "--through-predictor"],
    ],
)
def test_options_that_do_not_go_together_are_a_usage_error(
    command: EngineCommand, options: list[str]
) -> None:
    assert command("predict", *options).code == 2


@pytest.fixture
def predictor(workspace: Workspace, champion: Version) -> Iterator[str]:
    """The address of a predictor in a process of its own."""
    with predictor_process(workspace) as running:
        yield running.address


def test_the_running_predictor_can_be_asked_instead(
    command: EngineCommand,
    workspace: Workspace,
    predictor: str,
    champion: Version,
    dataset: Dataset,
) -> None:
    line = ("predict", "--series", dataset.ids[1])
    ring = workspace.predictor / "forecasts-0.jsonl"

    here = command(*line, "--json").json
    served = command(*line, "--through-predictor", "--steps", "9", "--json").json
    pasted = command("predict", "--values", "1 " * 14, "--through-predictor", "--json").json
    refused = command("predict", "--values", "1 " * 13 + "1e13", "--through-predictor")

    assert served["answered_by"] == predictor
    assert (served["version"], served["model_type"]) == (champion.id, "SeasonalNaive")
    assert served["latency_ms"] > 0
    assert served["forecast"][:7] == here["forecast"]
    assert len(served["forecast"]) == 9
    assert [one["value"] for one in pasted["forecast"]] == [1.0] * 7
    assert refused.code == 3
    assert "input_data[13]: 1e+13 is beyond" in refused.err
    # What a series was forecast is held against what comes; values without a name cannot be.
    wait_until(lambda: ring.exists() and ring.stat().st_size > 0)
    (kept,) = (
        msgspec.json.decode(row, type=ServedForecast) for row in ring.read_bytes().splitlines()
    )
    assert (kept.series_id, kept.last_date) == (dataset.ids[1], dataset.split.last_day)


def test_the_running_predictor_gives_the_same_intervals(
    command: EngineCommand, workspace: Workspace, with_intervals: Version, dataset: Dataset
) -> None:
    options = ("--level", "80", "--steps", "9", "--json")
    values = "--values=" + "3 1 4 1 5 9 2 " * 2
    with predictor_process(workspace):
        for question in (f"--series={dataset.ids[1]}", values):
            here = command("predict", question, *options).json
            served = command("predict", question, "--through-predictor", *options).json
            assert served["forecast"] == here["forecast"]
            assert served["forecast"][0].keys() == {"day", "value", "lower", "upper"}


def test_without_a_predictor_it_says_how_to_start_one(
    command: EngineCommand, workspace: Workspace, champion: Version
) -> None:
    nobody = command("predict", "--through-predictor")
    told = {"pid": os.getpid(), "mark": "of another", "host": "127.0.0.1", "port": 9}
    workspace.predictor_record(0).write_text(json.dumps(told))
    dead = command("predict", "--through-predictor")
    workspace.predictor_record(0).write_text(json.dumps({**told, "mark": start_mark(os.getpid())}))
    silent = command("predict", "--through-predictor")

    assert (nobody.code, dead.code, silent.code) == (6, 6, 6)
    assert "no predictor is running" in nobody.err
    assert "engine up" in dead.err
    assert "does not answer" in silent.err
