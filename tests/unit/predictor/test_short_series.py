"""Series that are shorter than the window, asked for with `extend`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.daemon.loop import in_event_loop
from tests.unit.deployments import deploy
from tests.unit.predictor.conftest import WINDOW, Predictor, serving

WEEK = [float(value) for value in range(7)]


@pytest.fixture(autouse=True)
def champion(predictor: Predictor, calibrated: Path) -> None:
    deploy(predictor.workspace, calibrated)


@pytest.mark.parametrize(
    ("values", "forecast", "said"),
    [
        (WEEK, WEEK, "(7 of 14 days known: the older ones are filled from its own week)"),
        ([3.0], [3.0] * 7, "(1 of 14 days known: the older ones are filled from these)"),
        ([1.0, 5.0], [5, 1, 5, 1, 5, 1, 5], "(2 of 14 days known: the older ones are filled"),
    ],
)
@in_event_loop
async def test_fewer_days_are_filled_on_request_and_the_answer_says_so(
    predictor: Predictor, values: list[float], forecast: list[float], said: str
) -> None:
    async with serving(predictor) as name:
        answer = await predictor.forecast({"input_data": values, "extend": True})
        refused = await predictor.forecast({"input_data": values})

    assert answer.status_code == 200
    assert (answer.json()["model_name"], answer.json()["prediction"]) == (name, forecast)
    assert answer.json()["message"].startswith("예측 성공 ")
    assert said in answer.json()["message"]
    assert refused.status_code == 422
    assert f"the last {WINDOW} days" in refused.json()["message"]


@pytest.mark.parametrize("days", [WINDOW, WINDOW + 1])
@in_event_loop
async def test_a_whole_window_is_not_filled(predictor: Predictor, days: int) -> None:
    values = (WEEK * 3)[-days:]
    async with serving(predictor):
        plain = await predictor.forecast({"input_data": values})
        extended = await predictor.forecast({"input_data": values, "extend": True})

    assert extended.json() == plain.json()


@in_event_loop
async def test_no_day_at_all_is_refused(predictor: Predictor) -> None:
    many = {"series": [{"series_id": "a", "input_data": []}], "extend": True}
    async with serving(predictor):
        alone = await predictor.forecast({"input_data": [], "extend": True})
        together = await predictor.ask("POST", "/forecast", json=many)

    assert (alone.status_code, together.status_code) == (422, 422)
    assert alone.json()["message"] == "input_data: at least 1 day is needed, not 0"
    assert together.json()["message"].startswith("series[0].input_data: at least 1 day")


@in_event_loop
async def test_of_many_series_it_is_said_how_many_were_filled(predictor: Predictor) -> None:
    series = [
        {"series_id": "whole", "input_data": WEEK * 2},
        {"series_id": "week", "input_data": WEEK},
        {"series_id": "day", "input_data": [4.0]},
    ]
    async with serving(predictor):
        answer = await predictor.ask("POST", "/forecast", json={"series": series, "extend": True})
        refused = await predictor.ask("POST", "/forecast", json={"series": series})

    assert [one["prediction"] for one in answer.json()["forecasts"]] == [WEEK, WEEK, [4.0] * 7]
    assert "(2 of 3 series have fewer than 14 days" in answer.json()["message"]
    assert refused.status_code == 422
    assert "series[1].input_data: the model needs the last 14 days" in refused.json()["message"]


@in_event_loop
async def test_the_interval_of_what_is_filled_is_its_own(predictor: Predictor) -> None:
    body: dict[str, Any] = {"level": 80, "extend": True}
    series = [
        {"series_id": "whole", "input_data": [4.0] * WINDOW},
        {"series_id": "day", "input_data": [4.0]},
    ]
    async with serving(predictor):
        alone = await predictor.forecast({"input_data": [4.0], **body})
        together = await predictor.ask("POST", "/forecast", json={"series": series, **body})

    whole, day = together.json()["forecasts"]
    assert (day["lower"], day["upper"]) == (alone.json()["lower"], alone.json()["upper"])
    # The same forecast and the same values, but only one of them was observed.
    assert whole["prediction"] == day["prediction"]
    assert whole["upper"] != day["upper"]


@in_event_loop
async def test_a_model_that_does_not_know_how_far_it_misses_there_says_so(
    predictor: Predictor, calibrated: Path, tmp_path: Path
) -> None:
    deploy(predictor.workspace, without_short(calibrated, tmp_path / "older"))
    one = {"series_id": "a", "input_data": WEEK}
    async with serving(predictor):
        plain = await predictor.forecast({"input_data": WEEK, "extend": True})
        whole = await predictor.forecast({"input_data": WEEK * 2, "extend": True, "level": 80})
        alone = await predictor.forecast({"input_data": WEEK, "extend": True, "level": 80})
        together = await predictor.ask(
            "POST", "/forecast", json={"series": [one], "extend": True, "level": 80}
        )

    assert (plain.status_code, whole.status_code) == (200, 200)
    assert (alone.status_code, together.status_code) == (422, 422)
    for answer in (alone, together):
        assert answer.json()["message"].startswith("level: the model does not know how far")


def without_short(bundle: Path, folder: Path) -> Path:
    """The bundle as it would be from before it was kept how short series are missed."""
    import hashlib
    import shutil

    shutil.copytree(bundle, folder)
    intervals = json.loads((folder / "intervals.json").read_text())
    del intervals["short"]
    content = json.dumps(intervals).encode()
    (folder / "intervals.json").write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["intervals.json"] = {
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder
