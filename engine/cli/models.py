"""`engine models`: what central storage holds and which version serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from engine.cli.lazy import LazyGroup
from engine.cli.options import (
    CommandLine,
    alias_type_option,
    json_option,
    pass_command_line,
    workspace_option,
)
from engine.cli.versions import resolve_version, roles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import tzinfo

    from engine.store import Version
    from engine.store.aliases import Move

_COMMANDS = {
    "promote": ("engine.cli.model_moves:promote", "Let a stored version serve."),
    "rollback": ("engine.cli.model_moves:rollback", "Let the previous version serve again."),
    "verify": ("engine.cli.model_files:verify", "Check files and golden answers of versions."),
    "export": ("engine.cli.model_files:export_", "Write a version as one file."),
    "import": ("engine.cli.model_files:import_", "Store a version that was exported elsewhere."),
    "delete": ("engine.cli.model_files:delete", "Delete a version that no alias names."),
    "gc": ("engine.cli.model_files:gc", "Delete all but the newest versions, and leftovers."),
}


@click.group("models", cls=LazyGroup, lazy=_COMMANDS, invoke_without_command=True)
@json_option
@workspace_option
@click.pass_context
def models(context: click.Context) -> None:
    """List the deployed versions; `champion` serves, `previous` served before.

    Each kind of data has its own two: a forecaster and a classifier serve side by side.
    """
    if context.invoked_subcommand is None:
        _list(context.ensure_object(CommandLine))


@models.command("show")
@click.argument("version", metavar="VERSION")
@click.option("--config", is_flag=True, help="With the whole configuration that trained it.")
@alias_type_option
@json_option
@workspace_option
@pass_command_line
def show(line: CommandLine, version: str, config: bool, data_type: str | None) -> None:
    """Show how good one version is, what it is made of and where it comes from.

    VERSION is an id or an alias. Of its configuration, what differs from the defaults is shown;
    --json has everything that was recorded.
    """
    from engine.cli.output import write_json, write_text

    data = resolve_version(line, version, data_type).to_dict()
    if line.json:
        write_json(data)
        return
    from engine.cli.version_report import version_lines

    alias = roles(line).get(data["id"], "")
    write_text("\n".join(version_lines(data, alias, _timezone(line), config=config)))


@models.command("compare")
@click.argument("versions", metavar="VERSION VERSION ...", nargs=-1, required=True)
@alias_type_option
@json_option
@workspace_option
@pass_command_line
def compare(line: CommandLine, versions: tuple[str, ...], data_type: str | None) -> None:
    """Show versions of one kind of data side by side: error, data, training."""
    from engine.cli.output import write_json, write_table
    from engine.cli.views.picking import view_of

    chosen = [resolve_version(line, version, data_type) for version in versions]
    kinds = {version.data_type for version in chosen}
    if len(kinds) > 1:
        raise click.UsageError(
            "Forecasters and classifiers have no measure in common: "
            + ", ".join(f"{version.id} is of {version.data_type}" for version in chosen)
        )
    columns = [view_of(version.data_type).comparable(version) for version in chosen]
    if line.json:
        write_json(columns)
        return
    from rich.table import Table
    from rich.text import Text

    shown = Table("", *(str(column["id"]) for column in columns), box=None, pad_edge=False)
    for key in [key for key in columns[0] if key != "id"]:
        shown.add_row(key.replace("_", " "), *(Text(_short(column[key])) for column in columns))
    write_table(shown)


def _short(value: Any) -> str:
    from engine.text import printable

    if value is None or value == "":
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return "\n".join(f"{name} {_short(part)}" for name, part in value.items()) or "-"
    return printable(str(value))


@models.command("log")
@json_option
@workspace_option
@pass_command_line
def log(line: CommandLine) -> None:
    """Who let which version serve, when and why."""
    from dataclasses import asdict

    from engine.cli.output import write_json, write_text
    from engine.store import AliasRegistry

    workspace = line.workspace.create()
    moves = AliasRegistry(workspace.central_storage).history()
    if line.json:
        write_json([asdict(move) for move in moves])
    elif not moves:
        write_text("no version was deployed yet")
    else:
        _write_moves(moves, _timezone(line))


def _write_moves(moves: Sequence[Move], timezone: tzinfo) -> None:
    from rich.table import Table
    from rich.text import Text

    from engine.cli.output import write_table
    from engine.cli.times import clock
    from engine.text import printable

    # Whose aliases moved is told only where it may be asked.
    has_types = len({move.data_type for move in moves}) > 1
    told = ("data type",) if has_types else ()
    shown = Table("when", "what", *told, "champion", "who", "why", box=None, pad_edge=False)
    for move in moves:
        shown.add_row(
            clock(move.at, timezone),
            move.action,
            *([move.data_type] if has_types else []),
            move.champion or "none",
            Text(printable(move.who)),
            Text(printable(move.reason)),
        )
    write_table(shown)


def _list(line: CommandLine) -> None:
    from engine.cli.output import write_json, write_text
    from engine.cli.views.picking import view_of
    from engine.store import open_store

    versions = open_store(line.workspace.create()).newest()
    called = roles(line)
    if line.json:
        write_json(
            [
                {
                    **version.to_dict(),
                    "alias": called.get(version.id),
                    "summary": view_of(version.data_type).comparable(version),
                }
                for version in versions
            ]
        )
    elif not versions:
        write_text("no version is deployed yet; train and deploy one: engine run full_flow")
    else:
        _write_versions(versions, called, _timezone(line))


def _write_versions(
    versions: Sequence[Version], called: Mapping[str, str], timezone: tzinfo
) -> None:
    """One table of all: the measures of each kind of data, beside others the main ones."""
    from rich.table import Column, Table

    from engine.cli.output import write_table
    from engine.cli.times import clock
    from engine.cli.views.picking import view_of, views_of

    views = views_of(version.data_type for version in versions)
    is_mixed = len(views) > 1
    measures = [
        (view, at, column.title)
        for view in views
        for at, column in enumerate(view.columns)
        if column.is_main or not is_mixed
    ]
    titles = [title for _, _, title in measures]
    told = ("data type",) if is_mixed else ()
    first = Column("version", no_wrap=True)
    shown = Table(first, *told, "alias", *titles, "deployed", box=None, pad_edge=False)
    for version in versions:
        own = view_of(version.data_type)
        cells = own.cells(version.lineage["evaluation"]["scores"])
        shown.add_row(
            version.id,
            *([version.data_type] if is_mixed else []),
            called.get(version.id, ""),
            *(cells[at] if view is own else "" for view, at, _ in measures),
            clock(version.created, timezone),
        )
    write_table(shown)


def _timezone(line: CommandLine) -> tzinfo:
    from engine.config.loading import load_engine_settings
    from engine.zones import zone_of

    loaded = load_engine_settings(workspace_configs=line.workspace.configs)
    return zone_of(loaded.settings.timezone)
