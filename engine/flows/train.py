"""train_flow: from a data set to a candidate."""

from __future__ import annotations

from engine.config.settings import Settings
from engine.flows.declare import declare_flow
from engine.tasks.train import (
    build_model,
    calibrate_intervals,
    open_training_data,
    refit_model,
    save_model,
    train_model,
)


@declare_flow("train_flow")
def train_flow(settings: Settings, dataset_id: str | None = None) -> str:
    """Train one model; leaves a candidate: the fitted model, its intervals, its serving bundle.

    Args:
        settings: `model` and `train`.
        dataset_id: The data set; default is the one that `train.dataset` names.

    Returns:
        Id of the run whose folder holds the candidate.

    Raises:
        DataError: The data set was changed since data_flow wrote it.
        ModelError: Training diverged.
    """
    dataset = open_training_data(settings, dataset_id)
    model = build_model(settings)
    report = train_model(model, dataset)
    calibrate_intervals(model, dataset)
    refit = refit_model(model, report, dataset, settings)
    return save_model(model, report, refit, dataset, settings)
