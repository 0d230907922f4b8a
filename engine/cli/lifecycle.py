"""`engine up`, `down`, `restart`, `status` and `serve`: the engine itself."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from engine.cli.options import CommandLine, json_option, pass_command_line, workspace_option
from engine.text import printable

if TYPE_CHECKING:
    from engine.client import EngineClient
    from engine.schema import EngineStatus, PoolInfo

_POLL_SECONDS = 0.1
_DOWN_SECONDS = 30.0


@click.command("up")
@click.option("--no-wait", is_flag=True, help="Do not wait until runs could start at once.")
@json_option
@workspace_option
@pass_command_line
def up(line: CommandLine, no_wait: bool) -> int:
    """Start the engine, or see that it runs; every command that needs it does so too."""
    from engine.cli.connect import connected

    with connected(line) as engine:
        return _wait_and_report(line, engine, wait=not no_wait)


@click.command("down")
@click.option("--cancel-runs", is_flag=True, help="Cancel what runs first.")
@json_option
@workspace_option
@pass_command_line
def down(line: CommandLine, cancel_runs: bool) -> None:
    """Stop the engine. Runs go on, and the next `engine up` takes them over."""
    from engine.cli.output import write_json, write_text

    stopped = stop_engine(line, cancel_runs=cancel_runs)
    if line.json:
        write_json({"stopped": stopped is not None, "running": stopped.running if stopped else []})
    elif stopped is None:
        write_text("no engine runs here")
    else:
        write_text("the engine has stopped")
        for run in stopped.running:
            write_text(f"  {run} goes on; `engine up` takes it over")


@click.command("restart")
@json_option
@workspace_option
@pass_command_line
def restart(line: CommandLine) -> int:
    """Stop the engine and start it again, as after an upgrade; runs and predictions go on."""
    from engine.cli.connect import connected

    stop_engine(line, cancel_runs=False, keep_predictor=True)
    with connected(line) as engine:
        return _wait_and_report(line, engine, wait=True)


@click.command("status")
@json_option
@workspace_option
@pass_command_line
def status(line: CommandLine) -> int:
    """Show how the engine is doing; exit status 6 when none runs."""
    from engine.cli.connect import connected
    from engine.cli.exit_codes import ExitCode
    from engine.cli.output import write_json, write_text
    from engine.client import calls
    from engine.client.start import answers

    if not answers(line.workspace):
        if line.json:
            write_json({"up": False, "workspace": str(line.workspace.root)})
        else:
            write_text(f"no engine runs in {line.workspace.root}; start it: engine up")
        return ExitCode.SERVER
    with connected(line, autostart=False) as engine:
        return _report(line, engine.send(calls.status()))


@click.command("serve")
@workspace_option
@pass_command_line
def serve(line: CommandLine) -> int:
    """Be the engine, in the foreground, until stopped: for systemd and containers.

    Exit status, that of sysexits(3): 0 stopped, 75 another engine has the workspace, 78
    configuration, 74 storage.
    """
    from engine.daemon.main import serve as serve_engine

    return serve_engine(line.workspace, log_to_file=False, warm=True)


@dataclass(frozen=True)
class Stopped:
    """An engine that was stopped, and the runs that go on without it."""

    running: list[str]


def stop_engine(
    line: CommandLine, *, cancel_runs: bool, keep_predictor: bool = False
) -> Stopped | None:
    """Stop the engine and wait until it is gone; None when there was none."""
    from engine.cli.connect import connected
    from engine.client import calls
    from engine.client.start import answers
    from engine.errors import ServerError
    from engine.processes import start_mark

    if not answers(line.workspace):
        return None
    with connected(line, autostart=False) as engine:
        reply = engine.send(calls.down(cancel_runs=cancel_runs, keep_predictor=keep_predictor))
    deadline = time.monotonic() + _DOWN_SECONDS
    while start_mark(reply.pid) is not None:
        if time.monotonic() > deadline:
            raise ServerError(
                f"the engine (process {reply.pid}) has not ended within {_DOWN_SECONDS:g} s",
                where=str(line.workspace.engine_log),
            )
        time.sleep(_POLL_SECONDS)
    return Stopped([f"{run.flow} {run.name} ({run.id[:8]})" for run in reply.runs])


def _wait_and_report(line: CommandLine, engine: EngineClient, *, wait: bool) -> int:
    from engine.cli.diagnostics import report_status
    from engine.client import calls

    state = engine.send(calls.warm())
    said = ""
    while wait and any(child.state in ("starting", "restarting") for child in state.children):
        starting = ", ".join(child.name for child in state.children if child.state != "ready")
        if starting != said and not line.json:
            report_status(f"... starting: {starting}")
            said = starting
        time.sleep(_POLL_SECONDS)
        state = engine.send(calls.status())
    return _report(line, state)


def _report(line: CommandLine, state: EngineStatus) -> int:
    from engine.cli.exit_codes import ExitCode
    from engine.cli.output import wants_ascii, write_json, write_text
    from engine.text import printable

    healthy = not state.problems and all(child.state != "failed" for child in state.children)
    if line.json:
        import msgspec

        data: dict[str, Any] = msgspec.to_builtins(state)
        write_json({"up": True, "healthy": healthy, **data})
        return ExitCode.OK if healthy else ExitCode.FAILED
    ready, not_ready = ("ok", "..") if wants_ascii() else ("●", "○")
    write_text(f"{ready} engine: process {state.pid}, version {state.version}{_usage(state)}")
    for child in state.children:
        glyph = ready if child.state == "ready" else not_ready
        where = f", process {child.pid}" if child.pid else ""
        where += f", {child.address}" if child.address else ""
        again = f", restarted {child.restarts} times" if child.restarts else ""
        write_text(f"{glyph} {child.name}: {child.state}{where}{again}{_usage(child)}")
        if child.problem and child.state != "ready":
            write_text(f"    {child.problem}")
    if state.pool is not None:
        glyph = not_ready if state.pool.problem else ready
        write_text(f"{glyph} work pool {printable(state.pool.name)}: {_workers(state.pool)}")
    for name, address in state.addresses.items():
        path = "/flow-monitoring" if name == "web_page" else "/docs"
        write_text(f"{ready} {name.replace('_', ' ')}: {address}{path}")
    for problem in (*state.problems, *state.warnings):
        write_text(f"! {printable(problem)}")
    queued = f", {state.queued} waiting" if state.queued else ""
    write_text(f"{state.running} of at most {state.max_concurrent} runs at once{queued}")
    write_text(f"workspace: {state.workspace}")
    return ExitCode.OK if healthy else ExitCode.FAILED


def _workers(pool: PoolInfo) -> str:
    names = ", ".join(one.name for one in pool.workers if one.online)
    return printable(pool.problem or f"worked for by {names}")


def _usage(of: Any) -> str:
    if of.memory is None:
        return ""
    return f", {of.memory / 1024**2:.0f} MiB, {of.cpu_seconds:.1f} s CPU"
