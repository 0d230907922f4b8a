"""What the flows ask of the strategy for series."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.config.series_settings import SeriesSettings
from engine.data.dataset import Dataset
from engine.errors import ModelError
from engine.store import Version
from engine.strategies.picking import strategy_of
from engine.strategies.series import SeriesStrategy
from engine.workspace import Workspace
from models.learner import no_progress
from tests.unit.deployments import deploy, make_bundle, prepare_dataset

strategy = SeriesStrategy()


def settings(**areas: dict[str, Any]) -> SeriesSettings:
    model = {"model_type": "SeasonalNaive", "window": 14, "horizon": 7}
    return SeriesSettings.model_validate({"model": model, "evaluate": {"folds": 2}, **areas})


@pytest.fixture
def data(workspace: Workspace, tmp_path: Path) -> Dataset:
    return prepare_dataset(workspace, tmp_path)


@pytest.fixture
def version(workspace: Workspace, tmp_path: Path) -> Version:
    return deploy(workspace, make_bundle(tmp_path / "bundle", calibrated=True))


def seen(version: Version, **training: str) -> Version:
    return replace(version, lineage={**version.lineage, "training": training})


def test_the_data_type_picks_the_strategy() -> None:
    assert isinstance(strategy_of(settings()), SeriesStrategy)


def test_a_champion_that_has_learnt_from_the_test_days_is_not_compared(
    data: Dataset, version: Version
) -> None:
    first = data.day(data.split.train_days + data.split.validation_days).isoformat()
    last_learnt = strategy.describe_training(data)["last_day_seen"]
    before = seen(version, dataset="0" * 16, last_day_seen=last_learnt)
    same = seen(version, dataset=data.id, last_day_seen="2999-01-01")
    after = seen(version, dataset="0" * 16, last_day_seen=first)

    assert last_learnt < first
    assert strategy.cannot_compare(before, data) is None
    # Of the very same data set the split is known to be the same.
    assert strategy.cannot_compare(same, data) is None
    said = strategy.cannot_compare(after, data)
    assert said is not None
    assert version.id in said


def test_models_are_measured_on_the_same_folds(data: Dataset, version: Version) -> None:
    serving, chosen = strategy.open_bundle(version.bundle), settings()

    candidate = strategy.measure(serving, data, chosen, candidate=serving)
    baseline = strategy.measure_baseline(data, chosen, candidate=serving)

    own, other = candidate.summary["overall"], baseline.summary["overall"]
    assert own["mase"] == pytest.approx(other["mase"])
    assert len(candidate.summary["folds"]) == len(baseline.summary["folds"]) == 2
    assert candidate.notes == []


def test_series_that_are_too_short_are_counted(data: Dataset, version: Version) -> None:
    long = settings(model={"model_type": "SeasonalNaive", "window": 90, "horizon": 21})
    model = strategy.build(long, data, Path())

    (note,) = strategy.not_learnt_from(model, data)

    assert note.startswith("3 of 3 series have fewer than 111 days (window + horizon)")
    assert strategy.not_learnt_from(strategy.build(settings(), data, Path()), data) == []


def test_an_evaluation_says_how_it_was_made_and_the_gate_reads_it(
    data: Dataset, version: Version
) -> None:
    serving, chosen = strategy.open_bundle(version.bundle), settings()
    told = strategy.describe_evaluation(serving, {"model": {"objective": "stock"}}, chosen)
    usual = strategy.describe_evaluation(serving, {"model": {}}, chosen)
    measured = strategy.measure(serving, data, chosen, candidate=serving).summary
    scores = {"candidate": measured, strategy.baseline: measured}

    by_stock = strategy.checks({"scores": scores, **told}, chosen)
    by_median = strategy.checks({"scores": scores, **usual}, chosen)

    assert told == {"folds": 2, "horizon": 7, "level": 0.8, "objective": "stock"}
    assert usual["objective"] == "median"
    assert "RMSSE to seasonal naive" in [check.name for check in by_stock]
    assert "MASE to seasonal naive" in [check.name for check in by_median]


def test_a_version_whose_forecasts_are_not_finite_is_not_let_through(
    data: Dataset, version: Version
) -> None:
    class Serving:
        signature = strategy.open_bundle(version.bundle).signature
        window = 14
        value = 1.0

        def forecast(self, windows: Any) -> Any:
            return np.full((len(windows.values), 7), self.value)

    serving: Any = Serving()
    strategy.try_out(serving, data, settings())
    serving.value = float("nan")

    with pytest.raises(ModelError, match="not finite"):
        strategy.try_out(serving, data, settings())


def test_a_model_learns_from_the_days_before_the_validation_days_and_then_from_those_too(
    data: Dataset, tmp_path: Path
) -> None:
    model = strategy.build(settings(), data, Path())

    report = strategy.fit(model, data, no_progress)
    count = strategy.calibrate(model, data)
    strategy.refit(model, report, data, no_progress)
    strategy.write_bundle(model, data, tmp_path / "bundle")

    assert count > 0
    assert strategy.open_bundle(tmp_path / "bundle").window == 14
