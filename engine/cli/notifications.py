"""`engine notifications`: who is told of runs that ended badly, and of drift."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from engine.cli.options import CommandLine, json_option, pass_command_line, workspace_option

if TYPE_CHECKING:
    from engine.schema import NotificationInfo


@click.group("notifications")
def notifications() -> None:
    """Messages about runs that ended badly and about drift.

    The section notifications in engine.yaml says who gets them.
    """


@notifications.command("list")
@json_option
@workspace_option
@pass_command_line
def list_(line: CommandLine) -> None:
    """List the newest messages and whether they were delivered."""
    from engine.cli.connect import connected
    from engine.client import calls

    with connected(line) as engine:
        found = engine.send(calls.notifications()).notifications
    _report(line, found, "no messages yet")


@notifications.command("test")
@json_option
@workspace_option
@pass_command_line
def test(line: CommandLine) -> int:
    """Send a test message to everyone who would be told."""
    from engine.cli.connect import connected
    from engine.cli.exit_codes import ExitCode
    from engine.client import calls

    with connected(line) as engine:
        found = engine.send(calls.test_notifications()).notifications
    _report(line, found, "nobody would be told: see `engine config reference notifications`")
    return ExitCode.OK if all(one.delivered for one in found) else ExitCode.FAILED


def _report(line: CommandLine, found: tuple[NotificationInfo, ...], none: str) -> None:
    from engine.cli.output import write_json, write_text

    if line.json:
        import msgspec

        write_json([msgspec.to_builtins(one) for one in found])
        return
    if not found:
        write_text(none)
    for one in found:
        how = "delivered" if one.delivered else f"not delivered: {one.problem}"
        if not one.delivered and not one.attempts:
            how = "about to be delivered"
        about = one.run_id[:8] if one.check_id is None else "drift"
        write_text(f"{about:8}  {one.target}: {how}")
