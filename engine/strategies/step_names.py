"""What the steps of flows are called in lists and timelines, which depends on the kind of data."""

from __future__ import annotations

from pathlib import Path

from engine.config.flow_settings import FlowSettings
from engine.config.series_settings import SeriesSettings
from engine.data.location import source_kind
from models.data_types import IMAGE, TIMESERIES

LOADING = "load_data"
STEPS: dict[str, tuple[str, ...]] = {
    "data_flow": (LOADING, "validate_data", "prepare_data", "split_data"),
    "train_flow": (
        "open_training_data",
        "build_model",
        "train_model",
        "calibrate_model",
        "refit_model",
        "save_model",
    ),
    "eval_flow": ("open_candidate", "evaluate_model", "evaluate_baselines"),
    "deploy_flow": (
        "decide_deployment",
        "upload_model",
        "try_model",
        "put_model_to_service",
        "check_service_health",
    ),
}
"""Steps of each flow in order, by the names of their tasks; a test holds them to the flows."""

_OWN_NAMES = {
    TIMESERIES: {
        "prepare_data": "prepare_time_series_data",
        "split_data": "split_time_series_data",
        "calibrate_model": "calibrate_intervals",
    },
    IMAGE: {
        "prepare_data": "prepare_image_data",
        "split_data": "split_image_data",
        "calibrate_model": "calibrate_probabilities",
    },
}


def step_name(step: str, settings: FlowSettings, root: Path) -> str:
    """The name of a step's task runs for one kind of data.

    Args:
        step: One of `STEPS`.
        settings: Of the run.
        root: The workspace, which a relative path starts from.
    """
    if step == LOADING and isinstance(settings, SeriesSettings):
        return f"load_time_series_{source_kind(settings.dataset, root=root)}"
    return _OWN_NAMES[settings.data_type].get(step, step)
