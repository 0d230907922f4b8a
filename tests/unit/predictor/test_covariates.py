"""Known covariates over HTTP: aligned with the days, checked, and batched with what has none."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.predictor.openapi import document
from models.arrays import Windows
from tests.unit.covariate_model import HORIZON, WINDOW, make_covariate_bundle, promo_panel
from tests.unit.daemon.loop import in_event_loop
from tests.unit.deployments import deploy
from tests.unit.predictor.conftest import Predictor, serving

PANEL = promo_panel()
assert PANEL.covariates is not None
VALUES = PANEL.values[0, -WINDOW:].tolist()
KNOWN = PANEL.covariates[0, PANEL.days - WINDOW : PANEL.days + HORIZON]
PROMO: list[float | None] = KNOWN[:, 0].tolist()
PRICE: list[float | None] = KNOWN[:, 1].tolist()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_covariate_bundle(tmp_path_factory.mktemp("promo") / "bundle")


@pytest.fixture(autouse=True)
def champion(request: pytest.FixtureRequest, predictor: Predictor, bundle: Path) -> None:
    if "without_covariates" not in request.fixturenames:
        deploy(predictor.workspace, bundle)


def expected(predictor: Predictor, covariates: Any) -> list[float]:
    """What the model itself says of the values; None: no covariates."""
    assert predictor.slot.served is not None
    known = None if covariates is None else np.array([covariates], dtype=np.float64)
    windows = Windows(np.array([VALUES]), np.array([7]), known)
    forecast: list[float] = predictor.slot.served.model.forecast(windows)[0].tolist()
    return forecast


@in_event_loop
async def test_covariates_of_the_days_seen_and_to_come_move_the_forecast(
    predictor: Predictor,
) -> None:
    async with serving(predictor):
        plain = await predictor.forecast({"input_data": VALUES})
        both = await predictor.forecast(
            {"input_data": VALUES, "covariates": {"price": PRICE, "promo": PROMO}}
        )

        assert (plain.status_code, both.status_code) == (200, 200)
        assert plain.json()["prediction"] == expected(predictor, None)
        assert both.json()["prediction"] == expected(predictor, KNOWN)
        assert both.json()["prediction"] != plain.json()["prediction"]


@in_event_loop
async def test_null_and_what_is_left_out_are_unknown(predictor: Predictor) -> None:
    promo = [*PROMO[:3], None, *PROMO[4 : WINDOW + 2]]
    partly = KNOWN.copy()
    partly[:, 1] = np.nan
    partly[3, 0] = np.nan
    partly[WINDOW + 2 :, 0] = np.nan
    async with serving(predictor):
        some = await predictor.forecast({"input_data": VALUES, "covariates": {"promo": promo}})
        nothing = [
            await predictor.forecast({"input_data": VALUES, "covariates": said})
            for said in (None, {}, {"promo": [None] * WINDOW})
        ]

        assert some.json()["prediction"] == expected(predictor, partly)
        for answer in nothing:
            assert answer.json()["prediction"] == expected(predictor, None)


@in_event_loop
async def test_of_more_days_than_the_window_the_covariates_of_the_last_count(
    predictor: Predictor,
) -> None:
    body = {
        "input_data": [1.0, 2.0, *VALUES],
        "covariates": {"promo": [0, 1, *PROMO], "price": [3, 3, *PRICE]},
    }
    async with serving(predictor):
        answer = await predictor.forecast(body)

        assert answer.json()["prediction"] == expected(predictor, KNOWN)


@pytest.mark.parametrize(
    ("covariates", "said"),
    [
        (
            {"discount": [0.0] * WINDOW},
            "covariates: the model does not know 'discount'; it knows promo, price",
        ),
        ({"promo": PROMO[: WINDOW - 1]}, "covariates.promo: 13 numbers, but there are 14 days"),
        ({"promo": [0.0] * HORIZON}, "covariates.promo: 7 numbers, but there are 14 days"),
        ({"promo": []}, "covariates.promo: 0 numbers"),
        ({"promo": [0.0] * (WINDOW + HORIZON + 1)}, "covariates.promo: 22 numbers"),
        ({"promo": PROMO, "price": [1e13] * WINDOW}, "covariates.price[0]: 1e+13 is beyond ±1e+12"),
        ({"promo": [*PROMO[:5], "1"]}, "covariates.promo[5]: Expected `float | null`, got `str`"),
        ({"price": PRICE, "promo": [0.0, True]}, "covariates.promo[1]: Expected `float | null`"),
        ({"promo": 1}, "covariates.promo: Expected `array`, got `int`"),
        ({"promo": None}, "covariates.promo: Expected `array`, got `null`"),
        ([1.0], "covariates: Expected `object | null`, got `array`"),
    ],
)
@in_event_loop
async def test_what_is_wrong_is_refused_with_its_name_and_index(
    predictor: Predictor, covariates: Any, said: str
) -> None:
    one = {"input_data": VALUES, "covariates": covariates}
    many = {
        "series": [
            {"series_id": "a", "input_data": VALUES},
            {"series_id": "b", **one},
        ]
    }
    async with serving(predictor):
        alone = await predictor.forecast(one)
        together = await predictor.ask("POST", "/forecast", json=many)

    assert (alone.status_code, together.status_code) == (422, 422)
    assert said in alone.json()["message"]
    assert f"series[1].{said}" in together.json()["message"]
    assert alone.json()["prediction"] == together.json()["forecasts"] == []


@pytest.mark.parametrize("number", [b"NaN", b"-Infinity", b"1e999"])
@in_event_loop
async def test_a_number_that_is_not_finite_is_named(predictor: Predictor, number: bytes) -> None:
    body = b'{"input_data": [1], "covariates": {"price": [1], "promo": [0, %s]}}' % number
    async with serving(predictor):
        answer = await predictor.send(body)

    assert answer.status_code == 422
    assert answer.json()["message"].startswith("covariates.promo[1]: ")


@in_event_loop
async def test_a_model_without_covariates_says_so(
    predictor: Predictor, without_covariates: None, bundles: list[Path]
) -> None:
    deploy(predictor.workspace, bundles[0])
    async with serving(predictor):
        answer = await predictor.forecast({"input_data": VALUES, "covariates": {"promo": PROMO}})
        empty = await predictor.forecast({"input_data": VALUES, "covariates": {}})
        models = (await predictor.ask("GET", "/models")).json()

    assert answer.status_code == 422
    assert answer.json()["message"].startswith("covariates: the model knows no covariates")
    assert empty.status_code == 200
    assert models["serving"]["covariates"] == []


@pytest.fixture
def without_covariates() -> None:
    """The test deploys something else."""


@in_event_loop
async def test_requests_with_and_without_covariates_are_one_question_to_the_model(
    predictor: Predictor,
) -> None:
    past_only = {"promo": PROMO[:WINDOW], "price": PRICE[:WINDOW]}
    wanted: list[Any] = [None, {"promo": PROMO, "price": PRICE}, past_only, None]
    only = KNOWN.copy()
    only[WINDOW:] = np.nan
    async with serving(predictor):
        answers = await asyncio.gather(
            *(predictor.forecast({"input_data": VALUES, "covariates": one}) for one in wanted)
        )
        together = [expected(predictor, one) for one in (None, KNOWN, only, None)]

        assert predictor.app.forecasts.batcher.batches < len(wanted)
        for answer, forecast in zip(answers, together, strict=True):
            np.testing.assert_allclose(answer.json()["prediction"], forecast, rtol=1e-12)


@in_event_loop
async def test_many_series_have_each_their_own(predictor: Predictor) -> None:
    series: list[dict[str, Any]] = [
        {"series_id": "a", "input_data": VALUES},
        {"series_id": "b", "input_data": VALUES, "covariates": {"promo": PROMO, "price": PRICE}},
    ] * 40
    async with serving(predictor):
        answer = await predictor.ask("POST", "/forecast", json={"series": series, "level": 80})

        forecasts = answer.json()["forecasts"]
        for one, covariates in zip(forecasts, [None, KNOWN] * 40, strict=True):
            np.testing.assert_allclose(
                one["prediction"], expected(predictor, covariates), rtol=1e-12
            )


@in_event_loop
async def test_beyond_the_horizon_days_to_come_count_too(predictor: Predictor) -> None:
    assert PANEL.covariates is not None
    promo = [*PROMO, 1.0]
    body = {"input_data": VALUES, "prediction_step": 10}
    async with serving(predictor):
        without = await predictor.forecast(body | {"covariates": {"promo": PROMO}})
        with_it = await predictor.forecast(body | {"covariates": {"promo": promo}})

    raised = np.array(with_it.json()["prediction"]) - np.array(without.json()["prediction"])
    assert np.abs(np.delete(raised, 7)).max() < 0.1
    assert raised[7] == pytest.approx(20, abs=1)


@in_event_loop
async def test_what_answers_says_which_covariates_it_knows(predictor: Predictor) -> None:
    async with serving(predictor):
        models = (await predictor.ask("GET", "/models")).json()
        schemas = (await predictor.ask("GET", "/openapi.json")).json()["components"]["schemas"]

    assert models["serving"]["covariates"] == ["promo", "price"]
    for name in ("ForecastRequest", "SeriesInput"):
        known, nothing = schemas[name]["properties"]["covariates"]["anyOf"]
        assert list(known["properties"]) == ["promo", "price"]
        assert known["additionalProperties"] is False
        assert known["properties"]["promo"]["items"]["anyOf"][-1] == {"type": "null"}
        assert nothing == {"type": "null"}
    nobodys = document()["components"]["schemas"]["ForecastRequest"]["properties"]["covariates"]
    assert nobodys["anyOf"][0]["properties"] == {}


@in_event_loop
async def test_of_a_short_series_filled_days_have_the_covariates_of_their_values(
    predictor: Predictor,
) -> None:
    """A week in which a promotion raised one day, repeated: the level is that without it."""
    days = 7
    promo = [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    body = {
        "input_data": [100.0 + 20.0 * day for day in promo],
        "extend": True,
        "last_date": dt.date(2026, 3, 1).isoformat(),
        "covariates": {"promo": [*promo, *promo]},
    }
    async with serving(predictor):
        answer = await predictor.forecast(body)

    assert answer.status_code == 200
    assert f"{days} of {WINDOW} days known" in answer.json()["message"]
    np.testing.assert_allclose(
        answer.json()["prediction"], [100 + 20 * day for day in promo], atol=1.5
    )
