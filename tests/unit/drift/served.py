"""A workspace in which a forecaster serves, and what it is asked."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.drift.examine import Examination
from engine.drift.report import Limits
from engine.predictor.feedback import Feedback, ServedForecast
from engine.store import AliasRegistry, Version, VersionStore
from engine.workspace import Workspace
from models import registry
from models.arrays import FloatArray, Panel
from models.base import no_progress
from models.drift.series_reference import learn_reference
from models.forecasting.bundle import write_bundle

WINDOW, HORIZON = 14, 7
DAYS, LATER = 200, 60
FIRST_DAY = dt.date(2026, 1, 1)
NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC).timestamp()


def demand(series: int = 12) -> FloatArray:
    """Demand of the days that are learnt from, and of later ones that are like them."""
    rng = np.random.default_rng(5)
    base = np.exp(rng.normal(2.5, 0.6, series))[:, None]
    week = 1 + 0.3 * np.sin(np.arange(DAYS + LATER) * 2 * np.pi / 7)
    return rng.poisson(base * week).astype(np.float64)


class Service:
    """A version that serves, of which everything is as `deploy_flow` leaves it.

    Args:
        workspace: Where.
        is_old: Whether it is from before versions said what they learnt from.
    """

    def __init__(self, workspace: Workspace, *, is_old: bool = False) -> None:
        self.workspace = workspace
        self.values = demand()
        self.ids = tuple(f"s{row}" for row in range(len(self.values)))
        self.version = self._deploy(is_old)
        self.ring = Feedback(workspace.predictor / "forecasts-0.jsonl", 64 << 20)

    def panel(self, days: int = DAYS) -> Panel:
        """The first days."""
        return Panel(self.ids, FIRST_DAY, self.values[:, :days])

    def _deploy(self, is_old: bool) -> Version:
        history = self.panel()
        model = registry.create(
            "SeasonalNaive", window=WINDOW, horizon=HORIZON, seed=7, threads=1, hparams={}
        )
        model.fit(history, validation_days=0, progress=no_progress)
        learnt = learn_reference(history, window=WINDOW, horizon=HORIZON, predict=model.predict)
        folder: Path = self.workspace.root / "bundle"
        sample = history.last_windows(WINDOW, most=2)
        write_bundle(model, folder, sample, None if is_old else learnt.to_dict())
        ahead = [{"day": day, "mase": 1.0} for day in range(1, HORIZON + 1)]
        overall = {"mase": 1.0, "rmsse": 1.0, "wape": 0.3, "bias": 0.0, "mae": 3.0}
        folds = [{"mase": 0.9}, {"mase": 1.1}]
        own: dict[str, Any] = {"overall": overall, "ahead": ahead, "folds": folds}
        lineage = {
            "training": {"dataset": "0" * 16, "last_day_seen": "2026-07-19"},
            "evaluation": {"scores": {"candidate": own, "SeasonalNaive": own}},
            "deployed_by_run": "maker",
        }
        store = VersionStore(self.workspace.central_storage)
        version = store.add(folder, created=1.0, lineage=lineage)
        aliases = AliasRegistry(self.workspace.central_storage)
        aliases.promote(version.id, expected=None)
        return version

    def asks(
        self,
        factor: float = 1.0,
        *,
        days: int = 7,
        at: float = NOW,
        names: str = "{}",
        until: int = DAYS + LATER - 10,
        steps: int = HORIZON,
        error: float = 0.0,
    ) -> None:
        """Callers ask about every series on some days, the last of which is so many days long.

        Args:
            factor: What the windows are multiplied by.
            days: How many days they ask on.
            at: When they ask last.
            names: What they call the series.
            until: Column after the last known day of the last day's question.
            steps: Days that are forecast.
            error: What is added to each answer.
        """
        for back in range(days):
            end = until - back
            for row, name in enumerate(self.ids):
                window = np.round(self.values[row, end - WINDOW : end] * factor)
                answer = np.resize(window[-7:], steps) + error
                self.ring.keep(
                    self.version.id,
                    names.format(name),
                    FIRST_DAY + dt.timedelta(days=end - 1),
                    answer.tolist(),
                    window.tolist(),
                )
        for noted in self.ring._unwritten:
            forecast = noted.forecast  # type: ignore[attr-defined]
            assert isinstance(forecast, ServedForecast)
            forecast.at = at
        self.ring.write()

    def examined(self, **limits: Any) -> Examination:
        """What is to be examined, as of `NOW`."""
        return Examination(self.workspace, self.version, replace(Limits(), **limits), NOW)
