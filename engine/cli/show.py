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
    """Show one run: how it ended, its timeline, what it made.

    ID is the id that `engine runs` prints, or the beginning of it.
    """
    from engine.cli.output import write_json
    from engine.cli.report import run_data, write_run_report
    from engine.config.loading import load_engine_settings
    from engine.execution.outcome import Outcome
    from engine.runs.table import RunTable

    workspace = line.workspace.create()
    table = RunTable(workspace.database)
    table.bury_dead()
    record = table.get(run_id)
    folder = workspace.run_folder(record.id)
    outcome = Outcome.read(folder)
    if line.json:
        write_json(run_data(record, outcome))
        return
    engine = load_engine_settings(workspace_configs=workspace.configs)
    write_run_report(record, outcome, folder, engine.settings.timezone)
