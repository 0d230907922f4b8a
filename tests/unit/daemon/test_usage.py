from __future__ import annotations

import os
import subprocess
import sys
import time

from engine.daemon.usage import look

_BIG = 64 * 1024**2
_HOLDER = f"""
import sys
held = bytearray({_BIG})
print("held", flush=True)
sys.stdin.read()
"""


def test_a_process_that_lives_uses_time_and_memory() -> None:
    usage = look(os.getpid())

    assert usage is not None
    assert usage.cpu_seconds > 0
    assert usage.memory > 1024**2


def test_time_that_is_used_is_counted() -> None:
    before = look(os.getpid(), alone=True)
    began = time.process_time()
    while time.process_time() - began < 0.1:
        pass
    after = look(os.getpid(), alone=True)

    assert before is not None
    assert after is not None
    # The kernel counts in hundredths of a second.
    assert after.cpu_seconds - before.cpu_seconds >= 0.05


def test_what_a_process_started_counts_with_it_unless_it_is_looked_at_alone() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        together, alone, child = look(os.getpid()), look(os.getpid(), alone=True), look(holder.pid)
        assert holder.stdin is not None
        holder.stdin.close()

    assert together is not None
    assert alone is not None
    assert child is not None
    assert child.memory >= _BIG
    assert together.memory - alone.memory >= _BIG
    assert together.cpu_seconds >= alone.cpu_seconds


def test_what_a_process_had_done_by_others_that_ended_counts_unless_it_is_looked_at_alone() -> None:
    before = look(os.getpid()), look(os.getpid(), alone=True)
    busy = "import time\nwhile time.process_time() < 0.4: pass"
    subprocess.run([sys.executable, "-c", busy], check=True)
    after = look(os.getpid()), look(os.getpid(), alone=True)

    (together, alone), (together_later, alone_later) = before, after
    assert together is not None
    assert together_later is not None
    assert alone is not None
    assert alone_later is not None
    assert together_later.cpu_seconds - together.cpu_seconds >= 0.35
    assert alone_later.cpu_seconds - alone.cpu_seconds < 0.3


def test_of_a_process_that_is_gone_nothing_is_known() -> None:
    with subprocess.Popen(["true"]) as process:
        pass

    assert look(process.pid) is None


def test_a_process_that_is_dead_and_not_collected_uses_no_memory() -> None:
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        usage = look(process.pid)

    assert usage is None or usage.memory == 0
