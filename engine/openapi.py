"""What the descriptions of our HTTP interfaces share: OpenAPI, made from the messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import msgspec

_REFERENCE = "#/components/schemas/{name}"

EVERYWHERE = {
    405: "another method",
    421: "a Host header that is not allowed",
    500: "an error of ours",
}
"""What every path may answer."""

WITH_TOKEN = {
    401: "without a token that is known",
    403: "with a token whose role is not enough, or from a page of another server",
    429: "too many wrong tokens; Retry-After says when to come again",
}
"""What else a path may answer that asks for a token."""


def as_json(message: type) -> dict[str, Any]:
    """The content of a body that is a message."""
    return {"application/json": {"schema": {"$ref": _REFERENCE.format(name=message.__name__)}}}


def schemas_of(messages: Sequence[type]) -> dict[str, Any]:
    """The schemas of messages and of everything in them, by name."""
    _, schemas = msgspec.json.schema_components(messages, ref_template=_REFERENCE)
    return schemas


def describe(title: str, paths: Mapping[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    """The whole description of an interface."""
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version("mlops-tui")},
        "paths": dict(paths),
        "components": {
            "schemas": dict(schemas),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }
