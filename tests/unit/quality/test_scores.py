from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from engine.predictor.feedback import ServedForecast
from engine.quality.scores import score_served
from models.arrays import Panel

FIRST = dt.date(2026, 1, 1)
NAN = np.nan


def panel() -> Panel:
    """Two series of four weeks and one that begins late; seasonal naive is wrong by 1, 2 and 0."""
    days = np.arange(28)
    weeks = days // 7
    late = np.where(days < 20, NAN, 5.0)
    return Panel(("a", "b", "late"), FIRST, np.array([10.0 + weeks, 20.0 + 2 * weeks, late]))


def served(
    series: str, after: int | None, *prediction: float, version: str = "v1", at: float = 0.0
) -> ServedForecast:
    """A forecast of the days after a column of the panel."""
    return ServedForecast(
        at=at,
        model_name=version,
        series_id=series,
        last_date=None if after is None else FIRST + dt.timedelta(days=after),
        prediction=list(prediction),
    )


def test_days_that_have_come_are_scored_and_others_are_not() -> None:
    # The last column is 27: of three days ahead of column 25 two are known.
    (score,) = score_served([served("a", 25, 15.0, 12.0, 999.0)], panel(), last_days=90)

    assert (score.version, score.forecasts, score.matched, score.series) == ("v1", 1, 2, 1)
    assert score.mae == pytest.approx((2 + 1) / 2)
    assert score.wape == pytest.approx(3 / 26)
    assert score.bias == pytest.approx((2 - 1) / 26)
    # Seasonal naive is wrong by 1 on each day of this series.
    assert score.mase == pytest.approx(1.5)
    assert [(day.day, day.count, day.mae) for day in score.days] == [
        (FIRST + dt.timedelta(days=26), 1, 2.0),
        (FIRST + dt.timedelta(days=27), 1, 1.0),
    ]
    assert score.days[0].wape == pytest.approx(2 / 13)


def test_each_series_counts_the_same_in_the_scaled_error() -> None:
    forecasts = [served("a", 25, 14.0, 14.0), served("b", 26, 30.0)]

    (score,) = score_served(forecasts, panel(), last_days=90)

    assert (score.matched, score.series) == (3, 2)
    # 1 of a scale of 1, and 4 of a scale of 2.
    assert score.mase == pytest.approx((1.0 + 2.0) / 2)
    assert [day.count for day in score.days] == [1, 2]
    assert score.days[1].mae == pytest.approx((1 + 4) / 2)


def test_versions_are_scored_apart_and_who_forecast_last_stands_first() -> None:
    forecasts = [
        served("a", 26, 14.0, version="old", at=1.0),
        served("a", 26, 13.0, version="new", at=2.0),
    ]

    scores = score_served(forecasts, panel(), last_days=90)

    assert [(one.version, one.mae) for one in scores] == [("new", 0.0), ("old", 1.0)]


def test_of_a_series_asked_again_from_the_same_day_the_last_answer_counts() -> None:
    forecasts = [served("a", 26, 99.0), served("a", 26, 13.0)]

    (score,) = score_served(forecasts, panel(), last_days=90)

    assert (score.forecasts, score.matched, score.mae) == (1, 1, 0.0)


@pytest.mark.parametrize(
    "forecast",
    [
        served("nobody", 26, 1.0),
        served("a", None, 1.0),
        served("a", 27, 1.0),
        served("a", 500, 1.0),
        served("a", -9, 1.0, 2.0),
        served("late", 3, 1.0),
        served("a", 26),
    ],
    ids=["no such series", "no day", "not yet", "far", "before", "before its first", "empty"],
)
def test_what_matches_nothing_has_no_score(forecast: ServedForecast) -> None:
    (score,) = score_served([forecast], panel(), last_days=90)

    assert (score.forecasts, score.matched, score.days) == (1, 0, ())
    assert (score.mae, score.wape, score.bias, score.mase) == (None, None, None, None)


def test_only_the_last_days_count() -> None:
    forecasts = [served("a", 6, *[0.0] * 7), served("a", 26, 13.0)]

    (score,) = score_served(forecasts, panel(), last_days=14)

    assert (score.forecasts, score.matched, score.mae) == (2, 1, 0.0)


def test_a_series_that_never_changes_has_an_error_but_no_scaled_one() -> None:
    (score,) = score_served([served("late", 26, 8.0)], panel(), last_days=90)

    assert (score.mae, score.mase) == (3.0, None)


def test_zeros_have_no_share_to_be_wrong_by() -> None:
    zeros = Panel(("a",), FIRST, np.zeros((1, 10)))

    (score,) = score_served([served("a", 8, 2.0)], zeros, last_days=90)

    assert (score.mae, score.wape, score.days[0].wape) == (2.0, None, None)
    assert score.to_dict()["days"][0]["day"] == "2026-01-10"


def test_without_forecasts_there_is_no_version() -> None:
    assert score_served([], panel(), last_days=90) == []
