"""The effective settings as YAML, each with a comment that says where its value comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.config.layers import DEFAULT, Origin
from engine.config.loading import Loaded, LoadedEngine
from engine.config.yaml_scalars import plain_or_quoted

_COMMENT_COLUMN = 44


def dump_settings(loaded: Loaded | LoadedEngine) -> str:
    """Write settings so that `load_effective` reads the same settings back.

    Returns:
        YAML text, one setting a line, with its origin as a trailing comment.
    """
    data = loaded.settings.model_dump(mode="json")
    return "".join(f"{line}\n" for line in _lines(data, loaded.origins, ""))


def _lines(data: Mapping[str, object], origins: Mapping[str, Origin], prefix: str) -> Iterator[str]:
    indent = "  " * prefix.count(".")
    for key, value in data.items():
        dotted_key = f"{prefix}{key}"
        heading = f"{indent}{plain_or_quoted(key)}:"
        if isinstance(value, dict) and value:
            yield heading
            yield from _lines(value, origins, f"{dotted_key}.")
        else:
            line = f"{heading} {_value_text(value)}"
            # A line end in a path would otherwise end the comment and begin a setting.
            comment = "".join(c for c in str(origins.get(dotted_key, DEFAULT)) if c.isprintable())
            yield f"{line:<{_COMMENT_COLUMN}} # {comment}"


def _value_text(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_value_text(element) for element in value)}]"
    if isinstance(value, dict):
        return "{}"
    assert value is None or isinstance(value, bool | int | float | str), value
    return plain_or_quoted(value)
