"""full_flow: the four flows in order, as one tree of runs."""

from __future__ import annotations

from engine.config.flow_settings import FlowSettings
from engine.flows.data import data_flow
from engine.flows.declare import declare_flow
from engine.flows.deploy import deploy_flow
from engine.flows.eval import eval_flow
from engine.flows.train import train_flow
from engine.runs.context import run_context


@declare_flow("full_flow")
def full_flow(settings: FlowSettings) -> str:
    """From a source to a deployed version; each flow works on what the one before it made.

    With a work pool, the first three are done by its workers; deploying is for this machine.

    Returns:
        Id of the deployed version.
    """
    place = run_context().place
    if place is None:
        dataset_id = data_flow(settings)
        candidate = train_flow(settings, dataset_id)
        evaluation = eval_flow(settings, candidate)
    else:
        dataset_id = place("data_flow", settings)
        candidate = place("train_flow", settings, dataset_id)
        evaluation = place("eval_flow", settings, candidate)
    return deploy_flow(settings, evaluation)
