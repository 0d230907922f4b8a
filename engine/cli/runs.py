"""`engine runs`."""

from __future__ import annotations

import time

import click

from engine.cli.options import CommandLine, json_option, pass_command_line, workspace_option
from engine.states import FINAL_STATES, OPEN_STATES

_FLOWS = ("data_flow", "train_flow", "eval_flow", "deploy_flow", "full_flow")
_STATES = (*OPEN_STATES, *sorted(FINAL_STATES))
_COLUMNS = ("id", "flow", "name", "model", "state", "started", "took")
_PAGE = 1000


@click.command("runs")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1_000_000))
@click.option("--flow", type=click.Choice(_FLOWS), help="Only runs of this flow.")
@click.option(
    "--state", type=click.Choice(_STATES, case_sensitive=False), help="Only runs in this state."
)
@json_option
@workspace_option
@pass_command_line
def runs(line: CommandLine, limit: int, flow: str | None, state: str | None) -> None:
    """List runs, the newest first; for one that waits, what it waits for."""
    from engine.cli.connect import connected
    from engine.cli.output import write_json, write_table, write_text
    from engine.cli.report import run_data
    from engine.cli.times import clock
    from engine.client import calls
    from engine.config.loading import load_engine_settings
    from engine.schema import RunInfo
    from engine.zones import zone_of

    found: list[RunInfo] = []
    before: float | None = None
    with connected(line) as engine:
        while len(found) < limit:
            size = min(limit - len(found), _PAGE)
            page = engine.send(calls.runs(size, flow=flow, state=state, before=before))
            found += page.runs
            before = page.before
            if before is None:
                break
    if line.json:
        write_json([run_data(run) for run in found])
        return
    if not found:
        none = "no runs yet; start one: engine run full_flow"
        write_text("no such runs" if flow or state else none)
        return
    from rich.table import Table
    from rich.text import Text

    configs = line.workspace.configs
    timezone = zone_of(load_engine_settings(workspace_configs=configs).settings.timezone)
    shown = Table(*_COLUMNS, box=None, pad_edge=False)
    for run in found:
        took = (run.ended or time.time()) - run.started if run.started else None
        shown.add_row(
            run.id[:8],
            run.flow,
            Text(run.name),
            Text(str(run.parameters.get("model_type", ""))),
            Text(run.state, _COLOURS.get(run.state, "")),
            clock(run.started or run.created, timezone),
            "" if took is None else f"{took:.1f} s",
        )
    write_table(shown)
    for run in found:
        if run.waiting:
            write_text(f"{run.id[:8]}: {run.waiting}")


_COLOURS = {
    "COMPLETED": "green",
    "FAILED": "red",
    "CRASHED": "bold red",
    "CANCELLED": "yellow",
    "CANCELLING": "yellow",
    "RUNNING": "cyan",
}
