"""`engine schedule`: flows that are launched again and again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from engine.cli.options import (
    CommandLine,
    flow_options,
    json_option,
    meant_here,
    pass_command_line,
    set_option,
    tag_option,
    workspace_option,
)

if TYPE_CHECKING:
    from engine.schema import ScheduleInfo

_FLOWS = ("data_flow", "train_flow", "eval_flow", "deploy_flow", "full_flow")
_COLUMNS = ("name", "flow", "when", "next", "last", "run")


@click.group("schedule")
def schedule() -> None:
    """Launch flows again and again: by cron expression, or every so often."""


@schedule.command("add")
@click.argument("flow", type=click.Choice(_FLOWS))
@click.option("--cron", metavar="EXPR", help='Five fields, e.g. "0 6 * * mon-fri".')
@click.option("--every", metavar="PERIOD", help="For example 30m, 6h or 1d.")
@click.option("--name", metavar="NAME", help="Its name; default is that of the flow.")
@click.option("--timezone", metavar="ZONE", default="", help="Zone of --cron, e.g. Asia/Seoul.")
@click.option(
    "--catch-up",
    type=click.Choice(["skip", "latest", "all"]),
    default="latest",
    show_default=True,
    help="Times that passed while no engine ran: none, the latest, or all of them.",
)
@click.option("--priority", type=click.IntRange(-100, 100), default=0, metavar="N")
@click.option("--replace", is_flag=True, help="Replace the schedule of this name.")
@flow_options
@tag_option("A word to find its runs by. Repeatable.")
@set_option
@json_option
@workspace_option
@pass_command_line
def add(
    line: CommandLine,
    /,
    flow: str,
    cron: str | None,
    every: str | None,
    name: str | None,
    timezone: str,
    catch_up: str,
    priority: int,
    replace: bool,
    overrides: Sequence[str],
    tags: tuple[str, ...],
    **flags: Any,
) -> None:
    """Launch FLOW by --cron or --every."""
    from engine.cli.connect import connected
    from engine.client import calls
    from engine.errors import ConfigError
    from engine.ids import WORDS, is_id
    from engine.recurrence import parse_period
    from engine.schema import (
        EVERY_LEAST_SECONDS,
        EVERY_MOST_SECONDS,
        CatchUp,
        ScheduleRequest,
    )

    if (cron is None) == (every is None):
        raise click.UsageError("Give either --cron or --every.")
    if name is not None and not is_id(name):
        raise ConfigError(
            f"{name!r} cannot be the name of a schedule",
            where="--name",
            fix=f"Use {WORDS}",
        )
    period = None if every is None else parse_period(every)
    if period is not None and not EVERY_LEAST_SECONDS <= period <= EVERY_MOST_SECONDS:
        raise ConfigError(
            f"{every} is not from {EVERY_LEAST_SECONDS:g} s to a year", where="--every"
        )
    policy: CatchUp = catch_up  # type: ignore[assignment]  # the option allows no other
    request = ScheduleRequest(
        name=name or flow,
        flow=flow,
        cron=cron,
        every_seconds=period,
        timezone=timezone,
        overrides=tuple(overrides),
        flags=meant_here(flags),
        priority=priority,
        catch_up=policy,
        replace=replace,
        tags=tags,
    )
    with connected(line) as engine:
        _report(line, engine.send(calls.add_schedule(request)), "added")


@schedule.command("list")
@json_option
@workspace_option
@pass_command_line
def list_(line: CommandLine) -> None:
    """List the schedules and when they fire next."""
    from engine.cli.connect import connected
    from engine.cli.output import write_json, write_table, write_text
    from engine.client import calls

    with connected(line) as engine:
        found = engine.send(calls.schedules()).schedules
    if line.json:
        write_json([_data(one) for one in found])
        return
    if not found:
        write_text('no schedules; add one: engine schedule add full_flow --cron "0 6 * * *"')
        return
    from rich.table import Table

    shown = Table(*_COLUMNS, box=None, pad_edge=False)
    for one in found:
        never = "never" if one.enabled else "paused"
        following = _clock(line, one.next_times[0]) if one.next_times else never
        last = _clock(line, one.last_time) if one.last_time else ""
        shown.add_row(
            one.name,
            one.flow,
            _when(one),
            following,
            last,
            one.last_run[:8] if one.last_run else "",
        )
    write_table(shown)
    for one in found:
        if one.problem:
            write_text(f"{one.name}: {one.problem}")


@schedule.command("remove")
@click.argument("name")
@json_option
@workspace_option
@pass_command_line
def remove(line: CommandLine, name: str) -> None:
    """Remove a schedule; the runs that came of it stay."""
    from engine.cli.connect import connected
    from engine.client import calls

    with connected(line) as engine:
        _report(line, engine.send(calls.remove_schedule(name)), "removed")


@schedule.command("pause")
@click.argument("name")
@json_option
@workspace_option
@pass_command_line
def pause(line: CommandLine, name: str) -> None:
    """Let a schedule rest."""
    from engine.cli.connect import connected
    from engine.client import calls

    with connected(line) as engine:
        _report(line, engine.send(calls.enable_schedule(name, False)), "paused")


@schedule.command("resume")
@click.argument("name")
@json_option
@workspace_option
@pass_command_line
def resume(line: CommandLine, name: str) -> None:
    """Let it fire again; what passed meanwhile is not made up for."""
    from engine.cli.connect import connected
    from engine.client import calls

    with connected(line) as engine:
        _report(line, engine.send(calls.enable_schedule(name, True)), "resumed")


def _report(line: CommandLine, one: ScheduleInfo, done: str) -> None:
    from engine.cli.output import write_json, write_text

    if line.json:
        write_json(_data(one))
        return
    write_text(f"{done}: {one.name}, {one.flow} {_when(one)}")
    if one.next_times and done != "removed":
        write_text(f"  next: {', '.join(_clock(line, time) for time in one.next_times)}")


def _when(one: ScheduleInfo) -> str:
    if one.cron is not None:
        return f"{one.cron} ({one.timezone})"
    seconds = one.every_seconds or 0.0
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds % size == 0:
            return f"every {seconds / size:g} {unit}"
    return f"every {seconds:g} s"


def _clock(line: CommandLine, seconds: float) -> str:
    from engine.cli.times import clock
    from engine.config.loading import load_engine_settings
    from engine.zones import zone_of

    settings = load_engine_settings(workspace_configs=line.workspace.configs).settings
    return clock(seconds, zone_of(settings.timezone))


def _data(one: ScheduleInfo) -> dict[str, Any]:
    from datetime import UTC, datetime

    import msgspec

    def iso(seconds: float | None) -> str | None:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()

    data: dict[str, Any] = msgspec.to_builtins(one)
    return data | {
        "next_times": [iso(time) for time in one.next_times],
        "last_time": iso(one.last_time),
    }
