from __future__ import annotations

import sys
from typing import Any

import pytest

from engine.errors import ConfigError
from engine.execution.process import _crews
from engine.runs.order import Order
from models.search import crew


def order(**more: Any) -> Order:
    return Order(run_id="r", attempt=0, prefect_id="p", **more)


def test_without_a_scheduler_a_run_makes_its_crews_itself() -> None:
    with _crews(order()), crew.crew_of(1, "shared") as made:
        assert isinstance(made, crew._Alone)


def test_dask_that_is_not_installed_is_a_setting_to_be_corrected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "engine.execution.dask_crew", raising=False)

    with pytest.raises(ConfigError) as error:
        _crews(order(dask_scheduler="tcp://host:8786"))

    assert error.value.where == "run.dask_scheduler"
    assert "pip install 'mlops-tui[dask]'" in str(error.value)
