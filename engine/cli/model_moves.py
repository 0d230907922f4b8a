"""`engine models promote | rollback`: which version serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from engine.cli.models import resolve_version
from engine.cli.options import CommandLine, json_option, pass_command_line, workspace_option

if TYPE_CHECKING:
    from engine.store import AliasState

_reason_option = click.option("--reason", default="", metavar="TEXT", help="Why; kept in the log.")


@click.command("promote")
@click.argument("version", metavar="VERSION")
@_reason_option
@json_option
@workspace_option
@pass_command_line
def promote(line: CommandLine, version: str, reason: str) -> None:
    """Let a stored version serve, after it has been verified."""
    from engine.store import AliasRegistry

    chosen = resolve_version(line, version)
    aliases = AliasRegistry(line.workspace.central_storage)
    before = aliases.read()
    chosen.open()
    after = aliases.promote(chosen.id, expected=before.champion, reason=reason)
    _report(line, after, has_moved=before.champion != after.champion)


@click.command("rollback")
@_reason_option
@json_option
@workspace_option
@pass_command_line
def rollback(line: CommandLine, reason: str) -> None:
    """Let the previous version serve again; a second rollback returns."""
    from engine.store import AliasRegistry

    aliases = AliasRegistry(line.workspace.create().central_storage)
    _report(line, aliases.roll_back(reason=reason), has_moved=True)


def _report(line: CommandLine, state: AliasState, *, has_moved: bool) -> None:
    from engine.cli.output import write_json, write_text

    if line.json:
        # Whoever moves aliases by hand may want to take it back: promoting what was replaced does.
        replaced = state.previous if has_moved else None
        write_json({"champion": state.champion, "previous": state.previous, "replaced": replaced})
    else:
        write_text(f"champion is now {state.champion} (previous: {state.previous})")
