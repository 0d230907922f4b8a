"""The one way to declare a flow, so that all five have the same settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from prefect import Flow, flow

P = ParamSpec("P")
R = TypeVar("R")


def declare_flow(name: str) -> Callable[[Callable[P, R]], Flow[P, R]]:
    """Declare a function as a flow: synchronous, results in memory, settings already checked."""

    def declare(function: Callable[P, R]) -> Flow[P, R]:
        declared: Flow[P, R] = flow(name=name, validate_parameters=False, persist_result=False)(
            function
        )
        return declared

    return declare
