from __future__ import annotations

import datetime as dt
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.data.sample import _poisson, stock_ledger, wide_ledger, write_sample
from engine.data.sources import load_rows
from tests.unit.data.ledgers import clean, settings_for


def test_the_ledger_adds_up_every_day() -> None:
    for _, product in stock_ledger(6, 200).groupby("product"):
        moved = (product["deliveries"] - product["sales"]).to_numpy()
        assert (np.diff(product["stock"]) == moved[1:]).all()


def test_the_same_arguments_give_the_same_ledger() -> None:
    ledger = stock_ledger(4, 100)

    assert ledger.equals(stock_ledger(4, 100))
    assert not ledger.equals(stock_ledger(4, 100, seed=8))
    # Pinned: a release of NumPy or of this project that moves these moves everybody's examples.
    totals = ledger[["sales", "deliveries", "stock", "promo"]].sum().tolist()
    assert totals == [12898, 11236, 92382, 42]


def test_more_products_and_days_leave_the_others_as_they_were() -> None:
    small, large = stock_ledger(2, 50), stock_ledger(3, 80)

    kept = large[large["date"].isin(small["date"]) & large["product"].isin(small["product"])]
    assert kept.reset_index(drop=True).equals(small)


def test_it_holds_what_real_ledgers_hold() -> None:
    ledger = stock_ledger(10, 400)
    by_product = ledger.groupby("product")

    zero_share = (ledger["sales"] == 0).groupby(ledger["product"]).mean()
    assert (zero_share > 0.6).sum() == 2, "every fifth product is intermittent"
    assert (by_product["stock"].min() < 0).any(), "some products owe what they lack"
    assert (by_product["stock"].min() >= 0).any(), "others lose the sale"
    assert (by_product["deliveries"].sum() > 0).all()

    regular = ledger[ledger["product"].isin(zero_share[zero_share < 0.2].index)]
    weekday = regular.groupby(regular["date"].dt.weekday)["sales"].mean()
    assert weekday[5] > 1.2 * weekday[6], "Saturdays sell more than Sundays"
    promoted = regular.groupby("promo")["sales"].mean()
    assert promoted[1] > 1.1 * promoted[0]


@pytest.mark.parametrize(("series", "days"), [(0, 1), (1, 0), (-1, -1)])
def test_nothing_cannot_be_generated(series: int, days: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        stock_ledger(series, days)


def test_one_day_can_be() -> None:
    assert len(stock_ledger(1, 1)) == 1


def test_the_wide_form_is_the_first_product(tmp_path: Path) -> None:
    wide = wide_ledger(60, start=dt.date(2020, 12, 11))

    assert wide.columns.tolist() == ["TransactionDate", "Input", "Output", "Stock"]
    assert (
        wide["Stock"].tolist() == stock_ledger(1, 60, start=dt.date(2020, 12, 11))["stock"].tolist()
    )


def test_a_written_sample_passes_every_rule(tmp_path: Path) -> None:
    rows = write_sample(tmp_path / "data" / "ledger.csv", series=3, days=40)
    settings = settings_for(ds_root="data", target_col="sales", covariate_cols=("promo",))

    data = clean(load_rows(settings, root=tmp_path), settings)

    assert (rows, data.report.series, data.report.days, data.report.changes) == (120, 3, 40, ())
    assert data.frame["y"].tolist() == stock_ledger(3, 40)["sales"].tolist()


def test_a_written_wide_sample_passes_every_rule(tmp_path: Path) -> None:
    write_sample(tmp_path / "ledger.csv", form="wide", days=40)
    settings = settings_for(date_col="TransactionDate", target_col="Stock", series_col=None)

    assert clean(load_rows(settings, root=tmp_path), settings).report.days == 40


@given(mean=st.floats(0.01, 700), uniform=st.floats(0, 1, exclude_max=True))
def test_poisson_numbers_have_the_share_of_smaller_ones_that_was_drawn(
    mean: float, uniform: float
) -> None:
    drawn = int(_poisson(np.array([mean]), np.array([uniform]))[0])

    def share_up_to(count: int) -> float:
        terms = [k * math.log(mean) - mean - math.lgamma(k + 1) for k in range(count + 1)]
        return math.fsum(math.exp(term) for term in terms)

    assert share_up_to(drawn) >= uniform - 1e-9
    assert drawn == 0 or share_up_to(drawn - 1) <= uniform + 1e-9


def test_demand_stays_within_what_can_be_drawn_for_a_century() -> None:
    ledger = stock_ledger(5, 36_500)

    assert ledger["sales"].max() < 1_000
