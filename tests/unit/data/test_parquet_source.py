from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.data.rows import LoadedRows
from engine.data.sources import load_rows
from engine.errors import DataError
from tests.unit.data.ledgers import settings_for

DAYS = [dt.date(2024, 1, 1), dt.date(2024, 1, 2)]


def load_table(folder: Path, columns: dict[str, Any], **given: Any) -> LoadedRows:
    table = pa.table({"date": DAYS, "product": ["bolt", "bolt"], "stock": [1.0, 2.0]} | columns)
    pq.write_table(table, folder / "ledger.parquet")
    return load_rows(settings_for(file_path="ledger.parquet", **given), root=folder)


@pytest.mark.parametrize(
    "dates",
    [
        pa.array(DAYS, pa.date32()),
        pa.array(DAYS, pa.date64()),
        pa.array(DAYS).cast(pa.timestamp("ns")),
        pa.array(DAYS).cast(pa.timestamp("s")),
        pa.array(["2024-01-01", "2024-01-02"]),
        pa.array(["2024-01-01", "2024-01-02"], pa.large_string()),
        pa.array([20240101, 20240102]),
        pa.array(["2024-01-01", "2024-01-02"]).dictionary_encode(),
    ],
    ids=lambda array: str(array.type),
)
def test_days_are_read_from_any_type_that_holds_them(tmp_path: Path, dates: Any) -> None:
    loaded = load_table(tmp_path, {"date": dates})

    assert [moment.date() for moment in loaded.frame["ds"]] == DAYS
    assert loaded.frame["row"].tolist() == [1, 2]
    assert loaded.format == "parquet"


@pytest.mark.parametrize(
    "stock",
    [
        pa.array([1, 2], pa.int16()),
        pa.array([1, 2], pa.uint64()),
        pa.array([1, 2], pa.float32()),
        pa.array([Decimal("1.00"), Decimal("2.00")]),
        pa.array(["1", "2"]),
        pa.array(["1", "2"]).dictionary_encode(),
    ],
    ids=lambda array: str(array.type),
)
def test_numbers_are_read_from_any_type_that_holds_them(tmp_path: Path, stock: Any) -> None:
    assert load_table(tmp_path, {"stock": stock}).frame["y"].tolist() == [1.0, 2.0]


def test_switches_are_read_as_zero_and_one_and_whole_numbers_as_names(tmp_path: Path) -> None:
    columns = {"promo": [True, False], "product": [17, 17]}

    frame = load_table(tmp_path, columns, covariate_cols=("promo",)).frame

    assert frame["promo"].tolist() == [1.0, 0.0]
    assert frame["unique_id"].tolist() == ["17", "17"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"date": pa.array(DAYS).cast(pa.timestamp("us", tz="Asia/Seoul"))},
            "time zone Asia/Seoul",
        ),
        (
            {"date": [dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 2, 14, 30)]},
            "1 date holds a time within the day: row 2 '2024-01-02 14:30:00'",
        ),
        ({"date": [DAYS[0], None]}, "1 date is empty: row 2"),
        ({"date": [DAYS[0], dt.date(1066, 10, 14)]}, "outside 1900 to 2199: row 2 '1066-10-14'"),
        ({"date": [1.0, 2.0]}, "column 'date' holds double, which is not a date"),
        ({"stock": [[1], [2]]}, "column 'stock' holds list"),
        ({"stock": [float("inf"), 1.0]}, "1 value is infinite or too large: row 1 'inf'"),
        ({"stock": ["1", "=A1"]}, "1 value is a formula, not a number: row 2 '=A1'"),
        ({"product": ["bolt", None]}, "1 name of a series is empty: row 2"),
    ],
)
def test_the_same_faults_as_in_text_are_found(
    tmp_path: Path, columns: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError) as caught:
        load_table(tmp_path, columns)

    assert message in str(caught.value)


def test_a_missing_value_is_left_to_the_rules(tmp_path: Path) -> None:
    frame = load_table(tmp_path, {"stock": [None, float("nan")]}).frame

    assert frame["y"].isna().tolist() == [True, True]


def test_too_many_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="more than 1 rows"):
        load_table(tmp_path, {}, max_rows=1)


def test_a_parquet_file_called_csv_is_recognised_unless_the_settings_say_csv(
    tmp_path: Path,
) -> None:
    load_table(tmp_path, {})
    (tmp_path / "ledger.parquet").rename(tmp_path / "ledger.csv")

    assert load_rows(settings_for(), root=tmp_path).format == "parquet"
    with pytest.raises(DataError, match=r"dataset\.file_format: auto"):
        load_rows(settings_for(file_format="csv"), root=tmp_path)
