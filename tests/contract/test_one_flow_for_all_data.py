"""Flows and their steps read the same for every kind of data: a strategy knows the difference."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import engine
from models.data_types import DATA_TYPES

ENGINE = Path(next(iter(engine.__path__)))
GENERIC = sorted(path for name in ("flows", "tasks") for path in (ENGINE / name).glob("*.py"))
KINDS = {kind.upper() for kind in DATA_TYPES}
OF_ONE_KIND = (
    "engine.config.series_settings",
    "engine.config.image_settings",
    "engine.data.",
    "engine.pictures",
    "engine.store.image_gate",
    "engine.strategies.series",
    "engine.strategies.images",
    "models.forecasting",
    "models.imaging",
    "models.base",
)


def decisions(source: str) -> Iterator[str]:
    """What of a module decides by the kind of data, or knows one kind alone."""
    for node in ast.walk(ast.parse(source)):
        for name in imported(node):
            if name.startswith(OF_ONE_KIND):
                yield f"line {node.lineno} imports {name}"  # type: ignore[attr-defined]
        match node:
            case ast.Compare():
                asked: list[ast.expr] = [node.left, *node.comparators]
            case ast.MatchValue():
                asked = [node.value]
            case ast.Subscript(value=ast.Dict(keys=keys)):
                asked = [key for key in keys if key is not None]
            case _:
                continue
        for part in asked:
            if any(is_kind(one) for one in ast.walk(part)):
                yield f"line {part.lineno} asks for a kind of data"


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


def is_kind(node: ast.AST) -> bool:
    name = {ast.Name: "id", ast.Attribute: "attr"}.get(type(node))  # type: ignore[call-overload]
    if name is not None:
        return getattr(node, name) in KINDS
    return isinstance(node, ast.Constant) and node.value in DATA_TYPES


@pytest.mark.parametrize("path", GENERIC, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_flow_and_no_step_asks_which_kind_of_data_it_is_about(path: Path) -> None:
    assert list(decisions(path.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        'if settings.data_type == "image":\n    pass',
        "x = 1 if data_type != TIMESERIES else 2",
        "found = data_type in (IMAGE,)",
        "match data_type:\n    case 'image':\n        pass",
        "x = {'image': 1, 'timeseries': 2}[data_type]",
        "x = data_types.IMAGE == kind",
        "from engine.config.image_settings import ImageSettings",
        "import models.forecasting.bundle",
        "from engine.data import dataset",
    ],
)
def test_what_decides_by_the_kind_of_data_is_found(source: str) -> None:
    assert len(list(decisions(source))) >= 1
