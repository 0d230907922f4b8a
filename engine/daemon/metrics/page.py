"""All metrics of the engine on one page: a list of collectors, to which any room may add one."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from engine.daemon.metrics.exposition import Collector, Metric, Reading, render
from engine.errors import EngineError

READ = Metric(
    "mlops_collector_ok",
    "gauge",
    "Whether a part of these metrics could be read: 1 or 0.",
    ("collector",),
)

logger = logging.getLogger(__name__)


class MetricsPage:
    """Asks every collector when somebody asks for the page.

    Args:
        collectors: By what they are called.
    """

    def __init__(self, collectors: dict[str, Collector]) -> None:
        self.collectors = collectors

    @property
    def metrics(self) -> list[Metric]:
        """Every metric that there may be."""
        return [READ, *(metric for one in self.collectors.values() for metric in one.metrics)]

    async def text(self) -> str:
        """The page; what one collector cannot read costs nothing of the others."""
        found: list[Reading] = []
        for name, collector in self.collectors.items():
            told: Iterable[Reading] = ()
            try:
                told = await collector.collect()
            except (EngineError, OSError) as error:
                logger.warning("the metrics of %s cannot be read: %s", name, error)
                found.append(Reading(READ, (name,), 0))
            else:
                found.append(Reading(READ, (name,), 1))
            found += told
        return render(self.metrics, found)
