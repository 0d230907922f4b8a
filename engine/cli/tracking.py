"""`engine mlflow`: what is mirrored to MLflow, and MLflow's own pages over it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from engine.cli.options import CommandLine, json_option, pass_command_line, workspace_option
from engine.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.config.engine_settings import TrackingSettings
    from engine.config.mlflow_address import MlflowAddress
    from engine.tables.mirrored import MirrorTable

_DEFAULT_PORT = 5000


@click.group("mlflow")
def mlflow() -> None:
    """Runs, versions and aliases in MLflow; `tracking` in engine.yaml says where."""


@mlflow.command("status")
@json_option
@workspace_option
@pass_command_line
def status(line: CommandLine) -> int:
    """Show what is mirrored, what waits, and why; exit status 1 when something cannot be."""
    from engine.cli.output import write_json
    from engine.tables.mirrored import MirrorTable

    line.workspace.create()
    settings, address, _ = _where(line)
    table = MirrorTable(line.workspace.database, address.place)
    told = _told(settings, address, table)
    if line.json:
        write_json(told)
    else:
        _write(line, told)
        _note_of_engine(line, told["place"])
    return _code(told)


@mlflow.command("sync")
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Also what was mirrored already, as for an MLflow that lost it; nothing is doubled.",
)
@json_option
@workspace_option
@pass_command_line
def sync(line: CommandLine, everything: bool) -> int:
    """Mirror now what is not mirrored yet, and wait for it.

    Exit status 0: all of it is in MLflow; 6: MLflow is away; 1: some of it could not be mirrored.
    """
    from engine.cli.diagnostics import report_status
    from engine.cli.output import write_json
    from engine.errors import ConflictError
    from engine.tables.mirrored import PLACE, MirrorTable

    line.workspace.create()
    settings, address, _ = _where(line)
    if not settings.enabled:
        raise ConflictError(
            "tracking is switched off", fix="Set tracking.enabled in engine.yaml to true"
        )
    table = MirrorTable(line.workspace.database, address.place)
    if everything:
        table.forget_all()
    waiting = table.count_waiting()
    while True:
        if waiting and not line.json:
            report_status(counted("... {count} [run waits|runs wait]", waiting))
        _mirror_once(line)
        before, waiting = waiting, table.count_waiting()
        place = table.get(PLACE)
        away = place is not None and place.next_try is not None
        # One pass has its limit in time; one that changed nothing will not change anything.
        if away or not waiting or waiting >= before:
            break
    told = _told(settings, address, table)
    if line.json:
        write_json(told)
    else:
        _write(line, told)
    return _code(told)


@mlflow.command("ui")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=_DEFAULT_PORT,
    show_default=True,
    help="TCP port on the loopback interface; 0: any free one.",
)
@click.option(
    "--allowed-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    help="A further name under which it is reached, such as that of a proxy. Repeatable.",
)
@json_option
@workspace_option
@pass_command_line
def ui(line: CommandLine, port: int, allowed_hosts: tuple[str, ...]) -> int:
    """Start MLflow's own server with its pages, until Ctrl-C (pip install 'mlops-tui[mlflow]')."""
    from engine.cli.diagnostics import report_status
    from engine.cli.exit_codes import ExitCode
    from engine.cli.output import write_json, write_text
    from engine.errors import ServerError
    from engine.tracking.server import ended_by_signals, serving

    workspace = line.workspace.create()
    _, address, secrets = _where(line)
    if not line.json:
        report_status("... starting MLflow")
    try:
        with (
            ended_by_signals(),
            serving(
                workspace, address, port=port, allowed_hosts=allowed_hosts, environment=secrets
            ) as (url, process),
        ):
            if line.json:
                write_json({"url": url, "pid": process.pid})
            else:
                write_text(f"MLflow answers on {url} (Ctrl-C ends it)")
            status = process.wait()
            where = str(workspace.errand_log("mlflow-ui"))
            raise ServerError(f"MLflow's server ended (exit status {status})", where=where)
    except KeyboardInterrupt:
        return ExitCode.OK


def _where(line: CommandLine) -> tuple[TrackingSettings, MlflowAddress, Mapping[str, str]]:
    from engine.config.loading import load_engine_settings
    from engine.config.mlflow_address import mlflow_address
    from engine.secrets_file import read_secrets

    workspace = line.workspace
    settings = load_engine_settings(workspace_configs=workspace.configs).settings.tracking
    secrets = read_secrets(workspace.secrets)
    return settings, mlflow_address(workspace, settings, secrets), secrets


def _note_of_engine(line: CommandLine, place: str) -> None:
    """Say so when the running engine mirrors to another place: it has an older environment."""
    from engine.cli.connect import connected
    from engine.cli.diagnostics import report_note
    from engine.client import calls
    from engine.client.start import answers
    from engine.text import printable

    if not answers(line.workspace):
        return
    with connected(line, autostart=False) as engine:
        other = engine.send(calls.status()).mlflow
    if other and other != place:
        report_note(
            f"the engine mirrors to {printable(other)}, as the environment said when it was "
            "started; write MLFLOW_TRACKING_URI into secrets.env, or tracking.url into engine.yaml"
        )


def _mirror_once(line: CommandLine) -> None:
    """Do it in a process of its own, as the engine does: MLflow prints what it likes."""
    import subprocess
    import sys

    from engine.errors import EngineError
    from engine.exits import error_of

    done = subprocess.run(
        [
            *(sys.executable, "-P", "-m", "engine.tracking.mirror"),
            *(str(line.workspace.root), "--now"),
        ],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        known = error_of(done.returncode, done.stderr)
        raise known or EngineError(
            f"the mirror failed (exit status {done.returncode}): {done.stderr.strip()[-500:]}"
        )


def _told(settings: TrackingSettings, address: MlflowAddress, table: MirrorTable) -> dict[str, Any]:
    from engine.tables.mirrored import ALIASES, PLACE, RUN, VERSION, why_not_mirrored

    place = table.get(PLACE)
    versions = [row for row in table.all(VERSION).values() if row.at is not None]
    return {
        "enabled": settings.enabled,
        "place": address.words,
        "experiment": settings.experiment,
        "reached": place.at if place else None,
        "problem": why_not_mirrored(table) if settings.enabled else "",
        "away": place is not None and place.next_try is not None,
        "runs": {
            "mirrored": table.count(RUN),
            "waiting": table.count_waiting(),
        },
        "versions": {row.id: row.mlflow_id for row in versions},
        "aliases": {
            kind: dict(zip(("champion", "previous"), _pair(row.fingerprint), strict=True))
            for kind, row in table.all(ALIASES).items()
            if row.at is not None
        },
        "failing": [
            {
                key: value
                for key, value in asdict(row).items()
                if key in {"kind", "id", "attempts", "next_try", "problem"}
            }
            for row in table.failing()
        ],
    }


def _pair(fingerprint: str) -> list[str | None]:
    import json

    pair: list[str | None] = json.loads(fingerprint)
    return pair


def _code(told: Mapping[str, Any]) -> int:
    from engine.cli.exit_codes import ExitCode

    if not told["enabled"] or not told["failing"]:
        return ExitCode.OK
    return ExitCode.SERVER if told["away"] else ExitCode.FAILED


def _write(line: CommandLine, told: Mapping[str, Any]) -> None:
    from engine.cli.output import wants_ascii, write_text
    from engine.cli.times import clock
    from engine.config.loading import load_engine_settings
    from engine.text import printable
    from engine.zones import zone_of

    if not told["enabled"]:
        write_text("tracking is switched off: tracking.enabled in engine.yaml")
        return
    good, bad = ("ok", "!!") if wants_ascii() else ("✓", "✗")
    settings = load_engine_settings(workspace_configs=line.workspace.configs).settings
    zone = zone_of(settings.timezone)
    reached = clock(told["reached"], zone)
    if told["away"]:
        write_text(f"{bad} {printable(told['place'])}")
    else:
        when = f", last reached {reached}" if reached else ", not needed yet"
        write_text(f"{good} {printable(told['place'])}{when}")
    runs = told["runs"]
    waiting = f", {runs['waiting']} to be mirrored" if runs["waiting"] else ""
    mirrored = counted("{count} [run|runs]", runs["mirrored"])
    write_text(f"  experiment {printable(told['experiment'])}: {mirrored}{waiting}")
    for version, name in told["versions"].items():
        roles = [
            alias
            for pair in told["aliases"].values()
            for alias, named in pair.items()
            if named == version
        ]
        write_text(f"  {name}  {version}{f'  {roles[0]}' if roles else ''}")
    for row in told["failing"]:
        what = "MLflow" if row["kind"] == "place" else f"{row['kind']} {row['id']}"
        again = clock(row["next_try"], zone)
        write_text(f"{bad} {printable(what)}: {printable(row['problem'])} (again at {again})")
