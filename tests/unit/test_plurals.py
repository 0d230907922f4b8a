from __future__ import annotations

import pytest

from engine.plurals import counted


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 runs go on"), (1, "1 run goes on"), (2, "2 runs go on"), (1234, "1,234 runs go on")],
)
def test_one_is_said_as_one(count: int, said: str) -> None:
    assert counted("{count} [run goes|runs go] on", count) == said
