from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from engine.daemon import errands
from engine.daemon.errands import Errand
from engine.processes import is_alive, start_mark
from engine.workspace import Workspace
from tests.unit.daemon.loop import for_a_moment, in_event_loop, running, until

_BEGIN = "import os, sys, time\nfrom pathlib import Path\nroot = Path(sys.argv[1])\n"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(errands, "_PAUSES", (0.01,))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


class Work:
    """An errand whose module is a few lines, and which is due when told so."""

    def __init__(self, workspace: Workspace, tmp_path: Path, code: str, **more: float) -> None:
        (tmp_path / "some_errand.py").write_text(_BEGIN + code)
        self.due = True
        self.root = workspace.root
        settings = {"every_seconds": 3600.0} | more
        self.errand = Errand(workspace, "some", "some_errand", self._is_due, **settings)

    async def _is_due(self) -> bool:
        return self.due

    def has(self, name: str) -> bool:
        return (self.root / name).exists() and (self.root / name).read_text() != ""

    def told(self, name: str) -> str:
        return (self.root / name).read_text()


@in_event_loop
async def test_it_is_done_in_a_process_that_steps_back_behind_the_others(
    workspace: Workspace, tmp_path: Path
) -> None:
    code = "time.sleep(0.2)\n(root / 'done').write_text(f'{os.nice(0)} {os.getsid(0)}')"
    work = Work(workspace, tmp_path, code)

    async with running(work.errand.run_regularly()):
        await for_a_moment()
        assert not work.has("done"), "nobody has woken it"
        work.errand.wake()
        await until(lambda: work.has("done"))

    nice, session = map(int, work.told("done").split())
    assert nice >= 10
    assert session != os.getsid(0)
    assert work.errand.problem == ""


@in_event_loop
async def test_nothing_is_started_when_nothing_is_due(workspace: Workspace, tmp_path: Path) -> None:
    work = Work(workspace, tmp_path, "(root / 'done').write_text('x')", every_seconds=0.01)
    work.due = False

    async with running(work.errand.run_regularly()):
        await for_a_moment()
        assert not workspace.errand_log("some").exists()
        work.due = True
        await until(lambda: work.has("done"))


@in_event_loop
async def test_what_fails_is_a_problem_and_is_done_again_until_it_works(
    workspace: Workspace, tmp_path: Path
) -> None:
    code = "(root / 'tried').open('a').write('x')\nif not (root / 'go').exists(): sys.exit('no')"
    work = Work(workspace, tmp_path, code)

    async with running(work.errand.run_regularly()):
        work.errand.wake()
        await until(lambda: work.errand.problem and work.told("tried").count("x") > 1)
        log = workspace.errand_log("some")
        assert work.errand.problem == f"some failed (exit status 1); see {log}"
        (work.root / "go").touch()
        await until(lambda: not work.errand.problem)

    assert log.read_text() == ""


@in_event_loop
async def test_what_hangs_is_ended(workspace: Workspace, tmp_path: Path) -> None:
    code = "(root / 'pid').write_text(str(os.getpid()))\ntime.sleep(600)"
    work = Work(workspace, tmp_path, code, most_seconds=1.0)

    async with running(work.errand.run_regularly()):
        work.errand.wake()
        await until(lambda: work.has("pid"))
        pid = int(work.told("pid"))
        await until(lambda: work.errand.problem)

    assert "took longer than 1 s and was ended" in work.errand.problem
    assert start_mark(pid) is None


@in_event_loop
async def test_it_ends_with_the_engine(workspace: Workspace, tmp_path: Path) -> None:
    code = "(root / 'pid').write_text(str(os.getpid()))\ntime.sleep(600)"
    work = Work(workspace, tmp_path, code)

    async with running(work.errand.run_regularly()):
        work.errand.wake()
        await until(lambda: work.has("pid"))
        pid = int(work.told("pid"))
        mark = start_mark(pid) or ""

    assert not is_alive(pid, mark)


@in_event_loop
async def test_who_is_woken_and_cancelled_at_once_ends(
    workspace: Workspace, tmp_path: Path
) -> None:
    """A cancel that is lost would keep an engine from ending."""
    work = Work(workspace, tmp_path, "(root / 'done').write_text('x')")
    work.due = False
    task = asyncio.create_task(work.errand.run_regularly())
    await for_a_moment()

    work.errand.wake()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5.0)
