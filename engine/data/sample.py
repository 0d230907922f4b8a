"""A generated stock ledger: demand, deliveries and stock of products that are reordered.

The same arguments give the same ledger on every machine and with every release of NumPy: only the
raw bits of PCG64 are used, which NumPy promises to keep, and the distributions are worked out here
by inversion. (A different `exp` in a C library could in principle move single values.)
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.atomic import write_bytes

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

START = dt.date(2023, 1, 2)
_WEEK_OF_SHOP = np.array([0.85, 0.80, 0.90, 1.00, 1.25, 1.45, 0.75])
_PROMOTION_DAYS = 7
_MOST_GROWTH = 2.0
"""Where growth ends: `_poisson` cannot work with means above 700."""


@dataclass(frozen=True)
class _Product:
    """What sets one product apart.

    Args:
        level: Mean daily demand at the start.
        growth: Relative growth a year.
        season: Amplitude of the yearly season, as a share of the level.
        peak: Day of the year on which it peaks.
        weekly: Strength of the week, 0 (none) to 1.
        demand_share: Share of days on which anybody asks for it; below 1 it is intermittent.
        lift: Factor of a promotion.
        lead_days: Days from order to delivery.
        backorders: Whether demand beyond the stock is owed (stock below zero) or lost.
    """

    level: float
    growth: float
    season: float
    peak: float
    weekly: float
    demand_share: float
    lift: float
    lead_days: int
    backorders: bool

    @classmethod
    def draw(cls, index: int, uniform: FloatArray) -> _Product:
        intermittent = index % 5 == 4
        low, spread = (0.0, 1.0) if intermittent else (1.5, 2.5)
        return cls(
            level=float(np.exp(low + spread * uniform[0])),
            growth=-0.10 + 0.35 * float(uniform[1]),
            season=0.35 * float(uniform[2]),
            peak=365.25 * float(uniform[3]),
            weekly=0.4 + 0.6 * float(uniform[4]),
            demand_share=0.12 + 0.25 * float(uniform[5]) if intermittent else 1.0,
            lift=1.3 + 0.9 * float(uniform[6]),
            lead_days=2 + int(8 * uniform[7]),
            backorders=index % 3 == 0,
        )


def stock_ledger(
    series: int = 20, days: int = 730, seed: int = 7, start: dt.date = START
) -> pd.DataFrame:
    """Generate the ledger of several products under an (s, S) reorder policy.

    Demand is Poisson around level, trend, weekly and yearly season and promotions; every fifth
    product is intermittent. Each evening, when stock and open orders together are at s or below,
    the difference to S is ordered and arrives after the lead time.

    Args:
        series: Products, at least 1.
        days: Days, at least 1.
        seed: Of the random bits.
        start: First day.

    Returns:
        `date` (datetime64[us]), `product` (str), `sales`, `deliveries`, `stock` (int64, at the
        end of the day; each day's stock is the one before + deliveries - sales), `promo` (0 or
        1, known in advance). Sorted by product and date.

    Raises:
        ValueError: `series` or `days` below 1.
    """
    if series < 1 or days < 1:
        raise ValueError(f"series and days must be at least 1, not {series} and {days}")
    frames = [_product_ledger(index, days, seed, start) for index in range(series)]
    return pd.concat(frames, ignore_index=True)


def wide_ledger(days: int = 730, seed: int = 7, start: dt.date = START) -> pd.DataFrame:
    """The first product of `stock_ledger` with the columns TransactionDate,Input,Output,Stock.

    Args:
        days: Days, at least 1.
        seed: Of the random bits.
        start: First day.
    """
    ledger = stock_ledger(1, days, seed, start)
    names = {
        "date": "TransactionDate",
        "deliveries": "Input",
        "sales": "Output",
        "stock": "Stock",
    }
    return ledger[list(names)].rename(columns=names)


def write_sample(
    path: Path,
    *,
    form: Literal["long", "wide"] = "long",
    series: int = 20,
    days: int = 730,
    seed: int = 7,
    start: dt.date = START,
) -> int:
    """Write a generated ledger as CSV (UTF-8, LF), atomically.

    Args:
        path: File to write or replace; its folder is made when it is absent.
        form: long: `stock_ledger`; wide: `wide_ledger`, which ignores `series`.
        series: Products.
        days: Days.
        seed: Of the random bits.
        start: First day.

    Returns:
        Rows written.

    Raises:
        StorageError: The file cannot be written.
        ValueError: See `stock_ledger`.
    """
    frame = (
        wide_ledger(days, seed, start)
        if form == "wide"
        else stock_ledger(series, days, seed, start)
    )
    text = frame.to_csv(index=False, date_format="%Y-%m-%d", lineterminator="\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, text.encode())
    return len(frame)


def _product_ledger(index: int, days: int, seed: int, start: dt.date) -> pd.DataFrame:
    traits, promotions, occurrence, size = (
        # A stream for each purpose: a longer ledger begins like a shorter one.
        np.random.PCG64([seed, index, purpose])
        for purpose in range(4)
    )
    product = _Product.draw(index, _uniform(traits, 8))
    dates = np.datetime64(start, "D") + np.arange(days)
    promo = _promotions(promotions, days)
    mean = _mean_demand(product, dates, promo) / product.demand_share
    asked = _uniform(occurrence, days) < product.demand_share
    demand = np.where(asked, _poisson(mean, _uniform(size, days)), 0)
    sales, deliveries, stock = _replenish(product, demand)
    return pd.DataFrame(
        {
            "date": dates.astype("datetime64[us]"),
            "product": f"product-{index + 1:03d}",
            "sales": sales,
            "deliveries": deliveries,
            "stock": stock,
            "promo": promo,
        }
    )


def _uniform(bits: np.random.PCG64, count: int) -> FloatArray:
    """Numbers in [0, 1) from the upper 53 of 64 raw bits."""
    raw = np.asarray(bits.random_raw(count), dtype=np.uint64)
    return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _promotions(bits: np.random.PCG64, days: int) -> IntArray:
    """Weeks of promotion: each week of the calendar is one with a chance of 1 in 10."""
    weeks = -(-days // _PROMOTION_DAYS)
    chosen = _uniform(bits, weeks) < 0.1
    return np.repeat(chosen, _PROMOTION_DAYS)[:days].astype(np.int64)


def _mean_demand(
    product: _Product, dates: npt.NDArray[np.datetime64], promo: IntArray
) -> FloatArray:
    day = np.arange(dates.size)
    # 1970-01-01 was a Thursday, which is 3 when Monday is 0.
    weekday = (dates.astype(np.int64) + 3) % 7
    day_of_year = (dates - dates.astype("datetime64[Y]")).astype(np.int64)
    week = 1.0 + product.weekly * (_WEEK_OF_SHOP[weekday] - 1.0)
    angle = 2.0 * np.pi * (day_of_year - product.peak) / 365.25
    trend = np.clip(1.0 + product.growth * day / 365.25, 0.1, _MOST_GROWTH)
    lift = np.where(promo == 1, product.lift, 1.0)
    season = 1.0 + product.season * np.cos(angle)
    mean: FloatArray = product.level * week * season * trend * lift
    return mean


def _poisson(mean: FloatArray, uniform: FloatArray) -> IntArray:
    """Poisson numbers by inversion of their distribution function, for means up to 700."""
    probability = np.exp(-mean)
    cumulated = probability.copy()
    drawn = np.zeros(mean.size, dtype=np.int64)
    step = 0
    # Beyond 12 standard deviations nothing is left but rounding.
    furthest = int(np.max(mean + 12.0 * np.sqrt(mean))) + 12
    while step < furthest and (above := uniform >= cumulated).any():
        step += 1
        drawn[above] = step
        probability = probability * mean / step
        cumulated = cumulated + probability
    return drawn


def _replenish(product: _Product, demand: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Sales, deliveries and closing stock under the (s, S) policy."""
    low = int(product.level * (product.lead_days + 1)) + 1
    high = low + int(product.level * 14) + 2
    days = demand.size
    sales = np.zeros(days, dtype=np.int64)
    deliveries = np.zeros(days + product.lead_days + 1, dtype=np.int64)
    stock = np.zeros(days, dtype=np.int64)
    on_hand, on_order = high, 0
    for day in range(days):
        on_order -= int(deliveries[day])
        on_hand += int(deliveries[day])
        wanted = int(demand[day])
        sales[day] = wanted if product.backorders else min(wanted, max(on_hand, 0))
        on_hand -= int(sales[day])
        stock[day] = on_hand
        if on_hand + on_order <= low:
            order = high - on_hand - on_order
            deliveries[day + product.lead_days] += order
            on_order += order
    return sales, deliveries[:days], stock
