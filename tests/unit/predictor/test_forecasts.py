"""What is asked of the predictor, right and wrong, and what it answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.workspace import Workspace
from tests.unit.daemon.loop import in_event_loop
from tests.unit.deployments import deploy
from tests.unit.predictor.conftest import HORIZON, WINDOW, Predictor, serving

WEEK = [float(value) for value in range(7)]
VALUES = WEEK * 2
"""Two weeks of which seasonal naive makes the same week again."""


@pytest.fixture(autouse=True)
def champion(predictor: Predictor, bundles: list[Path]) -> None:
    deploy(predictor.workspace, bundles[0])


@in_event_loop
async def test_a_forecast_has_the_names_that_users_know(predictor: Predictor) -> None:
    async with serving(predictor) as name:
        answer = await predictor.forecast({"input_data": VALUES, "prediction_step": 7})

    assert answer.status_code == 200
    assert answer.json() == {"model_name": name, "prediction": WEEK, "message": "예측 성공"}


@pytest.mark.parametrize(("asked", "given"), [(None, 7), (0, 7), (1, 1), (7, 7), (365, 365)])
@in_event_loop
async def test_steps_are_seven_unless_others_are_asked_for(
    predictor: Predictor, asked: int | None, given: int
) -> None:
    body: dict[str, Any] = {"input_data": VALUES}
    if asked is not None:
        body["prediction_step"] = asked
    async with serving(predictor):
        answer = await predictor.forecast(body)

    assert (answer.status_code, len(answer.json()["prediction"])) == (200, given)


@in_event_loop
async def test_of_more_values_than_the_window_the_last_count_and_the_answer_says_so(
    predictor: Predictor,
) -> None:
    async with serving(predictor):
        answer = await predictor.forecast({"input_data": [900.0, 800.0, *VALUES]})

    assert answer.json()["prediction"] == WEEK
    assert f"the last {WINDOW} of {WINDOW + 2} values count" in answer.json()["message"]


@pytest.mark.parametrize("values", [[-3.0] * WINDOW, [-1e12, *VALUES[1:]], [0] * WINDOW])
@in_event_loop
async def test_negative_constant_and_whole_numbers_are_numbers(
    predictor: Predictor, values: list[float]
) -> None:
    async with serving(predictor):
        answer = await predictor.forecast({"input_data": values})

    assert answer.status_code == 200
    assert len(answer.json()["prediction"]) == HORIZON


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b'{"input_data": [1, NaN]}', 422, "input_data[1]: not a finite number"),
        (b'{"input_data": [1, -Infinity]}', 422, "input_data[1]: not a finite number"),
        (b'{"input_data": [1, 2, 1e999]}', 422, "input_data[2]: "),
        (b'{"input_data": [1.7e308]}', 422, "input_data[0]: 1.7e+308 is beyond"),
        (b'{"input_data": [0, -1.1e12]}', 422, "input_data[1]: -1.1e+12 is beyond"),
        (b'{"input_data": [1, "50"]}', 422, "input_data[1]: Expected `float`, got `str`"),
        (b'{"input_data": [true]}', 422, "input_data[0]: Expected `float`, got `bool`"),
        (b'{"input_data": [null]}', 422, "input_data[0]: Expected `float`, got `null`"),
        (b'{"input_data": [[1]]}', 422, "input_data[0]: Expected `float`, got `array`"),
        (b'{"input_data": []}', 422, f"the last {WINDOW} days, not 0"),
        (b'{"input_data": [1, 2]}', 422, f"the last {WINDOW} days, not 2"),
        (b'{"input_data": [], "prediction_step": -1}', 422, "1 to 365 days"),
        (b'{"input_data": [], "prediction_step": 366}', 422, "1 to 365 days"),
        (b'{"input_data": [], "prediction_step": 1000000000}', 422, "1 to 365 days"),
        (b'{"input_data": [], "prediction_step": 7.0}', 422, "prediction_step: Expected `int`"),
        (b'{"input_data": [], "prediction_step": "7"}', 422, "prediction_step: Expected `int`"),
        (b'{"input_data": [], "prediction_step": true}', 422, "prediction_step: Expected `int`"),
        (b'{"input_data": [], "prediction_step": 1' + b"0" * 5000 + b"}", 422, "out of range"),
        (b'{"input_data": [], "steps": 7}', 422, "unknown field `steps`"),
        (b'{"input_data": [], "last_date": "yesterday"}', 422, "last_date: "),
        (b'{"input_data": [], "level": 80}', 422, "no prediction intervals"),
        (
            b'{"input_data": [], "level": 0.8}',
            422,
            "level: a percentage from 1 to below 100, such as 80",
        ),
        (b'{"input_data": [], "level": 0}', 422, "level: a percentage from 1"),
        (b'{"input_data": [], "level": 100}', 422, "level: a percentage from 1"),
        (b'{"input_data": [], "level": "80"}', 422, "level: Expected `float | null`"),
        (b'{"input_data": [], "series_id": ""}', 422, "series_id: 1 to 200 characters"),
        (b"{}", 422, "missing required field `input_data`"),
        (b"[1, 2]", 422, "Expected `object`, got `array`"),
        (b'{"input_data": [1,', 400, "not JSON in UTF-8"),
        (b"", 400, "the body is empty"),
        (b"\xff\xfe", 400, "not JSON in UTF-8"),
        ('{"input_data": [1]}'.encode("utf-16"), 400, "not JSON in UTF-8"),
        (b'\xef\xbb\xbf{"input_data": [1]}', 400, "not JSON in UTF-8"),
        (b"[" * 60_000, 422, "Expected `object`"),
        (b'{"input_data": ' + b"[" * 60_000, 422, "got `array`"),
        (b'{"input_data": [NaN], "x": ' + b"[" * 60_000, 400, "not JSON in UTF-8"),
    ],
)
@in_event_loop
async def test_what_is_wrong_is_refused_with_its_place_in_the_schema_of_a_forecast(
    predictor: Predictor, body: bytes, status: int, said: str
) -> None:
    async with serving(predictor):
        answer = await predictor.send(body)

    assert answer.status_code == status
    refused = answer.json()
    assert said in refused["message"]
    assert (refused["model_name"], refused["prediction"]) == (None, [])


@in_event_loop
async def test_of_a_key_that_stands_twice_the_last_counts(predictor: Predictor) -> None:
    body = b'{"input_data": [1], "input_data": %s}' % json.dumps(VALUES).encode()
    async with serving(predictor):
        answer = await predictor.send(body)

    assert answer.json()["prediction"] == WEEK


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=cp949"]
)
@in_event_loop
async def test_what_a_web_page_could_send_is_not_even_read(predictor: Predictor, kind: str) -> None:
    async with serving(predictor):
        answer = await predictor.send(json.dumps({"input_data": VALUES}).encode(), kind=kind)

    assert answer.status_code == 415
    assert "application/json" in answer.json()["message"]


@in_event_loop
async def test_a_body_beyond_64_kb_is_refused(predictor: Predictor) -> None:
    async with serving(predictor):
        answer = await predictor.send(b'{"input_data": [' + b"1," * 40_000 + b"1]}")

    assert answer.status_code == 413
    assert "64 kB" in answer.json()["message"]
    assert answer.headers["connection"] == "close"


@in_event_loop
async def test_without_a_deployed_model_the_schema_is_whole(tmp_path: Path) -> None:
    empty = Predictor(Workspace(tmp_path / "empty").create())
    await empty.updates.refresh()

    answer = await empty.forecast({"input_data": VALUES})
    health = await empty.ask("GET", "/health_check")

    assert answer.status_code == 404
    assert answer.json()["model_name"] is None
    assert answer.json()["prediction"] == []
    assert "deploy one" in answer.json()["message"]
    assert (health.status_code, health.json()["model_name"]) == (404, None)


@in_event_loop
async def test_a_model_that_overflows_is_an_error_of_ours_and_never_null(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(predictor):
        served = predictor.slot.served
        assert served is not None
        monkeypatch.setattr(type(served.model), "_answer", lambda *_: np.full((1, HORIZON), np.inf))
        answer = await predictor.forecast({"input_data": VALUES})

    assert answer.status_code == 500
    assert answer.json()["prediction"] == []
    assert "not finite" in answer.json()["message"]


@in_event_loop
async def test_many_series_are_forecast_in_their_order_by_one_model(predictor: Predictor) -> None:
    series = [
        {"series_id": f"s{number}", "input_data": [value + number for value in VALUES]}
        for number in range(150)
    ]
    async with serving(predictor) as name:
        answer = await predictor.ask("POST", "/forecast", json={"series": series})

    assert answer.status_code == 200
    assert answer.json()["model_name"] == name
    assert [one["series_id"] for one in answer.json()["forecasts"]] == [
        one["series_id"] for one in series
    ]
    assert answer.json()["forecasts"][149]["prediction"] == [value + 149 for value in WEEK]


@pytest.mark.parametrize(
    ("series", "said"),
    [
        ([], "1 to 10000"),
        ([{"series_id": "a", "input_data": [1]}], "series[0].input_data: the model needs"),
        ([{"series_id": "a", "input_data": [2e12]}], "series[0].input_data[0]: 2e+12"),
        ([{"input_data": VALUES}], "missing required field `series_id`"),
    ],
)
@in_event_loop
async def test_one_wrong_series_of_many_is_named(
    predictor: Predictor, series: list[Any], said: str
) -> None:
    async with serving(predictor):
        answer = await predictor.ask("POST", "/forecast", json={"series": series})

    assert answer.status_code == 422
    assert said in answer.json()["message"]
    assert answer.json()["forecasts"] == []


@in_event_loop
async def test_with_a_level_the_answer_has_the_interval(
    predictor: Predictor, calibrated: Path
) -> None:
    deploy(predictor.workspace, calibrated)
    async with serving(predictor) as name:
        plain = await predictor.forecast({"input_data": VALUES})
        answer = await predictor.forecast({"input_data": VALUES, "level": 80})
        longer = await predictor.forecast(
            {"input_data": VALUES, "level": 80, "prediction_step": 30}
        )

    assert plain.json() == {"model_name": name, "prediction": WEEK, "message": "예측 성공"}
    assert answer.status_code == 200
    upper = [value + 7 for value in WEEK]
    assert answer.json() == plain.json() | {"lower": WEEK, "upper": upper}
    assert [len(longer.json()[key]) for key in ("prediction", "lower", "upper")] == [30, 30, 30]
    widths = [
        high - low for low, high in zip(longer.json()["lower"], longer.json()["upper"], strict=True)
    ]
    # Who says 7 too little in the first week says 14 too little in the second.
    assert (widths[6], widths[13]) == (7, 14)
    assert widths[7:] == sorted(widths[7:])


@in_event_loop
async def test_with_a_level_each_of_many_series_has_its_interval(
    predictor: Predictor, calibrated: Path
) -> None:
    deploy(predictor.workspace, calibrated)
    series = [
        {"series_id": f"s{number}", "input_data": [value + number for value in VALUES]}
        for number in range(100)
    ]
    async with serving(predictor):
        plain = await predictor.ask("POST", "/forecast", json={"series": series})
        answer = await predictor.ask("POST", "/forecast", json={"series": series, "level": 50})

    assert [one.keys() for one in plain.json()["forecasts"]] == [{"series_id", "prediction"}] * 100
    for one in answer.json()["forecasts"]:
        assert one["lower"] == one["prediction"]
        assert one["upper"] == [value + 7 for value in one["prediction"]]


@pytest.mark.parametrize(
    ("level", "said"), [(80, "no prediction intervals"), (0.8, "a percentage")]
)
@in_event_loop
async def test_a_level_that_cannot_be_given_is_refused_for_many_series_too(
    predictor: Predictor, level: float, said: str
) -> None:
    body = {"series": [{"series_id": "a", "input_data": VALUES}], "level": level}
    async with serving(predictor):
        answer = await predictor.ask("POST", "/forecast", json=body)

    assert answer.status_code == 422
    assert said in answer.json()["message"]
    assert answer.json()["forecasts"] == []


@in_event_loop
async def test_what_answers_says_whether_it_has_intervals(
    predictor: Predictor, calibrated: Path
) -> None:
    async def said() -> tuple[bool, str]:
        models = (await predictor.ask("GET", "/models")).json()
        schemas = (await predictor.ask("GET", "/openapi.json")).json()["components"]["schemas"]
        level = schemas["ForecastRequest"]["properties"]["level"]
        assert level == schemas["BatchRequest"]["properties"]["level"]
        return models["serving"]["intervals"], json.dumps(level)

    async with serving(predictor):
        intervals, schema = await said()
        assert (intervals, "number" in schema) == (False, False)
    deploy(predictor.workspace, calibrated)
    async with serving(predictor):
        intervals, schema = await said()
        assert (intervals, "number" in schema) == (True, True)
