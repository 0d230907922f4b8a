"""`engine quality`: how good the forecasts that were served turned out to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from engine.cli.options import CommandLine, json_option, pass_command_line, workspace_option

if TYPE_CHECKING:
    from engine.predictor.feedback import ServedForecast
    from engine.quality.known import Known
    from engine.quality.scores import VersionScore
    from engine.quality.served import Served
    from engine.tables.actuals import Actual

_TREND_COLUMNS = 20
_COLUMNS = ("version", "", "days", "MAE", "WAPE", "bias", "MASE", "MAE by day")


@click.command("quality")
@click.option(
    "--days",
    "last_days",
    type=click.IntRange(1, 3660),
    default=90,
    show_default=True,
    metavar="N",
    help="Count forecasts of the last N days of the data.",
)
@json_option
@workspace_option
@pass_command_line
def quality(line: CommandLine, last_days: int) -> None:
    """Hold the forecasts that were served against what came.

    The predictor keeps the forecasts of series that have a name. They are compared with the values
    that were told (engine actuals add) and with the newest data set: run data_flow with newer data,
    and the days in it are scored. Where both know a day, what was told counts.
    """
    from engine.cli.output import write_json
    from engine.quality.served import read_served

    workspace = line.workspace.create()
    served = read_served(workspace)
    dataset_id = _newest_dataset(line)
    scores: list[VersionScore] = []
    known: Known | None = None
    told: list[Actual] = []
    if served.answers:
        from engine.quality.known import known_days, wanted_since
        from engine.quality.scores import score_served
        from engine.tables.actuals import Actuals

        panel = None
        if dataset_id is not None:
            from engine.data.dataset import open_dataset

            panel = open_dataset(workspace.datasets, dataset_id).panel()
        told = Actuals(workspace.actuals).values(since=wanted_since(served.answers))
        known = known_days(panel, told, {one.series_id for one in served.answers})
        if known is not None:
            scores = score_served(served.answers, known, last_days=last_days)
    message = _message(served, known, scores)
    roles = _roles(line)
    if line.json:
        last_day = known.date_of(known.days - 1).isoformat() if known else None
        write_json(
            {
                "dataset": dataset_id,
                "last_day": last_day,
                "actuals": len(told),
                "forecasts": len(served.answers),
                "unreadable": served.unreadable,
                "message": message,
                "versions": [{**one.to_dict(), "alias": roles.get(one.version)} for one in scores],
            }
        )
    else:
        _write(scores, roles, message)


def _newest_dataset(line: CommandLine) -> str | None:
    from engine.tables.handoffs import Handoffs

    newest = Handoffs(line.workspace.database).take("dataset")
    return newest.value if newest else None


def _roles(line: CommandLine) -> dict[str | None, str]:
    from engine.store import AliasRegistry

    aliases = AliasRegistry(line.workspace.central_storage).read()
    return {aliases.previous: "previous", aliases.champion: "champion"}


def _message(
    served: Served[ServedForecast], known: Known | None, scores: list[VersionScore]
) -> str:
    """Why there is nothing to see, "" when there is."""
    if any(one.matched for one in scores):
        return ""
    if not served.answers:
        return "not enough data yet: no forecast of a series with a name (series_id) was served"
    if known is None:
        return (
            "not enough data yet: there is no data set; prepare one: engine run data_flow, or tell "
            "the values that came: engine actuals add"
        )
    return (
        f"not enough data yet: {len(served.answers):,} forecasts are kept, and what is known, "
        f"which ends on {known.date_of(known.days - 1)}, has no value of their series and days"
    )


def _write(scores: list[VersionScore], roles: dict[str | None, str], message: str) -> None:
    from engine.cli.output import write_text

    matched = [one for one in scores if one.matched]
    if not matched:
        write_text(message)
        return
    from rich.table import Table
    from rich.text import Text

    from engine.charts.sparkline import sparkline
    from engine.cli.output import wants_ascii, write_table
    from engine.text import printable

    shown = Table(*_COLUMNS, box=None, pad_edge=False)
    for one in matched:
        trend = sparkline([day.mae for day in one.days], _TREND_COLUMNS, ascii=wants_ascii())
        shown.add_row(
            Text(printable(one.version)),
            roles.get(one.version, ""),
            f"{one.matched:,}",
            *(_number(value) for value in (one.mae, one.wape)),
            _number(one.bias, "+.3f"),
            _number(one.mase),
            Text(trend),
        )
    write_table(shown)


def _number(value: Any, form: str = ".3f") -> str:
    return "-" if value is None else format(value, form)
