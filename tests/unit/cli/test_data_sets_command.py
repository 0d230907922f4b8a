from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.data.dataset import Dataset
from engine.workspace import Workspace
from tests.unit.cli.conftest import EngineCommand
from tests.unit.deployments import prepare_dataset


@pytest.fixture
def dataset(workspace: Workspace, tmp_path: Path) -> Dataset:
    return prepare_dataset(workspace, tmp_path)


def test_before_the_first_data_flow_the_list_says_how_to_make_one(command: EngineCommand) -> None:
    assert "engine run data_flow" in command("data", "list").out
    assert command("data", "list", "--json").json == []
    assert command("data", "show").code == 5


def test_data_sets_are_listed_with_what_is_in_them(
    command: EngineCommand, dataset: Dataset
) -> None:
    (row,) = command("data", "list", "--json").json
    heading, line = command("data", "list").out.splitlines()

    assert (row["id"], row["name"], row["is_latest"]) == (dataset.id, dataset.name, True)
    assert (row["series"], row["rows"]) == (3, 360)
    assert row["last_day"] == dataset.split.last_day.isoformat()
    assert row["source"] == "ledger.csv"
    assert row["bytes"] == sum(path.stat().st_size for path in dataset.folder.iterdir())
    assert heading.split()[0] == "id"
    assert line.split()[:4] == [dataset.id, "latest", "3", "360"]


def test_a_damaged_data_set_does_not_hide_the_others(
    command: EngineCommand, dataset: Dataset, workspace: Workspace
) -> None:
    (workspace.datasets / ("0" * 16)).mkdir()
    (workspace.datasets / "notes").mkdir()

    rows = {row["id"]: row for row in command("data", "list", "--json").json}

    assert set(rows) == {dataset.id, "0" * 16}
    assert rows[dataset.id]["problem"] == ""
    assert "manifest.json" in rows["0" * 16]["problem"]
    assert "manifest.json" in command("data", "list").out


def test_a_data_set_is_shown_with_its_report_and_its_series(
    command: EngineCommand, dataset: Dataset
) -> None:
    data = command("data", "show", dataset.id, "--json").json
    text = command("data", "show").out

    assert data["id"] == dataset.id
    assert data["report"] == dataset.report
    assert data["values"] is None
    panel = dataset.panel()
    assert data["total"]["first_day"] == panel.start.isoformat()
    assert data["total"]["values"] == pytest.approx(np.nansum(panel.values, axis=0))
    values = dataset.panel().values
    assert [one["id"] for one in data["series"]] == list(dataset.ids)
    for one, row in zip(data["series"], values, strict=True):
        assert one["count"] == 120
        assert one["mean"] == pytest.approx(row.mean())
        assert one["zero_share"] == np.count_nonzero(row == 0) / 120
        assert one["last_value"] == row[-1]
    assert all(sentence in text for sentence in dataset.report["sentences"])
    assert all(name in text for name in dataset.ids)


def test_the_last_days_of_a_series_can_be_had(command: EngineCommand, dataset: Dataset) -> None:
    name = dataset.ids[1]
    line = ("data", "show", "--series", name)

    few = command(*line, "--days", "3", "--json").json["values"]
    all_ = command(*line, "--days", "99999", "--json").json["values"]
    text = command(*line, "--days", "3").out

    row = dataset.panel().values[1].tolist()
    assert few["series"] == name
    assert [one["value"] for one in few["days"]] == row[-3:]
    assert few["days"][-1]["day"] == dataset.split.last_day.isoformat()
    assert [one["value"] for one in all_["days"]] == row
    assert len(text.splitlines()) == 3
    assert text.splitlines()[-1].split() == [few["days"][-1]["day"], f"{row[-1]:.2f}"]


def test_what_does_not_exist_is_not_found(command: EngineCommand, dataset: Dataset) -> None:
    assert command("data", "show", "../datasets").code == 5
    answer = command("data", "show", "--series", dataset.ids[0] + "x")
    assert answer.code == 5
    assert dataset.ids[0] in answer.err
    assert command("data", "show", "--days", "3").code == 2


def test_values_of_some_series_are_printed_as_csv_and_json(
    command: EngineCommand, dataset: Dataset
) -> None:
    first, _, third = dataset.ids
    chosen = ("--series", third, "--series", first, "--days", "2")
    last = {name: dataset.series_window(name, 2) for name in (first, third)}

    data = command("data", "values", *chosen, "--json").json
    lines = command("data", "values", dataset.id, *chosen).out.splitlines()

    assert data["dataset"] == dataset.id
    assert [one["series"] for one in data["series"]] == [third, first]
    assert data["series"][0]["values"] == last[third].values.tolist()
    assert data["series"][1]["last_day"] == last[first].last_day.isoformat()
    assert lines[0] == "series,day,value"
    assert lines[2] == f"{third},{last[third].last_day},{last[third].values[-1]}"
    assert len(lines) == 5


def test_all_days_of_a_series_are_printed_and_an_unknown_one_is_refused(
    command: EngineCommand, dataset: Dataset
) -> None:
    name = dataset.ids[0]
    whole = command("data", "values", "--series", name, "--json").json["series"][0]

    assert whole["values"] == dataset.series_window(name, 120).values.tolist()
    assert command("data", "values", "--series", "nothing").code == 5
