from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pytest

from models.arrays import Panel, Windows
from models.errors import ModelProblem
from models.forecasting.backtest import Backtest, rolling_origin, score_fold
from models.forecasting.intervals import GRID, Calibration

NAN = np.nan


def panel() -> Panel:
    rng = np.random.default_rng(1)
    values = rng.normal(10, 3, (4, 60))
    values[1] = np.arange(60) % 7  # repeats itself: no scale
    values[2, :35] = NAN  # too short for the first origin
    values[3, 55:] = NAN  # ends before the last origin's days do
    return Panel(("noise", "week", "late", "early"), dt.date(2024, 1, 1), values)


def last_week(windows: Windows, steps: int) -> np.ndarray:
    return windows.values[:, -7:][:, :steps]


def evaluate(forecast=last_week, **changes) -> Backtest:
    shape = {"window": 10, "horizon": 7, "first_origin": 39, "folds": 3, "step_days": 7}
    return rolling_origin(panel(), forecast, **{**shape, **changes})


def test_the_seasonal_naive_scores_as_a_hand_calculates() -> None:
    fold = evaluate().folds[0]
    values = panel().values[0]
    scale = np.abs(values[7:39] - values[:32]).mean()
    error = np.abs(values[39:46] - values[32:39])
    assert fold.mase.per_series[0] == pytest.approx(error.mean() / scale)
    squares = ((values[7:39] - values[:32]) ** 2).mean()
    assert fold.rmsse.per_series[0] == pytest.approx(np.sqrt((error**2).mean() / squares))


def test_scales_can_come_from_a_fixed_training_part() -> None:
    fold = evaluate(train_days=25).folds[2]
    values = panel().values[0]
    scale = np.abs(values[7:25] - values[:18]).mean()
    error = np.abs(values[53:60] - values[46:53])
    assert fold.mase.per_series[0] == pytest.approx(error.mean() / scale)


def test_each_origin_sees_only_the_days_before_it() -> None:
    asked: list[np.ndarray] = []

    def recording(windows: Windows, steps: int) -> np.ndarray:
        asked.append(windows.values)
        assert steps == 7
        return last_week(windows, steps)

    found = evaluate(recording)
    assert [fold.origin for fold in found.folds] == [39, 46, 53]
    for fold, values in zip(found.folds, asked, strict=True):
        expected = panel().values[fold.rows, fold.origin - 10 : fold.origin]
        np.testing.assert_array_equal(values, expected)
        days = slice(fold.origin, fold.origin + 7)
        np.testing.assert_array_equal(fold.actual, panel().values[fold.rows, days])


def test_series_that_cannot_be_asked_or_scored_are_counted() -> None:
    found = evaluate()
    assert [fold.rows.tolist() for fold in found.folds] == [[0, 1, 3], [0, 1, 2, 3], [0, 1, 2]]
    assert [(scores.series, scores.scored) for scores in found.fold_scores()] == [
        (3, 2),
        # Series 2 began 11 days before; it has a scale from 4 pairs.
        (4, 3),
        (3, 2),
    ]
    assert (found.overall().series, found.overall().scored) == (10, 7)
    by_series = found.series_mase()
    assert by_series["week"] is None
    assert by_series["early"] == pytest.approx(
        np.mean([found.folds[0].mase.per_series[2], found.folds[1].mase.per_series[3]])
    )


def test_the_summary_is_json() -> None:
    summary = json.loads(json.dumps(evaluate().summary(), allow_nan=False))
    assert [fold["origin"] for fold in summary["folds"]] == [
        "2024-02-09",
        "2024-02-16",
        "2024-02-23",
    ]
    assert summary["overall"]["mase"] == pytest.approx(evaluate().overall().mase)


def test_intervals_are_measured_by_what_they_hold_and_how_wide_they_are() -> None:
    # 5 down and 10 up at every step: the window's scale does not matter, it is below the floor.
    quantiles = np.where(GRID < 0.5, -1.0, 2.0)[None, :].repeat(7, axis=0)
    calibration = Calibration(quantiles, 100, 5.0, 0.5, False)
    still = Panel(("a", "b"), dt.date(2024, 1, 1), np.full((2, 60), 8.0))
    values = still.values.copy()
    values[0, 39:46] = [2.0, 3.0, 8.0, 18.0, 19.0, 8.0, 8.0]  # two of seven lie outside
    moved = Panel(still.ids, still.start, values)
    shape = {"window": 10, "horizon": 7, "first_origin": 39, "folds": 1, "step_days": 7}

    found = rolling_origin(moved, last_week, calibration=calibration, level=0.8, **shape)

    assert found.overall().coverage == pytest.approx(12 / 14)
    assert found.overall().width == pytest.approx(15.0)
    assert found.summary()["folds"][0]["coverage"] == found.overall().coverage


def test_without_a_calibration_no_intervals_are_measured() -> None:
    overall = evaluate().summary()["overall"]
    assert (overall["coverage"], overall["width"]) == (None, None)


@pytest.mark.parametrize(
    "changes", [{"folds": 4}, {"folds": 0}, {"step_days": 0}, {"first_origin": 9}]
)
def test_origins_that_do_not_fit_are_refused(changes: dict[str, int]) -> None:
    with pytest.raises(ModelProblem, match="there are 60"):
        evaluate(**changes)


def test_an_origin_that_no_series_can_be_asked_at_is_refused() -> None:
    empty = Panel(("late",), dt.date(2024, 1, 1), np.where(np.arange(60) < 35, NAN, 1.0)[None, :])
    with pytest.raises(ModelProblem, match="no series has 10 values before 2024-02-09"):
        rolling_origin(
            empty, last_week, window=10, horizon=7, first_origin=39, folds=2, step_days=7
        )


def test_each_day_ahead_is_scored_as_a_hand_calculates() -> None:
    found = evaluate(folds=2, step_days=7)
    first, second = found.folds
    wednesday = [(fold.forecast[:, 2], fold.actual[:, 2], fold.scale) for fold in (first, second)]
    errors = np.concatenate([np.abs(said - came) for said, came, _ in wednesday])
    scales = np.concatenate([scale for _, _, scale in wednesday])

    third = found.ahead_scores()[2]

    assert len(found.ahead_scores()) == 7
    assert third.mae == pytest.approx(errors.mean())
    usable = scales > 0
    assert third.mase == pytest.approx((errors[usable] / scales[usable]).mean())
    squares = np.concatenate([fold.square_scale for fold in (first, second)])
    assert third.rmsse == pytest.approx((errors[usable] / np.sqrt(squares[usable])).mean())
    level = sum(np.abs(came).sum() for _, came, _ in wednesday)
    assert third.wape == pytest.approx(errors.sum() / level)


def test_the_days_ahead_come_to_the_whole() -> None:
    found = evaluate()
    ahead = found.ahead_scores()

    assert np.mean([scores.mase for scores in ahead]) == pytest.approx(found.overall().mase)
    assert np.mean([scores.mae for scores in ahead]) == pytest.approx(found.overall().mae)
    rows = found.summary()["ahead"]
    assert [row["day"] for row in rows] == [1, 2, 3, 4, 5, 6, 7]
    assert rows[3]["mase"] == ahead[3].mase
    assert "series" not in rows[0]


def test_intervals_of_each_day_ahead_are_measured_alone() -> None:
    quantiles = np.where(GRID < 0.5, -1.0, 2.0)[None, :].repeat(7, axis=0)
    calibration = Calibration(quantiles, 100, 5.0, 0.5, False)
    values = np.full((2, 60), 8.0)
    values[0, 41] = 19.0  # the third day of the first series lies outside
    panel_of_two = Panel(("a", "b"), dt.date(2024, 1, 1), values)
    shape = {"window": 10, "horizon": 7, "first_origin": 39, "folds": 1, "step_days": 7}

    found = rolling_origin(panel_of_two, last_week, calibration=calibration, level=0.8, **shape)

    assert [scores.coverage for scores in found.ahead_scores()] == [1, 1, 0.5, 1, 1, 1, 1]
    assert [scores.width for scores in found.ahead_scores()] == [15.0] * 7


def test_each_series_is_scored_over_all_origins_that_it_was_asked_at() -> None:
    found = evaluate()
    series = found.series_scores()

    last = found.folds[2]
    late = [last.rows.tolist().index(2), found.folds[1].rows.tolist().index(2)]
    error = np.concatenate(
        [
            (last.forecast - last.actual)[late[0]],
            (found.folds[1].forecast - found.folds[1].actual)[late[1]],
        ]
    )
    level = np.abs(np.concatenate([last.actual[late[0]], found.folds[1].actual[late[1]]]))
    assert series["mae"][2] == pytest.approx(np.abs(error).mean())
    assert series["bias"][2] == pytest.approx(error.sum() / level.sum())
    assert np.isnan(series["mase"][1])  # repeats itself
    assert series["mase"][3] == pytest.approx(found.series_mase()["early"])
    errors = found.errors("rmsse")
    assert errors.shape == (3, 4)
    assert series["rmsse"][0] == pytest.approx(errors[:, 0].mean())


def test_forecasts_that_were_kept_are_scored_as_when_they_were_made() -> None:
    for fold in evaluate().folds:
        again = score_fold(panel(), fold.origin, fold.rows, fold.forecast)

        np.testing.assert_array_equal(again.actual, fold.actual)
        np.testing.assert_array_equal(again.mase.per_series, fold.mase.per_series)
        np.testing.assert_array_equal(again.rmsse.per_series, fold.rmsse.per_series)
