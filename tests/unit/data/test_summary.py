from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.config.series_settings import DatasetSettings, SplitSettings
from engine.data.dataset import write_dataset
from engine.data.report import DataReport
from engine.data.summary import summarize_series, total_by_day


def test_each_series_is_summarized_over_its_own_days(tmp_path: Path) -> None:
    days = pd.date_range("2026-01-01", periods=6)
    rows = [("a", day, value) for day, value in zip(days, (0, 2, 4, 0, 6, 0), strict=True)]
    # It begins later than the other, so that the grid has days that are not its own.
    rows += [("b", day, value) for day, value in zip(days[3:], (-3, -6, -9), strict=True)]
    frame = pd.DataFrame(rows, columns=["unique_id", "ds", "y"])
    frame["unique_id"] = frame["unique_id"].astype("category")
    first, last = days[0].date(), days[-1].date()
    report = DataReport("s", "csv", "0", 9, 9, 2, 6, first, last, 0.3, 3)
    settings = DatasetSettings(split=SplitSettings(validation_days=1, test_days=1))
    dataset = write_dataset(frame, report=report, settings=settings, datasets_dir=tmp_path)

    a, b = summarize_series(dataset)

    assert (a.id, a.count, a.mean, a.zero_share, a.last_value) == ("a", 6, 2.0, 0.5, 0.0)
    assert (a.first_day, a.last_day) == (first, last)
    assert (b.id, b.count, b.mean, b.zero_share, b.last_value) == ("b", 3, -6.0, 0.0, -9.0)
    assert b.first_day == dt.date(2026, 1, 4)
    assert b.to_dict()["first_day"] == "2026-01-04"
    assert (a.trend, b.trend) == ((0, 2, 4, 0, 6, 0), (-3, -6, -9)), "as many means as days"
    assert total_by_day(dataset) == (first, [0, 2, 4, -3, 0, -9])


def test_the_trend_of_a_long_series_is_sixteen_means_over_all_of_it(tmp_path: Path) -> None:
    values = np.arange(163.0) + 1e6
    frame = pd.DataFrame(
        {"unique_id": "a", "ds": pd.date_range("2026-01-01", periods=163), "y": values}
    )
    frame["unique_id"] = frame["unique_id"].astype("category")
    first, last = dt.date(2026, 1, 1), dt.date(2026, 6, 12)
    report = DataReport("s", "csv", "0", 163, 163, 1, 163, first, last, 0.0, 0)
    dataset = write_dataset(frame, report=report, settings=DatasetSettings(), datasets_dir=tmp_path)

    (one,) = summarize_series(dataset)

    assert len(one.trend) == 16
    assert list(one.trend) == sorted(set(one.trend)), "it rises, also where it is large"
    assert one.trend[0] == pytest.approx(1_000_004.5, abs=1)
