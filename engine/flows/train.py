"""train_flow: from a data set to a candidate."""

from __future__ import annotations

from engine.config.flow_settings import FlowSettings
from engine.flows.declare import declare_flow
from engine.tasks.naming import named
from engine.tasks.train import (
    build_model,
    calibrate_model,
    open_training_data,
    refit_model,
    save_model,
    train_model,
)


@declare_flow("train_flow")
def train_flow(settings: FlowSettings, dataset_id: str | None = None) -> str:
    """Train one model; leaves a candidate: the fitted model, its calibration, its serving bundle.

    Args:
        settings: `model` and `train`.
        dataset_id: The data set; default is the one that `train.dataset` names.

    Returns:
        Id of the run whose folder holds the candidate.

    Raises:
        DataError: The data set was changed since data_flow wrote it.
        ModelError: Training diverged.
    """
    data = open_training_data(settings, dataset_id)
    model = build_model(settings, data)
    report = train_model(model, data, settings)
    named(calibrate_model, settings)(model, data, settings)
    refit = refit_model(model, report, data, settings)
    return save_model(model, report, refit, data, settings)
