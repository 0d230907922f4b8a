"""Processes that do jobs beside this one, each with a fresh interpreter, and none outliving it.

Torch's random numbers belong to a whole process, and threads would take turns; so what trains at
the same time trains in processes of its own. They are started from nothing, not forked: a fork
would inherit half of what libraries hold. They stay in the process group of their parent, so that
whoever ends that ends all; on Linux the kernel kills them when their parent dies.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import ForkingPickler
from typing import Any, Generic, Protocol, TypeVar

from models import registry
from models.errors import ModelProblem
from models.search.jobs import Job, LostJob, PortableJob

_PR_SET_PDEATHSIG = 1

Shared = TypeVar("Shared")
_Owned = TypeVar("_Owned", covariant=True)


class Crew(Protocol[_Owned]):
    """Does jobs, some at the same time."""

    @property
    def free(self) -> int:
        """How many more jobs may be started now."""

    def start(self, number: int, job: PortableJob[_Owned]) -> None:
        """Let somebody do a job, which is known by its number."""

    def next_done(self) -> tuple[int, Any]:
        """Wait until a job is done; return its number and what it returned.

        Raises:
            LostJob: The process that did it died; there is a new one in its place.
        """


CrewMaker = Callable[[int, Any], contextlib.AbstractContextManager[Crew[Any]]]
"""Makes a crew of at most so many members, each of whom has what all jobs share."""

_elsewhere: ContextVar[CrewMaker | None] = ContextVar("crews_elsewhere", default=None)


@contextlib.contextmanager
def crews_made_by(maker: CrewMaker) -> Iterator[None]:
    """Let somebody else than this process make the crews of a `with` block."""
    token = _elsewhere.set(maker)
    try:
        yield
    finally:
        _elsewhere.reset(token)


def crew_of(workers: int, shared: Shared) -> contextlib.AbstractContextManager[Crew[Shared]]:
    """A crew of so many processes; of one: this process does everything itself.

    However the block is left, none of them is left. Within `crews_made_by` it is made there.

    Args:
        workers: At least 1.
        shared: Handed to every job; sent once to each process.

    Raises:
        ModelProblem: No process can be started.
    """
    return (_elsewhere.get() or _crew_of_processes)(workers, shared)


@contextlib.contextmanager
def _crew_of_processes(workers: int, shared: Shared) -> Iterator[Crew[Shared]]:
    if workers == 1:
        yield _Alone(shared)
        return
    first_message = bytes(ForkingPickler.dumps((registry.plugin_files(), shared)))
    members: list[_Member] = []
    try:
        for _ in range(workers):
            members.append(_Member(first_message))
        yield _Processes(members)
    finally:
        for member in members:
            member.end()


def all_done(crew: Crew[Shared], jobs: Sequence[PortableJob[Shared]]) -> Iterator[tuple[int, Any]]:
    """Let a crew do all of these; yields the place of each among them, and what it returned.

    Raises:
        LostJob: The process that did one died.
    """
    begun = 0
    for _ in jobs:
        while begun < len(jobs) and crew.free:
            crew.start(begun, jobs[begun])
            begun += 1
        yield crew.next_done()


class _Alone(Generic[Shared]):
    """Does a job when its result is asked for."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._waiting: list[tuple[int, Job[Shared]]] = []

    @property
    def free(self) -> int:
        return 1 - len(self._waiting)

    def start(self, number: int, job: Job[Shared]) -> None:
        self._waiting.append((number, job))

    def next_done(self) -> tuple[int, Any]:
        number, job = self._waiting.pop()
        return number, job(self._shared)


class _Processes:
    def __init__(self, members: list[_Member]) -> None:
        self._idle = list(members)
        self._busy: dict[int, _Member] = {}

    @property
    def free(self) -> int:
        return len(self._idle)

    def start(self, number: int, job: Job[Any]) -> None:
        member = self._idle.pop()
        self._busy[number] = member
        with contextlib.suppress(BrokenPipeError):  # it died; `next_done` will tell
            member.line.send(job)

    def next_done(self) -> tuple[int, Any]:
        ready = wait([member.line for member in self._busy.values()])
        number = min(number for number, member in self._busy.items() if member.line in ready)
        member = self._busy.pop(number)
        self._idle.append(member)
        try:
            return number, member.line.recv()
        except (EOFError, ConnectionResetError) as error:
            raise LostJob(number, f"its process ended: {member.begin_anew()}") from error


class _Member:
    """A process, and the line to it."""

    def __init__(self, first_message: bytes) -> None:
        self._first_message = first_message
        self._start()

    def _start(self) -> None:
        here, there = socket.socketpair()
        paths = os.pathsep.join(path for path in sys.path if path)
        with there:
            try:
                self._process = subprocess.Popen(
                    # -P: the folder that it is started in is no place to import from.
                    [sys.executable, "-P", "-m", __name__, str(there.fileno()), str(os.getpid())],
                    stdin=subprocess.DEVNULL,
                    # What libraries print is no output of whoever called.
                    stdout=2,
                    pass_fds=[there.fileno()],
                    env=os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
                )
            except OSError as error:
                here.close()
                raise ModelProblem(
                    f"no further process can be started: {error.strerror}", "Set workers to 1."
                ) from error
        self.line: Connection = Connection(here.detach())
        with contextlib.suppress(BrokenPipeError):
            self.line.send_bytes(self._first_message)

    def begin_anew(self) -> str:
        """Start another process in place of one that died; say how it did."""
        self.line.close()
        status = self._process.wait()
        self._start()
        return signal.Signals(-status).name if status < 0 else f"exit status {status}"

    def end(self) -> None:
        """Kill it: nobody waits for what it is doing."""
        self.line.close()
        self._process.kill()
        self._process.wait()


def main() -> int:
    """Do jobs as they come, until the line ends: `python -m ... DESCRIPTOR PARENT`."""
    descriptor, parent = (int(argument) for argument in sys.argv[1:])
    _die_with(parent)
    # Ctrl-C is for the parent, which ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    line = Connection(descriptor)
    try:
        plugins, shared = line.recv()
        for path in plugins:
            registry.load_file(path)
        while True:
            job = line.recv()
            line.send(job(shared))
    except (EOFError, ConnectionResetError, BrokenPipeError):
        return 0


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # It may have died before the kernel was told.
    if os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
