"""`engine logs ID`."""

from __future__ import annotations

import time

import click

from engine.cli.options import CommandLine, pass_command_line, workspace_option

_POLL_SECONDS = 0.2


@click.command("logs")
@click.argument("run_id", metavar="ID")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended.")
@click.option("-n", "--lines", type=click.IntRange(1), metavar="N", help="Only the last N lines.")
@workspace_option
@pass_command_line
def logs(line: CommandLine, run_id: str, follow: bool, lines: int | None) -> None:
    """Print the log of a run; control characters are shown escaped."""
    from engine.charts.text import printable
    from engine.cli.output import write_text
    from engine.errors import NotFoundError
    from engine.execution.order import LOG_FILE
    from engine.runs.table import RunTable

    workspace = line.workspace.create()
    table = RunTable(workspace.database)
    table.bury_dead()
    record = table.get(run_id)
    path = workspace.run_folder(record.id) / LOG_FILE
    if not path.exists():
        raise NotFoundError(f"run {record.id} has no log", where=str(path))
    with path.open(encoding="utf-8", errors="replace") as file:
        text = file.read().splitlines()
        for entry in text[-lines:] if lines else text:
            write_text(printable(entry))
        while follow:
            # Asked before reading: what was written before the end is then read for sure.
            ended = table.get(record.id).is_final
            for entry in file.read().splitlines():
                write_text(printable(entry))
            if ended:
                return
            table.bury_dead()
            time.sleep(_POLL_SECONDS)
