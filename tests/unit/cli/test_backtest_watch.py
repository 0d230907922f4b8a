from __future__ import annotations

import io
import os
import pty
import signal
import sys
from pathlib import Path

import pytest

from engine.cli.backtest_watch import BacktestProgress, outliving_the_terminal

WORK = """
import sys, time
from pathlib import Path
from engine.cli.backtest_watch import BacktestProgress, outliving_the_terminal

with outliving_the_terminal(), BacktestProgress("0" * 8, quiet=False) as watch:
    watch.begin("LSTM", "")
    sys.stdout.write("ready")
    sys.stdout.flush()
    for round in range(1, 41):
        watch.progress("epoch", round, 40, loss=0.5)
        time.sleep(0.02)
    watch.end("LSTM", "")
    sys.stdout.write("the result")
    sys.stdout.flush()
    Path(sys.argv[1]).write_text("done")
"""


class Gone(io.StringIO):
    """A terminal that is not there any more."""

    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize("terminal", ["dumb", "xterm-256color"])
def test_a_terminal_that_is_closed_does_not_end_the_work(tmp_path: Path, terminal: str) -> None:
    process, descriptor = pty.fork()
    if process == 0:
        os.environ["TERM"] = terminal
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        os.execv(sys.executable, [sys.executable, "-c", WORK, str(tmp_path / "end")])
    said = b""
    while b"ready" not in said:
        said += os.read(descriptor, 4096)
    os.close(descriptor)  # which sends the signal

    _, status = os.waitpid(process, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert (tmp_path / "end").read_text() == "done"


def test_what_a_lost_terminal_refuses_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", Gone())

    with BacktestProgress("0" * 8, quiet=False) as watch:
        watch.begin("LSTM", "")
        watch.progress("epoch", 1, 1, loss=0.5)
        watch.end("LSTM", "the loss is not a number")


def test_afterwards_the_signal_means_what_it_did() -> None:
    before = signal.getsignal(signal.SIGHUP)
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with outliving_the_terminal():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # nohup
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        with outliving_the_terminal():
            assert callable(signal.getsignal(signal.SIGHUP))
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_each_contender_is_told_as_it_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    with BacktestProgress("0" * 8, quiet=False) as watch:
        watch.begin("LSTM", "origin 2 of 4")
        watch.progress("epoch", 20, 20, validation_loss=0.75)
        watch.end("LSTM", "")
        watch.begin("GRU", "")
        watch.end("GRU", "the loss is not a number")

    captured = capsys.readouterr()
    lines = [line.partition("] ")[2] for line in captured.err.splitlines()]
    assert captured.out == ""
    assert lines[0] == "LSTM, origin 2 of 4: epoch 20/20  validation loss 0.75"
    assert lines[1].startswith("LSTM: completed in")
    assert lines[2].startswith("GRU: failed in")
