"""Series that are shorter than the window."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from models.arrays import Panel, Windows
from models.errors import ModelProblem
from models.forecasting.backtest import rolling_origin
from models.forecasting.short import (
    extended,
    extended_windows,
    not_learnt_from,
    not_measured,
    shortened,
    some_shortened,
)

DAY = dt.date(2026, 1, 5)


def row(*values: float) -> np.ndarray:
    return np.array([values], dtype=np.float64)


def test_a_week_or_more_is_continued_backwards_weekday_by_weekday() -> None:
    week = row(1, 2, 3, 4, 5, 6, 7)
    ten_days = row(1, 2, 3, 4, 5, 6, 7, 11, 12, 13)

    assert extended(week, 16)[0].tolist() == [6, 7, *range(1, 8), *range(1, 8)]
    # Days that are known twice come in turn, the newer one nearer.
    assert extended(ten_days, 24)[0].tolist() == [
        *(1, 2, 3, 4, 5, 6, 7),
        *(11, 12, 13, 4, 5, 6, 7),
        *(1, 2, 3, 4, 5, 6, 7),
        *(11, 12, 13),
    ]


def test_less_than_a_week_is_repeated_as_it_is() -> None:
    assert extended(row(3, 1, 2), 8)[0].tolist() == [1, 2, 3, 1, 2, 3, 1, 2]
    assert extended(row(5), 4)[0].tolist() == [5, 5, 5, 5]


def test_of_more_days_than_the_window_the_last_count() -> None:
    assert extended(row(1, 2, 3, 4), 3)[0].tolist() == [2, 3, 4]


def test_no_value_at_all_is_refused() -> None:
    with pytest.raises(ModelProblem, match="without any value"):
        extended(np.empty((1, 0)), 7)


@pytest.mark.parametrize("days", [1, 3, 7, 10, 14, 29])
def test_filled_windows_remember_what_is_known_and_carry_the_covariates_of_their_days(
    days: int,
) -> None:
    rng = np.random.default_rng(days)
    values = rng.normal(size=(2, days))
    # The covariate says which value it belongs to.
    promo = np.concatenate([values, [[100.0, 101.0]] * 2], axis=1)[:, :, None]

    whole = extended_windows(Windows(values, np.array([0, 3]), promo), 30)

    assert whole.values[:, -days:].tolist() == values.tolist()
    assert whole.covariates is not None
    assert whole.covariates[:, :30, 0].tolist() == whole.values.tolist()
    assert whole.covariates[:, 30:, 0].tolist() == [[100.0, 101.0]] * 2
    assert whole.known_days is not None
    assert whole.known_days.tolist() == [days, days]
    assert whole.weekday.tolist() == [0, 3]


def test_cutting_whole_windows_is_the_same_as_knowing_less_of_them() -> None:
    rng = np.random.default_rng(1)
    whole = Windows(rng.normal(size=(4, 30)), np.arange(4), rng.normal(size=(4, 37, 2)))
    days = np.array([1, 5, 12, 30])

    cut = shortened(whole, days)

    assert cut.known_days is not None and cut.known_days.tolist() == days.tolist()
    assert cut.covariates is not None and whole.covariates is not None
    for at, count in enumerate(days.tolist()):
        one = whole.take(np.array([at]))
        assert one.covariates is not None
        known = Windows(one.values[:, -count:], one.weekday, one.covariates[:, 30 - count :])
        alone = extended_windows(known, 30)
        assert alone.covariates is not None
        assert cut.values[at].tolist() == alone.values[0].tolist()
        assert cut.covariates[at].tolist() == alone.covariates[0].tolist()


def test_what_is_known_goes_with_windows() -> None:
    windows = Windows(np.zeros((3, 8)), np.zeros(3), known_days=np.array([1, 5, 8]))

    assert windows.take(np.array([2, 0])).known_days.tolist() == [8, 1]  # type: ignore[union-attr]
    assert windows.followed_by(np.zeros((3, 4))).known_days.tolist() == [5, 8, 8]  # type: ignore[union-attr]
    for wrong in ([1, 5], [0, 5, 8], [1, 5, 9]):
        with pytest.raises(ModelProblem, match="1 to all are known"):
            Windows(np.zeros((3, 8)), np.zeros(3), known_days=np.array(wrong))


def test_an_evaluation_tells_which_series_it_had_nothing_to_ask_about() -> None:
    values = np.ones((4, 60))
    values[1, :45] = np.nan  # begins 15 days before the end
    values[2, 35:] = np.nan  # has ended
    values[3, :28] = np.nan  # has a whole window at the second origin
    panel = Panel(("a", "b", "c", "d"), DAY, values)

    measured = rolling_origin(
        panel,
        lambda windows, steps: windows.values[:, -1:].repeat(steps, axis=1),
        window=14,
        horizon=7,
        first_origin=40,
        folds=2,
        step_days=7,
    )

    assert not_measured(measured) == (1, 1)


def test_a_training_tells_which_series_it_cannot_learn_from() -> None:
    values = np.ones((4, 60))
    values[1, :20] = np.nan  # 40 days, of which 20 before the validation days
    values[2, :19] = np.nan
    values[3, :50] = np.nan  # begins in the validation days
    panel = Panel(("a", "b", "c", "d"), DAY, values)

    assert not_learnt_from(panel, window=14, horizon=7, validation_days=20) == 2
    assert not_learnt_from(panel, window=14, horizon=7, validation_days=19) == 1
    assert not_learnt_from(panel, window=14, horizon=7, validation_days=0) == 1


def test_a_part_of_windows_is_cut_for_training() -> None:
    rng = np.random.default_rng(3)
    whole = Windows(rng.normal(size=(2000, 14)), np.zeros(2000))

    cut = some_shortened(whole, 0.25, np.random.default_rng(5))
    again = some_shortened(whole, 0.25, np.random.default_rng(5))

    assert cut.known_days is not None
    assert (cut.known_days < 14).mean() == pytest.approx(0.25, abs=0.03)
    assert set(cut.known_days.tolist()) == set(range(1, 15))
    is_whole = cut.known_days == 14
    np.testing.assert_array_equal(cut.values[is_whole], whole.values[is_whole])
    np.testing.assert_array_equal(cut.values[:, -1], whole.values[:, -1])
    np.testing.assert_array_equal(again.values, cut.values)
    assert some_shortened(whole, 0.0, rng) is whole
