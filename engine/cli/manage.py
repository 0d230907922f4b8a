"""`engine cancel`, `retry`, `rerun` and `delete`: what can be done to runs that there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from engine.cli.options import (
    CommandLine,
    LaunchOptions,
    flow_options,
    json_option,
    launch_options,
    pass_command_line,
    set_option,
    workspace_option,
)
from engine.states import FINAL_STATES, OPEN_STATES

if TYPE_CHECKING:
    from engine.schema import ChooseRequest, RunsReply

_FLOWS = ("data_flow", "train_flow", "eval_flow", "deploy_flow", "full_flow")


def _choice(states: Sequence[str]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The arguments that say which runs are meant."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in (
            click.argument("run_ids", nargs=-1, metavar="[ID]..."),
            click.option("--all", "all_", is_flag=True, help="All that can be."),
            click.option("--flow", type=click.Choice(_FLOWS), help="All of this flow."),
            click.option(
                "--state",
                type=click.Choice(states, case_sensitive=False),
                help="All in this state.",
            ),
        ):
            function = decorator(function)
        return function

    return decorate


@click.command("cancel")
@_choice(OPEN_STATES)
@click.option("--now", is_flag=True, help="Kill at once instead of asking first.")
@json_option
@workspace_option
@pass_command_line
def cancel(line: CommandLine, /, run_ids: Sequence[str], now: bool, **chosen: Any) -> int:
    """End runs: those that wait at once, those that go on by asking them to stop.

    A run that has not stopped after run.cancel_grace_seconds is killed.
    """
    from engine.cli.connect import connected
    from engine.client import calls

    with connected(line) as engine:
        reply = engine.send(calls.cancel_all(_choose(run_ids, **chosen), hard=now))
    return _report(line, reply, "cancelled", "nothing to cancel")


@click.command("delete")
@_choice(sorted(FINAL_STATES))
@click.option(
    "--force", is_flag=True, help="Also runs that the next flow would take something up from."
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask before deleting many.")
@json_option
@workspace_option
@pass_command_line
def delete(
    line: CommandLine, /, run_ids: Sequence[str], force: bool, yes: bool, **chosen: Any
) -> int:
    """Delete runs that have ended, with their folders; deployed versions stay."""
    from engine.cli.connect import connected
    from engine.client import calls

    wanted = _choose(run_ids, **chosen)
    if not run_ids and not yes:
        click.confirm("Delete all of these runs for ever?", abort=True, err=True)
    with connected(line) as engine:
        reply = engine.send(calls.delete(wanted, force=force))
    return _report(line, reply, "deleted", "nothing to delete")


@click.command("retry")
@click.argument("run_id", metavar="ID")
@launch_options
@json_option
@workspace_option
@pass_command_line
def retry(line: CommandLine, run_id: str, launch: LaunchOptions) -> int:
    """Run again what a run was asked to do; corrected configuration files count."""
    from engine.cli.launch import launch_again

    return launch_again(line, run_id, (), {}, launch)


@click.command("rerun")
@click.argument("run_id", metavar="ID")
@flow_options
@set_option
@launch_options
@json_option
@workspace_option
@pass_command_line
def rerun(
    line: CommandLine,
    /,
    run_id: str,
    overrides: Sequence[str],
    launch: LaunchOptions,
    **flags: Any,
) -> int:
    """Run again what a run was asked to do, with changes."""
    from engine.cli.launch import launch_again

    return launch_again(line, run_id, overrides, flags, launch)


def _choose(
    run_ids: Sequence[str], *, all_: bool, flow: str | None, state: str | None
) -> ChooseRequest:
    from engine.schema import ChooseRequest

    if not run_ids and not all_ and flow is None and state is None:
        raise click.UsageError("Which runs? Give ids, --flow, --state or --all.")
    if run_ids and (all_ or flow or state):
        raise click.UsageError("Give either ids or one of --flow, --state, --all.")
    return ChooseRequest(ids=tuple(run_ids), flow=flow, state=state, all=all_)


def _report(line: CommandLine, reply: RunsReply, done: str, nothing: str) -> int:
    from engine.cli.diagnostics import report_note
    from engine.cli.exit_codes import ExitCode
    from engine.cli.output import write_json, write_text
    from engine.cli.report import run_data

    if line.json:
        write_json({"runs": [run_data(run) for run in reply.runs], "refused": reply.refused})
    else:
        for run in reply.runs:
            state = run.state.lower() if done == "cancelled" else done
            write_text(f"{run.flow} {run.name} ({run.id[:8]}): {state}")
        for run_id, reason in reply.refused.items():
            report_note(f"{run_id[:8]}: {reason}")
        if not reply.runs and not reply.refused:
            write_text(nothing)
    if not reply.refused:
        return ExitCode.OK
    # A name that names nothing, rather than a run in the wrong state.
    return ExitCode.NOT_FOUND if set(reply.refused) <= set(reply.unknown) else ExitCode.CONFLICT
