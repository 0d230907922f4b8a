"""Steps of data_flow."""

from __future__ import annotations

from engine.config.flow_settings import FlowSettings
from engine.runs.context import run_context
from engine.strategies.picking import strategy_of
from engine.strategies.strategy import Clean, Loaded, Valid
from engine.tasks.handoff import DATASET
from engine.tasks.step import report_progress, step


@step("load_data")
def load_data(settings: FlowSettings) -> Loaded:
    """Read what `dataset` names.

    Raises:
        DataError: It cannot be read as this kind of data.
        NotFoundError: It is not there.
    """
    return strategy_of(settings).load(settings, run_context().workspace.root, report_progress)


@step("validate_data")
def validate_data(loaded: Loaded, settings: FlowSettings) -> Valid:
    """Hold what was loaded against every rule at once.

    Raises:
        DataError: With what breaks a rule that is set to `error`.
    """
    return strategy_of(settings).validate(loaded, settings)


@step("prepare_data")
def prepare_data(valid: Valid, settings: FlowSettings) -> Clean:
    """Change what the rules allow to be changed, and report it."""
    clean, report = strategy_of(settings).prepare(valid, settings)
    run_context().outputs["data_report"] = report
    return clean


@step("split_data")
def split_data(clean: Clean, settings: FlowSettings) -> str:
    """Split into train, validation and test, and write the data set.

    Returns:
        Its id: the same content and split have the same one.
    """
    context = run_context()
    dataset_id = strategy_of(settings).write(clean, settings, context.workspace.datasets)
    context.publish(DATASET, dataset_id, context.workspace.datasets / dataset_id)
    context.outputs["dataset"] = dataset_id
    context.hand_over(DATASET, dataset_id, settings.data_type)
    return dataset_id
