"""`engine runs`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from engine.cli.options import (
    CommandLine,
    json_option,
    pass_command_line,
    tag_option,
    workspace_option,
)
from engine.states import FINAL_STATES, OPEN_STATES

if TYPE_CHECKING:
    from engine.schema import RunInfo

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
@tag_option("Only runs with this tag. Repeatable: with all of them.")
@click.option(
    "--filter",
    "filter_",
    default="",
    metavar="TEXT",
    help="Only runs that fit, e.g. 'state:failed dur>60 model:LSTM !tag:old swift'.",
)
@click.option(
    "--offset", type=click.IntRange(0), metavar="N", help="Leave out the N newest that fit."
)
@json_option
@workspace_option
@pass_command_line
def runs(
    line: CommandLine,
    limit: int,
    flow: str | None,
    state: str | None,
    tags: tuple[str, ...],
    filter_: str,
    offset: int | None,
) -> None:
    """List runs, the newest first; for one that waits, what it waits for.

    A filter is words and conditions, all of which must fit. A word is looked for in names, flows,
    ids, models and messages: its letters in their order. Conditions are state:failed (or open,
    ended), flow:, model:, name:, id:, origin:, message:, key:, tag:, and dur>60, age<2d, cpu>1h,
    mem>500m, priority>0. ! in front: not so. Texts with blanks need quotes.
    """
    from engine.cli.connect import connected
    from engine.cli.output import write_json, write_text
    from engine.cli.report import run_data
    from engine.client import calls
    from engine.run_filter import parse_filter

    # A mistake is told without starting an engine; there it is understood once more.
    wanted = parse_filter(" ".join([filter_, *(f"tag:{tag}" for tag in tags)]).strip()).text
    found: list[RunInfo] = []
    before, skip = None, offset
    with connected(line) as engine:
        while len(found) < limit:
            size = min(limit - len(found), _PAGE)
            page = engine.send(
                calls.runs(
                    size,
                    flow=flow,
                    state=state,
                    before=before,
                    offset=skip,
                    filter=wanted or None,
                )
            )
            found += page.runs
            before, skip = page.before, None
            if before is None:
                break
    if line.json:
        write_json([run_data(run) for run in found])
        return
    if not found:
        none = "no runs yet; start one: engine run full_flow"
        narrowed = flow or state or wanted or offset
        write_text("no such runs" if narrowed else none)
        return
    _write_table(line, found)


def _write_table(line: CommandLine, found: list[RunInfo]) -> None:
    from rich.table import Table
    from rich.text import Text

    from engine.cli.output import write_table, write_text
    from engine.cli.times import clock
    from engine.config.loading import load_engine_settings
    from engine.zones import zone_of

    configs = line.workspace.configs
    timezone = zone_of(load_engine_settings(workspace_configs=configs).settings.timezone)
    has_tags = any(run.tags for run in found)
    shown = Table(*_COLUMNS, *(["tags"] if has_tags else []), box=None, pad_edge=False)
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
            *([" ".join(run.tags)] if has_tags else []),
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
