"""How far a run is, and how long it may take yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from engine.charts.scales import format_duration
from engine.schema import RunInfo, StepInfo
from engine.states import FINAL_STATES
from tui.language import tr
from tui.paint import Line


@dataclass(frozen=True, slots=True)
class Progress:
    """How far something is.

    Attributes:
        step: The step that runs, None where none does.
        share: From 0 to 1, None where nobody can tell.
        left: Seconds that are left, None where nobody can tell.
    """

    step: StepInfo | None
    share: float | None
    left: float | None


def progress_of(
    run: RunInfo, steps: Sequence[StepInfo], usual: float | None, now: float
) -> Progress | None:
    """How far a run is; None for one that does not run.

    What the running step counts tells best; else the median duration of earlier runs does.

    Args:
        run: The run.
        steps: Its steps.
        usual: Median duration of its flow's last completed runs, in seconds.
        now: The present, in seconds since the epoch.
    """
    if run.started is None or run.state in FINAL_STATES:
        return None
    running = [step for step in steps if step.end is None]
    step = next((step for step in reversed(running) if step.total), None)
    if step is not None:
        share = min(1.0, step.done / step.total)
        elapsed = max(0.0, now - step.start)
        return Progress(step, share, elapsed / share - elapsed if share else None)
    last = running[-1] if running else None
    if usual:
        elapsed = max(0.0, now - run.started)
        left = usual - elapsed
        return Progress(last, min(0.99, elapsed / usual), left if left > 0 else None)
    return Progress(last, None, None)


def bar(share: float, width: int) -> Line:
    """A bar of so many columns, filled by a share from 0 to 1."""
    filled = min(width, max(0, round(share * width)))
    return [("━" * filled, "run"), ("─" * (width - filled), "rule")]


def left_text(left: float) -> str:
    """How long it may take yet, in words."""
    # Tenths of a second would promise what nobody knows.
    whole = max(1, round(left))
    about = f"{whole} s" if whole < 60 else format_duration(whole)
    return tr("about {time} left", time=about)


def unit_text(step: StepInfo) -> str:
    """What a step has counted so far: "epoch 8/20"."""
    return f"{step.unit} {step.done}/{step.total}" if step.unit else ""


def measures_text(step: StepInfo, width: int | None = None) -> str:
    """What a step measured last: in so many columns the first ones that fit whole."""
    told = [f"{name} {value:.4g}" for name, value in step.measures.items()]
    while told and width is not None and cell_len("  ".join(told)) > width:
        told.pop()
    return "  ".join(told)
