"""That the plan of a launch names the steps that the flows really have."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import engine
from engine.strategies.step_names import STEPS

_FLOWS = Path(engine.__file__).parent / "flows"
# Only what fails rolls back.
_EXCEPTIONAL = {"rollback_model"}


@pytest.mark.parametrize("flow", STEPS)
def test_the_steps_of_a_flow_are_those_that_it_calls_in_that_order(flow: str) -> None:
    tree = ast.parse((_FLOWS / f"{flow.removesuffix('_flow')}.py").read_text())
    steps = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("engine.tasks.")
        for alias in node.names
    } - {"named"}
    calls = [
        (node.lineno, node.col_offset, node.func.id)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    # named(step, settings)(...) calls the step, under another name.
    calls += [
        (node.lineno, node.col_offset, node.func.args[0].id)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Call)
        and isinstance(node.func.args[0], ast.Name)
    ]
    called = [name for _, _, name in sorted(calls) if name in steps - _EXCEPTIONAL]

    assert called == list(STEPS[flow])


def test_full_flow_is_the_four_in_order() -> None:
    body = (_FLOWS / "full.py").read_text().partition("def full_flow")[2]

    assert sorted(STEPS, key=lambda flow: body.index(f"{flow}(")) == list(STEPS)
