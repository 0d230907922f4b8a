from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd

from engine.config.settings import DatasetSettings, SplitSettings
from engine.data.dataset import write_dataset
from engine.data.report import DataReport
from engine.data.summary import summarize_series


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
