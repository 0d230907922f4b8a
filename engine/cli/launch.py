"""Launching from the command line: a flow, or an earlier run again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.cli.connect import connected, origin
from engine.cli.ctrl_c import HeldCtrlC
from engine.cli.diagnostics import report_note
from engine.cli.exit_codes import ExitCode
from engine.cli.follow import follow_and_report
from engine.cli.options import CommandLine, LaunchOptions, meant_here
from engine.cli.output import write_json, write_text
from engine.cli.report import run_data
from engine.client import EngineClient, calls
from engine.schema import LaunchReply, RunInfo


def launch_run(
    line: CommandLine,
    flow: str,
    overrides: Sequence[str],
    flags: Mapping[str, Any],
    launch: LaunchOptions,
) -> int:
    """Launch a flow and stay with it, unless asked not to; return the exit code."""
    with connected(line) as engine, HeldCtrlC() as ctrl_c:
        reply = engine.send(
            calls.launch(
                flow,
                overrides=overrides,
                flags=meant_here(flags),
                key=launch.key,
                priority=launch.priority or 0,
                origin=origin(),
                tags=launch.tags,
            )
        )
        return _stay(line, engine, reply, launch, ctrl_c)


def launch_again(
    line: CommandLine,
    run_id: str,
    overrides: Sequence[str],
    flags: Mapping[str, Any],
    launch: LaunchOptions,
) -> int:
    """Launch an earlier run again, perhaps with changes; return the exit code."""
    with connected(line) as engine, HeldCtrlC() as ctrl_c:
        reply = engine.send(
            calls.rerun(
                run_id,
                overrides=overrides,
                flags=meant_here(flags),
                key=launch.key,
                priority=launch.priority,
                origin=origin(),
                tags=launch.tags or None,
            )
        )
        return _stay(line, engine, reply, launch, ctrl_c)


def _stay(
    line: CommandLine,
    engine: EngineClient,
    reply: LaunchReply,
    launch: LaunchOptions,
    ctrl_c: HeldCtrlC,
) -> int:
    run = reply.run
    if not line.json:
        for note in reply.notes:
            report_note(note)
        if not reply.created:
            report_note(f"this key was launched already, as {run.flow} {run.name} ({run.id[:8]})")
    if not launch.detach:
        return follow_and_report(line, engine, run, ctrl_c)
    try:
        with ctrl_c.let_through():
            _tell(line, run)
    except KeyboardInterrupt:
        engine.send(calls.cancel(run.id))
        raise
    return ExitCode.OK


def _tell(line: CommandLine, run: RunInfo) -> None:
    if line.json:
        write_json(run_data(run))
    else:
        write_text(f"{run.flow} {run.name} ({run.id})")
        write_text(f"  {run.waiting}" if run.waiting else f"  {run.state}")
        write_text(f"  watch it: engine watch {run.id[:8]}")
