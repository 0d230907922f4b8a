"""eval_flow: from a candidate to its measurements."""

from __future__ import annotations

from engine.config.flow_settings import FlowSettings
from engine.flows.declare import declare_flow
from engine.tasks.evaluate import evaluate_baselines, evaluate_model, open_candidate


@declare_flow("eval_flow")
def eval_flow(settings: FlowSettings, candidate: str | None = None) -> str:
    """Measure a candidate on days that it has never seen; leaves an evaluation.

    A baseline and the champion are measured on the same examples, so that every number stands
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
