"""`engine predict` with what is known beside the values: covariates, and less than the window."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.config.series_settings import DatasetRules, DatasetSettings
from engine.data.dataset import Dataset, write_dataset
from engine.data.rules import apply_rules
from engine.data.sources import load_rows
from engine.store import Version
from engine.tables.handoffs import Handoffs
from engine.workspace import Workspace
from models.arrays import Panel
from tests.faults.predictor_process import predictor_process
from tests.unit.cli.conftest import EngineCommand
from tests.unit.covariate_model import HORIZON, WINDOW, make_covariate_bundle, promo_panel
from tests.unit.deployments import deploy

NEW = "new"
NEW_DAYS = 9


def ledger(panel: Panel, *, ahead: int = 5) -> str:
    """The panel as CSV, behind it some days to come, and a series that has just begun."""
    assert panel.covariates is not None
    lines = ["day,product,units,promo,price"]
    for row, name in enumerate(panel.ids):
        for column in range(panel.days + ahead):
            value = panel.values[row, column] if column < panel.days else ""
            promo, price = panel.covariates[row, column]
            lines.append(f"{panel.date_of(column)},{name},{value},{promo:g},{price:g}")
    for column in range(panel.days - NEW_DAYS, panel.days):
        lines.append(f"{panel.date_of(column)},{NEW},{column % 7 + 10},0,2")
    return "\n".join(lines) + "\n"


def settings(covariates: tuple[str, ...]) -> DatasetSettings:
    return DatasetSettings(
        ds_root=".",
        file_path="ledger.csv",
        date_col="day",
        target_col="units",
        series_col="product",
        covariate_cols=covariates,
        rules=DatasetRules(future="keep", short_series="keep"),
    )


Prepare = Callable[..., Dataset]


@pytest.fixture
def prepare(workspace: Workspace, tmp_path: Path) -> Prepare:
    """Write a ledger into the workspace as data_flow does."""

    def write(*covariates: str) -> Dataset:
        folder = tmp_path / "source"
        folder.mkdir(exist_ok=True)
        (folder / "ledger.csv").write_text(ledger(promo_panel()))
        chosen = settings(covariates)
        clean = apply_rules(load_rows(chosen, root=folder), chosen, window=WINDOW, horizon=HORIZON)
        dataset = write_dataset(
            clean.frame, report=clean.report, settings=chosen, datasets_dir=workspace.datasets
        )
        Handoffs(workspace.database).leave("dataset", dataset.id, "a-run")
        return dataset

    return write


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_covariate_bundle(tmp_path_factory.mktemp("promo") / "bundle")


@pytest.fixture
def dataset(prepare: Prepare) -> Dataset:
    return prepare("price", "promo")


@pytest.fixture
def champion(workspace: Workspace, bundle: Path, dataset: Dataset) -> Version:
    return deploy(workspace, bundle, dataset=dataset.id)


def forecast(answer: dict[str, Any]) -> list[float]:
    return [day["value"] for day in answer["forecast"]]


def expected(champion: Version, *, known: int) -> list[float]:
    """What the model says of the first series when so many days to come are known."""
    windows = promo_panel().last_windows(WINDOW, most=1)
    assert windows.covariates is not None
    windows.covariates[:, WINDOW + known :] = np.nan
    said: list[float] = champion.open().forecast(windows)[0].tolist()
    return said


def test_a_series_brings_the_covariates_that_its_data_set_has(
    command: EngineCommand, champion: Version
) -> None:
    answer = command("predict", "--series", "a", "--json").json
    told = command("predict", "--series", "a").out.splitlines()

    assert forecast(answer) == pytest.approx(expected(champion, known=5))
    assert answer["covariates"] == [
        {"name": "promo", "days": 14, "days_to_come": 5},
        {"name": "price", "days": 14, "days_to_come": 5},
    ]
    assert (answer["extended"], answer["known_days"]) == (False, WINDOW)
    assert told[-2:] == [
        "covariate promo: known on 14 of 14 days, and on 5 of 7 to come",
        "covariate price: known on 14 of 14 days, and on 5 of 7 to come",
    ]


def test_a_data_set_without_a_covariate_of_the_model_does_not_stop_it(
    command: EngineCommand, champion: Version, prepare: Prepare
) -> None:
    prepare("promo")

    answer = command("predict", "--series", "a", "--json").json

    assert answer["covariates"] == [
        {"name": "promo", "days": 14, "days_to_come": 5},
        {"name": "price", "days": 0, "days_to_come": 0},
    ]
    assert "covariate price: nothing is known of it" in command("predict", "--series", "a").out


@pytest.fixture
def covariates(tmp_path: Path) -> Callable[[str], Path]:
    def write(content: str) -> Path:
        path = tmp_path / "covariates.csv"
        path.write_text(content)
        return path

    return write


FIRST_DAY_TO_COME = promo_panel().date_of(promo_panel().days)


def test_a_file_says_more_of_the_days_to_come_and_goes_first(
    command: EngineCommand, champion: Version, covariates: Callable[[str], Path]
) -> None:
    panel = promo_panel()
    assert panel.covariates is not None
    rows = ["ds;unique_id;promo;price"]
    for ahead in range(HORIZON):
        promo, price = panel.covariates[0, panel.days + ahead]
        day = FIRST_DAY_TO_COME + dt.timedelta(days=ahead)
        rows += [f"{day};a;{promo:g};{price if ahead > 4 else ''}", f"{day};b;9;9"]
    path = covariates("\n".join(rows) + "\n\n")
    whole = command("predict", "--series", "a", "--covariates", path, "--json").json
    changed = covariates(f"day,promo\n{FIRST_DAY_TO_COME},{1 - panel.covariates[0, panel.days, 0]}")
    other = command("predict", "--series", "a", "--covariates", changed, "--json").json

    assert forecast(whole) == pytest.approx(expected(champion, known=7))
    assert [one["days_to_come"] for one in whole["covariates"]] == [7, 7]
    moved = np.array(forecast(other)) - expected(champion, known=5)
    assert abs(moved[0]) == pytest.approx(20, abs=1)
    assert moved[1:] == pytest.approx(0, abs=1e-9)


def test_pasted_values_have_the_covariates_of_a_file(
    command: EngineCommand, champion: Version, covariates: Callable[[str], Path]
) -> None:
    panel = promo_panel()
    assert panel.covariates is not None
    values = ",".join(map(str, panel.values[0, -WINDOW:].tolist()))
    rows = ["day,promo,price"]
    for column in range(panel.days - WINDOW, panel.days + HORIZON):
        promo, price = panel.covariates[0, column]
        rows.append(f"{panel.date_of(column)},{promo},{price}")
    line = ("predict", f"--values={values}", "--covariates", covariates("\n".join(rows)))

    answer = command(*line, f"--last-date={panel.date_of(panel.days - 1)}", "--json").json
    without_day = command(*line)

    assert forecast(answer) == pytest.approx(expected(champion, known=7))
    assert without_day.code == 2
    assert "--last-date" in without_day.err


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        ("day,weather\n{day},1\n", 3, "does not know the covariate 'weather'"),
        ("day,promo\n2020-01-01,1\n", 3, "there is no row for a day from"),
        ("when,promo\n{day},1\n", 3, "the first line has 'when', 'promo'"),
        ("day\n{day}\n", 3, "the first line has 'day'"),
        ("day,promo,promo\n{day},1,1\n", 3, "each covariate once"),
        ("", 3, "the first line has nothing"),
        ("day,promo\n{day},1\n{day},2\n", 3, "covariates.csv:3: {day} stands there twice"),
        ("day,promo\n31.01.2026,1\n", 3, "covariates.csv:2: '31.01.2026' is not a day"),
        ("day,promo\n{day},nan\n", 3, "covariates.csv:2: column 'promo': 'nan' is not a finite"),
        ("day,promo\n{day},1,2\n", 3, "covariates.csv:2: 3 cells, but the first line names 2"),
    ],
)
def test_a_file_that_says_nothing_usable_is_refused_with_its_line(
    command: EngineCommand,
    champion: Version,
    covariates: Callable[[str], Path],
    content: str,
    code: int,
    said: str,
) -> None:
    path = covariates(content.format(day=FIRST_DAY_TO_COME))

    answer = command("predict", "--series", "a", "--covariates", path)

    assert answer.code == code
    assert said.format(day=FIRST_DAY_TO_COME) in answer.err


def test_a_model_without_covariates_and_a_file_that_is_not_there_are_told(
    command: EngineCommand,
    workspace: Workspace,
    champion: Version,
    bundles: tuple[Path, Path],
    covariates: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    absent = command("predict", "--series", "a", "--covariates", tmp_path / "none.csv")
    deploy(workspace, bundles[0])
    path = covariates(f"day,promo\n{FIRST_DAY_TO_COME},1\n")
    useless = command("predict", "--series", "a", "--covariates", path)

    assert (absent.code, useless.code) == (5, 8)
    assert "there is no such file" in absent.err
    assert "the model knows no covariates" in useless.err


def test_a_series_shorter_than_the_window_is_forecast_from_what_is_known_and_told(
    command: EngineCommand, champion: Version
) -> None:
    line = ("predict", "--series", NEW, "--level", "80")
    answer = command(*line, "--json").json
    told = command(*line).out

    assert (answer["extended"], answer["known_days"]) == (True, NEW_DAYS)
    assert len(answer["history"]) == NEW_DAYS
    assert all(day["lower"] < day["value"] < day["upper"] for day in answer["forecast"])
    assert "9 of 14 days known: the older ones are filled from its own week" in told
    assert "covariate promo: known on 9 of 9 days, and on 0 of 7 to come" in told


def test_so_are_a_few_pasted_values(command: EngineCommand, champion: Version) -> None:
    answer = command("predict", "--values", "10,20,30", "--json").json
    told = command("predict", "--values", "10,20,30").out

    # The mean of the filled window, in which two of the three stand once more than the third.
    assert forecast(answer) == pytest.approx([(30 * 5 + 20 * 5 + 10 * 4) / 14] * 7)
    assert (answer["extended"], answer["known_days"]) == (True, 3)
    assert "3 of 14 days known: the older ones are filled from these" in told


def test_the_running_predictor_says_the_same(
    command: EngineCommand,
    workspace: Workspace,
    champion: Version,
    covariates: Callable[[str], Path],
) -> None:
    path = covariates(f"day,promo,price\n{FIRST_DAY_TO_COME},1,\n")
    lines: list[tuple[str | Path, ...]] = [
        ("predict", "--series", "a", "--steps", "9", "--covariates", path),
        ("predict", "--series", NEW, "--level", "80"),
        ("predict", "--values", "10,20,30"),
    ]
    with predictor_process(workspace):
        for line in lines:
            here = command(*line, "--json").json
            served = command(*line, "--through-predictor", "--json").json
            assert served["answered_by"] != here["answered_by"]
            for key in ("covariates", "extended", "known_days"):
                assert served[key] == here[key]
            np.testing.assert_allclose(forecast(served), forecast(here), rtol=1e-12)


def test_stock_reasons_and_oddities_know_the_covariates_too(
    command: EngineCommand, champion: Version
) -> None:
    answer = command("predict", "--series", "a", "--on-hand=300", "--explain", "--json").json
    short = command("predict", "--series", NEW, "--on-hand=30", "--explain", "--json").json
    odd = command("data", "anomalies", "--days", "28", "--json").json

    why, shelf = answer["explanation"], answer["inventory"]
    assert why["forecast"] == forecast(answer)
    # The model is the mean of its days, so that what is unusual in them cancels out.
    assert why["baseline"] == pytest.approx(why["forecast"])
    assert shelf["days"][6]["expected"] == pytest.approx(sum(forecast(answer)), rel=0.02)
    assert len(short["explanation"]["days"]) == NEW_DAYS
    assert short["inventory"]["cover_days"] == pytest.approx(30 / forecast(short)[0], rel=0.05)
    # In the order of the data set the covariates would be taken for each other.
    assert (odd["version"], odd["series"]) == (champion.id, 2)
    assert odd["outside"] <= 4
