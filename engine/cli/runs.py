"""`engine runs`."""

from __future__ import annotations

import time

import click

from engine.cli.options import CommandLine, json_option, pass_command_line, workspace_option
from engine.states import FINAL_STATES

_FLOWS = ("data_flow", "train_flow", "eval_flow", "deploy_flow", "full_flow")
_STATES = ("PENDING", "RUNNING", *sorted(FINAL_STATES))
_COLUMNS = ("id", "flow", "name", "model", "state", "started", "took")


@click.command("runs")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--flow", type=click.Choice(_FLOWS), help="Only runs of this flow.")
@click.option(
    "--state", type=click.Choice(_STATES, case_sensitive=False), help="Only runs in this state."
)
@json_option
@workspace_option
@pass_command_line
def runs(line: CommandLine, limit: int, flow: str | None, state: str | None) -> None:
    """List runs, the newest first."""
    from engine.cli.output import write_json, write_table, write_text
    from engine.cli.report import run_data
    from engine.cli.times import clock, zone
    from engine.config.loading import load_engine_settings
    from engine.runs.table import RunTable

    workspace = line.workspace.create()
    table = RunTable(workspace.database)
    table.bury_dead()
    records = table.newest(limit, flow=flow, state=state)
    if line.json:
        write_json([run_data(record, None) for record in records])
        return
    if not records:
        write_text("no runs yet; start one: engine run full_flow")
        return
    from rich.table import Table
    from rich.text import Text

    timezone = zone(load_engine_settings(workspace_configs=workspace.configs).settings.timezone)
    shown = Table(*_COLUMNS, box=None, pad_edge=False)
    for record in records:
        took = (record.ended or time.time()) - record.started if record.started else None
        shown.add_row(
            record.id[:8],
            record.flow,
            Text(record.name),
            Text(str(record.parameters.get("model_type", ""))),
            Text(record.state, _COLOURS.get(record.state, "")),
            clock(record.started or record.created, timezone),
            "" if took is None else f"{took:.1f} s",
        )
    write_table(shown)


_COLOURS = {
    "COMPLETED": "green",
    "FAILED": "red",
    "CRASHED": "bold red",
    "CANCELLED": "yellow",
    "RUNNING": "cyan",
}
