"""What two machines tell each other of a run is data, and is looked at before it is believed."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import ServerError
from engine.runs.placing import FarEnd, Placement, home_id

PLACEMENT = Placement("0b1c9c52", 1, "0123456789abcdef", "lightgbm-1")


def test_what_was_placed_is_read_back() -> None:
    assert Placement.parse({"settings": {}, "placement": PLACEMENT.to_dict()}) == PLACEMENT


@pytest.mark.parametrize(
    "change",
    [
        {"run_id": "../../etc"},
        {"run_id": 7},
        {"run_id": ""},
        {"attempt": "1"},
        {"home": "my house"},
        {"champion": 5},
        {"more": 1},
    ],
)
def test_what_no_engine_placed_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ServerError, match="was not placed by an engine"):
        Placement.parse({"placement": PLACEMENT.to_dict() | change})


def test_a_flow_run_that_somebody_made_by_hand_is_refused() -> None:
    with pytest.raises(ServerError, match="was not placed by an engine"):
        Placement.parse({"settings": {}})


def test_an_end_is_read_back() -> None:
    end = FarEnd("FAILED", "näh\n", "DataError", {"a": [1, {"b": None}]}, (("dataset", "d", "t"),))

    import json

    assert FarEnd.parse(json.loads(end.to_json())) == end


@pytest.mark.parametrize(
    "values",
    [
        None,
        "COMPLETED",
        {},
        {"state": "RUNNING"},
        {"state": "COMPLETED", "message": 5},
        {"state": "COMPLETED", "outputs": []},
        {"state": "COMPLETED", "handoffs": [["dataset", "d"]]},
        {"state": "COMPLETED", "handoffs": [["dataset", "d", 1]]},
        {"state": "COMPLETED", "handoffs": 7},
        {"state": "COMPLETED", "more": 1},
    ],
)
def test_an_end_that_is_something_else_is_refused(values: Any) -> None:
    with pytest.raises(ServerError, match="cannot be read"):
        FarEnd.parse(values)


def test_each_workspace_has_an_id_of_its_own(tmp_path: Any) -> None:
    assert home_id(tmp_path) == home_id(tmp_path) != home_id(tmp_path / "other")
    Placement.parse({"placement": Placement("a", 1, home_id(tmp_path)).to_dict()})
