from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import processes
from engine.processes import is_alive, signal_group, start_mark, step_back


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing for a minute, in a group of its own."""
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        yield process
        process.kill()


def test_a_living_process_keeps_its_mark(sleeper: subprocess.Popen[bytes]) -> None:
    mark = start_mark(sleeper.pid)

    assert mark is not None
    assert start_mark(sleeper.pid) == mark
    assert is_alive(sleeper.pid, mark)


def test_a_process_that_ended_is_dead(sleeper: subprocess.Popen[bytes]) -> None:
    mark = start_mark(sleeper.pid)
    sleeper.kill()
    sleeper.wait()

    assert start_mark(sleeper.pid) is None
    assert not is_alive(sleeper.pid, mark)


def test_a_process_that_ended_and_was_not_collected_is_dead(
    sleeper: subprocess.Popen[bytes],
) -> None:
    mark = start_mark(sleeper.pid)
    sleeper.kill()
    # Waits for the death but leaves the zombie.
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)

    assert Path(f"/proc/{sleeper.pid}/stat").exists()
    assert not is_alive(sleeper.pid, mark)


def test_a_later_process_of_the_same_number_is_another_one(
    sleeper: subprocess.Popen[bytes],
) -> None:
    mark_of_an_earlier_one = start_mark(1)

    assert start_mark(sleeper.pid) != mark_of_an_earlier_one
    assert not is_alive(sleeper.pid, mark_of_an_earlier_one)


def test_a_process_of_an_earlier_boot_is_another_one(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = start_mark(sleeper.pid)
    # After the next boot the same number may have begun at the same time since the boot.
    monkeypatch.setattr(processes, "_boot", lambda: "another")

    assert not is_alive(sleeper.pid, mark)


@pytest.mark.parametrize(
    ("pid", "mark"),
    [(None, None), (None, "1"), pytest.param(os.getpid(), None, id="own-None")],
)
def test_a_process_that_was_never_recorded_is_not_alive(pid: int | None, mark: str | None) -> None:
    assert not is_alive(pid, mark)


@pytest.mark.parametrize("name", ["a) Z (b", "sp ace", "))"])
def test_the_name_of_a_program_does_not_confuse_the_mark(tmp_path: Path, name: str) -> None:
    program = tmp_path / name
    shutil.copy(str(shutil.which("sleep")), program)
    with subprocess.Popen([str(program), "60"]) as process:
        mark, own = start_mark(process.pid), start_mark(os.getpid())
        process.kill()

    assert mark is not None
    assert own is not None
    (boot, ticks), (own_boot, own_ticks) = mark.split("-"), own.split("-")
    assert boot == own_boot
    assert int(ticks) >= int(own_ticks)


def test_a_signal_reaches_the_whole_group() -> None:
    script = "sleep 60 & echo $!; wait"
    with subprocess.Popen(
        ["sh", "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        grandchild = int(process.stdout.readline())
        mark = start_mark(grandchild)

        signal_group(process.pid, signal.SIGTERM)

        # The pipe ends when the last process that holds it is gone.
        assert process.stdout.read() == ""
        assert process.wait() == -signal.SIGTERM
    assert mark is not None


def test_a_group_that_is_gone_already_is_no_error(sleeper: subprocess.Popen[bytes]) -> None:
    sleeper.kill()
    sleeper.wait()

    signal_group(sleeper.pid, signal.SIGTERM)


def test_a_process_steps_back_and_so_does_its_session() -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        step_back(7, process.pid)
        nice = os.getpriority(os.PRIO_PROCESS, process.pid)
        group = Path(f"/proc/{process.pid}/autogroup")
        told = group.read_text() if group.exists() else f"nice {nice}"
        process.kill()

    assert nice == min(19, before + 7)
    assert told.split()[-1] == str(nice)


def test_a_process_that_is_gone_need_not_step_back(sleeper: subprocess.Popen[bytes]) -> None:
    sleeper.kill()
    sleeper.wait()

    step_back(7, sleeper.pid)
