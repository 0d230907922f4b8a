"""The strategy of a data type: picked here, and nowhere else."""

from __future__ import annotations

from engine.config.flow_settings import FlowSettings
from engine.strategies.images import ImageStrategy
from engine.strategies.series import SeriesStrategy
from engine.strategies.strategy import Strategy

_STRATEGIES: dict[str, Strategy] = {
    one.data_type: one for one in (SeriesStrategy(), ImageStrategy())
}


def strategy_of(settings: FlowSettings) -> Strategy:
    """The strategy for the kind of data that a run is about."""
    return _STRATEGIES[settings.data_type]
