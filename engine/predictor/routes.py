"""What a group of paths brings to the application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from engine.predictor.http import Answer, Request
from engine.predictor.messages import Message

Handler = Callable[[Request], Awaitable[Answer]]

NO_MODEL = "no model is deployed yet; deploy one: engine run full_flow"


@dataclass(frozen=True)
class Route:
    """How one path is answered.

    Attributes:
        name: What it is called in metrics.
        method: The only method that it takes.
        handle: Answers.
        refuse: Makes the body of a refusal, in the schema of the path.
    """

    name: str
    method: str
    handle: Handler
    refuse: Callable[[str], object]


def only_message(message: str) -> Message:
    """The body of a refusal where there is no other schema."""
    return Message(message=message)
