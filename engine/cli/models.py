"""`engine models`: what central storage holds and which version serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from engine.cli.options import CommandLine, json_option, pass_command_line, workspace_option

if TYPE_CHECKING:
    from engine.store import AliasState, Version

reason_option = click.option("--reason", default="", metavar="TEXT", help="Why; kept in the log.")


@click.group("models", invoke_without_command=True)
@json_option
@workspace_option
@click.pass_context
def models(context: click.Context) -> None:
    """List the deployed versions; `champion` serves, `previous` served before."""
    if context.invoked_subcommand is None:
        _list(context.ensure_object(CommandLine))


@models.command("show")
@click.argument("version", metavar="VERSION")
@json_option
@workspace_option
@pass_command_line
def show(line: CommandLine, version: str) -> None:
    """Show one version with its lineage; VERSION is an id or an alias."""
    import yaml

    from engine.cli.output import write_json, write_text

    data = resolve_version(line, version).to_dict()
    if line.json:
        write_json(data)
    else:
        write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True).rstrip())


@models.command("promote")
@click.argument("version", metavar="VERSION")
@reason_option
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
    _report(line, aliases.promote(chosen.id, expected=before.champion, reason=reason))


@models.command("rollback")
@reason_option
@json_option
@workspace_option
@pass_command_line
def rollback(line: CommandLine, reason: str) -> None:
    """Let the previous version serve again; a second rollback returns."""
    from engine.store import AliasRegistry

    aliases = AliasRegistry(line.workspace.create().central_storage)
    _report(line, aliases.roll_back(reason=reason))


def _report(line: CommandLine, state: AliasState) -> None:
    from engine.cli.output import write_json, write_text

    if line.json:
        write_json({"champion": state.champion, "previous": state.previous})
    else:
        write_text(f"champion is now {state.champion} (previous: {state.previous})")


@models.command("delete")
@click.argument("version", metavar="VERSION")
@json_option
@workspace_option
@pass_command_line
def delete(line: CommandLine, version: str) -> None:
    """Delete a version that no alias names."""
    from engine.cli.output import write_json, write_text
    from engine.store import AliasRegistry, VersionStore

    chosen = resolve_version(line, version)
    storage = line.workspace.central_storage
    with AliasRegistry(storage).held_away_from(chosen.id):
        VersionStore(storage).delete(chosen.id)
    if line.json:
        write_json({"deleted": chosen.id})
    else:
        write_text(f"deleted: {chosen.id}")


@models.command("compare")
@click.argument("versions", metavar="VERSION VERSION ...", nargs=-1, required=True)
@json_option
@workspace_option
@pass_command_line
def compare(line: CommandLine, versions: tuple[str, ...]) -> None:
    """Show versions side by side: error, data, training."""
    from engine.cli.output import write_json, write_table

    columns = [_comparable(resolve_version(line, version)) for version in versions]
    if line.json:
        write_json(columns)
        return
    from rich.table import Table
    from rich.text import Text

    shown = Table("", *(str(column["id"]) for column in columns), box=None, pad_edge=False)
    for key in [key for key in columns[0] if key != "id"]:
        shown.add_row(key.replace("_", " "), *(Text(_short(column[key])) for column in columns))
    write_table(shown)


def _comparable(version: Version) -> dict[str, Any]:
    training = version.lineage["training"]
    evaluation = version.lineage["evaluation"]
    scores = evaluation["scores"]
    candidate = scores["candidate"]["overall"]
    model = training.get("model", {})
    return {
        "id": version.id,
        "model_type": version.model_type,
        **{name: candidate.get(name) for name in ("mase", "rmsse", "wape", "bias", "mae")},
        "mase_of_seasonal_naive": scores["SeasonalNaive"]["overall"]["mase"],
        "dataset": training["dataset"],
        "last_day_seen": training["last_day_seen"],
        "folds": evaluation.get("folds"),
        "seed": model.get("seed"),
        "hyperparameters": model.get("hyperparameters", {}),
        "training_seconds": training.get("fit", {}).get("seconds"),
        "run": training.get("run"),
        "forced": version.lineage.get("forced", ""),
    }


def _short(value: Any) -> str:
    from engine.text import printable

    if value is None or value == "":
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return "\n".join(f"{name} {_short(part)}" for name, part in value.items()) or "-"
    return printable(str(value))


@models.command("verify")
@click.argument("version", metavar="[VERSION]", required=False)
@json_option
@workspace_option
@pass_command_line
def verify(line: CommandLine, version: str | None) -> int:
    """Check the files and golden forecasts of versions."""
    from engine.cli.exit_codes import ExitCode
    from engine.cli.output import write_json, write_text
    from engine.errors import ModelError
    from engine.store import VersionStore

    store = VersionStore(line.workspace.create().central_storage)
    chosen = [resolve_version(line, version)] if version else store.newest()
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


@models.command("log")
@json_option
@workspace_option
@pass_command_line
def log(line: CommandLine) -> None:
    """Who let which version serve, when and why."""
    from dataclasses import asdict

    from engine.cli.output import write_json, write_table, write_text
    from engine.cli.times import clock
    from engine.config.loading import load_engine_settings
    from engine.store import AliasRegistry
    from engine.text import printable
    from engine.zones import zone_of

    workspace = line.workspace.create()
    moves = AliasRegistry(workspace.central_storage).history()
    if line.json:
        write_json([asdict(move) for move in moves])
        return
    if not moves:
        write_text("no version was deployed yet")
        return
    from rich.table import Table
    from rich.text import Text

    timezone = zone_of(load_engine_settings(workspace_configs=workspace.configs).settings.timezone)
    shown = Table("when", "what", "champion", "who", "why", box=None, pad_edge=False)
    for move in moves:
        shown.add_row(
            clock(move.at, timezone),
            move.action,
            move.champion or "none",
            Text(printable(move.who)),
            Text(printable(move.reason)),
        )
    write_table(shown)


def resolve_version(line: CommandLine, name: str) -> Version:
    """Return the version that an id or an alias names.

    Raises:
        NotFoundError: There is none.
    """
    from engine.errors import NotFoundError
    from engine.store import AliasRegistry, VersionStore

    storage = line.workspace.create().central_storage
    aliases = AliasRegistry(storage).read()
    known = {"champion": aliases.champion, "previous": aliases.previous}
    if name in known and known[name] is None:
        raise NotFoundError(f"there is no {name} yet", fix="Deploy one: engine run full_flow")
    return VersionStore(storage).get(known.get(name) or name)


def _list(line: CommandLine) -> None:
    from engine.cli.output import write_json, write_table, write_text
    from engine.cli.times import clock
    from engine.config.loading import load_engine_settings
    from engine.store import AliasRegistry, VersionStore
    from engine.zones import zone_of

    workspace = line.workspace.create()
    aliases = AliasRegistry(workspace.central_storage).read()
    versions = VersionStore(workspace.central_storage).newest()
    roles = {aliases.previous: "previous", aliases.champion: "champion"}
    if line.json:
        write_json([{**version.to_dict(), "alias": roles.get(version.id)} for version in versions])
        return
    if not versions:
        write_text("no version is deployed yet; train and deploy one: engine run full_flow")
        return
    from rich.table import Column, Table

    timezone = zone_of(load_engine_settings(workspace_configs=workspace.configs).settings.timezone)
    columns = ("alias", "MASE", "naive", "WAPE", "bias", "dataset", "deployed")
    shown = Table(Column("version", no_wrap=True), *columns, box=None, pad_edge=False)
    for version in versions:
        scores = version.lineage["evaluation"]["scores"]
        candidate, naive = scores["candidate"]["overall"], scores["SeasonalNaive"]["overall"]
        shown.add_row(
            version.id,
            roles.get(version.id, ""),
            f"{candidate['mase']:.3f}",
            f"{naive['mase']:.3f}",
            f"{candidate['wape']:.3f}",
            f"{candidate['bias']:+.3f}",
            version.lineage["training"]["dataset"][:8],
            clock(version.created, timezone),
        )
    write_table(shown)
