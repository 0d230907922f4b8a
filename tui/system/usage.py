"""What the machine is doing: processors, memory, disk. Readings without any drawing."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.workspace import Workspace

_KEPT = 180
_GPUS = Path("/proc/driver/nvidia/gpus")
_BLOCK_BYTES = 512

# Busy and all seconds of one processor since the machine was started.
Times = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Usage:
    """One reading.

    Attributes:
        cores: How busy each processor was since the reading before, 0 to 1.
        load: Processes that ran or wanted to, on average over 1, 5 and 15 minutes.
        memory_total: Bytes of memory.
        memory_used: Bytes that cannot be given to others.
        swap_total: Bytes of swap.
        swap_used: Bytes swapped out.
        disk_total: Bytes of the disk that holds the workspace.
        disk_free: Bytes that can still be written there.
    """

    cores: tuple[float, ...]
    load: tuple[float, float, float]
    memory_total: int
    memory_used: int
    swap_total: int
    swap_used: int
    disk_total: int
    disk_free: int

    @property
    def cpu(self) -> float:
        """How busy all processors together were, 0 to 1."""
        return sum(self.cores) / len(self.cores) if self.cores else 0.0

    @property
    def memory(self) -> float:
        """Share of the memory that is used, 0 to 1."""
        return self.memory_used / self.memory_total if self.memory_total else 0.0


class Meter:
    """Takes readings, and keeps the last ones.

    Args:
        root: A folder on the disk that is looked at.

    Attributes:
        now: The newest reading, None before the first.
        cpu: How busy the processors were at the last readings, 0 to 1, oldest first.
        memory: Share of the memory that was used, as well.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._system: Any = None
        self._before: list[Times] = []
        self.now: Usage | None = None
        self.cpu: deque[float] = deque(maxlen=_KEPT)
        self.memory: deque[float] = deque(maxlen=_KEPT)

    @property
    def is_ready(self) -> bool:
        """Whether `load` was called."""
        return self._system is not None

    def load(self) -> None:
        """Load the library that reads, in any thread: that takes longer than a key may wait."""
        import psutil

        self._before = _times(psutil)
        self._system = psutil

    def read(self) -> None:
        """Take a reading; without effect before the library is loaded."""
        system = self._system
        if system is None:
            return
        times = _times(system)
        memory, swap = system.virtual_memory(), system.swap_memory()
        disk_total, disk_free = _disk(self._root)
        self.now = Usage(
            cores=busy_shares(self._before, times),
            load=os.getloadavg(),
            memory_total=memory.total,
            memory_used=memory.total - memory.available,
            swap_total=swap.total,
            swap_used=swap.used,
            disk_total=disk_total,
            disk_free=disk_free,
        )
        self._before = times
        self.cpu.append(self.now.cpu)
        self.memory.append(self.now.memory)


def busy_shares(before: Sequence[Times], after: Sequence[Times]) -> tuple[float, ...]:
    """How busy each processor was between two looks, 0 to 1; 0 where no time has passed."""
    return tuple(
        min(1.0, max(0.0, (busy - busy_before) / (total - total_before)))
        if total > total_before
        else 0.0
        for (busy_before, total_before), (busy, total) in zip(before, after, strict=False)
    )


def _times(system: Any) -> list[Times]:
    found: list[Times] = []
    for core in system.cpu_times(percpu=True):
        # What guests use is counted in user and nice already.
        total = sum(core) - getattr(core, "guest", 0.0) - getattr(core, "guest_nice", 0.0)
        idle = core.idle + getattr(core, "iowait", 0.0)
        found.append((total - idle, total))
    return found


def _disk(root: Path) -> tuple[int, int]:
    """All bytes and free bytes of a disk; zeros where it cannot be asked."""
    try:
        found = os.statvfs(root)
    except OSError:
        return 0, 0
    return found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize


def folder_bytes(folder: Path) -> int:
    """What a folder takes on the disk, in bytes; links are not followed.

    A file with several names counts once. What goes away meanwhile counts nothing.
    """
    seen: set[tuple[int, int]] = set()
    total = 0
    waiting = [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    total += _entry_bytes(entry, seen, waiting)
        except OSError:
            continue
    return total


def _entry_bytes(entry: os.DirEntry[str], seen: set[tuple[int, int]], waiting: list[str]) -> int:
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return 0
    if entry.is_dir(follow_symlinks=False):
        waiting.append(entry.path)
    elif status.st_nlink > 1:
        name = (status.st_dev, status.st_ino)
        if name in seen:
            return 0
        seen.add(name)
    return status.st_blocks * _BLOCK_BYTES


def workspace_bytes(workspace: Workspace) -> dict[str, int]:
    """What the parts of a workspace take on the disk, in bytes, by name; "other" is the rest."""
    folders = {
        "datasets": workspace.datasets,
        "central_storage": workspace.central_storage,
        "runs": workspace.runs,
        "prefect": workspace.prefect_home,
        "data": workspace.data,
    }
    sizes = {name: folder_bytes(folder) for name, folder in folders.items()}
    sizes["other"] = max(0, folder_bytes(workspace.root) - sum(sizes.values()))
    return sizes


def gpus(root: Path = _GPUS) -> list[str]:
    """Names of the graphics processors that the driver tells of; [] without one."""
    found: list[str] = []
    try:
        folders = sorted(root.iterdir())
    except OSError:
        return found
    for folder in folders:
        try:
            text = (folder / "information").read_text(errors="replace")
        except OSError:
            continue
        fields = (line.partition(":") for line in text.splitlines())
        models = [value.strip() for name, _, value in fields if name.strip() == "Model"]
        found += models or [folder.name]
    return found
