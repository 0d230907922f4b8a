"""Daily series: windows of days in, days to come out, measured from several origins."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine.config.series_settings import SeriesSettings
from engine.data.dataset import Dataset, open_dataset, write_dataset
from engine.data.rows import LoadedRows
from engine.data.rules import CleanData, ValidRows, prepare_rows, validate_rows
from engine.data.sources import load_rows
from engine.errors import ModelError
from engine.plurals import counted
from engine.store import Version
from engine.store.gate import BASELINE, Check, check_candidate
from engine.store.seen import seen_too_much
from engine.strategies.strategy import Measured, Strategy
from models import registry
from models.arrays import Panel
from models.base import MEDIAN, FitReport, Forecaster, Progress
from models.data_types import TIMESERIES
from models.drift.series_reference import learn_reference
from models.forecasting.backtest import Backtest, Forecast, rolling_origin
from models.forecasting.bundle import ServingModel, open_bundle, write_bundle
from models.forecasting.fitting import Fitting
from models.forecasting.intervals import Calibration
from models.forecasting.short import not_learnt_from, not_measured

_GOLDEN_WINDOWS = 8


class SeriesStrategy(Strategy):
    """Forecasters of daily series."""

    data_type = TIMESERIES
    baseline = BASELINE

    def load(self, settings: SeriesSettings, root: Path, progress: Progress) -> LoadedRows:
        """Read the rows of a CSV or Parquet file or of a database, with their row numbers."""
        return load_rows(settings.dataset, root=root)

    def validate(self, loaded: LoadedRows, settings: SeriesSettings) -> ValidRows:
        """Hold the rows against every rule at once."""
        model = settings.model
        return validate_rows(loaded, settings.dataset, window=model.window, horizon=model.horizon)

    def prepare(self, valid: ValidRows, settings: SeriesSettings) -> tuple[CleanData, list[str]]:
        """Fill what the rules allow to be filled."""
        clean = prepare_rows(valid, settings.dataset)
        return clean, clean.report.sentences()

    def write(self, clean: CleanData, settings: SeriesSettings, datasets_dir: Path) -> str:
        """Split in time into train, validation and test."""
        dataset = write_dataset(
            clean.frame, report=clean.report, settings=settings.dataset, datasets_dir=datasets_dir
        )
        return dataset.id

    def open_data(self, datasets_dir: Path, dataset_id: str) -> Dataset:
        """Open a data set of series."""
        return open_dataset(datasets_dir, dataset_id)

    def build(self, settings: SeriesSettings, data: Dataset, root: Path) -> Forecaster:
        """Make the untrained forecaster."""
        return registry.create(
            settings.model.model_type,
            window=settings.model.window,
            horizon=settings.model.horizon,
            seed=settings.train.seed,
            threads=settings.train.threads,
            hparams=settings.train.hparams,
            objective=settings.model.objective,
        )

    def not_learnt_from(self, model: Forecaster, data: Dataset) -> list[str]:
        """Series that are too short."""
        history, validation_days = _history(data), data.split.validation_days
        short = not_learnt_from(history, model.window, model.horizon, validation_days)
        if not short:
            return []
        note = counted(
            f"{{count}} of {len(data.ids)} series [has|have] fewer than "
            f"{model.window + model.horizon} days (window + horizon) before the validation days: "
            "not learnt from",
            short,
        )
        return [note]

    def fit(self, model: Forecaster, data: Dataset, progress: Progress) -> FitReport:
        """Fit on the days before the validation days."""
        return _fitting(data).fit(model, progress)

    def calibrate(self, model: Forecaster, data: Dataset) -> int:
        """Learn how far forecasts of the validation days miss."""
        return _fitting(data).calibrate(model).count

    def refit(
        self, model: Forecaster, report: FitReport, data: Dataset, progress: Progress
    ) -> FitReport | None:
        """Learn once more, from the validation days too."""
        return _fitting(data).refit(model, report, progress)

    def write_bundle(self, model: Forecaster, data: Dataset, folder: Path) -> None:
        """The last windows before the test days are the golden ones."""
        history = _history(data)
        # What it may know of the days to come differs from model to model.
        reference = learn_reference(
            history.with_covariates(model.covariates),
            window=model.window,
            horizon=model.horizon,
            predict=model.predict,
        )
        sample = history.last_windows(model.window, most=_GOLDEN_WINDOWS)
        write_bundle(model, folder, sample, reference.to_dict())

    def describe_training(self, data: Dataset) -> dict[str, Any]:
        """The last day that was learnt from."""
        return {"last_day_seen": data.day(_first_test_column(data) - 1).isoformat()}

    def open_bundle(self, folder: Path) -> ServingModel:
        """Open the bundle of a forecaster."""
        return open_bundle(folder)

    def measure(
        self,
        serving: ServingModel,
        data: Dataset,
        settings: SeriesSettings,
        *,
        candidate: ServingModel,
    ) -> Measured:
        """From several origins in the test part, each later than the one before."""
        # A champion may know other covariates than the candidate, and in another order.
        panel = data.panel().with_covariates(serving.signature.covariates)
        scores = _backtest(
            panel,
            serving.forecast,
            data,
            settings,
            serving.calibration,
            window=serving.window,
            horizon=candidate.horizon,
        )
        return Measured(scores.summary(), _notes(scores))

    def measure_baseline(
        self, data: Dataset, settings: SeriesSettings, *, candidate: ServingModel
    ) -> Measured:
        """Seasonal naive on the same folds, with intervals made the same way."""
        naive = registry.create(
            self.baseline,
            window=candidate.window,
            horizon=candidate.horizon,
            seed=settings.train.seed,
            threads=1,
            hparams={},
        )
        intervals = naive.calibrate(_history(data), validation_days=data.split.validation_days)
        scores = _backtest(
            data.panel(),
            naive.predict,
            data,
            settings,
            intervals,
            window=naive.window,
            horizon=naive.horizon,
        )
        return Measured(scores.summary())

    def cannot_compare(self, champion: Version, data: Dataset) -> str | None:
        """It has learnt from the test days."""
        if champion.lineage["training"]["dataset"] == data.id:
            return None
        first_test_day = data.day(_first_test_column(data)).isoformat()
        return seen_too_much(champion, first_test_day, who=f"the champion {champion.id}")

    def describe_evaluation(
        self, serving: ServingModel, training: Mapping[str, Any], settings: SeriesSettings
    ) -> dict[str, Any]:
        """Folds, horizon, level of the intervals, and what the model aimed at."""
        return {
            "folds": settings.evaluate.folds,
            "horizon": serving.horizon,
            "level": settings.evaluate.level / 100,
            "objective": training["model"].get("objective", MEDIAN),
        }

    def checks(self, evaluation: Mapping[str, Any], settings: SeriesSettings) -> list[Check]:
        """Against seasonal naive, the champion and the bounds on bias and coverage."""
        return check_candidate(
            evaluation["scores"],
            settings.deploy.gate,
            evaluation.get("level"),
            evaluation.get("objective", MEDIAN),
        )

    def try_out(self, serving: ServingModel, data: Dataset, settings: SeriesSettings) -> None:
        """Forecast the newest window of as many series as `deploy.canary_windows` says."""
        panel = data.panel().with_covariates(serving.signature.covariates)
        canary = panel.last_windows(serving.window, most=settings.deploy.canary_windows)
        if not np.isfinite(serving.forecast(canary)).all():
            raise ModelError("a forecast of real windows is not finite")


def _first_test_column(data: Dataset) -> int:
    return data.split.train_days + data.split.validation_days


def _history(data: Dataset) -> Panel:
    """Everything that may be learnt from."""
    return data.panel().until(_first_test_column(data))


def _fitting(data: Dataset) -> Fitting:
    return Fitting(_history(data), data.split.validation_days)


def _backtest(
    panel: Panel,
    forecast: Forecast,
    data: Dataset,
    settings: SeriesSettings,
    calibration: Calibration | None,
    *,
    window: int,
    horizon: int,
) -> Backtest:
    """Measure any forecaster and its intervals, if it has any, on the folds of the test part."""
    return rolling_origin(
        panel,
        forecast,
        window=window,
        horizon=horizon,
        first_origin=_first_test_column(data),
        folds=settings.evaluate.folds,
        step_days=settings.evaluate.step_days,
        season=settings.evaluate.season,
        calibration=calibration,
        level=settings.evaluate.level / 100,
    )


def _notes(scores: Backtest) -> list[str]:
    """What the numbers say nothing about, in words."""
    short, ended = not_measured(scores)
    of_all = f"{{count}} of {len(scores.panel.ids)} series"
    notes = []
    if short:
        notes.append(counted(f"{of_all} [is|are] shorter than the window: not measured", short))
    if ended:
        notes.append(
            counted(f"{of_all} [has|have] ended before the test days: not measured", ended)
        )
    return notes
