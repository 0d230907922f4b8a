"""Hyperparameters as frozen dataclasses: typed, bounded, documented, checked in one place."""

from __future__ import annotations

import ast
import dataclasses
import difflib
import functools
import inspect
import math
import textwrap
from collections.abc import Mapping
from typing import Any, Self, get_type_hints

from models.errors import ModelProblem

_TYPE_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


def bounded(default: Any, low: float | None = None, high: float | None = None) -> Any:
    """A field with a default and an inclusive range."""
    return dataclasses.field(default=default, metadata={"low": low, "high": high})


def choice(default: str, *others: str) -> Any:
    """A text field that is one of a few words; the default is the first of them."""
    return dataclasses.field(default=default, metadata={"choices": (default, *others)})


@dataclasses.dataclass(frozen=True)
class Hyperparameters:
    """Base of every model's hyperparameters.

    A subclass is a frozen dataclass whose fields are int, float, bool or str, each with a default
    (`bounded` adds a range, `choice` a set of words) and a docstring under it. Values are checked
    when an instance is made.
    """

    def __post_init__(self) -> None:
        types = self.types()
        for field in dataclasses.fields(self):
            value = _checked(field, types[field.name], getattr(self, field.name))
            object.__setattr__(self, field.name, value)

    @classmethod
    def parse(cls, values: Mapping[str, object]) -> Self:
        """Make an instance from a mapping of names to values.

        Raises:
            ModelProblem: A name that this model does not have, a wrong type or a value out of
                range.
        """
        known = cls.names()
        for name in values:
            if name not in known:
                raise ModelProblem(f"unknown hyperparameter {name!r}", suggestion(name, known))
        return cls(**dict(values))

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Names of all fields, in order."""
        return tuple(field.name for field in dataclasses.fields(cls))

    @classmethod
    def types(cls) -> Mapping[str, type]:
        """The type of each field."""
        return _field_types(cls)  # type: ignore[arg-type]  # mypy asks the hash of an instance

    @classmethod
    def documentation(cls) -> dict[str, str]:
        """The docstring under each field; for help texts and editors."""
        docs: dict[str, str] = {}
        for owner in reversed(cls.__mro__):
            if issubclass(owner, Hyperparameters):
                docs.update(_field_docstrings(owner))  # type: ignore[arg-type]  # as above
        return docs


@functools.cache
def _field_types(cls: type) -> Mapping[str, type]:
    return get_type_hints(cls)


@functools.cache  # Python reads and parses the whole file for each class
def _field_docstrings(cls: type) -> dict[str, str]:
    """The docstrings under the fields that a class itself defines."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(definition, ast.ClassDef)
    docs: dict[str, str] = {}
    for field, below in zip(definition.body, definition.body[1:], strict=False):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                docs[name] = inspect.cleandoc(text)
    return docs


def suggestion(name: str, known: tuple[str, ...]) -> str:
    """Advice after a name that does not exist: the closest one, then all of them.

    The comparison ignores case, so that `lstm` finds `LSTM`.
    """
    by_folded = {other.casefold(): other for other in known}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=1)
    guess = f"Did you mean {by_folded[close[0]]!r}? " if close else ""
    return f"{guess}Valid names: {', '.join(known)}."


def _checked(field: dataclasses.Field[Any], expected: type, value: object) -> object:
    # bool is a subclass of int; `epochs: true` must not train for one epoch.
    if expected is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
        raise ModelProblem(
            f"hyperparameter {field.name!r} must be {_TYPE_NAMES[expected]}, not {value!r}",
            "YAML reads 1e-3 as a text: write 0.001 or 1.0e-3." if _looks_numeric(value) else None,
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise ModelProblem(f"hyperparameter {field.name!r} must be finite, not {value}")
    choices = field.metadata.get("choices")
    if choices and value not in choices:
        raise ModelProblem(
            f"hyperparameter {field.name!r} must be one of {', '.join(choices)}, not {value!r}"
        )
    low, high = field.metadata.get("low"), field.metadata.get("high")
    if isinstance(value, int | float) and (
        (low is not None and value < low) or (high is not None and value > high)
    ):
        raise ModelProblem(
            f"hyperparameter {field.name!r} must be {_range(low, high)}, not {value:g}"
        )
    return value


def _range(low: float | None, high: float | None) -> str:
    if low is None:
        return f"at most {high:g}"
    return f"at least {low:g}" if high is None else f"from {low:g} to {high:g}"


def _looks_numeric(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        float(value)
    except ValueError:
        return False
    return True
