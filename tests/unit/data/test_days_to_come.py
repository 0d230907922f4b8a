"""Rows after the last value of a series, and series that are too short to learn from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.data.dataset import Dataset, open_dataset, write_dataset
from engine.data.rules import CleanData
from engine.errors import DataError
from tests.unit.data.ledgers import ledger, settings_for

Prepare = Callable[..., CleanData]

COVARIATE = {"covariate_cols": ("price",)}
HEADER = "date,product,stock,price"


def with_prices(**series: list[tuple[object, object]]) -> str:
    rows = {name: [f"{y},{price}" for y, price in days] for name, days in series.items()}
    return ledger(rows, header=HEADER)  # type: ignore[arg-type]


BOLT: list[tuple[object, object]] = [(day, day * 10) for day in range(1, 7)]


def write(clean: CleanData, folder: Path) -> Dataset:
    return write_dataset(
        clean.frame,
        report=clean.report,
        settings=settings_for(**COVARIATE),
        datasets_dir=folder / "datasets",
    )


def test_covariates_after_the_last_value_are_known_of_days_to_come(
    prepare: Prepare, tmp_path: Path
) -> None:
    nut = [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 7), ("", 8)]
    content = with_prices(bolt=[*BOLT, ("", 70), ("", ""), ("", 90)], nut=nut)

    clean = prepare(content, COVARIATE, future="keep")
    dataset = write(clean, tmp_path)
    panel = open_dataset(dataset.folder.parent, dataset.id).panel()

    report = clean.report
    assert (report.last_day, report.days, report.rows_kept) == (dt.date(2024, 1, 7), 7, 13)
    assert str(report.changes[0]).endswith(
        "2 series have rows after the last value, which were kept as days to come: series 'bolt' "
        "2024-01-07 to 2024-01-09; series 'nut' 2024-01-08"
    )
    assert panel.days == dataset.split.days == 7
    assert panel.values[0].tolist()[:6] == [1, 2, 3, 4, 5, 6]
    assert np.isnan(panel.values[0, 6])
    assert panel.covariates is not None
    unknown = -1
    assert np.nan_to_num(panel.covariates[:, :, 0], nan=unknown).tolist() == [
        [10, 20, 30, 40, 50, 60, 70, unknown, 90],
        [1, 2, 3, 4, 5, 6, 7, 8, unknown],
    ]
    window = dataset.series_window("bolt", 3)
    assert (window.values.tolist(), window.last_day) == ([4, 5, 6], dt.date(2024, 1, 6))


def test_unless_they_are_kept_their_values_are_missing(prepare: Prepare) -> None:
    content = with_prices(bolt=[*BOLT, ("", 70)])

    with pytest.raises(
        DataError, match=r"1 value is missing: row 8 .*dataset\.rules\.future: keep"
    ):
        prepare(content, COVARIATE)
    assert prepare(content, COVARIATE, missing="forward").frame["y"].tolist()[-2:] == [6, 6]


def test_without_covariates_nothing_is_known_of_days_to_come(prepare: Prepare) -> None:
    with pytest.raises(DataError, match="1 value is missing"):
        prepare(ledger({"bolt": [1, 2, 3, 4, 5, 6, ""]}), future="keep")


def test_a_value_that_is_missing_in_between_is_missing_all_the_same(prepare: Prepare) -> None:
    content = with_prices(bolt=[*BOLT, ("", 70), (8, 80)])

    with pytest.raises(DataError, match="1 value is missing: row 8"):
        prepare(content, COVARIATE, future="keep")


def test_a_series_without_any_value_has_no_days_to_come(prepare: Prepare) -> None:
    content = with_prices(bolt=BOLT, nut=[("", 1), ("", 2)])

    with pytest.raises(DataError, match="2 values are missing"):
        prepare(content, COVARIATE, future="keep")


def test_a_far_away_day_to_come_is_a_mistake(prepare: Prepare) -> None:
    content = with_prices(bolt=BOLT) + "2150-01-01,bolt,,7\n"

    with pytest.raises(DataError, match="1 row is more than 366 days after the last value"):
        prepare(content, COVARIATE, future="keep")


def test_days_to_come_of_a_series_that_is_left_out_are_left_out_too(prepare: Prepare) -> None:
    content = with_prices(ant=[(1, 1), ("", 2)], bolt=[*BOLT, ("", 70)])

    frame = prepare(content, COVARIATE, future="keep", short_series="drop").frame

    assert frame["unique_id"].astype(str).unique().tolist() == ["bolt"]
    assert frame["price"].tolist() == [10, 20, 30, 40, 50, 60, 70]


def test_what_is_known_of_days_to_come_makes_another_data_set(
    prepare: Prepare, tmp_path: Path
) -> None:
    ids = {
        write(prepare(with_prices(bolt=[*BOLT, *more]), COVARIATE, future="keep"), tmp_path).id
        for more in ([], [("", 70)], [("", 71)], [("", "")])
    }

    assert len(ids) == 4


def test_short_series_are_kept_on_request(prepare: Prepare) -> None:
    content = ledger({"bolt": [1, 2, 3, 4, 5, 6], "nut": [None] * 4 + [1, 2]})

    clean = prepare(content, short_series="keep")

    assert clean.report.series == 2
    said = str(clean.report.changes[0])
    assert "1 series was kept, to train and test a series needs 6 days" in said
    assert "series 'nut' has 2 days" in said


def test_when_every_series_is_short_there_is_nothing_to_learn_from(prepare: Prepare) -> None:
    with pytest.raises(DataError, match="series 'bolt' has 2 days"):
        prepare(ledger({"bolt": [1, 2]}), short_series="keep")
