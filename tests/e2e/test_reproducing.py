"""A version trained again, by the real engine."""

from __future__ import annotations

from typing import Any

import pytest

from engine.tables.handoffs import Handoffs
from tests.e2e.harness import Engine

pytestmark = pytest.mark.long


def test_the_same_data_settings_and_seed_give_the_same_version(
    engine: Engine, full_run: dict[str, Any]
) -> None:
    version = full_run["outputs"]["version"]

    again = engine.json("reproduce", version)

    assert (again["verdict"], again["largest_difference"]) == ("identical", 0.0)
    assert again["differences"] == []
    told = engine.run("reproduce", version)
    assert told.returncode == 0
    assert f"{version}: identical" in told.stdout
    # The next flow does not take it up.
    handoff = Handoffs(engine.workspace.database).take("candidate")
    assert handoff is not None
    assert handoff.value != again["run"]


def test_a_version_whose_data_is_gone_says_how_to_get_it_again(
    engine: Engine, full_run: dict[str, Any]
) -> None:
    version = full_run["outputs"]["version"]
    lineage = engine.json("models", "show", version)["lineage"]
    dataset = engine.workspace.datasets / lineage["training"]["dataset"]
    hidden = dataset.with_name("hidden")
    dataset.rename(hidden)
    try:
        error = engine.json("reproduce", version, exit_code=5)["error"]
    finally:
        hidden.rename(dataset)

    assert dataset.name in error["message"]
    assert "engine run data_flow" in error["fix"]
