"""Steps of eval_flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.atomic import write_json
from engine.config.settings import Settings
from engine.data.dataset import Dataset, open_dataset
from engine.data.problems import counted
from engine.runs.candidate import Candidate
from engine.runs.context import run_context
from engine.store import AliasRegistry, Version, gate, open_store
from engine.store.seen import seen_too_much
from engine.tasks.handoff import CANDIDATE, EVALUATION, folder_of, resolve
from engine.tasks.step import step
from models import registry
from models.arrays import Panel
from models.forecasting.backtest import Backtest, Forecast, rolling_origin
from models.forecasting.bundle import ServingModel, open_bundle
from models.forecasting.intervals import Calibration
from models.forecasting.short import not_measured

EVALUATION_FILE = "evaluation.json"


@dataclass(frozen=True)
class OpenedCandidate:
    """A candidate with the data that it is measured on."""

    run_id: str
    model: ServingModel
    training: dict[str, Any]
    dataset: Dataset


@step("open_candidate")
def open_candidate(settings: Settings, candidate: str | None) -> OpenedCandidate:
    """Open the candidate's bundle, as a server would, and the data set that it was trained on."""
    run_id = resolve(CANDIDATE, candidate, settings.evaluate.candidate)
    left = Candidate(folder_of(CANDIDATE, run_id))
    training = left.training()
    model = open_bundle(left.bundle)
    dataset = open_dataset(run_context().workspace.datasets, training["dataset"])
    return OpenedCandidate(run_id, model, training, dataset)


@step("evaluate_model")
def evaluate_model(candidate: OpenedCandidate, settings: Settings) -> Backtest:
    """Measure the candidate on the test part, from several origins, each later than the one before.

    What is measured is the bundle that would be served, not the model in the trainer's memory.
    """
    return _measure_bundle(candidate.model, candidate, settings)


@step("evaluate_baselines")
def evaluate_baselines(candidate: OpenedCandidate, scores: Backtest, settings: Settings) -> str:
    """Measure seasonal naive and the champion on the same folds, and write the evaluation.

    Returns:
        The id of this run.
    """
    context = run_context()
    all_scores = {gate.CANDIDATE: scores.summary()}
    naive = registry.create(
        gate.BASELINE,
        window=candidate.model.window,
        horizon=candidate.model.horizon,
        seed=settings.train.seed,
        threads=1,
        hparams={},
    )
    split = candidate.dataset.split
    history = candidate.dataset.panel().until(split.train_days + split.validation_days)
    intervals = naive.calibrate(history, validation_days=split.validation_days)
    panel = candidate.dataset.panel()
    all_scores[gate.BASELINE] = _measure(
        panel, naive.predict, candidate, settings, intervals, window=naive.window
    ).summary()
    champion = _champion()
    notes = _not_measured(scores)
    if champion is not None:
        reason = _cannot_compare(champion, candidate)
        if reason:
            notes.append(reason)
        else:
            scores_of_champion = _measure_bundle(champion.open(), candidate, settings)
            all_scores[gate.CHAMPION] = scores_of_champion.summary()
    evaluation = {
        "run": context.run_id,
        "candidate": candidate.run_id,
        "model_type": candidate.training["model"]["model_type"],
        "dataset": candidate.dataset.id,
        "champion": champion.id if champion else None,
        "folds": settings.evaluate.folds,
        "horizon": candidate.model.horizon,
        "level": settings.evaluate.level / 100,
        "objective": candidate.training["model"].get("objective", "median"),
        "scores": all_scores,
        "notes": notes,
    }
    folder = context.folder / EVALUATION
    folder.mkdir()
    write_json(folder / EVALUATION_FILE, evaluation)
    context.hand_over(EVALUATION, context.run_id)
    context.outputs["evaluation"] = {
        **evaluation,
        "scores": {label: summary["overall"] for label, summary in all_scores.items()},
    }
    return context.run_id


def _not_measured(scores: Backtest) -> list[str]:
    """What the numbers say nothing about, in words."""
    short, ended = not_measured(scores)
    of_all = f"{{count}} of {len(scores.panel.ids)} series"
    notes = []
    if short:
        notes.append(counted(f"{of_all} [is|are] shorter than the window: not measured", short))
    if ended:
        notes.append(
            counted(f"{of_all} [has|have] ended before the test days: not measured", ended)
        )
    return notes


def _measure_bundle(
    model: ServingModel, candidate: OpenedCandidate, settings: Settings
) -> Backtest:
    # A champion may know other covariates than the candidate, and in another order.
    panel = candidate.dataset.panel().with_covariates(model.signature.covariates)
    return _measure(
        panel, model.forecast, candidate, settings, model.calibration, window=model.window
    )


def _measure(
    panel: Panel,
    forecast: Forecast,
    candidate: OpenedCandidate,
    settings: Settings,
    calibration: Calibration | None,
    *,
    window: int,
) -> Backtest:
    """Measure any forecaster and its intervals, if it has any, on the candidate's folds."""
    split = candidate.dataset.split
    return rolling_origin(
        panel,
        forecast,
        window=window,
        horizon=candidate.model.horizon,
        first_origin=split.train_days + split.validation_days,
        folds=settings.evaluate.folds,
        step_days=settings.evaluate.step_days,
        season=settings.evaluate.season,
        calibration=calibration,
        level=settings.evaluate.level / 100,
    )


def _champion() -> Version | None:
    workspace = run_context().workspace
    champion = AliasRegistry(workspace.central_storage).read().champion
    return open_store(workspace).get(champion) if champion else None


def _cannot_compare(champion: Version, candidate: OpenedCandidate) -> str | None:
    """Why the champion's error on these days would say nothing, or None when it can be compared."""
    if champion.lineage["training"]["dataset"] == candidate.dataset.id:
        return None
    split = candidate.dataset.split
    first_test_day = candidate.dataset.day(split.train_days + split.validation_days).isoformat()
    return seen_too_much(champion, first_test_day, who=f"the champion {champion.id}")
