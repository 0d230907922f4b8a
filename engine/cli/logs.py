"""`engine logs ID` and `engine watch ID`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from engine.cli.options import CommandLine, json_option, pass_command_line, workspace_option

if TYPE_CHECKING:
    from engine.client import EngineClient


@click.command("logs")
@click.argument("run_id", metavar="ID")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended.")
@click.option("-n", "--lines", type=click.IntRange(1), metavar="N", help="Only the last N lines.")
@workspace_option
@pass_command_line
def logs(line: CommandLine, run_id: str, follow: bool, lines: int | None) -> None:
    """Print the log of a run; control characters are shown escaped."""
    from engine.cli.connect import connected
    from engine.client import calls

    with connected(line) as engine:
        run = engine.send(calls.run(run_id)).run
        reply = engine.send(calls.log(run.id, tail=lines))
        _write(reply.lines)
        cursor = reply.cursor
        if lines is None:
            cursor = _write_rest(engine, run.id, cursor)
        if follow:
            _follow(engine, run.id, cursor)


def _write(lines: tuple[str, ...]) -> None:
    from engine.cli.output import write_text
    from engine.text import printable

    for entry in lines:
        write_text(printable(entry))


def _write_rest(engine: EngineClient, run_id: str, cursor: str) -> str:
    """Print from a place on as far as the log goes at the moment; return the place after it."""
    from engine.client import calls

    while True:
        reply = engine.send(calls.log(run_id, cursor=cursor))
        _write(reply.lines)
        if reply.cursor == cursor:
            return cursor
        cursor = reply.cursor


def _follow(engine: EngineClient, run_id: str, cursor: str) -> None:
    """Print what comes; the feed says when there is something, the log itself says what."""
    from engine.client import calls
    from engine.schema import LogEvent, ResetEvent, RunEvent
    from engine.states import FINAL_STATES

    for event in engine.events(run_id, logs=True):
        if isinstance(event, LogEvent | ResetEvent | RunEvent):
            cursor = _write_rest(engine, run_id, cursor)
        run = engine.send(calls.run(run_id)).run if isinstance(event, ResetEvent) else None
        if isinstance(event, RunEvent):
            run = event.run
        if run is not None and run.state in FINAL_STATES:
            _write_rest(engine, run_id, cursor)
            return


@click.command("watch")
@click.argument("run_id", metavar="ID")
@json_option
@workspace_option
@pass_command_line
def watch(line: CommandLine, run_id: str) -> int:
    """Watch a run until it ends; Ctrl-C stops the watching, not the run.

    The exit status is that of the run, as `engine run` gives it.
    """
    from engine.cli.connect import connected
    from engine.cli.follow import follow_and_report
    from engine.client import calls

    with connected(line) as engine:
        run = engine.send(calls.run(run_id)).run
        return follow_and_report(line, engine, run, None)
