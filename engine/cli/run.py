"""`engine run FLOW` and `engine run show ID`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from engine.cli.lazy import LazyGroup
from engine.cli.options import (
    CommandLine,
    LaunchOptions,
    flow_options,
    json_option,
    launch_options,
    pass_command_line,
    set_option,
    workspace_option,
)

_FLOWS = {
    "data_flow": "Load, validate, prepare and split the data set.",
    "train_flow": "Train a model on the data set that data_flow left.",
    "eval_flow": "Measure the trained model beside a simple one and the champion.",
    "deploy_flow": "Let the measured model through the gate, store it, make it serve.",
    "full_flow": "All four in order.",
}


@click.group(
    cls=LazyGroup,
    lazy={"show": ("engine.cli.show:show", "Show one run: result, timeline, outputs.")},
)
def run() -> None:
    """Run a flow and watch it; Ctrl-C cancels it cleanly, a lost terminal does not.

    The flows take up what the one before left: data_flow a data set, train_flow a candidate,
    eval_flow its measurements. full_flow does all four.
    """


def _flow_command(flow: str, summary: str) -> click.Command:
    @click.command(flow, help=f"{summary}\n\nEvery setting: `engine config show {flow}`.")
    @flow_options
    @click.option(
        "--force", metavar="REASON", help="Deploy although the gate refuses; recorded with REASON."
    )
    @click.option("--dry-run", is_flag=True, help="Say what would run, and launch nothing.")
    @set_option
    @launch_options
    @json_option
    @workspace_option
    @pass_command_line
    def command(
        line: CommandLine,
        /,
        overrides: Sequence[str],
        launch: LaunchOptions,
        dry_run: bool,
        **flags: Any,
    ) -> int:
        if dry_run:
            from engine.cli.dry_run import dry_run as tell

            return tell(line, flow, overrides, flags)
        from engine.cli.launch import launch_run

        return launch_run(line, flow, overrides, flags, launch)

    return command


for _name, _summary in _FLOWS.items():
    run.add_command(_flow_command(_name, _summary))
