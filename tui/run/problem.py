"""Why a run ended badly: what it said, where in its log, and what to do."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.schema import RunInfo
from tui.language import tr
from tui.paint import Line, clean, clip, crop, text_of, width_of, wrap

_TRACEBACK = "Traceback (most recent call last):"
_ERROR = re.compile(r"\b(ERROR|CRITICAL|FATAL)\b|^\w*(Error|Exception)\b|Traceback \(most recent")
_MOST = 200

# What to do, by family of errors; what a message says itself is better and stands above it.
_ADVICE = {
    "ConfigError": "Correct the configuration: `engine config check` names file and line.",
    "DataError": "Correct the rows, or allow them: `engine config reference dataset.rules`.",
    "NotFoundError": "Run the flow before it first, or name what exists.",
    "ModelError": "Look at the log; `engine models verify` checks a version.",
    "DeployRefusedError": "Train better, or deploy it with `--force REASON`.",
    "ServerError": "`engine doctor` examines the machine and the workspace.",
    "StorageError": "Free some space or correct the rights; `engine doctor` tells.",
    "MemoryError": "Give it more memory (run.memory_limit_mb) or less data.",
}


def is_error_line(line: str) -> bool:
    """Whether a line of a log tells of a mistake."""
    return _ERROR.search(line) is not None


def traceback_of(lines: Sequence[str]) -> list[str]:
    """The last traceback of a log with what follows it, at most some hundred lines."""
    starts = [at for at, line in enumerate(lines) if _TRACEBACK in line]
    if not starts:
        return []
    # Errors that were raised while another was handled stand in one block.
    first = starts[-1]
    for before in reversed(starts[:-1]):
        between = lines[before + 1 : first]
        if len(between) > _MOST or not any("exception" in line for line in between):
            break
        first = before
    return list(lines[first : first + _MOST])


def problem_lines(
    run: RunInfo, steps: Sequence[str], log: Sequence[str] | None, width: int
) -> list[Line]:
    """What went wrong; a sentence where nothing did.

    Args:
        run: The run.
        steps: Names of the tasks that ended badly.
        log: The end of its log, None while that is not known.
        width: Columns.
    """
    if run.state not in ("FAILED", "CRASHED", "CANCELLED"):
        return [[], [(" " + tr("Nothing went wrong so far."), "dim")]]
    lines: list[Line] = [[(f" {run.error_kind}", "dim")]] if run.error_kind else []
    lines += [
        [(f" {text}", "bad")] for text in wrap(run.message or run.state.lower(), width - 2) if text
    ]
    if steps:
        lines += [[], [(" " + tr("Failed steps"), "title")]]
        lines += [[(clip(f" ✗ {name}", width), "")] for name in steps[:20]]
    lines += [[], [(" " + tr("What to do"), "title")]]
    advice = tr(_ADVICE[run.error_kind]) if run.error_kind in _ADVICE else ""
    short = run.id[:8]
    again = tr("Once it is mended: engine retry {run}   (ctrl+r; R changes it first)", run=short)
    for said in (advice, again):
        lines += [[(f" {text}", "accent")] for text in wrap(said, width - 2) if text]
    return [*lines, [], *_log_part(log, width)]


def _log_part(log: Sequence[str] | None, width: int) -> list[Line]:
    if log is None:
        return [[(" " + tr("reading the log…"), "dim")]]
    trace = traceback_of(log)
    title = tr("Traceback") if trace else tr("End of the log")
    shown = trace or list(log[-12:])
    lines: list[Line] = [[(f" {title}", "title")]]
    for line in shown:
        look = "bad" if is_error_line(line) else "dim"
        lines += [[(f" {text}", look)] for text in _wrap_kept(line, width - 2)]
    return lines if shown else [*lines, [(" " + tr("it wrote nothing"), "dim")]]


def _wrap_kept(text: str, width: int) -> list[str]:
    """A line broken at the width only, so that its indentation stays."""
    whole: Line = [(clean(text), "")]
    end = max(1, width_of(whole))
    step = max(1, width)
    return [text_of(crop(whole, at, at + step)) for at in range(0, end, step)]
