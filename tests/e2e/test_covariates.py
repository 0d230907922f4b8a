"""Known covariates and series that have just begun, from the data to the answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.workspace import Workspace
from tests.e2e.conftest import copy_database
from tests.e2e.harness import CLOSED, Engine

pytestmark = pytest.mark.long

DAYS, AHEAD, NEW_DAYS = 200, 7, 12
PROMOTED = 3
"""The day ahead, from 0, on which the promotion of series p0 is known to be."""
ADDS = 60.0


@pytest.fixture(scope="module")
def shop(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine with a predictor, in a workspace with data in which promotions matter."""
    workspace = Workspace(tmp_path_factory.mktemp("shop")).create()
    copy_database(engine.workspace.prefect_home / "prefect.db", workspace.prefect_home)
    (workspace.configs / "engine.yaml").write_text(f"{CLOSED}predictor: {{port: 0}}\n")
    source = workspace.data / "shop.csv"
    write_shop(source)
    started = Engine(workspace, source)
    try:
        yield started
    finally:
        started.run("down", "--cancel-runs")


def write_shop(path: Path) -> None:
    """Eight products whose promotions are known a week ahead, and one that is new."""
    rng = np.random.default_rng(11)
    days = np.datetime64("2025-03-03") + np.arange(DAYS + AHEAD)
    lines = ["ds,unique_id,y,promo"]
    for number in range(8):
        promo = (rng.random(DAYS + AHEAD) < 0.15).astype(int)
        promo[DAYS:] = 0
        promo[DAYS + PROMOTED] = number == 0
        units = rng.poisson(40 + 5 * number, DAYS) + (ADDS * promo[:DAYS]).astype(int)
        lines += [
            f"{day},p{number},{units[at] if at < DAYS else ''},{promo[at]}"
            for at, day in enumerate(days)
        ]
    lines += [f"{day},new,{rng.poisson(30)},0" for day in days[DAYS - NEW_DAYS : DAYS]]
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def deployed(shop: Engine) -> dict[str, Any]:
    run: dict[str, Any] = shop.json(
        *("run", "full_flow", "--data", str(shop.sample), "--model-type=LightGBM"),
        "--set=dataset.covariate_cols=[promo]",
        "--set=dataset.rules.future=keep",
        "--set=dataset.rules.short_series=keep",
        "--set=train.hparams.rounds=120",
    )
    return run


def values(answer: dict[str, Any]) -> list[float]:
    return [day["value"] for day in answer["forecast"]]


def test_what_is_too_short_is_said_where_it_is_not_learnt_from_or_measured(
    deployed: dict[str, Any],
) -> None:
    outputs = deployed["outputs"]

    assert outputs["training_notes"] == [
        "1 of 9 series has fewer than 37 days (window + horizon) before the validation days: "
        "not learnt from"
    ]
    assert outputs["evaluation"]["notes"] == [
        "1 of 9 series is shorter than the window: not measured"
    ]
    assert any("8 series have rows after the last value" in text for text in outputs["data_report"])


def test_a_promotion_that_is_known_ahead_raises_its_day(
    shop: Engine, deployed: dict[str, Any]
) -> None:
    answer = shop.json("predict", "--series", "p0")
    served = shop.json("predict", "--series", "p0", "--through-predictor")
    forecast = values(answer)

    assert answer["covariates"] == [{"name": "promo", "days": 30, "days_to_come": AHEAD}]
    others = np.delete(forecast, PROMOTED)
    assert forecast[PROMOTED] > others.max() + ADDS / 2
    np.testing.assert_allclose(values(served), forecast, rtol=1e-5)
    assert served["covariates"] == answer["covariates"]


def test_a_file_can_say_that_it_is_another_day(
    shop: Engine, deployed: dict[str, Any], tmp_path: Path
) -> None:
    plain = shop.json("predict", "--series", "p1")
    day = plain["forecast"][5]["day"]
    (tmp_path / "promo.csv").write_text(f"day,promo\n{day},1\n")
    answer = shop.json("predict", "--series", "p1", "--covariates", str(tmp_path / "promo.csv"))

    raised = np.array(values(answer)) - values(plain)
    assert raised[5] > ADDS / 2
    assert np.abs(np.delete(raised, 5)).max() < ADDS / 4


def test_a_series_that_has_just_begun_is_forecast(shop: Engine, deployed: dict[str, Any]) -> None:
    answer = shop.json("predict", "--series", "new", "--level=80")
    served = shop.json("predict", "--series", "new", "--level=80", "--through-predictor")

    assert (answer["extended"], answer["known_days"]) == (True, NEW_DAYS)
    assert all(10 < value < 60 for value in values(answer))
    np.testing.assert_allclose(values(served), values(answer), rtol=1e-5)
    for here, there in zip(answer["forecast"], served["forecast"], strict=True):
        assert here["lower"] < here["value"] < here["upper"]
        assert there["upper"] == pytest.approx(here["upper"], rel=1e-5)
