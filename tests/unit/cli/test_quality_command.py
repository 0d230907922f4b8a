from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from engine.data.dataset import Dataset
from engine.predictor.feedback import Feedback
from engine.store import Version
from engine.workspace import Workspace
from tests.unit.cli.conftest import EngineCommand
from tests.unit.deployments import deploy, prepare_dataset


@pytest.fixture
def ring(workspace: Workspace) -> Feedback:
    """Where the predictor keeps what it forecast."""
    return Feedback(workspace.predictor / "forecasts-0.jsonl", 1024**2)


@pytest.fixture
def dataset(workspace: Workspace, tmp_path: Path) -> Dataset:
    return prepare_dataset(workspace, tmp_path)


@pytest.fixture
def champion(workspace: Workspace, bundles: tuple[Path, Path], dataset: Dataset) -> Version:
    return deploy(workspace, bundles[0], dataset=dataset.id)


def test_without_forecasts_or_data_it_says_what_is_missing(
    command: EngineCommand, ring: Feedback
) -> None:
    nothing = command("quality")
    ring.keep("v1", "a", dt.date(2026, 1, 31), [1.0])
    ring.write()
    no_data = command("quality")

    assert (nothing.code, no_data.code) == (0, 0)
    assert "not enough data yet: no forecast" in nothing.out
    assert "engine run data_flow" in no_data.out
    assert command("quality", "--json").json["versions"] == []


def test_forecasts_of_days_that_have_not_come_wait(
    command: EngineCommand, ring: Feedback, dataset: Dataset, champion: Version
) -> None:
    ring.keep(champion.id, dataset.ids[0], dataset.split.last_day, [1.0] * 7)
    ring.write()

    answer = command("quality", "--json").json

    assert (answer["dataset"], answer["forecasts"]) == (dataset.id, 1)
    assert f"ends on {dataset.split.last_day}" in answer["message"]
    assert answer["versions"][0]["matched"] == 0
    assert command("quality").out == f"{answer['message']}\n"


def test_the_live_error_of_each_version_is_told(
    command: EngineCommand, ring: Feedback, dataset: Dataset, champion: Version
) -> None:
    actual = dataset.panel().values[0, -3:].tolist()
    origin = dataset.split.last_day - dt.timedelta(days=3)
    ring.keep("an-older-one", dataset.ids[0], origin, [0.0])
    ring.keep(champion.id, dataset.ids[0], origin, [*(value + 2.0 for value in actual), 7.0])
    ring.write()

    answer = command("quality", "--json").json
    text = command("quality").out

    versions = {one["version"]: one for one in answer["versions"]}
    best = versions[champion.id]
    assert answer["message"] == ""
    assert answer["last_day"] == dataset.split.last_day.isoformat()
    assert (best["alias"], best["matched"], best["series"]) == ("champion", 3, 1)
    assert best["mae"] == pytest.approx(2.0)
    assert [day["mae"] for day in best["days"]] == pytest.approx([2.0] * 3)
    assert best["days"][-1]["day"] == answer["last_day"]
    assert versions["an-older-one"]["alias"] is None
    assert versions["an-older-one"]["mae"] == pytest.approx(abs(actual[0]))
    row = next(line for line in text.splitlines() if line.startswith(champion.id))
    assert row.split()[1:4] == ["champion", "3", "2.000"]
