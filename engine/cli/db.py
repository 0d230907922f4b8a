"""`engine db info | backup | restore | vacuum`: the databases of a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.options import CommandLine, json_option, pass_command_line, workspace_option

if TYPE_CHECKING:
    from engine.upkeep.info import DatabaseInfo
    from engine.upkeep.restore import Restored

_configs_option = click.option("--with-configs", is_flag=True, help="Also configs/*.yaml.")
_secrets_option = click.option(
    "--with-secrets", is_flag=True, help="Also secrets.env and the tokens."
)


@click.group("db")
def db() -> None:
    """Look at the databases, copy them, bring copies back, tidy them.

    They are the engine's own, Prefect's and MLflow's: SQLite files, or one PostgreSQL database for
    Prefect and MLflow (database.url). Versions of models and data sets are files, and no part of
    them: see engine models export.
    """


@db.command("info")
@json_option
@workspace_option
@pass_command_line
def info(line: CommandLine) -> int:
    """Show each database: where, how large, of which revision, whether it is sound."""
    from engine.cli.exit_codes import ExitCode
    from engine.cli.output import write_json
    from engine.upkeep.info import look_at
    from engine.upkeep.places import places_of

    workspace = line.workspace
    found = look_at(places_of(workspace))
    cut_short = workspace.restoring.exists()
    if line.json:
        data = [one.to_dict() for one in found]
        write_json({"databases": data, "restore_was_cut_short": cut_short})
    else:
        _show(found, cut_short=cut_short)
    is_fine = not cut_short and not any(one.problem for one in found if one.is_used)
    return ExitCode.OK if is_fine else ExitCode.FAILED


@db.command("backup")
@click.argument("path", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
@_configs_option
@_secrets_option
@json_option
@workspace_option
@pass_command_line
def backup(line: CommandLine, path: Path | None, with_configs: bool, with_secrets: bool) -> None:
    """Write a copy of every database into one file, also while runs go on.

    The file is a .tar.gz (or a .tar, where its name says so); the default is a new one in the
    workspace's folder `backups`. PostgreSQL's part is made by pg_dump.
    """
    import time

    from engine.cli.output import write_json, write_text
    from engine.text import printable
    from engine.upkeep.backup import Wishes, back_up, default_target
    from engine.upkeep.places import places_of

    places = places_of(line.workspace.create())
    target = (path or default_target(places, time.time())).absolute()
    manifest = back_up(places, target, Wishes(with_configs, with_secrets))
    size = target.stat().st_size
    if line.json:
        write_json({"file": str(target), "bytes": size, **manifest.to_dict()})
        return
    held = ", ".join(entry.place for entry in manifest.entries)
    write_text(f"{printable(str(target))}: {size:,} bytes, with {held}")


@db.command("restore")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--stop", is_flag=True, help="Stop the engine first, if it runs.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@_configs_option
@_secrets_option
@json_option
@workspace_option
@pass_command_line
def restore(
    line: CommandLine,
    path: Path,
    stop: bool,
    yes: bool,
    with_configs: bool,
    with_secrets: bool,
) -> None:
    """Bring back what `engine db backup` wrote; what is there now is kept beside it.

    The whole file is verified before anything is changed. Runs that were launched since are known
    no more; their folders and the versions that they deployed stay. What waited in the queue then
    waits again.
    """
    from engine.cli.lifecycle import stop_engine
    from engine.client.start import answers
    from engine.errors import ConflictError
    from engine.upkeep.backup import Wishes
    from engine.upkeep.places import places_of
    from engine.upkeep.restore import restore as bring_back

    if answers(line.workspace) and not stop:
        raise ConflictError(
            "the engine runs", where=str(line.workspace.root), fix="Give --stop, or: engine down"
        )
    if not yes:
        click.confirm(f"Bring the databases back as they are in {path}?", abort=True, err=True)
    if stop:
        stop_engine(line, cancel_runs=False)
    wishes = Wishes(with_configs, with_secrets)
    _report_restored(line, bring_back(places_of(line.workspace), path.absolute(), wishes))


@db.command("vacuum")
@json_option
@workspace_option
@pass_command_line
def vacuum(line: CommandLine) -> None:
    """Give the space of deleted runs back to the disk; no run may go on meanwhile."""
    from dataclasses import asdict

    from engine.cli.output import write_json, write_text
    from engine.upkeep.places import places_of
    from engine.upkeep.vacuum import vacuum as tidy

    done = tidy(places_of(line.workspace))
    if line.json:
        write_json([asdict(one) for one in done])
        return
    for one in done:
        write_text(f"{one.name}: {_megabytes(one.before)}, now {_megabytes(one.after)}")
    if not done:
        write_text("there is no database yet")


def _report_restored(line: CommandLine, done: Restored) -> None:
    from engine.cli.output import write_json, write_text
    from engine.text import printable

    kept = [str(path) for path in done.kept]
    schemas = done.schemas
    if line.json:
        write_json(
            {
                "created": done.manifest.created,
                "restored": [str(path) for path in done.files],
                "kept": kept,
                "schemas": list(schemas.restored) if schemas else [],
                "kept_schemas": list(schemas.kept) if schemas else [],
            }
        )
        return
    for path in done.files:
        write_text(f"restored: {printable(str(path))}")
    for name in schemas.restored if schemas else ():
        write_text(f"restored: schema {name}")
    for name in kept:
        write_text(f"what was there is kept: {printable(name)}")
    for name in schemas.kept if schemas else ():
        write_text(f"what was there is kept: schema {name} (DROP SCHEMA {name} CASCADE)")


def _show(found: list[DatabaseInfo], *, cut_short: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    from engine.cli.output import write_table, write_text
    from engine.text import printable

    shown = Table(
        "database", "kind", "size", "to win", "revision", "rows", box=None, pad_edge=False
    )
    for one in found:
        rows = ", ".join(f"{count:,} {name}" for name, count in one.rows.items())
        shown.add_row(
            one.name,
            one.kind if one.is_used else f"{one.kind}, not used",
            _megabytes(one.size),
            _megabytes(one.free),
            f"{one.revision or '-'}{'' if one.is_current in (True, None) else ' (old)'}",
            Text(printable(rows)),
        )
    if found:
        write_table(shown)
    else:
        write_text("there is no database yet")
    for one in found:
        write_text(f"{one.name}: {printable(one.place)}{f', {one.holds}' if one.holds else ''}")
        if one.problem:
            write_text(f"! {one.name}: {printable(one.problem)}")
    if cut_short:
        write_text("! a restore was cut short: do it again (engine db restore FILE)")


def _megabytes(size: int) -> str:
    return f"{size / 1024**2:,.1f} MiB"
