"""Trials of a search done by workers of a Dask scheduler, on this machine or on others.

What a trial reads and writes travels with it, so nothing but the scheduler's address is shared.
Dask itself does a trial again when the worker that did it is gone. Its parts trust each other and
run what they are sent: they belong on a network of their own, or are to speak TLS (tls://, by
Dask's own configuration).
"""

from __future__ import annotations

import pickle
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from distributed import Client, Future, KilledWorker

from engine.environment import environment
from engine.errors import ServerError
from models import registry
from models.search.crew import Crew, CrewMaker
from models.search.jobs import LostJob, PortableJob

_SETTING = "run.dask_scheduler"
_CONNECT_SECONDS = 10.0
_WORKERS_SECONDS = 60.0
# A worker's model must be the one that this machine would have made.
_COMPARED = ("mlops-tui", "code of models", "torch", "lightgbm", "numpy")

# Torch's random numbers belong to a whole process: trials in threads of one worker take turns.
_one_at_a_time = threading.Lock()

Files = dict[str, bytes]
"""Content by path within a folder."""


def dask_crews(address: str) -> CrewMaker:
    """Makes crews of the workers of the scheduler at an address such as tcp://host:8786."""
    return partial(_crew, address)


@contextmanager
def _crew(address: str, workers: int, shared: Any) -> Iterator[Crew[Any]]:
    with _client(address) as client:
        crew = _DaskCrew(client, address, workers, shared)
        try:
            yield crew
        finally:
            crew.end()


@contextmanager
def _client(address: str) -> Iterator[Client]:
    """A client of a scheduler that has a worker.

    Raises:
        ServerError: There is none, or no worker of it.
    """
    try:
        client = Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise ServerError(
            f"no Dask scheduler answers at {address}: {error}",
            where=_SETTING,
            fix="Start one (dask scheduler), or clear the setting: the run then uses its own "
            "processes",
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_WORKERS_SECONDS)
        except TimeoutError as error:
            raise ServerError(
                f"the Dask scheduler at {address} has no worker",
                where=_SETTING,
                fix=f"Start one where mlops-tui is installed: dask worker {address} --nthreads 1",
            ) from error
        yield client


class OtherVersionError(Exception):
    """A worker would not make the same models as this machine."""


class _DaskCrew:
    """Does each job where Dask puts it.

    Args:
        client: Of the scheduler.
        address: Its address, for people.
        workers: Jobs at the same time.
        shared: Handed to every job; sent once, and from worker to worker where it is needed.
    """

    def __init__(self, client: Client, address: str, workers: int, shared: Any) -> None:
        self._client = client
        self._address = address
        self._workers = workers
        self._busy: dict[int, tuple[PortableJob[Any], Future[Any]]] = {}
        self._done: SimpleQueue[int] = SimpleQueue()
        message = pickle.dumps(
            (_versions(), registry.plugin_files(), bytes(ForkingPickler.dumps(shared)))
        )
        # The result of a task, not data that was put somewhere: when its worker is gone, Dask makes
        # it again.
        self._shared = client.submit(bytes, message, pure=False)

    @property
    def free(self) -> int:
        """How many more jobs may be started now."""
        return self._workers - len(self._busy)

    def start(self, number: int, job: PortableJob[Any]) -> None:
        """Let a worker do a job."""
        packed = _pack(job.reads) if job.reads else None
        future = self._client.submit(_do, self._shared, job, packed, pure=False)
        self._busy[number] = job, future
        future.add_done_callback(lambda _: self._done.put(number))

    def next_done(self) -> tuple[int, Any]:
        """Wait until a job is done; return its number and what it returned.

        Raises:
            LostJob: Whichever worker did it died.
            ServerError: The scheduler is gone, or a worker has another version of this program.
        """
        number = self._done.get()
        job, future = self._busy.pop(number)
        if future.status not in ("finished", "error"):
            raise ServerError(
                f"the Dask scheduler at {self._address} is gone",
                where=_SETTING,
                fix="Start it again and run this again: trials that were done are kept",
            )
        try:
            result, packed = future.result()
        except KilledWorker as error:
            raise LostJob(number, "the Dask workers that did it ended, again and again") from error
        except OtherVersionError as error:
            raise ServerError(
                str(error), where=_SETTING, fix="Install the same version there, and start it again"
            ) from error
        if packed is not None:
            _unpack(packed, job.writes)
        return number, result

    def end(self) -> None:
        """Give up what is not done: nobody waits for it."""
        self._client.cancel([self._shared, *(future for _, future in self._busy.values())])


def _do(message: bytes, job: PortableJob[Any], packed: Files | None) -> tuple[Any, Files | None]:
    """On a worker: do a job in a folder that is gone afterwards."""
    with _one_at_a_time, tempfile.TemporaryDirectory() as scratch:
        reads, writes = Path(scratch) / "reads", Path(scratch) / "writes"
        if packed is not None:
            _unpack(packed, reads)
        writes.mkdir()
        result = job.moved(reads if packed is not None else None, writes)(_shared_of(message))
        return result, _pack(writes)


@lru_cache(maxsize=1)
def _shared_of(message: bytes) -> Any:
    """On a worker: what all jobs of a search share.

    Raises:
        OtherVersionError: This worker is not the same program as the one that searches.
    """
    theirs, plugins, shared = pickle.loads(message)
    ours = _versions()
    different = [
        f"{name} {ours[name]} instead of {theirs[name]}"
        for name in _COMPARED
        if ours[name] != theirs[name]
    ]
    if different:
        raise OtherVersionError(f"a Dask worker has other versions: {', '.join(different)}")
    for path in plugins:
        registry.load_file(path)
    return pickle.loads(shared)


def _versions() -> dict[str, str]:
    here = environment()
    return {name: here[name] for name in _COMPARED}


def _pack(folder: Path) -> Files:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _unpack(files: Files, folder: Path) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
