from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from models import registry
from models.arrays import Panel
from models.base import FitReport, Forecaster, no_progress
from models.forecasting.fitting import Fitting

DONE = FitReport(1, 1, 1, 1, 0.5, 0.0)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What a model was asked to do, in order, with the days that it was given."""
    cls, asked = registry.get("SeasonalNaive"), []
    calibrate = cls.calibrate

    def fit(model: Forecaster, history: Panel, **_: object) -> FitReport:
        asked.append(("fit", history.days))
        return DONE

    def calibrated(model: Forecaster, history: Panel, *, validation_days: int) -> object:
        asked.append(("calibrate", validation_days))
        return calibrate(model, history, validation_days=validation_days)

    def refit(model: Forecaster, history: Panel, report: FitReport, **_: object) -> FitReport:
        assert report is DONE
        asked.append(("refit", history.days))
        return DONE

    for name, function in (("fit", fit), ("calibrate", calibrated), ("refit", refit)):
        monkeypatch.setattr(cls, name, function)
    return asked


@pytest.mark.parametrize("refit", [True, False])
def test_intervals_are_made_before_a_model_learns_from_all_days(
    told: list[tuple[str, int]], refit: bool
) -> None:
    panel = Panel(("a",), dt.date(2026, 1, 1), np.arange(60.0)[None, :])
    model = registry.create("SeasonalNaive", window=14, horizon=7, seed=7, threads=1, hparams={})

    done = Fitting(panel.until(50), 14).whole(model, refit=refit, progress=no_progress)

    assert told == [("fit", 50), ("calibrate", 14), ("refit", 50)][: 3 if refit else 2]
    assert (done.fit, done.refit) == (DONE, DONE if refit else None)
    assert model.calibration is not None
