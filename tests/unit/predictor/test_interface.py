"""Everything beside forecasts: who may ask, health, models, metrics, the move of the aliases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.store import AliasRegistry, Version
from tests.unit.daemon.loop import in_event_loop, running, until
from tests.unit.deployments import deploy
from tests.unit.predictor.conftest import TOKEN, Predictor, serving

BEARER = {"authorization": f"Bearer {TOKEN}"}
VALUES = [1.0] * 30


@pytest.fixture
def versions(predictor: Predictor, bundles: list[Path]) -> list[Version]:
    """Two versions; the second is the champion, the first the previous one."""
    return [deploy(predictor.workspace, bundle) for bundle in bundles]


def update(version: Version) -> str:
    return f"/update_model/{version.id}/manifest.json"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:4242"])
@in_event_loop
async def test_a_host_that_is_not_ours_is_refused_with_the_setting_that_would_allow_it(
    predictor: Predictor, host: str
) -> None:
    answer = await predictor.ask("GET", "/models", headers={"host": host})

    assert answer.status_code == 421
    assert "predictor.allowed_hosts" in answer.json()["message"]


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:4242", "127.0.0.1:1", "[::1]:4242", "Forecasts.shop.example"]
)
@in_event_loop
async def test_our_own_names_are_taken(predictor: Predictor, host: str) -> None:
    assert (await predictor.ask("GET", "/models", headers={"host": host})).status_code == 200


@in_event_loop
async def test_a_path_or_method_that_there_is_not_is_answered_with_what_there_is(
    predictor: Predictor,
) -> None:
    unknown = await predictor.ask("GET", "/predict")
    wrong = await predictor.ask("GET", "/predict_timeseries")

    assert unknown.status_code == 404
    assert "/predict_timeseries" in unknown.json()["message"]
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")


@in_event_loop
async def test_health_and_models_name_what_answers(
    predictor: Predictor, versions: list[Version]
) -> None:
    async with serving(predictor) as name:
        health = await predictor.ask("GET", "/health_check")
        models = (await predictor.ask("GET", "/models")).json()

    assert (health.status_code, health.json()["model_name"]) == (200, name)
    assert models["serving"]["model_name"] == models["champion"] == versions[1].id
    assert models["previous"] == versions[0].id
    assert (models["serving"]["window"], models["serving"]["horizon"]) == (21, 7)


@in_event_loop
async def test_answers_are_counted_by_path_and_status(
    predictor: Predictor, versions: list[Version]
) -> None:
    async with serving(predictor):
        await predictor.forecast({"input_data": VALUES})
        await predictor.forecast({"input_data": []})
        page = (await predictor.ask("GET", "/metrics")).text

    for status in ("200", "422"):
        line = f'mlops_predictor_answers_total{{path="/predict_timeseries",status="{status}"}} 1.0'
        assert line in page
    assert "mlops_predictor_answer_seconds_bucket" in page


@in_event_loop
async def test_a_moved_alias_is_followed(predictor: Predictor, versions: list[Version]) -> None:
    aliases = AliasRegistry(predictor.workspace.central_storage)
    async with serving(predictor), running(predictor.updates.follow()):
        aliases.roll_back()
        await until(lambda: predictor.switched[-1] == versions[0].id)
        answer = await predictor.forecast({"input_data": VALUES})

    assert answer.json()["model_name"] == versions[0].id


@in_event_loop
async def test_a_champion_that_does_not_verify_leaves_the_old_one_answering(
    predictor: Predictor, versions: list[Version]
) -> None:
    aliases = AliasRegistry(predictor.workspace.central_storage)
    (versions[0].bundle / "model.onnx").write_bytes(b"something else")
    async with serving(predictor) as name, running(predictor.updates.follow()):
        aliases.roll_back()
        await until(lambda: predictor.slot.problem)
        answer = await predictor.forecast({"input_data": VALUES})
        health = (await predictor.ask("GET", "/health_check")).json()

    assert (answer.status_code, answer.json()["model_name"]) == (200, name)
    assert versions[0].id in health["problem"]
    assert "but not the newest" in health["message"]


@in_event_loop
async def test_who_has_the_token_lets_another_version_answer(
    predictor: Predictor, versions: list[Version]
) -> None:
    async with serving(predictor):
        answer = await predictor.ask("PUT", update(versions[0]), headers=BEARER)
        forecast = (await predictor.forecast({"input_data": VALUES})).json()

    assert (answer.status_code, answer.json()["message"]) == (200, "Update the model successfully")
    assert forecast["model_name"] == versions[0].id
    state = AliasRegistry(predictor.workspace.central_storage).read()
    assert (state.champion, state.previous) == (versions[0].id, versions[1].id)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": f"Basic {TOKEN}"}, 401),
        ({"authorization": TOKEN}, 401),
        (BEARER | {"origin": "https://evil.example"}, 403),
    ],
)
@in_event_loop
async def test_nobody_else_does(
    predictor: Predictor, versions: list[Version], headers: dict[str, str], status: int
) -> None:
    async with serving(predictor) as name:
        answer = await predictor.ask("PUT", update(versions[0]), headers=headers)
        in_query = await predictor.ask("PUT", f"{update(versions[0])}?token={TOKEN}")

    assert (answer.status_code, in_query.status_code) == (status, 401)
    assert TOKEN not in answer.text
    assert AliasRegistry(predictor.workspace.central_storage).read().champion == name


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("no-such-version/manifest.json", 404),
        ("champion/other.json", 404),
        ("only-one-name", 404),
        ("..%2f..%2fetc/manifest.json", 422),
        ("%2e%2e/passwd", 422),
        ("a;b/manifest.json", 422),
        ("a%00/manifest.json", 422),
        ("LSTM/manifest.json", 422),
        ("ｌstm/manifest.json", 422),
        ("x" * 300 + "/manifest.json", 422),
    ],
)
@in_event_loop
async def test_names_are_looked_up_and_never_paths(
    predictor: Predictor, versions: list[Version], path: str, status: int
) -> None:
    async with serving(predictor) as name:
        answer = await predictor.ask("PUT", f"/update_model/{path}", headers=BEARER)

    assert answer.status_code == status, answer.text
    assert AliasRegistry(predictor.workspace.central_storage).read().champion == name


@in_event_loop
async def test_a_version_that_cannot_be_loaded_is_not_found_and_the_old_one_answers(
    predictor: Predictor, versions: list[Version]
) -> None:
    (versions[0].bundle / "golden.json").write_text("{}")
    async with serving(predictor) as name:
        answer = await predictor.ask("PUT", update(versions[0]), headers=BEARER)
        forecast = (await predictor.forecast({"input_data": VALUES})).json()

    assert answer.status_code == 404
    assert "the old model keeps serving" in answer.json()["message"]
    assert forecast["model_name"] == name
    assert AliasRegistry(predictor.workspace.central_storage).read().champion == name


@in_event_loop
async def test_forecasts_of_named_series_are_kept(
    predictor: Predictor, versions: list[Version]
) -> None:
    named: dict[str, Any] = {"input_data": VALUES, "series_id": "milk", "last_date": "2026-11-23"}
    async with serving(predictor) as name:
        await predictor.forecast({"input_data": VALUES})
        await predictor.forecast(named)
    predictor.feedback.write()

    (line,) = (predictor.workspace.predictor / "forecasts.jsonl").read_text().splitlines()
    for part in (name, '"series_id":"milk"', '"last_date":"2026-11-23"', '"prediction":[1.0,'):
        assert part in line
