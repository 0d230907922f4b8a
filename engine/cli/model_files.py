"""`engine models verify | export | import | delete | gc`: what central storage holds."""

from __future__ import annotations

from pathlib import Path

import click

from engine.cli.options import (
    CommandLine,
    alias_type_option,
    json_option,
    pass_command_line,
    workspace_option,
)
from engine.cli.versions import resolve_version


@click.command("verify")
@click.argument("version", metavar="[VERSION]", required=False)
@alias_type_option
@json_option
@workspace_option
@pass_command_line
def verify(line: CommandLine, version: str | None, data_type: str | None) -> int:
    """Check the files and golden answers of versions; without one, of all."""
    from engine.cli.exit_codes import ExitCode
    from engine.cli.output import write_json, write_text
    from engine.errors import ModelError
    from engine.store import open_store

    store = open_store(line.workspace.create())
    if version is not None:
        chosen = [resolve_version(line, version, data_type)]
    else:
        chosen = [one for one in store.newest() if data_type in (None, one.data_type)]
    problems = {}
    for one in chosen:
        try:
            one.open()
        except ModelError as error:
            problems[one.id] = error.what
    if line.json:
        write_json([{"id": one.id, "problem": problems.get(one.id)} for one in chosen])
    else:
        for one in chosen:
            write_text(f"{one.id}: {problems.get(one.id, 'verified')}")
    return ExitCode.FAILED if problems else ExitCode.OK


@click.command("export")
@click.argument("version", metavar="VERSION")
@click.argument("path", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
@alias_type_option
@json_option
@workspace_option
@pass_command_line
def export_(line: CommandLine, version: str, path: Path | None, data_type: str | None) -> None:
    """Write a version with its lineage as one file (default: VERSION.zip in this folder)."""
    from engine.cli.output import write_json, write_text
    from engine.store.archive import export_version

    chosen = resolve_version(line, version, data_type)
    target = path or Path(f"{chosen.id}.zip")
    export_version(chosen, target)
    size = target.stat().st_size
    if line.json:
        write_json({"id": chosen.id, "file": str(target), "bytes": size})
    else:
        write_text(f"{chosen.id} is in {target} ({size:,} bytes)")


@click.command("import")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@json_option
@workspace_option
@pass_command_line
def import_(line: CommandLine, path: Path) -> None:
    """Store a version that `engine models export` wrote; it serves when it is promoted."""
    import getpass
    import time

    from engine.cli.output import write_json, write_text
    from engine.store import open_store
    from engine.store.archive import import_version

    who = {"who": getpass.getuser(), "at": time.time(), "file": path.name}
    version, is_new = import_version(path, open_store(line.workspace.create()), imported=who)
    if line.json:
        write_json({"id": version.id, "new": is_new})
    elif is_new:
        write_text(f"stored: {version.id}; it serves after: engine models promote {version.id}")
    else:
        write_text(f"{version.id} was here already")


@click.command("delete")
@click.argument("version", metavar="VERSION")
@json_option
@workspace_option
@pass_command_line
def delete(line: CommandLine, version: str) -> None:
    """Delete a version that no alias names."""
    from engine.cli.output import write_json, write_text
    from engine.store import AliasRegistry, open_store

    chosen = resolve_version(line, version)
    workspace = line.workspace
    with AliasRegistry(workspace.central_storage).held_away_from(chosen.id):
        open_store(workspace).delete(chosen.id)
    if line.json:
        write_json({"deleted": chosen.id})
    else:
        write_text(f"deleted: {chosen.id}")


@click.command("gc")
@click.option(
    "--keep",
    type=click.IntRange(0, 100_000),
    default=10,
    show_default=True,
    metavar="N",
    help="How many of the newest versions stay, beside champion and previous.",
)
@click.option("-n", "--dry-run", is_flag=True, help="Only show what would be deleted.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@json_option
@workspace_option
@pass_command_line
def gc(line: CommandLine, keep: int, dry_run: bool, yes: bool) -> None:
    """Delete all but the newest versions, and what writers that died left behind."""
    from engine.cli.output import write_json, write_text
    from engine.store import AliasRegistry, open_store
    from engine.store.sweeping import Sweep

    workspace = line.workspace.create()
    sweep = Sweep(open_store(workspace), AliasRegistry(workspace.central_storage))
    plan = sweep.plan(keep)
    if not line.json:
        for version_id in plan.versions:
            write_text(f"old version: {version_id}")
        for name in plan.copies:
            write_text(f"copy of a version that is not shared any more: {name}")
        for name in plan.abandoned:
            write_text(f"upload that was given up: {name}")
    if plan and not dry_run:
        if not yes:
            click.confirm("Delete these for ever?", abort=True, err=True)
        sweep.carry_out(plan)
    unfinished = 0 if dry_run else sweep.sweep_unfinished()
    if line.json:
        write_json({**plan.to_dict(), "unfinished": unfinished, "deleted": not dry_run})
        return
    if unfinished:
        write_text(f"folders that were left unfinished: {unfinished}")
    if not plan and not unfinished:
        write_text("nothing to delete")
    elif not dry_run:
        write_text("deleted")
