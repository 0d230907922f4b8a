"""The workspace: room on its disk, what takes it, and which versions serve."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from engine.daemon.metrics.exposition import Metric, Reading, readings
from engine.daemon.workers import Workers
from engine.tables.champions import Champion, read_champions
from engine.workspace import Workspace

FREE = Metric(
    "mlops_disk_free_bytes", "gauge", "What this user may still write on the workspace's disk."
)
DISK = Metric("mlops_disk_size_bytes", "gauge", "Size of the disk that the workspace is on.")
DATABASE = Metric(
    "mlops_database_size_bytes",
    "gauge",
    "Size of a database of the workspace, with what is not written back yet.",
    ("database",),
)
PART = Metric(
    "mlops_workspace_size_bytes",
    "gauge",
    "What a folder of the workspace takes; looked at every ten minutes.",
    ("folder",),
)
CHAMPION = Metric(
    "mlops_champion_info",
    "gauge",
    "The version that is to answer, by kind of data; always 1.",
    ("data_type", "model_name"),
)
CHAMPION_SINCE = Metric(
    "mlops_champion_since_timestamp_seconds",
    "gauge",
    "When it was deployed or rolled back to, seconds since the epoch.",
    ("data_type",),
)

_LOOK_SECONDS = 600.0


class WorkspaceMetrics:
    """Looks at a workspace.

    Args:
        workspace: The workspace.
        workers: Threads for its tables.
    """

    metrics = (FREE, DISK, DATABASE, PART, CHAMPION, CHAMPION_SINCE)

    def __init__(self, workspace: Workspace, workers: Workers) -> None:
        self._workspace = workspace
        self._workers = workers
        self._sizes: dict[tuple[str, ...], float] = {}
        self._looked: float | None = None
        self._looking: asyncio.Task[None] | None = None
        self._closed = threading.Event()

    async def collect(self) -> Iterable[Reading]:
        """The values at this moment; sizes of folders as they were looked at last."""
        is_due = self._looked is None or time.monotonic() - self._looked > _LOOK_SECONDS
        if is_due and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self._look())
        champions = await self._workers.table(read_champions, self._workspace.central_storage)
        usage = shutil.disk_usage(self._workspace.root)
        return [
            Reading(FREE, (), usage.free),
            Reading(DISK, (), usage.total),
            *readings(DATABASE, self._databases()),
            *readings(PART, self._sizes),
            *_of_champions(champions),
        ]

    def close(self) -> None:
        """Stop looking: folders with a million files take their time."""
        self._closed.set()
        if self._looking is not None:
            self._looking.cancel()

    async def _look(self) -> None:
        sizes: dict[tuple[str, ...], float] = {}
        for name, folder in self._folders().items():
            sizes[name,] = await asyncio.to_thread(size_of, folder, self._closed)
        self._sizes, self._looked = sizes, time.monotonic()

    def _folders(self) -> dict[str, Path]:
        own = self._workspace
        return {
            "runs": own.runs,
            "datasets": own.datasets,
            "central_storage": own.central_storage,
            "predictor": own.predictor,
            "prefect": own.prefect_home,
            "backtests": own.backtests,
            "searches": own.searches,
            "data": own.data,
        }

    def _databases(self) -> dict[tuple[str, ...], float]:
        found: dict[tuple[str, ...], float] = {}
        for path in self._workspace.databases:
            sizes = [_bytes(path.with_name(path.name + end)) for end in ("", "-wal")]
            found[path.stem,] = sum(size or 0 for size in sizes)
        return found


def size_of(folder: Path, stop: threading.Event) -> int:
    """Bytes of all files below a folder, followed through no link, as far as they can be seen."""
    total = 0
    waiting = [str(folder)]
    while waiting and not stop.is_set():
        # What goes while we look takes no room any more.
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
    return total


def _bytes(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _of_champions(champions: Iterable[Champion]) -> list[Reading]:
    found: list[Reading] = []
    for one in champions:
        found.append(Reading(CHAMPION, (one.data_type, one.version), 1))
        found.append(Reading(CHAMPION_SINCE, (one.data_type,), one.since))
    return found
