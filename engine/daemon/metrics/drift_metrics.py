"""Whether what serves has drifted, as the last check found."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engine.daemon.metrics.exposition import Metric, Reading
from engine.daemon.workers import Workers
from engine.tables.champions import read_champions
from engine.tables.drift_checks import ALIKE, DRIFTED, SHIFTED, UNKNOWN, DriftCheck, DriftChecks
from engine.workspace import Workspace

_OF_MODEL = ("data_type", "model_name")

VERDICT = Metric(
    "mlops_drift_verdict",
    "gauge",
    "What the last check of the champion found: 1 for its verdict, 0 for the others.",
    (*_OF_MODEL, "verdict"),
)
CHECKED = Metric(
    "mlops_drift_check_timestamp_seconds",
    "gauge",
    "When that was, seconds since the epoch.",
    _OF_MODEL,
)
ANSWERS = Metric(
    "mlops_drift_answers", "gauge", "Forecasts or classes that it looked at.", _OF_MODEL
)
PSI = Metric(
    "mlops_drift_feature_psi",
    "gauge",
    "Population stability index of a feature: how far what is asked is from what was learnt from.",
    (*_OF_MODEL, "feature"),
)
LIVE = Metric(
    "mlops_drift_live_error",
    "gauge",
    "Error of what was served, as far as it is known what came.",
    (*_OF_MODEL, "metric"),
)
PROMISED = Metric(
    "mlops_drift_promised_error",
    "gauge",
    "What the test had led to expect of the same questions.",
    (*_OF_MODEL, "metric"),
)


class DriftMetrics:
    """Reads the checks of the champions.

    Args:
        workspace: The workspace.
        workers: Threads for its tables.
    """

    metrics = (VERDICT, CHECKED, ANSWERS, PSI, LIVE, PROMISED)

    def __init__(self, workspace: Workspace, workers: Workers) -> None:
        self._central_storage: Path = workspace.central_storage
        self._checks = DriftChecks(workspace.database)
        self._workers = workers

    async def collect(self) -> Iterable[Reading]:
        """The values at this moment; nothing of what was never checked."""
        found: list[Reading] = []
        for check in await self._workers.table(self._read):
            found += _of_check(check)
        return found

    def _read(self) -> list[DriftCheck]:
        return [
            check
            for one in read_champions(self._central_storage)
            for check in self._checks.of_version(one.data_type, one.version, 1)
        ]


def _of_check(check: DriftCheck) -> list[Reading]:
    key = check.data_type, check.version
    found = [
        Reading(VERDICT, (*key, verdict), verdict == check.verdict)
        for verdict in (ALIKE, SHIFTED, DRIFTED, UNKNOWN)
    ]
    found += [Reading(CHECKED, key, check.at), Reading(ANSWERS, key, check.answers)]
    for feature in check.numbers.get("features", ()):
        found.append(Reading(PSI, (*key, str(feature["name"])), feature["psi"]))
    live: dict[str, Any] = check.numbers.get("live", {})
    for metric, name in ((LIVE, "live"), (PROMISED, "promised")):
        if live.get(name) is not None:
            found.append(Reading(metric, (*key, str(live["metric"])), live[name]))
    return found
