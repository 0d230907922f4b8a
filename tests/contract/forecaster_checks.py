"""The contract of a forecaster, as checks that run over any registered model.

`Subject` holds one model fitted on a small panel; each check takes it, so that a suite fits once.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from pathlib import Path

import numpy as np
import pytest

from models import registry
from models.arrays import UNKNOWN_WEEKDAY, Panel, Windows
from models.base import STOCK, no_progress
from models.bundles.checks import read_reference
from models.drift.judging import judge
from models.drift.series_reference import (
    FORECASTS,
    INPUTS,
    SeriesReference,
    learn_reference,
)
from models.errors import ModelProblem
from models.forecasting.backtest import rolling_origin
from models.forecasting.bundle import open_bundle, write_bundle
from models.forecasting.windows import SampleIndex
from tests.contract.subject import (
    DAYS,
    HORIZON,
    ONE_ROUND,
    VALIDATION_DAYS,
    WINDOW,
    Subject,
    assert_close,
    covariate_panel,
    demand_panel,
    small_panel,
    steady_panel,
)


def check_forecasts_have_the_asked_shape_and_are_finite(subject: Subject) -> None:
    for steps, columns in ((None, HORIZON), (1, 1), (HORIZON, HORIZON), (25, 25)):
        forecast = subject.fitted.predict(subject.windows, steps)
        assert forecast.shape == (len(subject.windows), columns)
        assert forecast.dtype == np.float64
        assert np.isfinite(forecast).all()


def check_each_window_is_answered_as_if_it_were_alone(subject: Subject) -> None:
    together = subject.fitted.predict(subject.windows)
    for row in range(len(subject.windows)):
        window = Windows(subject.windows.values[[row]], subject.windows.weekday[[row]])
        assert_close(subject.fitted.predict(window), together[[row]], window)
    assert subject.fitted.predict(subject.windows.first(0)).shape == (0, HORIZON)


def check_rolling_feeds_forecasts_back_and_moves_the_weekday_on(subject: Subject) -> None:
    model, windows = subject.fitted, subject.windows
    first = model.predict(windows)
    second = model.predict(windows.followed_by(first))
    np.testing.assert_array_equal(
        model.predict(windows, 2 * HORIZON - 3), np.hstack([first, second])[:, :-3]
    )


def check_steps_below_one_are_refused(subject: Subject) -> None:
    for steps in (0, -1):
        with pytest.raises(ModelProblem, match="steps must be at least 1"):
            subject.fitted.predict(subject.windows, steps)


def check_windows_of_another_length_are_refused(subject: Subject) -> None:
    shorter = Windows(subject.windows.values[:, 1:], subject.windows.weekday)
    with pytest.raises(ModelProblem, match=f"windows of {WINDOW} values, not {WINDOW - 1}"):
        subject.fitted.predict(shorter)


def check_the_same_seed_gives_the_same_forecast(subject: Subject) -> None:
    again = subject.fit(small_panel())
    np.testing.assert_array_equal(
        again.predict(subject.windows, 10), subject.fitted.predict(subject.windows, 10)
    )


def check_a_saved_model_answers_as_before(subject: Subject, folder: Path) -> None:
    subject.fitted.save(folder / "model")
    loaded = registry.load(folder / "model")
    assert type(loaded) is type(subject.fitted)
    assert loaded.describe() == subject.fitted.describe()
    np.testing.assert_array_equal(
        loaded.predict(subject.windows, 10), subject.fitted.predict(subject.windows, 10)
    )


def check_the_bundle_answers_as_the_model(subject: Subject, folder: Path) -> None:
    write_bundle(subject.fitted, folder / "bundle", subject.windows.first(3))
    served = open_bundle(folder / "bundle")
    unknown = np.full(len(subject.windows), UNKNOWN_WEEKDAY)
    for weekday in (subject.windows.weekday, unknown):
        for count in (0, 1, 2, len(subject.windows)):
            windows = Windows(subject.windows.values, weekday).first(count)
            assert_close(served.forecast(windows), subject.fitted.predict(windows), windows)
    rolled = served.forecast(subject.windows, 30)
    assert_close(rolled, subject.fitted.predict(subject.windows, 30), subject.windows)


def check_a_saved_model_keeps_its_intervals(subject: Subject, folder: Path) -> None:
    calibration = subject.calibrated.calibration
    assert calibration is not None
    subject.calibrated.save(folder / "model")
    loaded = registry.load(folder / "model")
    assert loaded.calibration is not None
    assert loaded.calibration.as_dict() == calibration.as_dict()
    subject.fitted.save(folder / "without")
    assert registry.load(folder / "without").calibration is None


def check_the_bundle_gives_the_intervals_of_the_model(subject: Subject, folder: Path) -> None:
    model, windows = subject.calibrated, subject.windows
    assert model.calibration is not None
    write_bundle(model, folder / "bundle", windows.first(3))
    served = open_bundle(folder / "bundle")
    point = model.predict(windows, 20)
    own = model.calibration.interval(point, windows, 0.8)
    given = served.interval(served.forecast(windows, 20), windows, 0.8)
    for answer, expected in zip(given, own, strict=True):
        assert_close(answer, expected, windows)


def check_intervals_hold_the_forecast_and_grow_with_the_level(subject: Subject) -> None:
    calibration, windows = subject.calibrated.calibration, subject.windows
    assert calibration is not None
    point = subject.fitted.predict(windows, 20)
    width = np.zeros(point.shape)
    for level in (0.1, 0.5, 0.8, 0.95, 0.99):
        lower, upper = calibration.interval(point, windows, level)
        assert lower.shape == upper.shape == point.shape
        assert (lower <= point).all()
        assert (point <= upper).all()
        assert (upper - lower >= width).all()
        width = upper - lower
    assert width.max() > 0


def check_intervals_hold_as_many_days_to_come_as_they_say(subject: Subject) -> None:
    panel, origin = steady_panel(), DAYS - 3 * HORIZON
    model = subject.fit(panel.until(origin))
    calibration = model.calibrate(panel.until(origin), validation_days=VALIDATION_DAYS)
    found = rolling_origin(
        panel,
        model.predict,
        window=WINDOW,
        horizon=HORIZON,
        first_origin=origin,
        folds=3,
        step_days=HORIZON,
        calibration=calibration,
        level=0.8,
    )
    covered = found.overall().coverage
    assert covered is not None
    assert 0.7 <= covered <= 0.9


def check_an_unknown_weekday_is_answered(subject: Subject) -> None:
    windows = Windows(subject.windows.values, np.full(len(subject.windows), UNKNOWN_WEEKDAY))
    assert np.isfinite(subject.fitted.predict(windows, 20)).all()


def check_windows_that_do_not_move_are_answered(subject: Subject) -> None:
    values = np.array([0.0, 0.1, -7.0, 1e9, 1e-9])[:, None].repeat(WINDOW, axis=1)
    forecast = subject.fitted.predict(Windows(values, np.zeros(len(values), dtype=np.int64)), 20)
    assert np.isfinite(forecast).all()


def check_numbers_too_large_to_forecast_are_refused(subject: Subject) -> None:
    values = np.where(np.arange(WINDOW) % 2, 1.7e308, -1.7e308)[None, :]
    try:
        forecast = subject.fitted.predict(Windows(values, np.array([0])), 20)
    except ModelProblem as problem:
        assert "not finite" in str(problem)
    else:
        assert np.isfinite(forecast).all()


def check_nothing_after_the_history_matters(subject: Subject) -> None:
    panel, cut = small_panel(), DAYS - 20
    values = panel.values.copy()
    values[:, cut:] = 12345.0
    # Series 5 ended before the cut; it must not begin again.
    values[5, cut:] = np.nan
    other = Panel(panel.ids, panel.start, values)
    np.testing.assert_array_equal(
        subject.fit(panel.until(cut)).predict(subject.windows),
        subject.fit(other.until(cut)).predict(subject.windows),
    )


def check_validation_days_only_decide_when_to_stop(subject: Subject) -> None:
    """With one round there is nothing to decide, so the values on those days cannot matter."""
    panel = small_panel()
    values = panel.values.copy()
    values[:, -VALIDATION_DAYS:] *= 1.5
    other = Panel(panel.ids, panel.start, values)
    np.testing.assert_array_equal(
        subject.fit(panel, ONE_ROUND).predict(subject.windows),
        subject.fit(other, ONE_ROUND).predict(subject.windows),
    )


def check_it_trains_without_validation(subject: Subject) -> None:
    model = subject.unfitted()
    report = model.fit(small_panel(), validation_days=0, progress=no_progress)
    assert report.validation_samples == 0
    assert report.best_loss is None
    assert report.best_round == report.rounds
    assert np.isfinite(model.predict(subject.windows)).all()


def check_progress_counts_up_to_its_total(subject: Subject) -> None:
    calls: list[tuple[int, int]] = []
    model = subject.unfitted()
    report = model.fit(
        small_panel(),
        validation_days=VALIDATION_DAYS,
        progress=lambda kind, done, total, **values: calls.append((done, total)),
    )
    assert calls
    assert [done for done, _ in calls] == sorted({done for done, _ in calls})
    assert all(done <= total for done, total in calls)
    assert report.rounds == len(report.curve)
    json.dumps(report.as_dict(), allow_nan=False)


def check_series_that_never_move_can_be_learnt_from(subject: Subject) -> None:
    panel = Panel(("a", "b"), dt.date(2024, 1, 1), np.array([[5.0], [0.0]]).repeat(DAYS, axis=1))
    forecast = subject.fit(panel).predict(panel.last_windows(WINDOW))
    np.testing.assert_allclose(forecast, panel.values[:, :HORIZON], rtol=1e-12)


def check_a_series_below_zero_is_forecast_below_zero(subject: Subject) -> None:
    """There is no floor: the second series moves around -1000."""
    assert (subject.windows.values[1] < -800).all()
    assert (subject.fitted.predict(subject.windows, 20)[1] < -800).all()


def check_intermittent_demand_is_met_on_average_and_never_negative(
    subject: Subject, folder: Path
) -> None:
    panel = demand_panel()
    assert (panel.values == 0).mean() > 0.6
    model = subject.fit(panel, objective=STOCK)
    assert model.objective == STOCK
    samples = SampleIndex(panel, WINDOW, HORIZON, 0, DAYS).spread(600)
    forecast = model.predict(samples.windows)
    assert (forecast >= 0).all()
    assert forecast.mean() == pytest.approx(samples.targets.mean(), rel=0.2)
    write_bundle(model, folder / "bundle", samples.windows.first(3))
    served = open_bundle(folder / "bundle").forecast(samples.windows.first(50), 20)
    assert (served >= 0).all()


def check_a_second_fit_learns_from_all_days(subject: Subject, folder: Path) -> None:
    answers, calibration = [], subject.calibrated.calibration
    for _ in range(2):
        model = subject.unfitted()
        report = model.fit(small_panel(), validation_days=VALIDATION_DAYS, progress=no_progress)
        model.calibration = calibration
        before = model.predict(subject.windows)
        again = model.refit(small_panel(), report, progress=no_progress)
        assert model.calibration is calibration
        answers.append(model.predict(subject.windows))
        assert np.isfinite(answers[-1]).all()
    np.testing.assert_array_equal(answers[0], answers[1])
    if again is None:
        np.testing.assert_array_equal(answers[-1], before)
    else:
        assert again.samples > report.samples
        json.dumps(again.as_dict(), allow_nan=False)
    model.save(folder / "model")
    np.testing.assert_array_equal(
        registry.load(folder / "model").predict(subject.windows), answers[-1]
    )
    write_bundle(model, folder / "bundle", subject.windows.first(3))
    served = open_bundle(folder / "bundle").forecast(subject.windows)
    assert_close(served, answers[-1], subject.windows)


def check_covariates_may_be_known_in_part_or_not_at_all(subject: Subject, folder: Path) -> None:
    panel = covariate_panel()
    model = subject.fit(panel)
    assert model.covariates in ((), panel.covariate_names)
    known = panel.with_covariates(model.covariates).last_windows(WINDOW)
    nothing = Windows(known.values, known.weekday)
    past = known
    if known.covariates is not None:
        past = Windows(known.values, known.weekday, known.covariates[:, :WINDOW])
    model.save(folder / "model")
    loaded = registry.load(folder / "model")
    write_bundle(model, folder / "bundle", known.first(3))
    served = open_bundle(folder / "bundle")
    for windows in (known, past, nothing):
        forecast = model.predict(windows, 20)
        assert np.isfinite(forecast).all()
        np.testing.assert_array_equal(loaded.predict(windows, 20), forecast)
        assert_close(served.forecast(windows, 20), forecast, windows)


def check_series_that_are_too_short_are_refused(subject: Subject) -> None:
    needed = WINDOW + HORIZON + VALIDATION_DAYS
    with pytest.raises(ModelProblem, match=f"{needed} are needed"):
        subject.fit(Panel(("a",), dt.date(2024, 1, 1), np.arange(needed - 1.0)[None, :]))


def check_other_windows_and_horizons_work(subject: Subject, folder: Path) -> None:
    for window, horizon in ((9, 1), (14, 16)):
        model = subject.fit(small_panel(), window=window, horizon=horizon)
        windows = small_panel().last_windows(window)
        write_bundle(model, folder / f"bundle_{window}", windows)
        served = open_bundle(folder / f"bundle_{window}")
        assert_close(served.forecast(windows, 20), model.predict(windows, 20), windows)


def check_the_description_is_json(subject: Subject) -> None:
    description = subject.fitted.describe()
    assert json.loads(json.dumps(description, allow_nan=False)) == description
    assert description["model_type"] == subject.name


def check_hyperparameters_are_documented_and_guarded(subject: Subject) -> None:
    hyperparameters = registry.get(subject.name).Hyperparameters
    assert set(hyperparameters.documentation()) == set(hyperparameters.names())
    with pytest.raises(ModelProblem, match="unknown hyperparameter 'no_such_name'"):
        hyperparameters.parse({"no_such_name": 1})
    for field in dataclasses.fields(hyperparameters):
        with pytest.raises(ModelProblem, match=f"'{field.name}' must be"):
            hyperparameters.parse({field.name: None})
        for bound, step in (("low", -1), ("high", 1)):
            if (limit := field.metadata.get(bound)) is not None:
                with pytest.raises(ModelProblem, match=f"'{field.name}' must be"):
                    hyperparameters.parse({field.name: limit + step})


def check_what_it_learnt_from_goes_with_its_bundle_in_numbers(
    subject: Subject, folder: Path
) -> None:
    model, history = subject.fitted, small_panel()
    learnt = learn_reference(history, window=WINDOW, horizon=HORIZON, predict=model.predict)
    write_bundle(model, folder, subject.windows, learnt.to_dict())
    open_bundle(folder)
    saved = read_reference(folder)
    assert saved is not None
    reference = SeriesReference.from_dict(saved)
    assert reference.to_dict() == saved
    assert reference.series == history.ids
    assert reference.features.keys() == {*INPUTS, *FORECASTS}
    for name, kept in reference.features.items():
        # A model that does not drift by itself: what was learnt from is like what was learnt from.
        middle = kept.distribution.quantiles[1:-1]
        assert judge(name, kept, middle, effective=kept.effective).verdict == "alike"


CHECKS = [check for name, check in sorted(globals().items()) if name.startswith("check_")]
