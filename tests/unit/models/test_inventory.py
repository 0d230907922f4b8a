from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

from models.arrays import Panel, Windows
from models.errors import ModelProblem
from models.forecasting.calibration import calibrate
from models.forecasting.intervals import GRID, Calibration
from models.forecasting.inventory import (
    Delivery,
    cover_days,
    demand_risk,
    reorder,
    stock_risk,
)
from models.forecasting.quantiles import ErrorQuantiles

WINDOW, HORIZON = 14, 7
POINT = np.full((1, 3), 10.0)
ERRORS = np.arange(-50.0, 50.0) + 0.5
"""100 errors, half of them below 0."""


def still(level: float = 10.0) -> Windows:
    return Windows(np.full((1, WINDOW), level), np.array([0]))


def known(growth: float = 0.5, **changes: Any) -> Calibration:
    """Totals of one, two and three days miss by a tenth, two and three tenths of `ERRORS`."""
    errors = ERRORS[:, None] * np.array([0.1, 0.2, 0.3])
    days = np.quantile(errors, GRID, axis=0).T
    totals = ErrorQuantiles(days, 100, growth)
    given = {"count": 100, "floor": 1.0, "growth": 0.5, "nonnegative": True, "totals": totals}
    return Calibration(**{"quantiles": days, **given, **changes})


def of_mean(
    panel: Panel, horizon: int = HORIZON, validation_days: int = 56, days: int = WINDOW
) -> Calibration:
    """Calibrated on the mean of the last days of the window."""
    return calibrate(
        lambda windows, steps: level(windows, steps, days),
        panel,
        window=WINDOW,
        horizon=horizon,
        validation_days=validation_days,
    )


def level(windows: Windows, steps: int, days: int = WINDOW) -> np.ndarray:
    return windows.values[:, -days:].mean(axis=1, keepdims=True).repeat(steps, axis=1)


def panel_of(values: np.ndarray) -> Panel:
    return Panel(tuple(f"s{row}" for row in range(len(values))), dt.date(2026, 1, 1), values)


def test_totals_of_known_errors_have_their_quantiles() -> None:
    # The forecast is the mean of a still window; each day misses by what was added to it.
    values = np.full((99, WINDOW + 2), 100.0)
    misses = np.random.default_rng(3).permutation(99) - 49.0
    values[:, -2] += misses
    values[:, -1] += 2 * misses
    calibration = of_mean(panel_of(values), horizon=2, validation_days=2)
    assert calibration.totals is not None
    unit = calibration.floor
    for probability in (0.05, 0.5, 0.9, 0.95):
        miss = np.sort(misses)[int(np.ceil(100 * probability)) - 1]
        quantile = calibration.total_quantile(np.full((1, 2), 100.0), still(100.0), probability)
        np.testing.assert_allclose(quantile, [[100 + miss, 200 + 3 * miss]], rtol=1e-5)
    np.testing.assert_allclose(calibration.totals.mean(2) * unit, 0.0, atol=1e-4)


@pytest.mark.parametrize(
    ("walks", "low", "high"), [(False, 0.5, 0.75), (True, 1.4, 1.6)], ids=["noise", "walk"]
)
def test_totals_grow_beyond_the_horizon_as_they_did(walks: bool, low: float, high: float) -> None:
    noise = np.random.default_rng(2).normal(0, 1, (80, 160))
    values = noise.cumsum(axis=1) if walks else noise
    calibration = of_mean(panel_of(values), days=1 if walks else WINDOW)
    assert calibration.totals is not None
    assert low <= calibration.totals.growth <= high


def test_with_too_few_days_to_see_it_growth_is_told_from_the_horizon_itself() -> None:
    noise = np.random.default_rng(2).normal(0, 1, (400, 100))
    apart = of_mean(panel_of(noise), validation_days=HORIZON)
    together = of_mean(panel_of(noise[:, :1] + 0 * noise + np.arange(100.0)), validation_days=7)
    one_day = of_mean(panel_of(noise), horizon=1, validation_days=1)
    for calibration, low, high in ((apart, 0.5, 0.8), (together, 0.95, 1.3), (one_day, 1, 1)):
        assert calibration.totals is not None
        assert low <= calibration.totals.growth <= high


@pytest.mark.parametrize("steps", [3, 7, 14, 21])
def test_totals_stay_below_their_quantile_as_often_as_it_says(steps: int) -> None:
    rng = np.random.default_rng(8)
    spread = rng.uniform(1, 20, (60, 1))
    values = rng.poisson(np.broadcast_to(spread, (60, 420))).astype(float)
    # Days of one series miss together: a slow wave that the forecast does not know.
    values += spread * 0.5 * (1 + np.sin(np.arange(420) / 9 + rng.uniform(0, 6, (60, 1))))
    panel = panel_of(values)
    calibration = of_mean(panel.until(200), validation_days=112)
    inside = []
    for origin in range(200, 399, 11):
        windows = panel.until(origin).last_windows(WINDOW)
        total = panel.values[:, origin : origin + steps].sum(axis=1)
        quantile = calibration.total_quantile(level(windows, steps), windows, 0.9)
        inside.append(total <= quantile[:, -1])
    # Beyond the horizon how fast errors grow is extended, not known.
    assert np.mean(inside) == pytest.approx(0.9, abs=0.03 if steps <= HORIZON else 0.07)


def test_demand_above_what_is_there_is_a_stock_out() -> None:
    risk = demand_risk(known(), POINT, still(), on_hand=20.0)
    # Day 2 wants 20 and misses by up to ten, half of that above 0. Day 1 never gets there.
    np.testing.assert_allclose(risk.on_day[:2], [0.0, 0.5], atol=0.01)
    # Day 3 wants 30 and would have to miss by less than -10: a sixth of the errors are below.
    assert risk.on_day[2] == pytest.approx(5 / 6, abs=0.01)
    assert risk.within == (risk.by_day[-1], risk.by_day[-1])
    assert [risk.first_day(at) for at in (0.05, 0.51, 0.9)] == [2, 3, None]
    np.testing.assert_allclose(risk.expected, [10, 20, 30], atol=0.01)


def test_what_arrives_fills_the_shelf_and_what_was_before_may_have_happened() -> None:
    arriving = (Delivery(12.0, 3), Delivery(99.0, 4))
    risk = demand_risk(known(), POINT, still(), 20.0, arriving)
    assert risk.available is not None
    assert risk.available.tolist() == [20, 20, 32]
    # Day 3 wants 30 of 32: above by more than 2 are 13 of 30 tenths.
    assert risk.on_day[2] == pytest.approx(13 / 30, abs=0.01)
    assert risk.by_day[2] == risk.on_day[1] == pytest.approx(0.5, abs=0.01)
    least, most = risk.within
    assert least == risk.by_day[2]
    assert most == pytest.approx(risk.on_day[1] + risk.on_day[2])


def test_a_shelf_that_is_owed_to_is_out() -> None:
    assert demand_risk(known(), POINT, still(), -1.0).on_day.tolist() == [1, 1, 1]
    nothing = demand_risk(known(), POINT * 0, still(0.0), 1000.0)
    assert nothing.by_day.tolist() == [0, 0, 0]


def test_the_order_is_what_lead_time_and_review_need_beyond_what_is_there() -> None:
    def hint(**given: Any) -> Any:
        return reorder(known(), POINT, still(), 20.0, **{"lead_time": 1, "review": 2, **given})

    # 96 of 101 errors are at most the 96th: ERRORS[95] = 45.5, three tenths of it.
    enough = hint(service_level=0.95)
    assert (enough.protected_days, enough.position) == (3, 20.0)
    assert enough.demand == pytest.approx(30 + 0.3 * 45.5, abs=0.02)
    assert enough.quantity == pytest.approx(enough.demand - 20)
    # What arrives later than the order itself would does not help.
    coming = hint(deliveries=(Delivery(5.0, 3), Delivery(7.0, 4)))
    assert coming.position == 25.0
    assert hint(deliveries=(Delivery(99.0, 1),)).quantity == 0
    assert hint(service_level=0.5).demand == pytest.approx(30, abs=0.2)
    for days in ({"lead_time": 0, "review": 0}, {"lead_time": 4, "review": 0}):
        with pytest.raises(ModelProblem, match="lead time and review"):
            hint(**days)
    with pytest.raises(ModelProblem, match="level must be"):
        hint(service_level=1.0)


@pytest.mark.parametrize(
    ("on_hand", "arriving", "days"),
    [
        (25.0, (), 2.5),
        (-3.0, (), 0.0),
        (0.0, (), 0.0),
        (15.0, (Delivery(10.0, 2),), 2.5),
        # Out on day 2 whatever comes on day 3.
        (15.0, (Delivery(10.0, 3),), 1.5),
        (30.0, (), 3.0),
        # Beyond what is forecast demand goes on as before; what comes later counts.
        (50.0, (Delivery(20.0, 9),), 7.0),
    ],
)
def test_stock_covers_so_many_days(
    on_hand: float, arriving: tuple[Delivery, ...], days: float
) -> None:
    assert cover_days(np.array([10.0, 20.0, 30.0]), on_hand, arriving) == pytest.approx(days)


def test_without_demand_stock_lasts_for_ever() -> None:
    assert cover_days(np.zeros(3), 5.0) is None
    assert cover_days(np.zeros(3), -5.0) == 0.0


def test_a_stock_that_is_forecast_itself_is_empty_at_a_threshold() -> None:
    point = np.array([[3.0, 1.0, 6.0]])
    risk = stock_risk(known(), point, still(5.0))
    # Of the errors of day 1, -4.95 to 4.95, 20 are at or below -3; of day 2 45 at or below -1.
    np.testing.assert_allclose(risk.on_day, [0.2, 0.45, 0.3], atol=0.01)
    np.testing.assert_allclose(risk.by_day, [0.2, 0.45, 0.45], atol=0.01)
    assert risk.available is None
    assert risk.within == pytest.approx((0.45, 0.95), abs=0.03)
    assert stock_risk(known(), point, still(5.0), threshold=1.0).on_day[1] == pytest.approx(0.5)
    # What was never below 0 is not; what was, is.
    assert stock_risk(known(), point, still(5.0), threshold=-0.1).by_day[-1] == 0
    assert stock_risk(known(nonnegative=False), point, still(5.0), threshold=-0.1).by_day[-1] > 0.4


def test_a_calibration_from_before_totals_were_kept_opens_and_says_so() -> None:
    older = Calibration.of_dict(known(totals=None).as_dict())
    assert "totals" not in older.as_dict()
    assert older.interval(POINT, still(), 0.8)[1][0, 0] > 10
    with pytest.raises(ModelProblem, match="how the errors of several days add up"):
        demand_risk(older, POINT, still(), 5.0)
    stock_risk(older, POINT, still())


@pytest.mark.parametrize(
    "totals",
    [
        {"growth": 0.5},
        {"growth": 2.5, "quantiles": known().quantiles.tolist()},
        {"growth": -0.5, "quantiles": known().quantiles.tolist()},
        {"growth": 0.5, "quantiles": known().quantiles.tolist()[:2]},
        {"growth": 0.5, "quantiles": [["a"]]},
        {"growth": 0.5, "quantiles": known().quantiles.tolist(), "more": 1},
    ],
    ids=str,
)
def test_totals_that_are_none_are_refused(totals: dict[str, Any]) -> None:
    data = known().as_dict()
    assert Calibration.of_dict(data).as_dict() == data
    with pytest.raises(ModelProblem):
        Calibration.of_dict({**data, "totals": totals})
