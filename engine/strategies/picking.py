"""The strategy of a data type: picked here, and nowhere else."""

from __future__ import annotations

from functools import cache

from engine.config.flow_settings import FlowSettings
from engine.strategies.series import SeriesStrategy
from engine.strategies.strategy import Strategy


@cache
def _strategies() -> dict[str, Strategy]:
    return {one.data_type: one for one in (SeriesStrategy(),)}


def strategy_of(settings: FlowSettings) -> Strategy:
    """The strategy for the kind of data that a run is about."""
    return _strategies()[settings.data_type]
