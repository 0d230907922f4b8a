"""`engine token create | list | revoke`: who may do what over the network."""

from __future__ import annotations

import re

import click

from engine.cli.options import CommandLine, json_option, pass_command_line, workspace_option
from engine.ids import WORDS, is_id

_SPAN = re.compile(r"([1-9][0-9]{0,4})([hd])")
_SECONDS = {"h": 3600.0, "d": 86_400.0}


@click.group("token")
def token() -> None:
    """Make and revoke tokens for the flow API, the web page and the predictor.

    The file `token` of the workspace holds your own, which may do everything.
    """


def _checked_name(_: click.Context, __: click.Parameter, value: str) -> str:
    if not is_id(value):
        raise click.BadParameter(f"a name has {WORDS}")
    return value


def _seconds(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    found = _SPAN.fullmatch(value)
    if found is None:
        raise click.BadParameter("write a number of hours or days, such as 12h or 90d")
    return int(found[1]) * _SECONDS[found[2]]


@token.command("create")
@click.argument("name", metavar="NAME", callback=_checked_name)
@click.option(
    "--role",
    type=click.Choice(["viewer", "operator", "admin"]),
    default="viewer",
    show_default=True,
    help="viewer reads; operator also launches and cancels; admin also changes what serves, what "
    "is scheduled and what is kept.",
)
@click.option("--expires", metavar="TIME", callback=_seconds, help="After hours or days: 12h, 90d.")
@json_option
@workspace_option
@pass_command_line
def create(line: CommandLine, name: str, role: str, expires: float | None) -> None:
    """Make a token and print it: it is shown this once."""
    import time

    from engine.cli.diagnostics import report_note
    from engine.cli.output import write_json, write_text
    from engine.tokens import ROLES, Tokens

    known = next(one for one in ROLES if one == role)
    until = None if expires is None else time.time() + expires
    made = Tokens(line.workspace.create()).create(name, known, expires=until)
    if line.json:
        write_json({"name": name, "role": role, "token": made, "expires": until})
        return
    write_text(made)
    report_note("it is not shown again; send it as the header Authorization: Bearer TOKEN")


@token.command("list")
@json_option
@workspace_option
@pass_command_line
def list_(line: CommandLine) -> None:
    """List the tokens that were made for others."""
    import time

    from engine.cli.output import write_json, write_table, write_text
    from engine.cli.times import clock
    from engine.config.loading import load_engine_settings
    from engine.tokens import Tokens
    from engine.zones import zone_of

    workspace = line.workspace.create()
    records = Tokens(workspace).records()
    if line.json:
        write_json(
            [
                {
                    "name": record.name,
                    "role": record.role,
                    "created": record.created,
                    "expires": record.expires,
                }
                for record in records
            ]
        )
        return
    if not records:
        write_text("there is no token beside your own; make one: engine token create NAME")
        return
    from rich.table import Table

    timezone = zone_of(load_engine_settings(workspace_configs=workspace.configs).settings.timezone)
    shown = Table("name", "role", "made", "expires", box=None, pad_edge=False)
    for record in records:
        until = "never" if record.expires is None else clock(record.expires, timezone)
        is_over = record.expires is not None and record.expires <= time.time()
        made = clock(record.created, timezone)
        shown.add_row(record.name, record.role, made, f"{until} (over)" if is_over else until)
    write_table(shown)


@token.command("revoke")
@click.argument("name", metavar="NAME")
@json_option
@workspace_option
@pass_command_line
def revoke(line: CommandLine, name: str) -> None:
    """Make a token worthless, from the next request on."""
    from engine.cli.output import write_json, write_text
    from engine.tokens import Tokens

    gone = Tokens(line.workspace.create()).revoke(name)
    if line.json:
        write_json({"revoked": gone.name, "role": gone.role})
    else:
        write_text(f"revoked: {gone.name} ({gone.role})")
