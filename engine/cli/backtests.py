"""`engine backtest list | show | delete`: what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from engine.cli.options import CommandLine, json_option, pass_command_line, workspace_option

if TYPE_CHECKING:
    from engine.backtests.store import BacktestStore, StoredBacktest


@click.command("list")
@json_option
@workspace_option
@pass_command_line
def list_(line: CommandLine) -> None:
    """List the backtests, the newest first."""
    from engine.cli.diagnostics import report_note
    from engine.cli.output import write_json

    found, problems = _store(line).newest()
    for problem in problems:
        report_note(problem)
    if line.json:
        write_json([one.summary() for one in found])
    else:
        _write_list(line, found)


@click.command("show")
@click.argument("backtest_id", metavar="[ID]", required=False)
@click.option("--series", metavar="NAME", help="The forecasts of this series beside what came.")
@json_option
@workspace_option
@pass_command_line
def show(line: CommandLine, backtest_id: str | None, series: str | None) -> None:
    """Show how the contenders of a backtest did, and by how many days ahead.

    ID is one that `engine backtest list` prints, or its beginning; default is the newest.
    """
    from engine.cli.output import write_json

    stored = _store(line).get(backtest_id)
    if series is not None:
        _show_series(line, stored, series)
    elif line.json:
        write_json(stored.data)
    else:
        from engine.cli.backtest_report import write_backtest

        write_backtest(stored.data)


@click.command("delete")
@click.argument("backtest_ids", metavar="ID...", nargs=-1, required=True)
@json_option
@workspace_option
@pass_command_line
def delete(line: CommandLine, backtest_ids: tuple[str, ...]) -> None:
    """Delete backtests, with their forecasts; also what was left unfinished."""
    from engine.cli.output import write_json, write_text

    store = _store(line)
    deleted = [store.delete(one) for one in dict.fromkeys(backtest_ids)]
    if line.json:
        write_json({"deleted": deleted})
    else:
        write_text(f"deleted: {', '.join(deleted)}")


def _store(line: CommandLine) -> BacktestStore:
    from engine.backtests.store import BacktestStore

    return BacktestStore(line.workspace.create().backtests)


def _show_series(line: CommandLine, stored: StoredBacktest, series: str) -> None:
    from engine.backtests.forecasts import series_view
    from engine.backtests.store import FINISHED
    from engine.cli.output import write_json
    from engine.errors import ConflictError

    if stored.state != FINISHED:
        raise ConflictError(
            f"it is {stored.state}, {stored.data['done']} of {stored.data['total']} are measured",
            where=f"backtest {stored.id}",
            fix="Its forecasts can be seen when it is finished",
        )
    view = series_view(stored, line.workspace, series)
    if line.json:
        write_json(view)
    else:
        from engine.cli.backtest_report import write_series

        write_series(view)


def _write_list(line: CommandLine, found: list[StoredBacktest]) -> None:
    from engine.cli.output import write_table, write_text

    if not found:
        write_text("no backtest yet; hold types against each other: engine backtest run LSTM ...")
        return
    from rich.table import Column, Table
    from rich.text import Text

    from engine.cli.times import clock
    from engine.config.loading import load_engine_settings
    from engine.text import printable
    from engine.zones import zone_of

    configs = line.workspace.configs
    timezone = zone_of(load_engine_settings(workspace_configs=configs).settings.timezone)
    columns = ("when", "data set", "folds", "days", "contenders")
    whole = [Column(heading, no_wrap=True) for heading in ("id", "best")]
    shown = Table(whole[0], *columns, whole[1], "name", box=None, pad_edge=False)
    for one in found:
        data = one.summary()
        options = data["options"]
        names = ", ".join(printable(contender["name"]) for contender in data["contenders"])
        shown.add_row(
            one.id,
            clock(data["created"], timezone),
            Text(printable(data["dataset_name"])),
            str(options["folds"]),
            str(options["horizon"]),
            Text(names),
            Text(_best(data)),
            Text(printable(data["name"])),
        )
    write_table(shown)


def _best(data: dict[str, Any]) -> str:
    """The best contender's error, or how far the backtest is."""
    from engine.backtests.store import FINISHED, RUNNING

    if data["state"] == RUNNING:
        return f"{data['done']} of {data['total']} measured, by process {data['process']}"
    if data["state"] != FINISHED:
        return f"unfinished, {data['done']} of {data['total']} measured"
    value = data["contenders"][0]["scores"][data["metric"]]
    return "-" if value is None else f"{data['metric'].upper()} {value:.3f}"
