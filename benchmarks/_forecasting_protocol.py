"""How forecasters are compared: data, split, origins, training and scores, ours and others alike.

The last 28 days of the data are the test, the 28 before it the validation days. A model of ours is
trained once, on the days before the test, as train_flow trains it; then its serving bundle is
asked at four origins, seven days apart, for the seven days that follow, from the last 30 days of
each series and nothing else. Scores are means over (origin, series).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from engine.config.series_settings import DatasetRules, DatasetSettings, SplitSettings
from engine.data.dataset import write_dataset
from engine.data.demo import build_demo
from engine.data.rules import apply_rules
from engine.data.sample import stock_ledger
from engine.data.sources import load_rows
from models import metrics, registry
from models.arrays import FloatArray, IntArray, Panel, Windows, floored
from models.base import Forecaster, ModelProblem, Progress, no_progress
from models.forecasting.backtest import Backtest, rolling_origin
from models.forecasting.bundle import ServingModel, open_bundle, write_bundle

WINDOW, HORIZON, SEASON = 30, 7, 7
TEST_DAYS, VALIDATION_DAYS = 28, 28
FOLDS, STEP_DAYS = 4, 7
LEVEL = 0.80
SEED = 7
DEMO, SAMPLE = "demo", "sample"
_SAMPLE_SERIES, _SAMPLE_DAYS = 200, 366
_GOLDEN_WINDOWS = 8
_ASKED_AT_ONCE = 200


@dataclass(frozen=True)
class Intervals:
    """How good 80 % intervals are.

    Args:
        coverage: Part of the actual values that they hold.
        width: Mean width, in units of the series.
        score: Mean interval score, in units of the series: width + 2 / 0.2 times how far outside
            the actual value lies (Winkler, 1972). Narrow and right is low; a narrow interval that
            holds too little is not.
    """

    coverage: float
    width: float
    score: float

    @classmethod
    def of(cls, actual: FloatArray, lower: FloatArray, upper: FloatArray) -> Intervals:
        """Those of intervals and what came, shaped alike."""
        outside = np.maximum(lower - actual, 0.0) + np.maximum(actual - upper, 0.0)
        width = metrics.width(lower, upper)
        score = width + 2.0 / (1.0 - LEVEL) * float(np.mean(outside))
        return cls(metrics.coverage(actual, lower, upper), width, score)


@dataclass(frozen=True)
class Measured:
    """What one forecaster reached.

    Args:
        mase: Mean over (origin, series), as are the others.
        rmsse: Likewise.
        bias: Relative; above 0 is over-forecast.
        intervals: None where there are none.
        seconds: What training took, all steps of train_flow together; of a peer that fits at each
            origin, these fits.
        answer_seconds: A forecast of 200 series by the serving bundle, warm; None for a peer.
    """

    mase: float
    rmsse: float
    bias: float
    intervals: Intervals | None
    seconds: float
    answer_seconds: float | None = None

    @classmethod
    def of(
        cls,
        found: Backtest,
        ends: tuple[FloatArray, FloatArray] | None,
        seconds: float,
        answer_seconds: float | None = None,
    ) -> Measured:
        """What a backtest found.

        Args:
            found: The backtest.
            ends: Lower and upper ends of intervals, the folds below each other; None without.
            seconds: What training took.
            answer_seconds: What an answer takes.

        Raises:
            ModelProblem: No series could be scored, so that there is nothing to compare.
        """
        scores = found.overall()
        if scores.mase is None or scores.rmsse is None or scores.bias is None:
            raise ModelProblem("no series of this data changes, so none can be scored")
        intervals = None
        if ends is not None:
            actual = np.concatenate([fold.actual for fold in found.folds])
            intervals = Intervals.of(actual, *ends)
        return cls(scores.mase, scores.rmsse, scores.bias, intervals, seconds, answer_seconds)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Data with the days on which forecasters are compared.

    Args:
        panel: All days, those of the test included.
    """

    panel: Panel

    @property
    def first_origin(self) -> int:
        """Column of the first test day."""
        return self.panel.days - TEST_DAYS

    @property
    def origins(self) -> list[int]:
        """Columns of the first day of each forecast."""
        return [self.first_origin + fold * STEP_DAYS for fold in range(FOLDS)]

    @cached_property
    def history(self) -> Panel:
        """What may be learnt from."""
        return self.panel.until(self.first_origin)

    @cached_property
    def nonnegative(self) -> bool:
        """Whether nothing that may be learnt from is below 0."""
        return float(np.nanmin(self.history.values)) >= 0

    def rows_at(self, origin: int) -> IntArray:
        """Series that are asked for: the whole window before the origin and all values after."""
        asked = self.panel.values[:, origin - WINDOW : origin + HORIZON]
        return np.flatnonzero(~np.isnan(asked).any(axis=1)).astype(np.int64)


def read_panel(source: str, folder: Path, rules: DatasetRules, series: int | None) -> Panel:
    """Daily series by the rules of data_flow.

    Args:
        source: A CSV or Parquet file with columns unique_id, ds, y; or `demo`, the real data that
            `engine data demo` makes; or `sample`, a generated ledger's sales.
        folder: For what is made on the way.
        rules: What to do about rows that are not a clean daily series.
        series: Take only the first so many series, by name; None takes all.

    Raises:
        EngineError: No such file, rows that break a rule, a package that is lacking.
    """
    path = Path(source).absolute()
    if source == DEMO:
        path = folder / "demo.parquet"
        build_demo(path)
    elif source == SAMPLE:
        path = folder / "sample.csv"
        ledger = stock_ledger(series or _SAMPLE_SERIES, _SAMPLE_DAYS)
        named = ledger.rename(columns={"product": "unique_id", "date": "ds", "sales": "y"})
        named[["unique_id", "ds", "y"]].to_csv(path, index=False, date_format="%Y-%m-%d")
    settings = DatasetSettings(
        file_path=str(path),
        rules=rules,
        split=SplitSettings(validation_days=VALIDATION_DAYS, test_days=TEST_DAYS),
    )
    rows = load_rows(settings, root=folder)
    clean = apply_rules(rows, settings, window=WINDOW, horizon=HORIZON)
    dataset = write_dataset(
        clean.frame, report=clean.report, settings=settings, datasets_dir=folder / "datasets"
    )
    return dataset.panel().series(slice(series))


def measure_ours(
    name: str,
    comparison: Comparison,
    folder: Path,
    *,
    objective: str,
    hparams: Mapping[str, object],
    progress: Progress = no_progress,
) -> Measured:
    """Train a registered model as train_flow does, and measure its serving bundle.

    Args:
        name: Registered model type.
        comparison: Data and origins.
        folder: Where the bundle is written; may not exist yet.
        objective: One of `models.base.OBJECTIVES`.
        hparams: Hyperparameters that differ from the defaults.
        progress: Told as training goes on.

    Raises:
        ModelProblem: Series too short, or training diverged.
    """
    model = create(name, objective=objective, hparams=hparams)
    history = comparison.history
    began = time.perf_counter()
    report = model.fit(history, validation_days=VALIDATION_DAYS, progress=progress)
    model.calibrate(history, validation_days=VALIDATION_DAYS)
    model.refit(history, report, progress=progress)
    seconds = time.perf_counter() - began
    write_bundle(model, folder, history.last_windows(WINDOW, most=_GOLDEN_WINDOWS))
    bundle = open_bundle(folder)
    found = rolling_origin(
        comparison.panel,
        bundle.forecast,
        window=WINDOW,
        horizon=HORIZON,
        first_origin=comparison.first_origin,
        folds=FOLDS,
        step_days=STEP_DAYS,
        season=SEASON,
        calibration=bundle.calibration,
        level=LEVEL,
    )
    ends = _stacked([fold.interval for fold in found.folds if fold.interval is not None])
    return Measured.of(found, ends, seconds, _answer_seconds(bundle, history))


def create(name: str, *, objective: str, hparams: Mapping[str, object]) -> Forecaster:
    """An unfitted model as train_flow makes it, with the seed and threads of the defaults."""
    return registry.create(
        name,
        window=WINDOW,
        horizon=HORIZON,
        seed=SEED,
        threads=0,
        hparams=hparams,
        objective=objective,
    )


def measure_forecasts(
    comparison: Comparison,
    forecasts: Sequence[FloatArray],
    *,
    seconds: float,
    lower: Sequence[FloatArray] = (),
    upper: Sequence[FloatArray] = (),
) -> Measured:
    """Score what others forecast with the scorer of ours.

    Where no value ever was below 0, forecasts and lower ends are cut there, as ours are.

    Args:
        comparison: Data and origins.
        forecasts: For each origin, float64 (n, horizon) of the n series of `rows_at`.
        seconds: What it took to make them.
        lower: Lower ends of 80 % intervals, shaped like `forecasts`; () without intervals.
        upper: Upper ends.

    Raises:
        ValueError: A forecast that is not finite.
    """
    left = iter(forecasts)

    def answer(windows: Windows, steps: int) -> FloatArray:
        forecast = next(left)
        if forecast.shape != (len(windows), steps) or not np.isfinite(forecast).all():
            raise ValueError(f"a peer did not forecast {len(windows)} series {steps} days ahead")
        return floored(forecast, windows) if comparison.nonnegative else forecast

    found = rolling_origin(
        comparison.panel,
        answer,
        window=WINDOW,
        horizon=HORIZON,
        first_origin=comparison.first_origin,
        folds=FOLDS,
        step_days=STEP_DAYS,
        season=SEASON,
    )
    ends = _stacked(list(zip(lower, upper, strict=True)))
    if ends is not None and comparison.nonnegative:
        ends = (np.maximum(ends[0], 0.0), ends[1])
    return Measured.of(found, ends, seconds)


def _stacked(
    ends: Sequence[tuple[FloatArray, FloatArray]],
) -> tuple[FloatArray, FloatArray] | None:
    """Lower and upper ends of all folds below each other; None when there are none."""
    if not ends:
        return None
    lower, upper = zip(*ends, strict=True)
    return np.concatenate(lower), np.concatenate(upper)


def _answer_seconds(bundle: ServingModel, history: Panel) -> float:
    windows = history.last_windows(WINDOW)
    many = windows.take(np.resize(np.arange(len(windows)), _ASKED_AT_ONCE))
    bundle.forecast(many)
    times = []
    for _ in range(7):
        began = time.perf_counter()
        bundle.forecast(many)
        times.append(time.perf_counter() - began)
    return statistics.median(times)
