"""eval_flow: from a candidate to its measurements."""

from __future__ import annotations

from engine.config.settings import Settings
from engine.flows.declare import declare_flow
from engine.tasks.evaluate import evaluate_baselines, evaluate_model, open_candidate


@declare_flow("eval_flow")
def eval_flow(settings: Settings, candidate: str | None = None) -> str:
    """Measure a candidate on days that it has never seen; leaves an evaluation.

    Seasonal naive and the champion are measured on the same folds, so that every number stands
    beside one that can be compared with it.

    Args:
        settings: `evaluate`.
        candidate: Id of the run that trained it; default is what `evaluate.candidate` names.

    Returns:
        Id of the run whose folder holds the evaluation.
    """
    opened = open_candidate(settings, candidate)
    scores = evaluate_model(opened, settings)
    return evaluate_baselines(opened, scores, settings)
