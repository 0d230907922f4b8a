"""`engine drift`: whether what serves has drifted from what it learnt from."""

from __future__ import annotations

from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.options import (
    CommandLine,
    json_option,
    pass_command_line,
    workspace_option,
)
from models.data_types import DATA_TYPES

if TYPE_CHECKING:
    from engine.drift.report import DriftReport
    from engine.store import Version
    from engine.tables.drift_checks import DriftCheck

_FAILING = {"shifted": ("shifted", "drifted"), "drifted": ("drifted",)}
_CHECKS_TOLD = 50


@click.command("drift")
@click.option(
    "--days",
    type=click.IntRange(1, 3660),
    metavar="N",
    help="Look at what was asked in the last N days; default: drift.window_days of engine.yaml.",
)
@click.option("--version", "name", metavar="ID", help="Look at this version; default: champion.")
@click.option("--data-type", type=click.Choice(DATA_TYPES), help="Default: all that serve.")
@click.option(
    "--dataset",
    metavar="ID",
    help="Hold the last days of this data set against what was learnt from, not what was asked; "
    "`newest`: of the one that data_flow made last.",
)
@click.option(
    "--checks", is_flag=True, help="Show what the regular checks found and what was done."
)
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a report of Evidently (pip install 'mlops-tui[evidently]'); works offline.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["shifted", "drifted"]),
    help="End with exit status 1 from this verdict on.",
)
@json_option
@workspace_option
@pass_command_line
def drift(
    line: CommandLine,
    days: int | None,
    name: str | None,
    data_type: str | None,
    dataset: str | None,
    checks: bool,
    html: Path | None,
    fail_on: str | None,
) -> int:
    """Tell whether what serves has drifted, and why.

    What it was asked and answered in the last days is held against what it learnt from: by the
    population stability index (PSI), the Kolmogorov-Smirnov (KS) and the Wasserstein distance,
    beyond what chance and single weeks of the training data bring about. Its error on the days that
    came (engine actuals add, data_flow) is held against that of its test.

    Nothing is done about it here: the engine itself checks regularly, and acts as `drift` in
    engine.yaml says.
    """
    from engine.cli.exit_codes import ExitCode
    from engine.cli.output import write_json

    if checks:
        _tell_checks(line, data_type)
        return ExitCode.OK
    reports = _reports(line, _versions(line, name, data_type), days, dataset)
    if html is not None:
        from engine.drift.evidently_report import write_report

        write_report(reports, html)
    last = {report.version: _last_done(line, report) for report in reports}
    if line.json:
        write_json([_with_rule(report, last[report.version]) for report in reports])
    else:
        from engine.cli.drift_report import write_reports

        write_reports(reports, last, zone=_zone(line), html=str(html) if html else None)
    failing = _FAILING.get(fail_on or "", ())
    found = any(report.finding in failing for report in reports)
    return ExitCode.FAILED if found else ExitCode.OK


def _versions(line: CommandLine, name: str | None, data_type: str | None) -> list[Version]:
    """What is to be looked at.

    Raises:
        NotFoundError: There is nothing.
    """
    from engine.cli.versions import alias_states, resolve_version, serving_types
    from engine.errors import NotFoundError

    if name is not None:
        return [resolve_version(line, name, data_type)]
    serving = serving_types(alias_states(line))
    chosen = [one for one in serving if data_type in (None, one)]
    if not chosen:
        of = f" of data_type {data_type}" if data_type else ""
        raise NotFoundError(f"nothing serves{of} yet", fix="Deploy a model: engine run full_flow")
    return [resolve_version(line, "champion", one) for one in chosen]


def _reports(
    line: CommandLine, versions: list[Version], days: int | None, dataset: str | None
) -> list[DriftReport]:
    from engine.config.loading import load_engine_settings
    from engine.drift.examine import Examination, limits_of
    from models.data_types import TIMESERIES

    workspace = line.workspace
    settings = load_engine_settings(workspace_configs=workspace.configs).settings.drift
    limits = limits_of(settings, days)
    if dataset is None:
        return [Examination(workspace, version, limits).of_served() for version in versions]
    if dataset == "newest":
        from engine.cli.data_sets import default_dataset

        dataset = default_dataset(line)
    of_series = [one for one in versions if one.data_type == TIMESERIES] or versions
    return [Examination(workspace, version, limits).of_dataset(dataset) for version in of_series]


def _zone(line: CommandLine) -> tzinfo:
    from engine.config.loading import load_engine_settings
    from engine.zones import zone_of

    settings = load_engine_settings(workspace_configs=line.workspace.configs).settings
    return zone_of(settings.timezone)


def _last_done(line: CommandLine, report: DriftReport) -> DriftCheck | None:
    """The last check about which anything was done, of this kind of data."""
    from engine.tables.drift_checks import DriftChecks

    return DriftChecks(line.workspace.database).last_acted(report.data_type)


def _with_rule(report: DriftReport, done: DriftCheck | None) -> dict[str, Any]:
    return {**report.to_dict(), "last_action": None if done is None else done.summary()}


def _tell_checks(line: CommandLine, data_type: str | None) -> None:
    from engine.cli.output import write_json
    from engine.tables.drift_checks import DriftChecks

    workspace = line.workspace.create()
    found = DriftChecks(workspace.database).newest(_CHECKS_TOLD, data_type)
    if line.json:
        write_json([check.summary() for check in found])
    else:
        from engine.cli.drift_report import write_checks

        write_checks(found, _zone(line))
