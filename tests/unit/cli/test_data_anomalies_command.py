from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.config.series_settings import DatasetSettings
from engine.data.dataset import Dataset, write_dataset
from engine.data.rules import apply_rules
from engine.data.sources import load_rows
from engine.store import Version
from engine.tables.handoffs import Handoffs
from engine.workspace import Workspace
from tests.unit.cli.conftest import EngineCommand
from tests.unit.deployments import deploy, make_bundle
from tui.data.anomalies import read_anomalies

DAYS = 150


@pytest.fixture
def dataset(workspace: Workspace, tmp_path: Path) -> Dataset:
    """Four products with a little noise; `bolt` had a spike two days ago and `nut` stopped."""
    rng = np.random.default_rng(3)
    rows = ["day,product,units"]
    for name in ("bolt", "nut", "pin", "short"):
        values = np.round(rng.normal(100, 4, DAYS))
        if name == "bolt":
            values[-3] = 400
        if name == "nut":
            values[-4:] = 0
        first = DAYS - 60 if name == "short" else 0
        days = np.datetime64("2026-01-01") + np.arange(DAYS)
        kept = zip(days[first:], values[first:], strict=True)
        rows += [f"{day},{name},{value:g}" for day, value in kept]
    (tmp_path / "units.csv").write_text("\n".join(rows) + "\n")
    settings = DatasetSettings(
        ds_root=".",
        file_path="units.csv",
        date_col="day",
        target_col="units",
        series_col="product",
    )
    settings = settings.model_copy(
        update={"split": settings.split.model_copy(update={"validation_days": 14, "test_days": 14})}
    )
    clean = apply_rules(load_rows(settings, root=tmp_path), settings, window=14, horizon=7)
    prepared = write_dataset(
        clean.frame, report=clean.report, settings=settings, datasets_dir=workspace.datasets
    )
    Handoffs(workspace.database).leave("dataset", prepared.id, "a-run")
    return prepared


@pytest.fixture
def champion(workspace: Workspace, dataset: Dataset, tmp_path: Path) -> Version:
    """Its errors are all the same, so nothing but what it expects lies inside."""
    return deploy(workspace, make_bundle(tmp_path / "b", calibrated=True), dataset=dataset.id)


def test_without_data_there_is_nothing_to_look_at(command: EngineCommand) -> None:
    assert command("data", "anomalies").code == 5


def test_before_the_first_deploy_the_week_before_judges(
    command: EngineCommand, dataset: Dataset
) -> None:
    data = command("data", "anomalies", "--json").json
    told = command("data", "anomalies", "--dataset", dataset.id).out

    assert (data["dataset"], data["version"]) == (dataset.id, None)
    assert data["model_type"] == "SeasonalNaive"
    assert (data["first_day"], data["last_day"]) == ("2026-05-17", "2026-05-30")
    assert (data["series"], data["skipped"], data["checked"]) == (4, 0, 56)
    # What came of 163 windows cannot tell more than that.
    assert data["expected"] == pytest.approx(56 * 2 / 163)
    assert data["notes"] == ["no model is deployed: held against the same weekday before"]
    found = {one["series"]: one for one in data["anomalies"]}
    assert found["bolt"]["kind"] == "spike"
    assert (found["bolt"]["first_day"], found["bolt"]["days"]) == ("2026-05-28", 1)
    assert (found["bolt"]["actual"], found["bolt"]["score"] > 1) == (400, True)
    assert found["nut"]["kind"] == "stopped"
    assert (found["nut"]["first_day"], found["nut"]["last_day"]) == ("2026-05-27", "2026-05-30")
    assert data["stretches"]["checked"] == 8
    seen = read_anomalies(data)
    assert (seen.stretches.checked, seen.days.checked, len(seen.anomalies)) == (8, 56, len(found))
    lines = [" ".join(line.split()) for line in told.splitlines()]
    assert any(line.startswith("bolt spike Thu 2026-05-28 400 ") for line in lines)
    assert any(line.startswith("nut stopped Wed 2026-05-27 + 3 0 ") for line in lines)
    assert f"Outside their interval: {data['outside']} of 56 days;" in told
    assert max(map(len, told.splitlines())) <= 100


def test_the_champion_judges_and_what_it_has_learnt_is_said(
    command: EngineCommand, champion: Version
) -> None:
    data = command("data", "anomalies", "--days", "7", "--json").json
    longer = command("data", "anomalies", "--days", "120").out

    assert (data["version"], data["days"], data["checked"]) == (champion.id, 7, 28)
    assert data["notes"] == []
    # It was trained on days up to 2026-02-01.
    assert f"{champion.id} has learnt from days up to 2026-02-01" in longer


def test_one_series_can_be_looked_at(command: EngineCommand, champion: Version) -> None:
    data = command("data", "anomalies", "--series", "bolt", "--level", "80", "--json").json

    assert (data["series"], data["checked"], data["level"]) == (1, 14, 80)
    assert {one["series"] for one in data["anomalies"]} == {"bolt"}
    assert command("data", "anomalies", "--series", "bolz").code == 5


def test_a_champion_that_cannot_judge_is_stood_in_for(
    command: EngineCommand, workspace: Workspace, dataset: Dataset, bundles: tuple[Path, Path]
) -> None:
    version = deploy(workspace, bundles[0], dataset=dataset.id)
    data = command("data", "anomalies", "--json").json

    assert data["version"] is None
    assert data["notes"] == [f"{version.id} has no intervals: seasonal naive stands in"]


@pytest.mark.parametrize(("days", "code"), [("0", 2), ("110", 3), ("140", 3)])
def test_days_that_cannot_be_looked_at_are_refused(
    command: EngineCommand, dataset: Dataset, days: str, code: int
) -> None:
    answer = command("data", "anomalies", "--days", days)

    assert answer.code == code
    assert "fewer days" in answer.err or code == 2


@pytest.mark.parametrize("level", ["100", "49", "nan"])
def test_a_level_out_of_range_is_a_usage_error(
    command: EngineCommand, dataset: Dataset, level: str
) -> None:
    assert command("data", "anomalies", f"--level={level}").code == 2
