"""What is shown of a run while it goes on."""

from __future__ import annotations

import contextlib
import os
import pty
import time
from typing import Any

import pytest

from engine.cli import live
from engine.cli.live import ProgressView, progress_view
from engine.schema import StepInfo
from tests.unit.client.messages import run_info, step_info

AGO = 600
PATIENCE_SECONDS = 10.0


def training_step() -> StepInfo:
    return step_info(
        "1",
        name="train_model",
        start=time.time() - AGO,
        unit="epoch",
        done=3,
        total=20,
        measures={"loss": 0.25},
    )


def read_to_the_end(screen: int) -> str:
    """Everything that was written to a terminal whose other side is closed now."""
    parts = []
    with contextlib.suppress(OSError):  # how a terminal says that there is no more
        while part := os.read(screen, 65536):
            parts.append(part)
    os.close(screen)
    return b"".join(parts).decode()


def test_time_counts_from_the_launch_and_not_from_when_watching_began(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = run_info(created=time.time() - AGO)
    step = training_step()

    with progress_view(run, quiet=False, cancels=False) as view:
        view.show([step], [step])

    assert f"[ {AGO}." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("cancels", "hint"), [(True, "Ctrl-C cancels"), (False, "Ctrl-C stops watching")]
)
def test_on_a_terminal_run_time_steps_and_what_ctrl_c_does_are_shown(
    monkeypatch: pytest.MonkeyPatch, cancels: bool, hint: str
) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w", encoding="utf-8") as terminal:
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "100")
        monkeypatch.setattr("sys.stderr", terminal)
        run = run_info(created=time.time() - AGO, flow="train_flow", name="swift-otter")
        with progress_view(run, quiet=False, cancels=cancels) as view:
            view.show([training_step()], [])
            view.status("cancelling")
    shown = read_to_the_end(ours)

    for part in ("train_flow", "swift-otter", f"{AGO} s", hint, "train_model", "epoch 3/20"):
        assert part in shown
    assert "loss 0.25" in shown
    assert "cancelling" in shown


@pytest.mark.parametrize(("status", "said"), [("cancelling", "stopped in"), ("", "crashed in")])
def test_a_step_that_was_ended_from_outside_stopped_when_that_was_asked_for(
    capsys: pytest.CaptureFixture[str], status: str, said: str
) -> None:
    began = time.time() - AGO
    step = step_info("1", name="train_model", state="CRASHED", start=began, end=began + 2)

    with progress_view(run_info(created=began), quiet=False, cancels=True) as view:
        view.status(status)
        view.show([step], [step])

    assert f"train_model: {said} 2.0 s" in capsys.readouterr().err


def counted(view: ProgressView, done: int, **changed: Any) -> None:
    values = {"name": "train_model", "unit": "trial", "done": done, "total": 12}
    step = step_info("1", **{**values, **changed})
    view.show([step], [step])


def told_until(capsys: pytest.CaptureFixture[str], text: str) -> str:
    """What was told on stderr when a text stands there."""
    said, deadline = "", time.monotonic() + PATIENCE_SECONDS
    while text not in said:
        assert time.monotonic() < deadline, said
        time.sleep(0.01)
        said += capsys.readouterr().err
    return said


def test_the_last_count_of_a_burst_is_told_when_lines_may_be_written_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_LINE_SECONDS", 0.3)
    began = time.monotonic()

    with progress_view(run_info(created=time.time()), quiet=False, cancels=False) as view:
        for done in range(1, 9):
            counted(view, done)
        said = told_until(capsys, "trial 8/12")
        took = time.monotonic() - began
        time.sleep(0.4)
        said += capsys.readouterr().err

    assert took >= 0.3
    assert [line.split()[5] for line in said.splitlines()] == ["1/12", "8/12"]


@pytest.mark.parametrize(
    "changed", [{"state": "COMPLETED", "end": 103.0, "unit": ""}, {"done": 12}]
)
def test_a_count_that_is_outdated_is_not_told_any_more(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any]
) -> None:
    monkeypatch.setattr(live, "_LINE_SECONDS", 0.1)

    with progress_view(run_info(created=time.time()), quiet=False, cancels=False) as view:
        counted(view, 1)
        counted(view, 2)
        counted(view, **{"done": 3, **changed})
        time.sleep(0.2)

    assert " 2/12" not in capsys.readouterr().err


def test_nothing_is_told_once_nobody_watches(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_LINE_SECONDS", 0.1)

    with progress_view(run_info(created=time.time()), quiet=False, cancels=False) as view:
        counted(view, 1)
        counted(view, 2)
    time.sleep(0.2)

    assert " 2/12" not in capsys.readouterr().err
