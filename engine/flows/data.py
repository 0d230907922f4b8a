"""data_flow: from a source to a data set that can be trained on."""

from __future__ import annotations

from engine.config.flow_settings import FlowSettings
from engine.flows.declare import declare_flow
from engine.tasks.data import load_data, prepare_data, split_data, validate_data
from engine.tasks.naming import named


@declare_flow("data_flow")
def data_flow(settings: FlowSettings) -> str:
    """Load, validate, prepare and split; leaves a data set.

    Args:
        settings: `dataset` says where the data come from and what the rules are.

    Returns:
        Id of the data set.

    Raises:
        DataError: The data break a rule; nothing is left behind.
    """
    loaded = named(load_data, settings)(settings)
    valid = named(validate_data, settings)(loaded, settings)
    prepared = named(prepare_data, settings)(valid, settings)
    return named(split_data, settings)(prepared, settings)
