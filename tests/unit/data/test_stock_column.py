from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.data.dataset import Dataset, open_dataset, write_dataset
from engine.data.rules import CleanData
from engine.errors import DataError, NotFoundError
from tests.unit.data.ledgers import ledger, settings_for

Prepare = Callable[..., CleanData]
HEADER = "date,product,sales,price,stock"
STOCK = {"target_col": "sales", "stock_col": "stock", "covariate_cols": ("price",)}
DAYS = 6


def rows(stocks: list[object], price: object = 3) -> list[object]:
    return [f"{day},{price},{stock}" for day, stock in enumerate(stocks)]


def written(clean: CleanData, folder: Path, **given: object) -> Dataset:
    settings = settings_for(**{**STOCK, **given})
    dataset = write_dataset(
        clean.frame, report=clean.report, settings=settings, datasets_dir=folder / "datasets"
    )
    return open_dataset(folder / "datasets", dataset.id)


def test_the_stock_is_kept_beside_the_target_and_no_model_sees_it(
    prepare: Prepare, tmp_path: Path
) -> None:
    content = ledger({"nut": rows([9, 8, 7, 6, 5, 40]), "bolt": rows([-1, 1, 2, 3, 4, 5])}, HEADER)
    dataset = written(prepare(content, STOCK), tmp_path)

    assert dataset.stock is not None
    assert (dataset.stock.name, dataset.stock.is_target) == ("stock", False)
    assert (dataset.on_hand("nut"), dataset.on_hand("bolt")) == (40.0, 5.0)
    panel = dataset.panel()
    assert panel.covariate_names == dataset.covariates == ("price",)
    np.testing.assert_array_equal(panel.values, [range(DAYS)] * 2)
    with pytest.raises(NotFoundError):
        dataset.on_hand("screw")


def test_the_target_may_be_the_stock_itself(prepare: Prepare, tmp_path: Path) -> None:
    given = {"target_col": "stock", "covariate_cols": ()}
    content = ledger({"nut": rows([9, 8, 7, 6, 5, 4])}, HEADER)
    dataset = written(prepare(content, {**STOCK, **given}), tmp_path, **given)

    assert dataset.stock is not None
    assert dataset.stock.is_target
    assert dataset.on_hand("nut") == 4.0


def test_without_a_stock_column_a_data_set_is_what_it_was(prepare: Prepare, tmp_path: Path) -> None:
    given = {"stock_col": None}
    content = ledger({"nut": rows([9, 8, 7, 6, 5, 4])}, HEADER)
    dataset = written(prepare(content, {**STOCK, **given}), tmp_path, **given)

    assert dataset.stock is None
    assert dataset.on_hand("nut") is None
    assert "stock" not in dataset.manifest["content"]


@pytest.mark.parametrize("stocks", [[9, 8, "", 6, 5, 4], ["", "", 7, 6, 5, 4]])
def test_a_missing_stock_stops_the_run_or_repeats_the_last_known(
    prepare: Prepare, tmp_path: Path, stocks: list[object]
) -> None:
    content = ledger({"nut": rows(stocks)}, HEADER)
    with pytest.raises(DataError, match=r"stock 'stock': . values? (is|are) missing: row"):
        prepare(content, STOCK)

    data = prepare(content, STOCK, missing="forward")

    # Who counts the shelf only since some day has no stock before it, and needs none.
    known = data.frame["stock"].tolist()
    assert known[2:] == [8 if stocks[2] == "" else 7, 6, 5, 4]
    assert stocks[0] == 9 or np.isnan(known[:2]).all()
    assert any("stock 'stock'" in str(one) for one in data.report.changes)
    assert written(data, tmp_path).on_hand("nut") == 4.0


def test_a_stock_that_was_never_counted_is_not_known(prepare: Prepare, tmp_path: Path) -> None:
    data = prepare(ledger({"nut": rows([""] * DAYS)}, HEADER), STOCK, missing="forward")

    assert written(data, tmp_path).on_hand("nut") is None


@pytest.mark.parametrize("rule", ["first", "last", "sum", "mean"])
def test_of_several_rows_of_a_day_the_last_has_the_stock(prepare: Prepare, rule: str) -> None:
    content = ledger({"nut": rows([9, 8, 7, 6, 5, 4])}, HEADER) + "2024-01-06,nut,1,5,2\n"

    last = prepare(content, STOCK, duplicates=rule).frame.iloc[-1]

    kept = {"first": 4, "last": 2, "sum": 2, "mean": 2}
    prices = {"first": 3, "last": 5, "sum": 4, "mean": 4}
    assert (last["stock"], last["price"]) == (kept[rule], prices[rule])


def test_a_stock_column_that_is_not_there_is_named_with_its_setting(
    complaint: Callable[..., str],
) -> None:
    content = "date,product,sales,price\n2024-01-01,nut,1,2\n"

    assert "column 'stock' (dataset.stock_col) is missing" in complaint(content, **STOCK)
    reserved = complaint(content, target_col="sales", stock_col="ds")
    assert reserved.startswith("dataset.stock_col: the stock column 'ds'")
