"""Staying with a run until it ends: its progress on a terminal, its end as the exit code."""

from __future__ import annotations

import time

from engine.cli.ctrl_c import HeldCtrlC
from engine.cli.diagnostics import report_status
from engine.cli.exit_codes import code_of_run
from engine.cli.live import CANCELLING, ProgressView, progress_view
from engine.cli.options import CommandLine
from engine.cli.output import write_json
from engine.cli.report import detail_data, write_run_report
from engine.client import EngineClient, calls
from engine.config.loading import load_engine_settings
from engine.schema import ResetEvent, RunDetail, RunEvent, RunInfo, StepEvent, StepInfo
from engine.states import FINAL_STATES

_RECORD_SECONDS = 5.0
_POLL_SECONDS = 0.1


def follow_and_report(
    line: CommandLine, engine: EngineClient, run: RunInfo, ctrl_c: HeldCtrlC | None
) -> int:
    """Show the progress of a run until it ends, then what it came to; return the exit code.

    Args:
        line: Where, and whether as JSON.
        engine: The engine.
        run: The run.
        ctrl_c: Held since before the launch: Ctrl-C cancels the run, and pressed twice ends it at
            once. None: it only ends the watching.
    """
    return report_end(line, follow_to_end(line, engine, run, ctrl_c))


def report_end(line: CommandLine, detail: RunDetail) -> int:
    """Tell what a run came to; return the exit code."""
    if line.json:
        write_json(detail_data(detail))
    else:
        settings = load_engine_settings(workspace_configs=line.workspace.configs).settings
        write_run_report(detail, settings.timezone)
    return code_of_run(detail.run.state, detail.run.error_kind)


def follow_to_end(
    line: CommandLine, engine: EngineClient, run: RunInfo, ctrl_c: HeldCtrlC | None
) -> RunDetail:
    """Show the progress of a run until it ends; the arguments are those of `follow_and_report`."""
    with progress_view(run, quiet=line.json, cancels=ctrl_c is not None) as view:
        if ctrl_c is None:
            _show_until_end(engine, run.id, view)
        else:
            _follow(engine, run, view, ctrl_c)
    return _recorded(engine, run.id)


def _follow(engine: EngineClient, run: RunInfo, view: ProgressView, ctrl_c: HeldCtrlC) -> None:
    asked = False
    while True:
        try:
            with ctrl_c.let_through():
                _show_until_end(engine, run.id, view)
            return
        except KeyboardInterrupt:
            if not asked:
                report_status("cancelling; press Ctrl-C again to end it at once")
            engine.send(calls.cancel(run.id, hard=asked))
            asked = True


def _show_until_end(engine: EngineClient, run_id: str, view: ProgressView) -> None:
    steps: dict[str, StepInfo] = {}
    for event in engine.events(run_id):
        changed: list[StepInfo] = []
        run: RunInfo | None = None
        if isinstance(event, ResetEvent):
            detail = engine.send(calls.run(run_id))
            run = detail.run
            changed = [step for step in detail.steps if step != steps.get(step.id)]
        elif isinstance(event, StepEvent):
            changed = [event.step]
        elif isinstance(event, RunEvent):
            run = event.run
        steps |= {step.id: step for step in changed}
        if run is not None:
            view.status(_status(run))
        view.show(list(steps.values()), changed)
        if run is not None and run.state in FINAL_STATES:
            return


def _status(run: RunInfo) -> str:
    if run.state == "PENDING":
        return run.waiting
    return CANCELLING if run.state == "CANCELLING" else ""


def _recorded(engine: EngineClient, run_id: str) -> RunDetail:
    """The run with its tree as Prefect has it: for a run that was killed that takes a moment."""
    deadline = time.monotonic() + _RECORD_SECONDS
    while True:
        detail = engine.send(calls.run(run_id))
        if detail.rows or detail.run.started is None or time.monotonic() > deadline:
            return detail
        time.sleep(_POLL_SECONDS)
