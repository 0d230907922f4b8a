"""Steps of train_flow."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.config.flow_settings import FlowSettings
from engine.environment import environment
from engine.errors import ModelError
from engine.runs.candidate import Candidate
from engine.runs.context import run_context
from engine.strategies.picking import strategy_of
from engine.strategies.strategy import Data
from engine.tasks.handoff import CANDIDATE, DATASET, datasets_with, resolve
from engine.tasks.plugins import load_plugins
from engine.tasks.step import report_progress, step
from models.errors import ModelProblem
from models.learner import FitReport, Learner, Resumable
from models.search.trials import discard

logger = logging.getLogger(__name__)


@step("open_training_data")
def open_training_data(settings: FlowSettings, dataset_id: str | None) -> Data:
    """Open the data set and verify that it is what data_flow wrote."""
    chosen = resolve(DATASET, dataset_id, settings.train.dataset, settings.data_type)
    return strategy_of(settings).open_data(datasets_with(chosen), chosen)


@step("build_model")
def build_model(settings: FlowSettings, data: Data) -> Learner:
    """Make the untrained model that `model.model_type` and `train.hparams` describe."""
    load_plugins(settings)
    return strategy_of(settings).build(settings, data, run_context().workspace.root)


@step("train_model")
def train_model(model: Learner, data: Data, settings: FlowSettings) -> FitReport:
    """Fit on the training part; the validation part decides when to stop.

    A search that was cut short goes on where it stopped.

    Raises:
        ModelError: There is too little to learn from, or training diverged.
    """
    strategy = strategy_of(settings)
    if isinstance(model, Resumable):
        model.keep_trials_in(_search_folder(model, data))
    notes = strategy.not_learnt_from(model, data)
    for note in notes:
        logger.info(note)
    if notes:
        run_context().outputs["training_notes"] = notes
    with _told_of(model):
        return strategy.fit(model, data, report_progress)


@step("calibrate_model")
def calibrate_model(model: Learner, data: Data, settings: FlowSettings) -> int:
    """Learn from the validation part, which was not fitted, how far the model is to be trusted.

    Returns:
        Examples that this was learnt from.

    Raises:
        ModelError: There are none.
    """
    with _told_of(model):
        return strategy_of(settings).calibrate(model, data)


@step("refit_model")
def refit_model(
    model: Learner, report: FitReport, data: Data, settings: FlowSettings
) -> FitReport | None:
    """Learn once more, from the validation part too, for as long as it found to be best.

    Returns:
        What that did; None when `train.refit` is off or the model gains nothing by it.

    Raises:
        ModelError: Training diverged.
    """
    if not settings.train.refit:
        return None
    with _told_of(model):
        return strategy_of(settings).refit(model, report, data, report_progress)


@step("save_model")
def save_model(
    model: Learner,
    report: FitReport,
    refit: FitReport | None,
    data: Data,
    settings: FlowSettings,
) -> str:
    """Write the fitted model and its serving bundle into the folder of this run.

    Returns:
        The id of this run.
    """
    context = run_context()
    strategy = strategy_of(settings)
    candidate = Candidate.of_run(context.folder)
    candidate.folder.mkdir()
    model.save(candidate.model)
    strategy.write_bundle(model, data, candidate.bundle)
    training = {
        "data_type": settings.data_type,
        "model": model.describe(),
        "dataset": data.id,
        **strategy.describe_training(data),
        "fit": report.as_dict(),
        "refit": None if refit is None else refit.as_dict(),
        "dataset_hash": data.manifest["hash"],
        "threads": settings.train.threads,
        "settings": settings.model_dump(mode="json", include={"dataset", "model", "train"}),
        "environment": environment(),
        "run": context.run_id,
    }
    candidate.record(training)
    if isinstance(model, Resumable):
        discard(_search_folder(model, data))
    if report.leaderboard:
        context.outputs["leaderboard"] = report.leaderboard
    context.publish(CANDIDATE, context.run_id, candidate.folder)
    context.outputs["candidate"] = context.run_id
    if settings.train.hand_over:
        context.hand_over(CANDIDATE, context.run_id, settings.data_type)
    return context.run_id


@contextmanager
def _told_of(model: Learner) -> Iterator[None]:
    """Say which model a problem is of."""
    try:
        yield
    except ModelProblem as problem:
        raise ModelError(str(problem), where=model.model_type) from problem


def _search_folder(model: Learner, data: Data) -> Path:
    """Where a search keeps what it has tried: the same for the same data set and settings."""
    described = {
        "dataset": data.id,
        "model_type": model.model_type,
        **model.shape(),
        "seed": model.seed,
        "hparams": dict(model.configured),
    }
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()
    return run_context().workspace.searches / digest[:16]
