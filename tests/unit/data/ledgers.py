"""Settings and texts of small stock ledgers."""

from __future__ import annotations

from typing import Any

from engine.config.series_settings import DatasetSettings, SplitSettings
from engine.data.rows import LoadedRows
from engine.data.rules import CleanData, apply_rules

WINDOW, HORIZON = 3, 1


def settings_for(**given: Any) -> DatasetSettings:
    """Settings of a ledger `date,product,stock` with a split of one day each."""
    values: dict[str, Any] = {
        "ds_root": ".",
        "file_path": None if "url" in given else "ledger.csv",
        "date_col": "date",
        "target_col": "stock",
        "series_col": "product",
        "split": SplitSettings(validation_days=1, test_days=1),
    }
    return DatasetSettings(**(values | given))


def clean(loaded: LoadedRows, settings: DatasetSettings) -> CleanData:
    return apply_rules(loaded, settings, window=WINDOW, horizon=HORIZON)


def ledger(values: dict[str, list[object]], header: str = "date,product,stock") -> str:
    """A CSV text: one row a day from 2024-01-01 for each product; None leaves the day out."""
    lines = [header]
    for product, column in values.items():
        lines += [
            f"2024-01-{day:02d},{product},{value}"
            for day, value in enumerate(column, start=1)
            if value is not None
        ]
    return "\n".join(lines) + "\n"
