from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine.errors import StorageError
from engine.locks import FileLock

_HOLDER = """
import sys
from pathlib import Path
from engine.locks import FileLock
lock = FileLock(Path(sys.argv[1]))
lock.acquire(shared=sys.argv[2] == "shared")
print("held", flush=True)
sys.stdin.read()
"""

Hold = Callable[[str], subprocess.Popen[str]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "clients.lock"


@pytest.fixture
def hold(path: Path) -> Iterator[Hold]:
    """Let another process hold the lock until its standard input is closed."""
    with ExitStack() as processes:

        def start(mode: str) -> subprocess.Popen[str]:
            process = processes.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", _HOLDER, str(path), mode],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            processes.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            return process

        yield start


def is_free(path: Path, *, shared: bool = False) -> bool:
    lock = FileLock(path)
    taken = lock.acquire(shared=shared, wait=False)
    lock.release()
    return taken


@pytest.mark.parametrize("mode", ["shared", "exclusive"])
def test_only_shared_locks_go_together(hold: Hold, path: Path, mode: str) -> None:
    hold(mode)

    assert is_free(path, shared=True) == (mode == "shared")
    assert not is_free(path)


def test_a_lock_dies_with_its_holder_however_that_died(hold: Hold, path: Path) -> None:
    holder = hold("exclusive")
    holder.kill()
    holder.wait()

    assert is_free(path)


def test_one_may_wait_for_the_holder_to_leave(hold: Hold, path: Path) -> None:
    holder = hold("exclusive")
    assert holder.stdin is not None
    holder.stdin.close()

    lock = FileLock(path)
    assert lock.acquire()
    lock.release()


def test_a_child_that_inherits_the_open_file_keeps_the_lock(path: Path) -> None:
    lock = FileLock(path)
    assert lock.acquire(shared=True)
    with subprocess.Popen(["sleep", "60"], pass_fds=(lock.descriptor,)) as child:
        lock.release()
        assert not is_free(path)
        child.kill()
    assert is_free(path)


def test_any_other_child_does_not_keep_it(path: Path) -> None:
    lock = FileLock(path)
    assert lock.acquire()
    with subprocess.Popen(["sleep", "60"], close_fds=False) as child:
        lock.release()
        assert is_free(path)
        child.kill()


def test_a_lock_that_is_not_held_has_nothing_to_hand_on(path: Path) -> None:
    lock = FileLock(path)
    lock.acquire()
    lock.release()
    lock.release()

    with pytest.raises(ValueError, match="is not locked here"):
        _ = lock.descriptor


def test_the_file_is_for_its_owner_alone(path: Path) -> None:
    assert is_free(path)

    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"missing/a\.lock: cannot be locked: No such file"):
        FileLock(tmp_path / "missing" / "a.lock").acquire()
