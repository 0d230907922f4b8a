"""The description of the interface in the format of OpenAPI, made from the messages themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.ids import ID
from engine.openapi import EVERYWHERE, WITH_TOKEN, as_json, describe, schemas_of
from engine.predictor.messages import (
    BatchAnswer,
    BatchRequest,
    ForecastAnswer,
    ForecastRequest,
    Health,
    Message,
    Models,
    PictureAnswer,
    PicturesAnswer,
    SeriesInput,
)
from engine.predictor.uploads import FILE, FILES, FORMS, HEAT_MAP, MOST_FILES, PICTURES
from models.bundles.checks import MANIFEST_FILE

_WITH_BODY = {
    400: "a body that is not JSON",
    404: "no model is deployed",
    413: "a body that is too large",
    415: "a body that is not plain JSON",
    422: "JSON that says something impossible; the message names field and index",
    503: "too many requests wait; Retry-After says when to come again",
}
_WITH_PICTURE = {
    400: "a form that cannot be read",
    403: "from a page of another server",
    404: "no model is deployed",
    413: "a body that is too large",
    415: "a body that can hold no picture",
    422: "no picture, or none that can be used: the message says why",
    503: "too many requests wait; Retry-After says when to come again",
}
_FILE = {"type": "string", "format": "binary"}


def document(
    window: int = 1, intervals: bool = True, covariates: Sequence[str] = ()
) -> dict[str, Any]:
    """The whole description; every status that is ever answered is in it.

    Args:
        window: Values that the model which answers needs.
        intervals: Whether it has prediction intervals.
        covariates: Names of the covariates that it knows.
    """
    messages = [
        ForecastRequest,
        ForecastAnswer,
        BatchRequest,
        BatchAnswer,
        PictureAnswer,
        PicturesAnswer,
        Health,
        Models,
        Message,
    ]
    schemas = schemas_of(messages)
    for name in (ForecastRequest.__name__, SeriesInput.__name__):
        properties = schemas[name]["properties"]
        properties["input_data"]["minItems"] = 1
        properties["covariates"] = _covariates(properties["covariates"], covariates)
    whole = {"properties": {"input_data": {"minItems": window}}}
    extended = {"properties": {"extend": {"const": True}}, "required": ["extend"]}
    schemas[ForecastRequest.__name__]["anyOf"] = [whole, extended]
    schemas[BatchRequest.__name__]["anyOf"] = [
        {"properties": {"series": {"items": whole}}},
        extended,
    ]
    if not intervals:
        for name in (ForecastRequest.__name__, BatchRequest.__name__):
            schemas[name]["properties"]["level"] = {"type": "null", "default": None}
    paths = {
        "/predict_timeseries": {"post": _forecasts(ForecastRequest, ForecastAnswer)},
        "/forecast": {"post": _forecasts(BatchRequest, BatchAnswer)},
        "/predict_image": {"post": _picture()},
        "/classify": {"post": _pictures()},
        "/health_check": {
            "get": _operation(Health, Message, {404: "nothing answers"}, error=Health)
        },
        "/models": {"get": _operation(Models, Message, {})},
        "/metrics": {"get": _metrics()},
        "/update_model/{run_name}/{metadata_file}": {"put": _update()},
    }
    return describe("mlops-tui predictor", paths, schemas)


def _covariates(schema: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The covariates that the model knows, and no others: none at all may be said of them."""
    (given,) = (part for part in schema["anyOf"] if part["type"] == "object")
    numbers = given["additionalProperties"] | {"minItems": 1}
    known = {
        "type": "object",
        "properties": dict.fromkeys(names, numbers),
        "additionalProperties": False,
    }
    return {**schema, "anyOf": [known, {"type": "null"}]}


def _forecasts(request: type, answer: type) -> dict[str, Any]:
    operation = _operation(answer, answer, _WITH_BODY)
    operation["requestBody"] = {"required": True, "content": as_json(request)}
    return operation


def _picture() -> dict[str, Any]:
    operation = _operation(PictureAnswer, PictureAnswer, _WITH_PICTURE)
    operation["summary"] = "Which class a picture belongs to, and where in it that is seen."
    switch = {"type": "boolean", "default": True}
    operation["parameters"] = [{"name": HEAT_MAP, "in": "query", "schema": switch}]
    form = _form({FILE: _FILE}, required=FILE)
    bare = {kind: {"schema": _FILE} for kind in PICTURES}
    operation["requestBody"] = {"required": True, "content": {FORMS: form, **bare}}
    return operation


def _pictures() -> dict[str, Any]:
    operation = _operation(PicturesAnswer, PicturesAnswer, _WITH_PICTURE)
    operation["summary"] = "Which class each of many pictures belongs to."
    several = {"type": "array", "items": _FILE, "minItems": 1, "maxItems": MOST_FILES}
    form = _form({FILES: several}, required=FILES)
    operation["requestBody"] = {"required": True, "content": {FORMS: form}}
    return operation


def _form(properties: dict[str, Any], *, required: str) -> dict[str, Any]:
    return {
        "schema": {
            "type": "object",
            "properties": properties,
            "required": [required],
            "additionalProperties": False,
        }
    }


def _operation(
    answer: type, refusal: type, statuses: dict[int, str], *, error: type | None = None
) -> dict[str, Any]:
    summary = (answer.__doc__ or "").splitlines()[0]
    responses = {"200": {"description": summary, "content": as_json(answer)}}
    for status, what in sorted((EVERYWHERE | statuses).items()):
        schema = error if error is not None and status in statuses else refusal
        responses[str(status)] = {"description": what, "content": as_json(schema)}
    return {"summary": summary, "responses": responses}


def _metrics() -> dict[str, Any]:
    operation = _operation(Message, Message, {})
    operation["summary"] = "Counters in the format of Prometheus."
    text = {"text/plain": {"schema": {"type": "string"}}}
    operation["responses"]["200"] = {"description": "The counters.", "content": text}
    return operation


def _update() -> dict[str, Any]:
    operation = _operation(
        Message,
        Message,
        WITH_TOKEN
        | {
            404: "no such version, or one that does not verify: the old one goes on",
            409: "another deploy was faster",
            422: "a name that can be none of ours",
        },
    )
    operation["summary"] = "Let another version answer."
    operation["security"] = [{"token": []}]
    schemas = {
        "run_name": {"type": "string", "pattern": f"^{ID}$"},
        "metadata_file": {"type": "string", "enum": [MANIFEST_FILE]},
    }
    operation["parameters"] = [
        {"name": name, "in": "path", "required": True, "schema": schema}
        for name, schema in schemas.items()
    ]
    return operation
