"""`engine actuals`: what came, so that forecasts and classes can be held against it."""

from __future__ import annotations

import datetime as dt
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.options import (
    CommandLine,
    json_option,
    pass_command_line,
    set_option,
    workspace_option,
)

if TYPE_CHECKING:
    from engine.tables.actuals import Actual, Added, Label

_SHOWN = 30
_MOST_CHARACTERS = 1 << 30


@click.group("actuals")
def actuals() -> None:
    """Actual values: what sold on a day, what a picture shows.

    `engine quality` and `engine drift` hold against them what was served.
    """


@actuals.command("add")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--stdin", "from_stdin", is_flag=True, help="Read a CSV file from standard input.")
@click.option("--series", metavar="NAME", help="With --date and --value: a single value.")
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD")
@click.option("--value", type=float, metavar="NUMBER")
@click.option(
    "--image",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    metavar="PICTURE",
    help="With --label: what a single picture shows.",
)
@click.option("--label", metavar="CLASS")
@click.option(
    "--labels",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="CSV",
    help="What many pictures show: columns label, and sha256 or path (from the folder of the CSV).",
)
@set_option
@json_option
@workspace_option
@pass_command_line
def add(
    line: CommandLine,
    file: Path | None,
    from_stdin: bool,
    series: str | None,
    day: dt.datetime | None,
    value: float | None,
    image: Path | None,
    label: str | None,
    labels: Path | None,
    overrides: tuple[str, ...],
) -> None:
    """Add actual values from a CSV or Parquet FILE, or a single one.

    The columns of the file are those of the data sets: dataset.date_col, target_col and series_col
    of data_flow_config.yaml, or what --set says. A value for a day and series that is known already
    replaces the earlier one. All of a file is added, or nothing.
    """
    single = [series, day, value]
    picture = [image, label]
    ways = [file is not None, from_stdin, any(one is not None for one in single)]
    ways += [any(one is not None for one in picture), labels is not None]
    if sum(ways) != 1:
        raise click.UsageError(
            "give one of: FILE, --stdin, --series with --date and --value, --image with --label, "
            "--labels"
        )
    from engine.tables.actuals import Actuals

    store = Actuals(line.workspace.create().actuals)
    if image is not None or label is not None or labels is not None:
        _tell(line, store.add(labels=_labels(image, label, labels)), "[label|labels]")
    elif any(one is not None for one in single):
        _tell(line, store.add([_single(series, day, value)]), "[value|values]")
    else:
        _tell(line, store.add(_values(line, file, overrides)), "[value|values]")


@actuals.command("list")
@json_option
@workspace_option
@pass_command_line
def list_(line: CommandLine) -> None:
    """List the series of which actual values were told, and how many pictures have a label."""
    from engine.cli.output import write_json, write_table, write_text
    from engine.tables.actuals import Actuals

    store = Actuals(line.workspace.create().actuals)
    found, labels = store.series(), store.labels()
    if line.json:
        series = [
            {
                "series": one.series,
                "values": one.values,
                "first": one.first.isoformat(),
                "last": one.last.isoformat(),
            }
            for one in found
        ]
        write_json({"series": series, "pictures": len(labels)})
        return
    if not found and not labels:
        write_text("no actual values yet: engine actuals add --help")
        return
    if labels:
        write_text(f"{len(labels):,} pictures have a label")
    if found:
        from rich.table import Table
        from rich.text import Text

        from engine.text import printable

        shown = Table("series", "values", "first", "last", box=None, pad_edge=False)
        for one in found:
            days = (one.first.isoformat(), one.last.isoformat())
            shown.add_row(Text(printable(one.series)), f"{one.values:,}", *days)
        write_table(shown)


@actuals.command("show")
@click.argument("series")
@click.option(
    "-n",
    "--most",
    type=click.IntRange(1, 100_000),
    default=_SHOWN,
    show_default=True,
    metavar="N",
    help="The newest N values.",
)
@json_option
@workspace_option
@pass_command_line
def show(line: CommandLine, series: str, most: int) -> None:
    """Show the newest actual values that were told of a SERIES."""
    from engine.cli.output import write_json, write_text
    from engine.errors import NotFoundError
    from engine.tables.actuals import Actuals

    store = Actuals(line.workspace.create().actuals)
    found = store.newest(series, most)
    if not found:
        raise NotFoundError(
            f"no value of a series {series!r} was told", fix="engine actuals list lists them"
        )
    if line.json:
        write_json([{"date": one.day.isoformat(), "value": one.value} for one in found])
        return
    for one in found:
        write_text(f"{one.day}  {one.value:.10g}")


def _values(line: CommandLine, file: Path | None, overrides: Sequence[str]) -> list[Actual]:
    from engine.config.loading import load_settings
    from engine.config.series_settings import SeriesSettings
    from engine.data.actual_rows import read_actuals
    from engine.errors import ConfigError
    from models.data_types import TIMESERIES

    loaded = load_settings(
        "data_flow",
        workspace_configs=line.workspace.configs,
        overrides=overrides,
        flags={"data_type": TIMESERIES},
    ).settings
    if not isinstance(loaded, SeriesSettings):
        raise ConfigError("data_type is not timeseries", fix="Set it in data_flow_config.yaml")
    root, today = line.workspace.root, dt.date.today()
    if file is not None:
        return read_actuals(file.absolute(), loaded.dataset, root=root, today=today)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "standard_input.csv"
        path.write_text(
            sys.stdin.read(_MOST_CHARACTERS), encoding="utf-8", errors="backslashreplace"
        )
        return read_actuals(path, loaded.dataset, root=root, today=today)


def _single(series: str | None, day: dt.datetime | None, value: float | None) -> Actual:
    from engine.tables.actuals import Actual, checked

    if series is None or day is None or value is None:
        raise click.UsageError("a single value needs --series, --date and --value")
    return checked(Actual(series, day.date(), value), dt.date.today())


def _labels(image: Path | None, label: str | None, labels: Path | None) -> list[Label]:
    from engine.data.actual_rows import picture_sha256, read_labels
    from engine.tables.actuals import Label

    if labels is not None:
        return read_labels(labels)
    if image is None or not label:
        raise click.UsageError("what a picture shows needs --image and --label")
    return [Label(picture_sha256(image, where=str(image)), label)]


def _tell(line: CommandLine, added: Added, what: str) -> None:
    from engine.cli.output import write_json, write_text
    from engine.plurals import counted

    if line.json:
        write_json({"new": added.new, "replaced": added.replaced, "same": added.same})
        return
    parts = [counted(f"{{count}} {what} added", added.new)]
    if added.replaced:
        parts.append(counted("{count} replaced [an earlier one|earlier ones]", added.replaced))
    if added.same:
        parts.append(counted("{count} [was|were] known already", added.same))
    write_text("; ".join(parts))
