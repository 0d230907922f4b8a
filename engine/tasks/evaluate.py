"""Steps of eval_flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.atomic import write_json
from engine.config.flow_settings import FlowSettings
from engine.runs.candidate import Candidate
from engine.runs.context import run_context
from engine.store import AliasRegistry, Version, gate, open_store
from engine.strategies.picking import strategy_of
from engine.strategies.strategy import Data, Measured, Serving
from engine.tasks.handoff import CANDIDATE, EVALUATION, datasets_with, folder_of, resolve
from engine.tasks.step import step

EVALUATION_FILE = "evaluation.json"


@dataclass(frozen=True)
class OpenedCandidate:
    """A candidate with the data that it is measured on."""

    run_id: str
    serving: Serving
    training: dict[str, Any]
    data: Data


@step("open_candidate")
def open_candidate(settings: FlowSettings, candidate: str | None) -> OpenedCandidate:
    """Open the candidate's bundle, as a server would, and the data set that it was trained on."""
    strategy = strategy_of(settings)
    run_id = resolve(CANDIDATE, candidate, settings.evaluate.candidate, settings.data_type)
    left = Candidate(folder_of(CANDIDATE, run_id))
    training = left.training()
    serving = strategy.open_bundle(left.bundle)
    data = strategy.open_data(datasets_with(training["dataset"]), training["dataset"])
    return OpenedCandidate(run_id, serving, training, data)


@step("evaluate_model")
def evaluate_model(candidate: OpenedCandidate, settings: FlowSettings) -> Measured:
    """Measure the candidate on the test part.

    What is measured is the bundle that would be served, not the model in the trainer's memory.
    """
    serving = candidate.serving
    return strategy_of(settings).measure(serving, candidate.data, settings, candidate=serving)


@step("evaluate_baselines")
def evaluate_baselines(candidate: OpenedCandidate, scores: Measured, settings: FlowSettings) -> str:
    """Measure the baseline and the champion on the same examples, and write the evaluation.

    Returns:
        The id of this run.
    """
    context = run_context()
    strategy = strategy_of(settings)
    data, serving, training = candidate.data, candidate.serving, candidate.training
    baseline = strategy.measure_baseline(data, settings, candidate=serving)
    all_scores = {gate.CANDIDATE: scores.summary, strategy.baseline: baseline.summary}
    champion = _champion(settings.data_type)
    notes = [*scores.notes]
    if champion is not None:
        reason = strategy.cannot_compare(champion, data)
        if reason:
            notes.append(reason)
        else:
            measured = strategy.measure(champion.open(), data, settings, candidate=serving)
            all_scores[gate.CHAMPION] = measured.summary
    evaluation = {
        "run": context.run_id,
        "candidate": candidate.run_id,
        "data_type": settings.data_type,
        "model_type": training["model"]["model_type"],
        "dataset": data.id,
        "champion": champion.id if champion else None,
        **strategy.describe_evaluation(serving, training, settings),
        "scores": all_scores,
        "notes": notes,
    }
    folder = context.folder / EVALUATION
    folder.mkdir()
    write_json(folder / EVALUATION_FILE, evaluation)
    context.publish(EVALUATION, context.run_id, folder)
    context.hand_over(EVALUATION, context.run_id, settings.data_type)
    context.outputs["evaluation"] = {
        **evaluation,
        "scores": {label: summary["overall"] for label, summary in all_scores.items()},
    }
    return context.run_id


def _champion(data_type: str) -> Version | None:
    workspace, from_home = run_context().workspace, run_context().from_home
    if from_home is not None:
        champion = from_home.champion
    else:
        champion = AliasRegistry(workspace.central_storage, data_type).read().champion
    return open_store(workspace).get(champion) if champion else None
