"""Steps of train_flow."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path

from engine.config.settings import Settings
from engine.data.dataset import Dataset, open_dataset
from engine.data.problems import counted
from engine.environment import environment
from engine.errors import ModelError
from engine.runs.candidate import Candidate
from engine.runs.context import run_context
from engine.tasks.handoff import CANDIDATE, DATASET, resolve
from engine.tasks.plugins import load_plugins
from engine.tasks.step import report_progress, step
from models import registry
from models.base import FitReport, Forecaster, ModelProblem, Resumable
from models.forecasting.bundle import write_bundle
from models.forecasting.fitting import Fitting
from models.forecasting.short import not_learnt_from
from models.forecasting.trials import discard

_GOLDEN_WINDOWS = 8

logger = logging.getLogger(__name__)


@step("open_training_data")
def open_training_data(settings: Settings, dataset_id: str | None) -> Dataset:
    """Open the data set and verify that it is what data_flow wrote."""
    chosen = resolve(DATASET, dataset_id, settings.train.dataset)
    return open_dataset(run_context().workspace.datasets, chosen)


@step("build_model")
def build_model(settings: Settings) -> Forecaster:
    """Make the untrained model that `model.model_type` and `train.hparams` describe."""
    load_plugins(settings)
    return registry.create(
        settings.model.model_type,
        window=settings.model.window,
        horizon=settings.model.horizon,
        seed=settings.train.seed,
        threads=settings.train.threads,
        hparams=settings.train.hparams,
        objective=settings.model.objective,
    )


@step("train_model")
def train_model(model: Forecaster, dataset: Dataset) -> FitReport:
    """Fit on the training part; the validation part decides when to stop.

    A search that was cut short goes on where it stopped.

    Raises:
        ModelError: The series are too short for the window, or training diverged.
    """
    if isinstance(model, Resumable):
        model.keep_trials_in(_search_folder(model, dataset))
    fitting = _fitting(dataset)
    short = not_learnt_from(
        fitting.history, model.window, model.horizon, dataset.split.validation_days
    )
    if short:
        note = counted(
            f"{{count}} of {len(dataset.ids)} series [has|have] fewer than "
            f"{model.window + model.horizon} days (window + horizon) before the validation days: "
            "not learnt from",
            short,
        )
        logger.info(note)
        run_context().outputs["training_notes"] = [note]
    try:
        return fitting.fit(model, report_progress)
    except ModelProblem as problem:
        raise ModelError(str(problem), where=model.model_type) from problem


@step("calibrate_intervals")
def calibrate_intervals(model: Forecaster, dataset: Dataset) -> int:
    """Learn from the validation part, which was not fitted, how far the model misses.

    Returns:
        Windows whose forecasts were compared with what came.

    Raises:
        ModelError: No series has a whole horizon in the validation part.
    """
    try:
        return _fitting(dataset).calibrate(model).count
    except ModelProblem as problem:
        raise ModelError(str(problem), where=model.model_type) from problem


@step("refit_model")
def refit_model(
    model: Forecaster, report: FitReport, dataset: Dataset, settings: Settings
) -> FitReport | None:
    """Learn once more, from the validation days too, for as long as they found to be best.

    Returns:
        What that did; None when `train.refit` is off or the model gains nothing by it.

    Raises:
        ModelError: Training diverged.
    """
    if not settings.train.refit:
        return None
    try:
        return _fitting(dataset).refit(model, report, report_progress)
    except ModelProblem as problem:
        raise ModelError(str(problem), where=model.model_type) from problem


@step("save_model")
def save_model(
    model: Forecaster,
    report: FitReport,
    refit: FitReport | None,
    dataset: Dataset,
    settings: Settings,
) -> str:
    """Write the fitted model and its serving bundle into the folder of this run.

    Returns:
        The id of this run.
    """
    context = run_context()
    candidate = Candidate.of_run(context.folder)
    candidate.folder.mkdir()
    model.save(candidate.model)
    split = dataset.split
    history = dataset.panel().until(split.train_days + split.validation_days)
    golden = history.last_windows(settings.model.window, most=_GOLDEN_WINDOWS)
    write_bundle(model, candidate.bundle, golden)
    training = {
        "model": model.describe(),
        "dataset": dataset.id,
        "last_day_seen": dataset.day(split.train_days + split.validation_days - 1).isoformat(),
        "fit": report.as_dict(),
        "refit": None if refit is None else refit.as_dict(),
        "dataset_hash": dataset.manifest["hash"],
        "threads": settings.train.threads,
        "settings": settings.model_dump(mode="json", include={"dataset", "model", "train"}),
        "environment": environment(),
        "run": context.run_id,
    }
    candidate.record(training)
    if isinstance(model, Resumable):
        discard(_search_folder(model, dataset))
    if report.leaderboard:
        context.outputs["leaderboard"] = report.leaderboard
    context.outputs["candidate"] = context.run_id
    if settings.train.hand_over:
        context.hand_over(CANDIDATE, context.run_id)
    return context.run_id


def _search_folder(model: Forecaster, dataset: Dataset) -> Path:
    """Where a search keeps what it has tried: the same for the same data set and settings."""
    described = {
        "dataset": dataset.id,
        "model_type": model.model_type,
        "window": model.window,
        "horizon": model.horizon,
        "objective": model.objective,
        "seed": model.seed,
        "hparams": dict(model.configured),
    }
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()
    return run_context().workspace.searches / digest[:16]


def _fitting(dataset: Dataset) -> Fitting:
    split = dataset.split
    history = dataset.panel().until(split.train_days + split.validation_days)
    return Fitting(history, split.validation_days)
