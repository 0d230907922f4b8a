"""`engine models promote | rollback`: which version serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from engine.cli.options import (
    CommandLine,
    alias_type_option,
    json_option,
    pass_command_line,
    workspace_option,
)
from engine.cli.versions import alias_states, meant_type, resolve_version, serving_types

if TYPE_CHECKING:
    from engine.store import AliasState

_reason_option = click.option("--reason", default="", metavar="TEXT", help="Why; kept in the log.")


@click.command("promote")
@click.argument("version", metavar="VERSION")
@alias_type_option
@_reason_option
@json_option
@workspace_option
@pass_command_line
def promote(line: CommandLine, version: str, data_type: str | None, reason: str) -> None:
    """Let a stored version serve, after it has been verified.

    It takes the place of the champion of its own kind of data; that of another goes on serving.
    """
    from engine.store import AliasRegistry

    chosen = resolve_version(line, version, data_type)
    aliases = AliasRegistry(line.workspace.central_storage, chosen.data_type)
    before = aliases.read()
    chosen.open()
    after = aliases.promote(chosen.id, expected=before.champion, reason=reason)
    _report(line, chosen.data_type, after, has_moved=before.champion != after.champion)


@click.command("rollback")
@alias_type_option
@_reason_option
@json_option
@workspace_option
@pass_command_line
def rollback(line: CommandLine, data_type: str | None, reason: str) -> None:
    """Let the previous version serve again; a second rollback returns."""
    from engine.store import AliasRegistry

    meant = data_type or meant_type(alias_states(line))
    aliases = AliasRegistry(line.workspace.central_storage, meant)
    _report(line, meant, aliases.roll_back(reason=reason), has_moved=True)


def _report(line: CommandLine, data_type: str, state: AliasState, *, has_moved: bool) -> None:
    from engine.cli.output import write_json, write_text

    if line.json:
        # Whoever moves aliases by hand may want to take it back: promoting what was replaced does.
        replaced = state.previous if has_moved else None
        write_json(
            {
                "data_type": data_type,
                "champion": state.champion,
                "previous": state.previous,
                "replaced": replaced,
            }
        )
        return
    others = [one for one in serving_types(alias_states(line)) if one != data_type]
    whose = f"{data_type} champion" if others else "champion"
    write_text(f"{whose} is now {state.champion} (previous: {state.previous})")
