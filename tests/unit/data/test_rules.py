from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engine.config.series_settings import DatasetRules, SplitSettings
from engine.data.rows import LoadedRows
from engine.data.rules import CleanData, apply_rules
from engine.errors import DataError
from tests.unit.data.ledgers import HORIZON, WINDOW, ledger, settings_for

Prepare = Callable[..., CleanData]

LONGER = {"split": SplitSettings(validation_days=3, test_days=3)}
"""The training part ends three plus three days before the last."""


def values(data: CleanData, series: str = "bolt") -> list[float]:
    return data.frame.loc[data.frame["unique_id"] == series, "y"].tolist()


def change(data: CleanData, rule: str) -> str:
    found = [str(entry) for entry in data.report.changes if entry.rule == rule]
    assert len(found) == 1, found
    return found[0]


def test_a_clean_source_passes_unchanged_with_every_rule_on_error(prepare: Prepare) -> None:
    data = prepare(ledger({"nut": [0, 2, 0, 4, 5, -6], "bolt": [1] * 6}), unsorted="error")

    assert data.frame.columns.tolist() == ["unique_id", "ds", "y"]
    assert data.frame["unique_id"].tolist() == ["bolt"] * 6 + ["nut"] * 6
    assert values(data, "nut") == [0, 2, 0, 4, 5, -6]
    report = data.report
    assert (report.rows_read, report.rows_kept, report.series, report.days) == (12, 12, 2, 6)
    assert (report.first_day, report.last_day) == (dt.date(2024, 1, 1), dt.date(2024, 1, 6))
    assert report.zero_share == pytest.approx(2 / 12)
    assert (report.negatives, report.constant_series, report.changes) == (1, ("bolt",), ())
    assert "The value never changes in 'bolt'" in report.sentences()


UNSORTED = "date,product,stock\n" + "".join(
    f"2024-01-{day:02d},bolt,{day}\n" for day in (1, 3, 2, 4, 5, 6)
)


def test_rows_out_of_order_are_sorted_and_reported(prepare: Prepare) -> None:
    data = prepare(UNSORTED)

    assert values(data) == [1, 2, 3, 4, 5, 6]
    assert change(data, "unsorted").endswith(
        "1 row was out of order: row 4 series 'bolt' 2024-01-02"
    )


def test_rows_out_of_order_are_refused_on_request(prepare: Prepare) -> None:
    with pytest.raises(DataError, match=r"row 4 .* set dataset\.rules\.unsorted: sort"):
        prepare(UNSORTED, unsorted="error")


def test_series_may_be_interleaved(prepare: Prepare) -> None:
    lines = "".join(
        f"2024-01-{day:02d},{name},{day}\n" for day in range(1, 7) for name in ("bolt", "nut")
    )

    assert prepare("date,product,stock\n" + lines, unsorted="error").report.series == 2


@pytest.mark.parametrize(
    ("rule", "second_day"), [("first", 2.0), ("last", 9.0), ("sum", 18.0), ("mean", 6.0)]
)
def test_rows_of_one_day_are_combined(prepare: Prepare, rule: str, second_day: float) -> None:
    content = ledger({"bolt": [1, 2, 3, 4, 5, 6]}) + "2024-01-02,bolt,7\n2024-01-02,bolt,9\n"

    data = prepare(content, duplicates=rule)

    assert values(data) == [1, second_day, 3, 4, 5, 6]
    assert "2 rows repeat a day" in change(data, "duplicates")
    assert "row 8 series 'bolt' 2024-01-02; row 9 " in change(data, "duplicates")


@pytest.mark.parametrize(
    ("rule", "expected"), [("allow", [1, -2, 3, 4, 5, 6]), ("zero", [1, 0, 3, 4, 5, 6])]
)
def test_negative_values(prepare: Prepare, rule: str, expected: list[float]) -> None:
    assert values(prepare(ledger({"bolt": [1, -2, 3, 4, 5, 6]}), negatives=rule)) == expected


def test_negative_values_are_refused_on_request(prepare: Prepare) -> None:
    with pytest.raises(DataError, match=r"row 3 series 'bolt' 2024-01-02 is -2\. "):
        prepare(ledger({"bolt": [1, -2, 3, 4, 5, 6]}), negatives="error")


@pytest.mark.parametrize("absent", [None, "NaN"])
@pytest.mark.parametrize(
    ("rule", "filled"),
    [
        ("zero", [1, 0, 0, 4, 5, 6, 7, 0, 9, 10]),
        ("forward", [1, 1, 1, 4, 5, 6, 7, 7, 9, 10]),
        # Days 2 and 3 are training days; day 8 is a test day.
        ("interpolate", [1, 2, 3, 4, 5, 6, 7, 7, 9, 10]),
    ],
)
def test_absent_and_missing_days_are_filled_alike(
    prepare: Prepare, absent: object, rule: str, filled: list[float]
) -> None:
    content = ledger({"bolt": [1, absent, absent, 4, 5, 6, 7, absent, 9, 10]})
    name = "gaps" if absent is None else "missing"

    data = prepare(content, LONGER, **{name: rule})

    assert values(data) == filled
    assert "2024-01-02" in change(data, name)


def test_a_line_is_drawn_only_when_both_ends_are_training_days(prepare: Prepare) -> None:
    # Training ends on day 6 of 12: the neighbour on day 7 must not reach back to days 5 and 6.
    content = ledger({"bolt": [1, 2, 3, 4, None, None, 7, 8, 9, 10, 11, 12]})

    assert values(prepare(content, LONGER, gaps="interpolate"))[4:7] == [4, 4, 7]


def test_two_rules_can_fill_one_stretch(prepare: Prepare) -> None:
    content = ledger({"bolt": [8, "", None, "", 2, 1, 1]})

    assert values(prepare(content, missing="zero", gaps="interpolate"))[:5] == [8, 0, 0, 0, 2]
    assert values(prepare(content, missing="interpolate", gaps="forward"))[:5] == [
        8, 6.5, 6.5, 3.5, 2,
    ]  # fmt: skip


def test_a_series_begins_with_its_first_known_value(prepare: Prepare) -> None:
    data = prepare(ledger({"bolt": ["", "", 3, 4, 5, 6, 7, 8]}), missing="forward")

    assert values(data) == [3, 4, 5, 6, 7, 8]
    assert data.report.first_day == dt.date(2024, 1, 3)
    assert "2 rows before the first known value" in change(data, "missing")


def test_a_series_without_any_value_is_refused_unless_missing_means_zero(prepare: Prepare) -> None:
    content = ledger({"bolt": [1, 2, 3, 4, 5, 6], "nut": [""] * 6})

    with pytest.raises(DataError, match="1 series has no value at all: series 'nut'"):
        prepare(content, missing="forward")
    assert values(prepare(content, missing="zero"), "nut") == [0] * 6


@given(
    st.lists(st.one_of(st.none(), st.integers(-9, 9)), min_size=14, max_size=14),
    st.sampled_from(["forward", "interpolate"]),
    st.sampled_from(["forward", "interpolate"]),
    st.integers(10, 15),
)
@hypothesis_settings(max_examples=80, deadline=None)
def test_no_value_of_the_validation_or_test_part_depends_on_a_later_day(
    column: list[int | None], gaps: Any, missing: Any, today: int
) -> None:
    settings = settings_for(rules=DatasetRules(gaps=gaps, missing=missing), **LONGER)
    column = [0, *column, 0]  # 16 days, of which the first 10 are for training

    def cleaned(y: list[float]) -> np.ndarray[Any, Any]:
        days = [at for at, value in enumerate(y) if value is not None]
        frame = pd.DataFrame(
            {
                "row": np.array(days) + 2,
                "unique_id": pd.Categorical(["bolt"] * len(days)),
                "ds": np.datetime64("2024-01-01", "us") + np.array(days) * np.timedelta64(1, "D"),
                "y": [np.nan if y[at] == 9 else float(y[at]) for at in days],
            }
        )
        loaded = LoadedRows(frame, "ledger", "csv", "", len(days))
        return apply_rules(loaded, settings, window=WINDOW, horizon=HORIZON).frame["y"].to_numpy()

    # What is known only after today is changed, and nothing up to today may change with it.
    later = [
        None if value is None else value if at <= today or value == 9 else value + 1000
        for at, value in enumerate(column)
    ]
    before, after = cleaned(column), cleaned(later)
    assert before[: today + 1].tolist() == after[: today + 1].tolist()
    assert np.isfinite(before).all()


def test_short_series_are_left_out_and_reported(prepare: Prepare) -> None:
    data = prepare(ledger({"bolt": [1, 2, 3, 4, 5, 6], "nut": [1, 2]}), short_series="drop")

    assert data.frame["unique_id"].cat.categories.tolist() == ["bolt"]
    assert "1 series was left out, a series needs 6 days" in change(data, "short_series")
    assert "series 'nut' has 2 days" in change(data, "short_series")


def test_the_shortest_series_that_is_accepted_has_exactly_the_days_needed(
    prepare: Prepare,
) -> None:
    content = ledger({"bolt": [1, 2, 3, 4, 5, 6, 7], "nut": [None, 2, 3, 4, 5, 6, 7]})

    assert prepare(content).report.series == 2
    with pytest.raises(DataError, match="series 'nut' has 6 days"):
        prepare(content, {"split": SplitSettings(validation_days=2, test_days=1)})


def test_when_every_series_is_short_dropping_is_no_way_out(prepare: Prepare) -> None:
    with pytest.raises(DataError) as caught:
        prepare(ledger({"bolt": [1, 2]}), short_series="drop")

    assert "series 'bolt' has 2 days" in str(caught.value)
    assert "short_series: drop" not in str(caught.value)


def test_dropping_a_short_series_moves_the_borders_for_the_others(prepare: Prepare) -> None:
    # `new` alone reaches day 9; without it the calendar ends on day 6.
    content = ledger({"bolt": [1, 2, 3, 4, 5, 6], "new": [None] * 7 + [1, 2]})

    assert prepare(content, short_series="drop").report.last_day == dt.date(2024, 1, 6)


def test_a_series_that_ends_early_is_noted(prepare: Prepare) -> None:
    data = prepare(ledger({"bolt": list(range(9)), "nut": list(range(8))}))

    assert "1 series ends before 2024-01-09: 'nut'" in data.report.notes


def test_days_that_were_filled_into_the_test_part_are_noted(prepare: Prepare) -> None:
    data = prepare(ledger({"bolt": [1, 2, 3, 4, 5, 6, 7, None, 9, 10]}), LONGER, gaps="zero")

    assert "1 day of the test part was filled in by the rule gaps" in data.report.notes


COVARIATE = {"covariate_cols": ("price",)}


def with_prices(prices: list[object]) -> str:
    rows = [f"{day},{price}" if price is not None else None for day, price in enumerate(prices)]
    return ledger({"bolt": rows}, header="date,product,stock,price")  # type: ignore[dict-item]


def test_covariates_of_added_days_repeat_the_last_known(prepare: Prepare) -> None:
    data = prepare(
        with_prices([1, 2, None, "", 5, 6, 7]), COVARIATE, gaps="zero", missing="forward"
    )

    assert data.frame["price"].tolist() == [1, 2, 2, 2, 5, 6, 7]
    assert "covariate 'price': 1 value was filled" in change(data, "missing")


@pytest.mark.parametrize(
    ("prices", "rule", "message"),
    [
        ([1, "", 3, 4, 5, 6], "error", "covariate 'price': 1 value is missing: row 3"),
        (["", 2, 3, 4, 5, 6], "forward", "covariate 'price': 1 series begins without a value"),
    ],
)
def test_missing_covariates_are_refused(
    prepare: Prepare, prices: list[object], rule: str, message: str
) -> None:
    with pytest.raises(DataError) as caught:
        prepare(with_prices(prices), COVARIATE, missing=rule)

    assert message in str(caught.value)


def test_covariates_of_one_day_are_averaged(prepare: Prepare) -> None:
    content = with_prices([1, 2, 3, 4, 5, 6]) + "2024-01-06,bolt,5,8\n"

    data = prepare(content, COVARIATE, duplicates="sum")

    assert data.frame["price"].tolist() == [1, 2, 3, 4, 5, 7]
    assert values(data) == [0, 1, 2, 3, 4, 10]


def test_a_far_away_date_does_not_fill_the_memory(prepare: Prepare) -> None:
    content = ledger({"bolt": [1, 2, 3, 4, 5, 6]}) + "2150-01-01,bolt,7\n"

    with pytest.raises(DataError, match="2024-01-01 to 2150-01-01, which is more than 1,000"):
        prepare(content, {"max_rows": 1_000}, gaps="zero")


def test_a_report_lists_as_many_rows_as_the_settings_say(prepare: Prepare) -> None:
    content = ledger({"bolt": [1, "", "", "", 5, 6, 7]})

    data = prepare(content, missing="zero", max_errors_listed=2)

    facts = data.report.to_dict()["changes"]
    assert [(fact["rule"], fact["count"], fact["rows"]) for fact in facts] == [
        ("missing", 3, [3, 4])
    ]
    assert change(data, "missing").endswith("and 1 more")
