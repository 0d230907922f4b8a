from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

from engine.cli.explanation import WhyOptions, why_of
from engine.cli.forecasting import Question
from engine.cli.inventory import StockOptions, shelf_of
from engine.data.dataset import Dataset
from engine.store import Version
from engine.workspace import Workspace
from tests.unit.cli.conftest import EngineCommand
from tests.unit.deployments import deploy, make_bundle, prepare_dataset

ONES = "--values=" + "1 " * 14
"""What stands still is forecast as 1 a day, and this model always says 7 a day too little: 8."""


@pytest.fixture
def champion(workspace: Workspace, tmp_path: Path) -> Version:
    return deploy(workspace, make_bundle(tmp_path / "calibrated", calibrated=True))


def sales(workspace: Workspace, folder: Path, **columns: object) -> Dataset:
    columns = {"target_col": "sales", "stock_col": "stock", **columns}
    return prepare_dataset(workspace, folder, **columns)


def test_stock_on_hand_lasts_until_the_total_of_demand_is_above_it(
    command: EngineCommand, champion: Version
) -> None:
    answer = command("predict", ONES, "--on-hand", "20", "--last-date", "2026-03-01", "--json").json
    shelf = answer["inventory"]

    assert (shelf["target"], shelf["on_hand"], shelf["on_hand_from"]) == ("demand", 20, "option")
    assert [day["expected"] for day in shelf["days"]] == pytest.approx([8, 16, 24, 32, 40, 48, 56])
    assert [day["stockout"] for day in shelf["days"]] == [0, 0, 1, 1, 1, 1, 1]
    assert [day["stockout_by"] for day in shelf["days"]] == [0, 0, 1, 1, 1, 1, 1]
    assert [day["available"] for day in shelf["days"]] == [20] * 7
    assert shelf["stockout_within"] == {"at_least": 1, "at_most": 1}
    third = {"ahead": 3, "day": "2026-03-04"}
    assert shelf["first_days"] == [{"probability": 0.05, **third}, {"probability": 0.5, **third}]
    assert shelf["cover_days"] == pytest.approx(2.5)
    assert (shelf["lead_time"], shelf["reorder_point"], shelf["order_quantity"]) == (None,) * 3


def test_with_a_lead_time_it_says_how_much_to_order(
    command: EngineCommand, champion: Version
) -> None:
    line = ("predict", ONES, "--on-hand=20", "--on-order=6@2", "--on-order=99@6")
    order = (*line, "--lead-time=2", "--review=3")
    shelf = command(*order, "--json").json["inventory"]
    told = command(*order).out
    enough = command(*line, "--lead-time=1", "--service-level=90").out

    # Five days need 40, and what arrives on day 6 is none of it.
    assert shelf["reorder_point"] == pytest.approx(40)
    assert shelf["order_quantity"] == pytest.approx(14)
    assert shelf["on_order"][0] == {"quantity": 6, "ahead": 2, "day": None}
    assert [day["available"] for day in shelf["days"]] == [20, 26, 26, 26, 26, 125, 125]
    # Out on the days 4 and 5, and filled again.
    assert [day["stockout"] for day in shelf["days"]] == [0, 0, 0, 1, 1, 0, 0]
    assert [day["stockout_by"] for day in shelf["days"]] == [0, 0, 0, 1, 1, 1, 1]
    words = " ".join(told.split())
    assert "Order 14 now: with a service level of 95 % the 5 days (lead time 2 + review 3)" in words
    assert "need up to 40 (the reorder point), and 26 are there or come." in words
    assert " ".join(shelf["advice"].split()) in words
    assert "No order is needed now: with a service level of 90 %" in " ".join(enough.split())


def test_each_day_has_its_probability_behind_its_numbers(
    command: EngineCommand, champion: Version
) -> None:
    plain = command("predict", ONES, "--on-hand", "20").out.splitlines()
    both = command("predict", ONES, "--on-hand", "20", "--level", "80").out.splitlines()

    assert plain[1].split() == ["day", "2", "1.00", "stock-out", "<", "0.1", "%"]
    assert plain[2].split() == ["day", "3", "1.00", "stock-out", "100", "%"]
    assert " ".join(both[2].split()) == "day 3 1.00 1.00 to 8.00 stock-out 100 %"
    assert "The stock of 20 lasts about 2.5 days at the expected demand." in plain
    assert "stock-out" not in command("predict", ONES).out


def test_a_data_set_that_knows_its_stock_says_it_by_itself(
    command: EngineCommand, workspace: Workspace, champion: Version, tmp_path: Path
) -> None:
    dataset = sales(workspace, tmp_path)
    name = dataset.ids[1]
    shelf = command("predict", "--series", name, "--json").json["inventory"]
    other = command("predict", "--series", name, "--on-hand", "7", "--json").json["inventory"]
    shown = command("data", "show", "--json").json

    assert (shelf["on_hand"], shelf["on_hand_from"]) == (dataset.on_hand(name), "data")
    tomorrow = dataset.series_window(name, 1).last_day + dt.timedelta(days=1)
    assert shelf["days"][0]["day"] == tomorrow.isoformat()
    assert (other["on_hand"], other["on_hand_from"]) == (7, "option")
    assert "stock-out" in command("predict", "--series", name).out
    assert shown["stock"] == "stock"
    # Values of one's own have no stock in it.
    assert command("predict", ONES, "--json").json["inventory"] is None


def test_a_series_that_is_the_stock_is_told_by_the_day(
    command: EngineCommand, workspace: Workspace, champion: Version, tmp_path: Path
) -> None:
    dataset = sales(workspace, tmp_path, target_col="stock")
    line = ("predict", "--series", dataset.ids[0])
    shelf = command(*line, "--threshold", "1e9", "--json").json["inventory"]
    refused = command(*line, "--on-hand", "3")
    as_demand = command(*line, "--on-hand", "3", "--target-is", "demand", "--json").json

    assert (shelf["target"], shelf["on_hand"], shelf["cover_days"]) == ("stock", None, None)
    assert [day["stockout"] for day in shelf["days"]] == [1] * 7
    assert (shelf["threshold"], shelf["days"][0]["available"]) == (1e9, None)
    assert refused.code == 2
    assert "this series is the stock itself" in refused.err
    assert as_demand["inventory"]["target"] == "demand"


def test_without_knowing_the_stock_nothing_is_made_up(
    command: EngineCommand, workspace: Workspace, champion: Version, tmp_path: Path
) -> None:
    prepare_dataset(workspace, tmp_path)
    answer = command("predict", "--lead-time", "3")

    assert answer.code == 8
    assert "how much is on hand is not known" in answer.err
    assert command("predict", "--json").json["inventory"] is None


def test_a_version_from_before_totals_were_kept_says_so(
    command: EngineCommand, workspace: Workspace, tmp_path: Path
) -> None:
    deploy(workspace, make_bundle(tmp_path / "older", calibrated=True, totals=False))
    refused = command("predict", ONES, "--on-hand", "20")
    stock = command("predict", ONES, "--target-is", "stock", "--json").json
    sales(workspace, tmp_path)

    assert refused.code == 8
    assert "how the misses of days add up" in refused.err
    assert stock["inventory"]["days"][0]["stockout"] == 0
    assert command("predict", "--json").json["inventory"] is None


def test_a_version_without_intervals_cannot_tell(
    command: EngineCommand, workspace: Workspace, bundles: tuple[Path, Path]
) -> None:
    deploy(workspace, bundles[0])
    assert command("predict", ONES, "--on-hand", "20").code == 8


@pytest.mark.parametrize(
    "options",
    [
        ["--on-hand", "nan"],
        ["--on-hand=1", "--on-order", "5@0"],
        ["--on-hand=1", "--on-order", "-5@2"],
        ["--on-hand=1", "--on-order", "5 in 2"],
        ["--on-hand=1", "--review", "3"],
        ["--on-hand=1", "--service-level", "95"],
        ["--on-hand=1", "--lead-time", "0"],
        ["--on-hand=1", "--lead-time=2", "--service-level", "100"],
        ["--on-hand=1", "--lead-time=300", "--review=66"],
        ["--on-hand=1", "--target-is", "stock"],
        ["--on-hand=1", "--threshold", "2"],
        ["--threshold=1", "--target-is", "demand"],
        ["--day", "2"],
        ["--explain", "--day", "8"],
    ],
    ids=" ".join,
)
def test_what_does_not_go_together_is_a_usage_error(
    command: EngineCommand, champion: Version, options: list[str]
) -> None:
    assert command("predict", ONES, *options).code == 2


def test_a_forecast_is_explained_by_the_days_before(
    command: EngineCommand, champion: Version
) -> None:
    values = "--values=" + "3 1 4 1 5 9 2  5 1 4 1 5 9 8"
    line = ("predict", values, "--last-date", "2026-03-01", "--explain")
    why = command(*line, "--json").json["explanation"]
    told = command(*line).out
    second = command(*line, "--day", "7").out

    # Seasonal naive: a day is the same weekday a week before, and nothing else.
    deviation = [1.0, 0, 0, 0, 0, 0, 3.0]
    assert why["baseline"] == [4, 1, 4, 1, 5, 9, 5]
    assert [sum(column) for column in zip(*why["contributions"], strict=True)] == deviation
    assert [row[at] for at, row in enumerate(why["contributions"][7:])] == deviation
    assert (why["day"], why["level"], why["importance"]) == (None, pytest.approx(58 / 14), {})
    assert why["days"][13] == {"day": "2026-03-01", "weekday": 6, "value": 8, "usual": 5}
    lines = told.splitlines()
    start = lines.index("The next 7 days together: 33.00")
    assert lines[start + 3].split()[0] == "+4.00"
    assert lines[start + 5].startswith("Sun 2026-03-01: 8, usually 5 ")
    assert lines[start + 5].endswith(" +3.00")
    assert lines[start + 6].endswith(" +1.00")
    assert "Sun 2026-03-08: 8.00" in second
    assert max(map(len, lines)) <= 100


def test_of_a_short_series_the_days_that_are_known_explain_it(
    command: EngineCommand, champion: Version
) -> None:
    line = ("predict", "--values=1 2 3 4 5 6 7 8", "--explain", "--json")
    why = command(*line).json["explanation"]

    # Seasonal naive: the last seven of the eight days, and usual is their mean.
    usual = 4.5
    assert [day["value"] for day in why["days"]] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert why["forecast"] == [2, 3, 4, 5, 6, 7, 8]
    assert why["baseline"] == [usual] * 7
    assert [sum(column) for column in zip(*why["contributions"], strict=True)] == [
        value - usual for value in why["forecast"]
    ]
    assert why["contributions"][0] == [0] * 7
    assert len(command("predict", "--values=5", "--explain", "--json").json["explanation"]["days"])


def test_a_version_that_cannot_tell_of_short_series_says_so(
    command: EngineCommand, workspace: Workspace, champion: Version, tmp_path: Path
) -> None:
    few = "--values=1 2 3 4 5 6 7 8"
    assert command("predict", few, "--target-is=stock").code == 0
    assert command("predict", few, "--on-hand=9", "--lead-time=3").code == 0
    deploy(workspace, make_bundle(tmp_path / "older", calibrated=True, totals=False))
    answer = command("predict", few, "--target-is=stock")

    assert answer.code == 8
    assert "where only some days of its window are known" in answer.err


def test_pasted_days_without_a_date_are_counted_and_gain_is_shown(
    command: EngineCommand, workspace: Workspace, tmp_path: Path
) -> None:
    version = deploy(workspace, make_bundle(tmp_path / "calibrated", calibrated=True))
    lineage = version.folder / "lineage.json"
    known = json.loads(lineage.read_text())
    known["training"]["fit"] = {"importance": {"same weekday": 0.75, "level": 0.25}}
    lineage.write_text(json.dumps(known))
    out = command("predict", ONES[:-2] + " 9", "--explain").out
    flat = command("predict", ONES, "--explain").out

    assert "day 0: 9, usually 5 " in out
    assert "same weekday" in out
    assert "75.0 %" in out
    assert "What pushed it most" not in flat


def test_what_is_worked_out_here_is_not_asked_of_the_running_predictor() -> None:
    other: Any = object()
    question = Question([1.0] * 14, None)
    nothing = StockOptions(None, (), None, None, None, None, None)

    assert shelf_of(nothing, other, question, None, 7) is None
    assert why_of(WhyOptions(False, None), other, question, 7) is None
    with pytest.raises(click.UsageError, match="leave --through-predictor out"):
        shelf_of(replace(nothing, on_hand=3.0), other, question, None, 7)
    with pytest.raises(click.UsageError, match="leave --through-predictor out"):
        why_of(WhyOptions(True, None), other, question, 7)
