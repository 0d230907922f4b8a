"""`engine data list | show | values`: the data sets that data_flow prepared."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import click

from engine.cli.options import CommandLine, json_option, pass_command_line, workspace_option
from models.data_types import DATA_TYPES, IMAGE, TIMESERIES

if TYPE_CHECKING:
    from engine.data.catalogue import DatasetInfo
    from engine.data.dataset import Dataset
    from engine.data.summary import SeriesSummary

_SERIES_SHOWN = 20
_KIB = 1024


@click.command("list")
@json_option
@workspace_option
@pass_command_line
def list_(line: CommandLine) -> None:
    """List the prepared data sets, the newest first; `latest` is what a training takes up."""
    from engine.cli.output import write_json, write_table, write_text
    from engine.data.catalogue import describe_datasets

    workspace = line.workspace.create()
    latest = latest_datasets(line).values()
    found = describe_datasets(workspace.datasets)
    if line.json:
        write_json([{**info.to_dict(), "is_latest": info.id in latest} for info in found])
        return
    if not found:
        write_text("no data set yet; prepare one: engine run data_flow")
        return
    from rich.table import Column, Table
    from rich.text import Text

    from engine.text import printable

    kinds = {info.data_type for info in found if info.data_type}
    titles = _TITLES[kinds.pop() if len(kinds) == 1 else ""]
    columns = [Column(title, no_wrap=True) for title in ("id", "", *titles, "size")]
    shown = Table(*columns, "source", box=None, pad_edge=False)
    for info in found:
        mark = "latest" if info.id in latest else ""
        cells = _cells(info)
        source = Text(printable(info.source))
        shown.add_row(info.id, mark, *(cells[title] for title in titles), _size(info), source)
    write_table(shown)
    for info in found:
        if info.problem:
            write_text(f"{info.id}: {printable(info.problem)}")


# What is told of data sets where all are of a kind, and where they are not.
_TITLES = {
    TIMESERIES: ("series", "rows", "first day", "last day"),
    IMAGE: ("pictures", "classes"),
    "": ("data type", "holds", "last day"),
}


def _cells(info: DatasetInfo) -> dict[str, str]:
    """What may be told of a data set, by title; a damaged one counts nothing."""
    holds = ""
    if info.data_type == IMAGE:
        holds = f"{info.pictures:,} pictures of {info.classes:,} classes"
    elif info.data_type == TIMESERIES and not info.problem:
        holds = f"{info.series:,} series, {info.rows:,} rows"
    return {
        "data type": info.data_type,
        "holds": holds,
        "series": f"{info.series:,}",
        "rows": f"{info.rows:,}",
        "first day": info.first_day,
        "last day": info.last_day,
        "pictures": f"{info.pictures:,}",
        "classes": f"{info.classes:,}",
    }


def _size(info: DatasetInfo) -> str:
    kibibytes = info.bytes / _KIB
    return f"{kibibytes:.0f} KiB" if kibibytes < _KIB else f"{kibibytes / _KIB:.1f} MiB"


@click.command("show")
@click.argument("dataset_id", metavar="[ID]", required=False)
@click.option("--series", metavar="NAME", help="The values of this series.")
@click.option("--days", type=click.IntRange(1), metavar="N", help="Only its last N days.")
@click.option(
    "--data-type",
    type=click.Choice(DATA_TYPES),
    help="The latest of which kind of data (default: of the only one there is, or of timeseries).",
)
@json_option
@workspace_option
@pass_command_line
def show(
    line: CommandLine,
    dataset_id: str | None,
    series: str | None,
    days: int | None,
    data_type: str | None,
) -> None:
    """Show what is in a data set, what the rules did to it, and its series or classes.

    ID is one that `engine data list` prints; default is the latest.
    """
    if days is not None and series is None:
        raise click.UsageError("--days goes with --series NAME.")
    chosen, found = _meant(line, dataset_id, data_type)
    if found == IMAGE and series is None:
        from engine.cli.data_pictures import show_pictures

        show_pictures(line, chosen, is_latest=chosen == latest_datasets(line).get(IMAGE))
    else:
        _show_series(line, chosen, series, days)


def _meant(line: CommandLine, dataset_id: str | None, data_type: str | None) -> tuple[str, str]:
    """Which data set is to be shown, and its data type; opening it tells what is wrong with it."""
    from engine.data.catalogue import describe_datasets

    if dataset_id is None:
        kinds = list(latest_datasets(line))
        only = kinds[0] if len(kinds) == 1 else TIMESERIES
        return default_dataset(line, data_type or only), data_type or only
    found = {info.id: info for info in describe_datasets(line.workspace.create().datasets)}
    own = found[dataset_id].data_type if dataset_id in found else ""
    return dataset_id, data_type or own or TIMESERIES


def _show_series(line: CommandLine, dataset_id: str, series: str | None, days: int | None) -> None:
    from engine.cli.output import write_json
    from engine.data.dataset import open_dataset
    from engine.data.summary import summarize_series, total_by_day

    dataset = open_dataset(line.workspace.datasets, dataset_id)
    summaries = summarize_series(dataset)
    values = None if series is None else _values(dataset, series, days, summaries)
    if line.json:
        split = dataset.split
        total_from, total = total_by_day(dataset)
        write_json(
            {
                "id": dataset.id,
                "name": dataset.name,
                "data_type": TIMESERIES,
                "is_latest": dataset.id == latest_datasets(line).get(TIMESERIES),
                "source": dataset.manifest["source"],
                "covariates": list(dataset.covariates),
                "stock": None if dataset.stock is None else dataset.stock.name,
                "first_day": split.first_day.isoformat(),
                "train_end": split.train_end.isoformat(),
                "validation_end": split.validation_end.isoformat(),
                "last_day": split.last_day.isoformat(),
                "report": dataset.report,
                "series": [one.to_dict() for one in summaries],
                "total": {"first_day": total_from.isoformat(), "values": total},
                "values": values,
            }
        )
    elif values is None:
        _write_report(dataset, summaries)
    else:
        _write_values(values)


@click.command("values")
@click.argument("dataset_id", metavar="[ID]", required=False)
@click.option(
    "--series", "names", metavar="NAME", multiple=True, required=True, help="May be repeated."
)
@click.option("--days", type=click.IntRange(1), metavar="N", help="Only the last N days of each.")
@json_option
@workspace_option
@pass_command_line
def values(
    line: CommandLine, dataset_id: str | None, names: tuple[str, ...], days: int | None
) -> None:
    """Print the values of some series of a data set, as CSV or JSON.

    ID is one that `engine data list` prints; default is the latest.
    """
    from engine.cli.output import write_json
    from engine.data.dataset import open_dataset

    workspace = line.workspace.create()
    dataset = open_dataset(workspace.datasets, dataset_id or default_dataset(line))
    found = _last_values(dataset, names, days)
    if line.json:
        write_json({"dataset": dataset.id, "series": found})
    else:
        _write_csv(found)


def _last_values(
    dataset: Dataset, names: tuple[str, ...], days: int | None
) -> list[dict[str, Any]]:
    panel = dataset.panel()
    rows = {name: row for row, name in enumerate(panel.ids)}
    begins, ends = panel.spans
    found = []
    for name in names:
        last_day = dataset.series_window(name, 1).last_day
        begin, end = int(begins[rows[name]]), int(ends[rows[name]])
        kept = panel.values[rows[name], max(begin, end - days) if days else begin : end]
        found.append({"series": name, "last_day": last_day.isoformat(), "values": kept.tolist()})
    return found


def _write_csv(found: list[dict[str, Any]]) -> None:
    import csv
    import sys

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("series", "day", "value"))
    for one in found:
        last_day = dt.date.fromisoformat(one["last_day"])
        count = len(one["values"])
        for at, value in enumerate(one["values"], start=1):
            writer.writerow((one["series"], last_day - dt.timedelta(days=count - at), value))


def latest_datasets(line: CommandLine) -> dict[str, str]:
    """The id of the latest data set of each data type that has one."""
    from engine.tables.handoffs import Handoffs

    handoffs = Handoffs(line.workspace.create().database)
    newest = {data_type: handoffs.take("dataset", data_type) for data_type in DATA_TYPES}
    return {data_type: found.value for data_type, found in newest.items() if found is not None}


def default_dataset(line: CommandLine, data_type: str = TIMESERIES) -> str:
    """The id of the latest data set of a data type.

    Raises:
        NotFoundError: There is none yet.
    """
    from engine.data.dataset_files import HELD
    from engine.errors import NotFoundError

    latest = latest_datasets(line)
    if data_type in latest:
        return latest[data_type]
    if not latest:
        raise NotFoundError("there is no data set yet", fix="Prepare one: engine run data_flow")
    raise NotFoundError(
        f"there is no data set of {HELD[data_type]} yet",
        fix=f"Prepare one: engine run data_flow --data-type {data_type}",
    )


def _values(
    dataset: Dataset, name: str, days: int | None, summaries: list[SeriesSummary]
) -> dict[str, Any]:
    length = next((one.count for one in summaries if one.id == name), 1)
    found = dataset.series_window(name, min(days or length, length))
    first = found.last_day - dt.timedelta(days=len(found.values) - 1)
    return {
        "series": name,
        "days": [
            {"day": (first + dt.timedelta(days=offset)).isoformat(), "value": value}
            for offset, value in enumerate(found.values.tolist())
        ],
    }


def _write_report(dataset: Dataset, summaries: list[SeriesSummary]) -> None:
    from rich.table import Table
    from rich.text import Text

    from engine.cli.output import write_table, write_text
    from engine.text import printable

    split = dataset.split
    write_text(f"{dataset.id} ({dataset.name})")
    for sentence in dataset.report["sentences"]:
        write_text(f"  {printable(sentence)}")
    write_text(f"  Training ends on {split.train_end}, validation on {split.validation_end}")
    columns = ("series", "days", "mean", "zeros", "last", "first day", "last day")
    shown = Table(*columns, box=None, pad_edge=False)
    largest = sorted(summaries, key=lambda one: abs(one.mean) * one.count, reverse=True)
    for one in largest[:_SERIES_SHOWN]:
        numbers = (str(one.count), f"{one.mean:.2f}", f"{one.zero_share:.0%}")
        days = (str(one.first_day), str(one.last_day))
        shown.add_row(Text(printable(one.id)), *numbers, f"{one.last_value:.2f}", *days)
    write_table(shown)
    if len(largest) > _SERIES_SHOWN:
        write_text(
            f"the {_SERIES_SHOWN} largest of {len(largest):,} series; all: engine data show --json"
        )


def _write_values(values: dict[str, Any]) -> None:
    from engine.cli.output import write_text

    for one in values["days"]:
        write_text(f"{one['day']} {one['value']:12.2f}")
