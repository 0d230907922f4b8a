from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from models.search.crew import all_done, crew_of
from models.search.jobs import LostJob

pytestmark = pytest.mark.long


@dataclass(frozen=True)
class Sleep:
    """Imported by the processes from this file, whose folder is on their path."""

    seconds: float

    def __call__(self, shared: str) -> tuple[str, int]:
        time.sleep(self.seconds)
        return shared, os.getpid()


@dataclass(frozen=True)
class Die:
    def __call__(self, shared: str) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    for job in (Sleep, Die):
        monkeypatch.setattr(job, "__module__", "test_crew")
    monkeypatch.setitem(sys.modules, "test_crew", sys.modules[__name__])
    yield


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def test_jobs_are_done_in_other_processes_which_end_with_the_block() -> None:
    before = children()
    with crew_of(2, "shared") as crew:
        found = dict(all_done(crew, [Sleep(0.2) for _ in range(5)]))
        assert len(children() - before) == 2
    assert sorted(found) == [0, 1, 2, 3, 4]
    assert {shared for shared, _ in found.values()} == {"shared"}
    assert os.getpid() not in {pid for _, pid in found.values()}
    assert children() == before


def test_an_error_in_the_middle_leaves_no_process() -> None:
    before = children()
    with pytest.raises(KeyboardInterrupt), crew_of(2, "shared") as crew:
        crew.start(0, Sleep(60))
        raise KeyboardInterrupt
    assert children() == before


def test_a_process_that_dies_is_told_and_replaced() -> None:
    with crew_of(2, "shared") as crew:
        crew.start(0, Die())
        with pytest.raises(LostJob, match="SIGKILL") as lost:
            crew.next_done()
        assert lost.value.number == 0
        assert crew.free == 2
        assert len(dict(all_done(crew, [Sleep(0), Sleep(0)]))) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel does it on Linux")
def test_a_crew_dies_with_a_parent_that_is_killed() -> None:
    code = (
        "import time\nfrom models.search.crew import crew_of\nfrom test_crew import Sleep\n"
        "with crew_of(2, 'shared') as crew:\n"
        "    crew.start(0, Sleep(0)); crew.next_done(); crew.start(1, Sleep(60))\n"
        "    print('busy', flush=True); time.sleep(60)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment)
    assert parent.stdout is not None
    with parent, parent.stdout:
        assert parent.stdout.readline() == b"busy\n"
        crew = psutil.Process(parent.pid).children()
        parent.kill()
    assert len(crew) == 2
    assert psutil.wait_procs(crew, timeout=10)[1] == []
