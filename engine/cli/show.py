"""`engine run show ID`."""

from __future__ import annotations

import click

from engine.cli.options import CommandLine, json_option, pass_command_line, workspace_option


@click.command("show")
@click.argument("run_id", metavar="ID")
@json_option
@workspace_option
@pass_command_line
def show(line: CommandLine, run_id: str) -> None:
    """Show one run: how it is going or how it ended, its timeline, what it made.

    ID is the id that `engine runs` prints, or the beginning of it.
    """
    from engine.cli.connect import connected
    from engine.cli.output import write_json
    from engine.cli.report import detail_data, write_run_report
    from engine.client import calls
    from engine.config.loading import load_engine_settings

    with connected(line) as engine:
        detail = engine.send(calls.run(run_id))
    if line.json:
        write_json(detail_data(detail))
        return
    settings = load_engine_settings(workspace_configs=line.workspace.configs).settings
    write_run_report(detail, settings.timezone)
