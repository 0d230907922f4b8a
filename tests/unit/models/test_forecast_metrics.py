from __future__ import annotations

import numpy as np
import pytest

from models import metrics

ACTUAL = np.array([[1.0, 3.0], [-2.0, 2.0]])
FORECAST = np.array([[2.0, 5.0], [-2.0, 0.0]])


def test_the_formulas_give_what_a_hand_calculates() -> None:
    assert metrics.mae(ACTUAL, FORECAST) == pytest.approx(5 / 4)
    assert metrics.wape(ACTUAL, FORECAST) == pytest.approx(5 / 8)
    assert metrics.bias(ACTUAL, FORECAST) == pytest.approx(1 / 8)
    assert metrics.mase(ACTUAL, FORECAST, np.array([1.0, 2.0])).per_series.tolist() == [1.5, 0.5]
    rmsse = metrics.rmsse(ACTUAL, FORECAST, np.array([2.5, 8.0]))
    assert rmsse.per_series.tolist() == pytest.approx([1.0, 0.5])
    assert rmsse.mean == pytest.approx(0.75)


def test_the_scale_is_the_error_of_the_seasonal_naive_forecast() -> None:
    history = np.array([[1.0, 2.0, 4.0, 8.0], [np.nan, np.nan, 1.0, 1.0], [np.nan, 5.0, 5.0, 2.0]])
    expected = [(3 + 6) / 2, np.nan, 3.0]
    np.testing.assert_allclose(metrics.seasonal_scale(history, 2), expected)
    expected = [(9 + 36) / 2, np.nan, 9.0]
    np.testing.assert_allclose(metrics.seasonal_scale(history, 2, power=2), expected)


def test_a_history_shorter_than_the_season_has_no_scale() -> None:
    assert np.isnan(metrics.seasonal_scale(np.ones((2, 3)), 7)).all()


@pytest.mark.parametrize("error", [metrics.mase, metrics.rmsse])
def test_series_without_a_scale_are_left_out_and_counted(error) -> None:
    scored = error(ACTUAL, FORECAST, np.array([0.0, 1.0]))
    assert (scored.scored, scored.excluded) == (1, 1)
    assert np.isnan(scored.per_series[0])
    assert scored.mean == scored.per_series[1]
    nothing = error(ACTUAL, FORECAST, np.array([0.0, np.nan]))
    assert (nothing.scored, nothing.excluded, nothing.mean) == (0, 2, None)


def test_relative_measures_of_nothing_are_none() -> None:
    zeros = np.zeros((2, 2))
    assert metrics.wape(zeros, FORECAST) is None
    assert metrics.bias(zeros, FORECAST) is None
