"""data_flow: from a source of rows to a data set that can be trained on."""

from __future__ import annotations

from engine.config.settings import Settings
from engine.flows.declare import declare_flow
from engine.tasks.data import (
    load_time_series_from,
    prepare_time_series_data,
    split_time_series_data,
    validate_data,
)


@declare_flow("data_flow")
def data_flow(settings: Settings) -> str:
    """Load, validate, prepare and split; leaves a data set.

    Args:
        settings: `dataset` says where the rows come from and what the rules are.

    Returns:
        Id of the data set.

    Raises:
        DataError: The rows break a rule; nothing is left behind.
    """
    # The task runs of a CSV file are called load_time_series_csv, those of a database ..._sql.
    rows = load_time_series_from(settings.dataset)(settings.dataset)
    valid = validate_data(rows, settings)
    prepared = prepare_time_series_data(valid, settings)
    return split_time_series_data(prepared, settings)
