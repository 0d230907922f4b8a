from __future__ import annotations

import json
from typing import Any

import pytest

from engine.predictor.openapi import document
from tests.unit.daemon.loop import in_event_loop
from tests.unit.predictor.conftest import Predictor

FORM = {"content-type": "multipart/form-data; boundary=b"}


def references(value: Any) -> set[str]:
    """Everything that a part of the document refers to."""
    if isinstance(value, dict):
        own = {value["$ref"]} if "$ref" in value else set()
        return own.union(*(references(part) for part in value.values()))
    if isinstance(value, list):
        return set().union(*(references(part) for part in value))
    return set()


def test_the_document_is_json_and_refers_to_nothing_that_is_not_in_it() -> None:
    whole = json.loads(json.dumps(document()))

    known = {f"#/components/schemas/{name}" for name in whole["components"]["schemas"]}
    assert references(whole) <= known


@in_event_loop
async def test_it_is_served(predictor: Predictor) -> None:
    answer = await predictor.ask("GET", "/openapi.json")

    assert answer.json() == json.loads(json.dumps(document()))


@pytest.mark.parametrize(
    ("method", "path", "options"),
    [
        ("POST", "/predict_timeseries", {"json": {"input_data": []}}),
        ("POST", "/predict_timeseries", {"content": b"{"}),
        ("POST", "/predict_timeseries", {"content": b"x" * 70_000}),
        ("GET", "/predict_timeseries", {}),
        ("POST", "/forecast", {"json": {"series": []}}),
        ("POST", "/predict_image", {"files": {"file": b"hello"}}),
        ("POST", "/predict_image", {"files": {"other": b"hello"}}),
        ("POST", "/predict_image", {"files": {"file": bytes(11_000_000)}}),
        ("POST", "/predict_image", {"json": {}}),
        ("POST", "/predict_image", {"content": b"", "headers": FORM}),
        ("POST", "/predict_image", {"headers": {"origin": "https://evil.example"}}),
        ("GET", "/predict_image", {}),
        ("POST", "/classify", {"files": {"files": b"hello"}}),
        ("POST", "/classify", {"json": {}}),
        ("POST", "/classify", {"content": b"", "headers": FORM}),
        ("POST", "/classify", {"headers": {"origin": "https://evil.example"}}),
        ("GET", "/health_check", {}),
        ("GET", "/models", {}),
        ("GET", "/models", {"headers": {"host": "evil.example"}}),
        ("GET", "/metrics", {}),
        ("PUT", "/update_model/a/manifest.json", {}),
        ("PUT", "/update_model/A/manifest.json", {"headers": {"origin": "https://evil.example"}}),
    ],
)
@in_event_loop
async def test_every_status_that_is_answered_is_declared(
    predictor: Predictor, method: str, path: str, options: dict[str, Any]
) -> None:
    answer = await predictor.ask(method, path, **options)

    paths = document()["paths"]
    name = "/update_model/{run_name}/{metadata_file}" if path.startswith("/update") else path
    (operation,) = paths[name].values()
    assert str(answer.status_code) in operation["responses"], answer.status_code
