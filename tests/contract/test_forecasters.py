"""Every registered model keeps the contract, and so does one that a user adds as a file."""

from __future__ import annotations

import dataclasses
import inspect
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from models import registry
from models.arrays import Windows
from tests.contract.forecaster_checks import CHECKS
from tests.contract.subject import WINDOW, Subject, small_panel

subject_of = cache(Subject)


def run(check: Callable[..., None], subject: Subject, folder: Path) -> None:
    needs_folder = "folder" in inspect.signature(check).parameters
    check(subject, folder) if needs_folder else check(subject)


# They differ from LSTM by what reads the window, and by nothing else.
OTHER_NETWORKS = {"GRU", "BiLSTM", "Conv1D-BiLSTM"}
NAMES = [
    pytest.param(name, marks=pytest.mark.long) if name in OTHER_NETWORKS else name
    for name in registry.names()
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_contract(check: Callable[..., None], name: str, tmp_path: Path) -> None:
    run(check, subject_of(name), tmp_path)


@pytest.mark.parametrize("name", registry.names())
def test_a_window_that_does_not_move_is_forecast_to_stay(name: str) -> None:
    values = np.array([0.0, 0.1, -7.0, 1e9])[:, None].repeat(WINDOW, axis=1)
    forecast = subject_of(name).fitted.predict(Windows(values, np.full(4, 7)), 20)
    np.testing.assert_allclose(forecast, values[:, :20], rtol=1e-14)


@pytest.mark.parametrize("name", registry.names())
def test_forecasts_follow_the_level_of_the_values(name: str) -> None:
    model, windows = subject_of(name).fitted, subject_of(name).windows
    forecast = model.predict(windows, 20)
    moved = model.predict(Windows(windows.values - 5e6, windows.weekday), 20)
    spread = np.ptp(windows.values, axis=1, keepdims=True)
    assert (np.abs(moved - (forecast - 5e6)) <= 1e-4 * spread + 1e-8).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_data_set_in_other_units_is_learnt_alike(name: str) -> None:
    subject, unit = subject_of(name), 1024.0
    panel = small_panel()
    model = subject.fit(dataclasses.replace(panel, values=panel.values * unit))
    windows = subject.windows
    forecast = subject.fitted.predict(windows, 20) * unit
    other = model.predict(Windows(windows.values * unit, windows.weekday), 20)
    spread = unit * np.ptp(windows.values, axis=1, keepdims=True)
    assert (np.abs(other - forecast) <= 1e-4 * spread + 1e-8).all()


@pytest.mark.parametrize("name", registry.names())
def test_a_stock_of_a_billion_keeps_single_pieces(name: str) -> None:
    model = subject_of(name).fitted
    pieces = np.random.default_rng(0).integers(0, 10, (3, WINDOW)).astype(float)
    small = model.predict(Windows(pieces, np.zeros(3, dtype=np.int64)))
    large = model.predict(Windows(pieces + 1e9, np.zeros(3, dtype=np.int64)))
    np.testing.assert_allclose(large - 1e9, small, atol=1e-3)


DRIFT_MODEL = Path(__file__).with_name("drift_model.py")


def test_a_model_that_a_user_adds_as_one_file_keeps_the_contract(
    tmp_path: Path, restored_registry: None
) -> None:
    shutil.copy(DRIFT_MODEL, tmp_path / "drift.py")
    assert registry.load_file(tmp_path / "drift.py") == ("Drift",)
    assert "Drift" in registry.hyperparameter_names()["damping"]
    subject = Subject("Drift")
    for number, check in enumerate(CHECKS):
        run(check, subject, tmp_path / str(number))
