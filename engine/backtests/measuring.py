"""Trains and forecasts: what a backtest takes its time for. Every forecast is kept at once."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engine.atomic import write_bytes
from engine.backtests.forecasts import OriginForecasts, file_of
from engine.backtests.request import VERSION, Contender, Request
from engine.backtests.store import FORECASTS_FOLDER, BacktestStore
from engine.errors import ModelError, NotFoundError
from engine.store import VersionStore
from models import registry
from models.arrays import Panel
from models.base import Progress
from models.errors import ModelProblem
from models.forecasting.backtest import Forecast, rolling_origin
from models.forecasting.fitting import Fitting
from models.forecasting.intervals import Calibration


class Watch(Protocol):
    """Is told how far a backtest is."""

    def begin(self, name: str, detail: str) -> None:
        """A contender's turn, or that of one of its origins, has come."""

    def progress(self, kind: str, done: int, total: int, **values: float) -> None:
        """How far the contender is; see `models.base.Progress`."""

    def end(self, name: str, problem: str) -> None:
        """A contender is measured, or cannot be."""


@dataclass(frozen=True, eq=False)
class _Ready:
    """A contender that can be asked."""

    forecast: Forecast
    window: int
    covariates: tuple[str, ...]
    calibration: Calibration | None
    seconds: float


@dataclass(frozen=True, eq=False)
class Measuring:
    """One backtest at work.

    Attributes:
        request: What is compared.
        folder: The backtest's own.
        backtests: All of them: what one has measured the other need not measure again.
        versions: Stored versions.
        watch: Is told how far it is.
    """

    request: Request
    folder: Path
    backtests: BacktestStore
    versions: VersionStore
    watch: Watch

    def all(self) -> dict[str, str]:
        """Measure whatever is not measured yet.

        Returns:
            Name of each contender that cannot be measured, and why.

        Raises:
            StorageError: The disk refuses.
        """
        panel = self.request.dataset.panel()
        problems = {}
        for contender in self.request.contenders:
            self.watch.begin(contender.name, "")
            problem = ""
            try:
                self._contender(contender, panel)
            except (ModelProblem, ModelError, NotFoundError) as error:
                # The others are worth their hours all the same.
                problem = problems[contender.name] = str(error)
            self.watch.end(contender.name, problem)
        return problems

    def _contender(self, contender: Contender, panel: Panel) -> None:
        request, ready = self.request, None
        trains_again = request.options.retrain and contender.kind != VERSION
        for number, origin in enumerate(request.origins, start=1):
            if self._is_there(contender, origin):
                continue
            if ready is None or trains_again:
                if trains_again:
                    detail = f"origin {number} of {len(request.origins)}"
                    self.watch.begin(contender.name, detail)
                history = panel.until(origin if trains_again else request.first_origin)
                ready = self._ready(contender, history)
            self._ask(contender, ready, panel, origin)
            if not trains_again:
                self.watch.progress("origin", number, len(request.origins))

    def _is_there(self, contender: Contender, origin: int) -> bool:
        path = self._path(contender, origin)
        if path.is_file():
            return True
        elsewhere = self.backtests.measured_elsewhere(path.name)
        if elsewhere is None:
            return False
        try:
            os.link(elsewhere, path)
        except FileNotFoundError:
            return False  # that backtest is deleted at this moment
        except OSError:
            write_bytes(path, elsewhere.read_bytes())  # a file system without links
        return True

    def _path(self, contender: Contender, origin: int) -> Path:
        day = self.request.dataset.day(origin)
        return self.folder / FORECASTS_FOLDER / file_of(self.request.key(contender), day)

    def _ready(self, contender: Contender, history: Panel) -> _Ready:
        """Train a type on the days before an origin, or open a version."""
        started = time.monotonic()
        if contender.version is not None:
            served = self.versions.get(contender.version).open_forecaster()
            known = served.signature.covariates
            return _Ready(served.forecast, served.window, known, served.calibration, float("nan"))
        options = self.request.options
        model = registry.create(
            contender.model_type,
            window=options.window,
            horizon=options.horizon,
            seed=options.seed,
            threads=options.threads,
            hparams=contender.hyperparameters,
            objective=options.objective,
        )
        report: Progress = self.watch.progress
        fitting = Fitting(history, options.validation_days)
        fitting.whole(model, refit=options.refit, progress=report)
        seconds = time.monotonic() - started
        return _Ready(model.predict, model.window, model.covariates, model.calibration, seconds)

    def _ask(self, contender: Contender, ready: _Ready, panel: Panel, origin: int) -> None:
        options = self.request.options
        started = time.monotonic()
        found = rolling_origin(
            panel.with_covariates(ready.covariates),
            ready.forecast,
            window=ready.window,
            horizon=options.horizon,
            first_origin=origin,
            folds=1,
            step_days=options.step_days,
            season=options.season,
            calibration=ready.calibration,
            level=options.level / 100,
        )
        (fold,) = found.folds
        OriginForecasts(
            rows=fold.rows,
            forecast=fold.forecast,
            actual=fold.actual,
            interval=fold.interval,
            training_seconds=ready.seconds,
            forecast_seconds=time.monotonic() - started,
        ).write(self._path(contender, origin))
