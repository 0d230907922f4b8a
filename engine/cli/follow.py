"""Launching a run from the command line and staying with it until it ends."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.cli.diagnostics import report_note, report_status
from engine.cli.exit_codes import code_of_run
from engine.cli.live import ProgressView, progress_view
from engine.cli.options import CommandLine
from engine.cli.output import write_json
from engine.cli.report import run_data, write_run_report
from engine.config.loading import load_engine_settings, load_settings
from engine.execution.launch import LaunchedRun, launch
from engine.execution.outcome import Outcome
from engine.runs.progress import ProgressReader
from engine.runs.steps import StepList

_REFRESH_SECONDS = 0.2


def run_and_follow(
    line: CommandLine, flow: str, overrides: Sequence[str], flags: Mapping[str, Any]
) -> int:
    """Run a flow, show its progress, print its result; return the exit code.

    Args:
        line: Where, and whether as JSON.
        flow: One of the five flows.
        overrides: The texts of `--set`.
        flags: Values of the command's own options; None = not given.
    """
    workspace = line.workspace.create()
    loaded = load_settings(
        flow,
        workspace_configs=workspace.configs,
        overrides=overrides,
        flags=_settings_flags(flags),
    )
    engine = load_engine_settings(workspace_configs=workspace.configs)
    if not line.json:
        for note in (*engine.notes, *loaded.notes):
            report_note(note)
    with progress_view(flow, quiet=line.json) as view:
        launched = launch(workspace, flow, loaded, engine.settings, on_wait=view.status)
        view.status("loading the libraries")
        try:
            _follow(launched, view)
        finally:
            record = launched.close()
    outcome = Outcome.read(launched.folder)
    if line.json:
        write_json(run_data(record, outcome))
    else:
        write_run_report(record, outcome, launched.folder, engine.settings.timezone)
    return code_of_run(record.state, record.error_kind)


def _follow(launched: LaunchedRun, view: ProgressView) -> None:
    """Show progress until the run's process has ended; Ctrl-C cancels the run.

    A cancelled run that has not stopped after the grace time is killed; a second Ctrl-C does not
    wait for that.
    """
    reader, steps = ProgressReader(launched.folder), StepList()
    kill_at: float | None = None
    while True:
        try:
            ended = launched.wait(_REFRESH_SECONDS)
            changed = [step for event in reader.new_events() if (step := steps.apply(event))]
            view.show(steps, changed)
            if ended:
                return
            if kill_at is not None and time.monotonic() > kill_at:
                launched.kill()
        except KeyboardInterrupt:
            if kill_at is not None:
                launched.kill()
                return
            kill_at = time.monotonic() + launched.grace_seconds
            report_status("cancelling; press Ctrl-C again to end it at once")
            launched.request_cancel()


def _settings_flags(flags: Mapping[str, Any]) -> dict[str, Any]:
    named = {key: value for key, value in flags.items() if key != "data"}
    if flags.get("data") is not None:
        # What is typed at a prompt means the folder one stands in, not the workspace's.
        named["data"] = str(Path(flags["data"]).absolute())
    return named
