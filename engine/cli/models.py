"""`engine models`: what central storage holds and which version serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from engine.cli.lazy import LazyGroup
from engine.cli.options import CommandLine, json_option, pass_command_line, workspace_option

if TYPE_CHECKING:
    from datetime import tzinfo

    from engine.store import Version

_SCORES = ("mase", "rmsse", "wape", "bias", "mae", "coverage", "width")
_COMMANDS = {
    "promote": ("engine.cli.model_moves:promote", "Let a stored version serve."),
    "rollback": ("engine.cli.model_moves:rollback", "Let the previous version serve again."),
    "verify": ("engine.cli.model_files:verify", "Check files and golden forecasts of versions."),
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
    """List the deployed versions; `champion` serves, `previous` served before."""
    if context.invoked_subcommand is None:
        _list(context.ensure_object(CommandLine))


@models.command("show")
@click.argument("version", metavar="VERSION")
@click.option("--config", is_flag=True, help="With the whole configuration that trained it.")
@json_option
@workspace_option
@pass_command_line
def show(line: CommandLine, version: str, config: bool) -> None:
    """Show how good one version is, what it is made of and where it comes from.

    VERSION is an id or an alias. Of its configuration, what differs from the defaults is shown;
    --json has everything that was recorded.
    """
    from engine.cli.output import write_json, write_text

    data = resolve_version(line, version).to_dict()
    if line.json:
        write_json(data)
        return
    from engine.cli.version_report import version_lines

    alias = _roles(line).get(data["id"], "")
    write_text("\n".join(version_lines(data, alias, _timezone(line), config=config)))


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
        **{name: candidate.get(name) for name in _SCORES},
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


@models.command("log")
@json_option
@workspace_option
@pass_command_line
def log(line: CommandLine) -> None:
    """Who let which version serve, when and why."""
    from dataclasses import asdict

    from engine.cli.output import write_json, write_table, write_text
    from engine.store import AliasRegistry

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

    from engine.cli.times import clock
    from engine.text import printable

    timezone = _timezone(line)
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
    from engine.store import AliasRegistry, open_store

    workspace = line.workspace.create()
    aliases = AliasRegistry(workspace.central_storage).read()
    known = {"champion": aliases.champion, "previous": aliases.previous}
    if name in known and known[name] is None:
        raise NotFoundError(f"there is no {name} yet", fix="Deploy one: engine run full_flow")
    return open_store(workspace).get(known.get(name) or name)


def _list(line: CommandLine) -> None:
    from engine.cli.output import write_json, write_table, write_text
    from engine.store import open_store

    versions = open_store(line.workspace.create()).newest()
    roles = _roles(line)
    if line.json:
        write_json(
            [
                {
                    **version.to_dict(),
                    "alias": roles.get(version.id),
                    "summary": _comparable(version),
                }
                for version in versions
            ]
        )
        return
    if not versions:
        write_text("no version is deployed yet; train and deploy one: engine run full_flow")
        return
    from rich.table import Column, Table

    from engine.cli.times import clock

    timezone = _timezone(line)
    columns = ("alias", "MASE", "naive", "WAPE", "bias", "deployed")
    shown = Table(Column("version", no_wrap=True), *columns, box=None, pad_edge=False)
    for version in versions:
        scores = version.lineage["evaluation"]["scores"]
        candidate, naive = scores["candidate"]["overall"], scores["SeasonalNaive"]["overall"]
        shown.add_row(
            version.id,
            roles.get(version.id, ""),
            _number(candidate["mase"]),
            _number(naive["mase"]),
            _number(candidate["wape"]),
            _number(candidate["bias"], "+.3f"),
            clock(version.created, timezone),
        )
    write_table(shown)


def _roles(line: CommandLine) -> dict[str | None, str]:
    from engine.store import AliasRegistry

    aliases = AliasRegistry(line.workspace.central_storage).read()
    return {aliases.previous: "previous", aliases.champion: "champion"}


def _timezone(line: CommandLine) -> tzinfo:
    from engine.config.loading import load_engine_settings
    from engine.zones import zone_of

    loaded = load_engine_settings(workspace_configs=line.workspace.configs)
    return zone_of(loaded.settings.timezone)


def _number(value: float | None, form: str = ".3f") -> str:
    """A measure that may not exist: nothing scales the errors of a series that never changed."""
    return "-" if value is None else format(value, form)
