"""`engine predict`."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import click

from engine.cli.options import CommandLine, json_option, pass_command_line, workspace_option

if TYPE_CHECKING:
    from engine.data.dataset import Dataset
    from engine.store import Version
    from engine.workspace import Workspace

_HISTORY_DAYS_A_COLUMN = 0.75
_CHART_ROWS = 20


@click.command("predict")
@click.option("--series", metavar="ID", help="Which series; default: the one with most volume.")
@click.option("--steps", type=click.IntRange(1, 365), help="Days; default: the model's horizon.")
@click.option("--version", metavar="VERSION", default="champion", show_default=True)
@json_option
@workspace_option
@pass_command_line
def predict(line: CommandLine, series: str | None, steps: int | None, version: str) -> None:
    """Forecast the days after the newest data with the deployed model, and draw them."""
    import numpy as np

    from engine.cli.models import resolve_version
    from engine.cli.output import write_json
    from models.base import Windows

    workspace = line.workspace.create()
    chosen = resolve_version(line, version)
    dataset = _newest_dataset(workspace, chosen)
    model = chosen.open()
    name = series or _largest_series(dataset)
    history = dataset.series_window(name, model.window)
    windows = Windows(history.values[None, :], np.array([history.last_day.weekday()]))
    forecast = model.forecast(windows, steps)[0]
    days = [history.last_day + dt.timedelta(days=ahead) for ahead in range(1, len(forecast) + 1)]
    if line.json:
        write_json(
            {
                "series": name,
                "version": chosen.id,
                "dataset": dataset.id,
                "last_day": history.last_day.isoformat(),
                "forecast": [
                    {"day": day.isoformat(), "value": float(value)}
                    for day, value in zip(days, forecast, strict=True)
                ],
            }
        )
    else:
        _draw(dataset, name, chosen, days, forecast)


def _largest_series(dataset: Dataset) -> str:
    import numpy as np

    panel = dataset.panel()
    return panel.ids[int(np.argmax(np.nansum(np.abs(panel.values), axis=1)))]


def _newest_dataset(workspace: Workspace, version: Version) -> Dataset:
    """The data set of the newest data_flow, or the version's own where there is no newer one."""
    from engine.data.dataset import open_dataset
    from engine.tables.handoffs import Handoffs

    newest = Handoffs(workspace.database).take("dataset")
    dataset_id = newest.value if newest else version.lineage["training"]["dataset"]
    return open_dataset(workspace.datasets, dataset_id)


def _draw(
    dataset: Dataset, name: str, version: Version, days: list[dt.date], forecast: Any
) -> None:
    from engine.charts.forecast import forecast_chart
    from engine.cli.output import terminal_size, wants_ascii, wants_colour, write_text

    width, height = terminal_size()
    history = dataset.series_window(name, max(14, int(width * _HISTORY_DAYS_A_COLUMN)))
    first = history.last_day - dt.timedelta(days=len(history.values) - 1)
    chart = forecast_chart(
        [first + dt.timedelta(days=offset) for offset in range(len(history.values))],
        [float(value) for value in history.values],
        days,
        [float(value) for value in forecast],
        title=f"{name}: next {len(days)} days by {version.id}",
        width=width,
        height=min(_CHART_ROWS, height - 2),
        colour=wants_colour(),
        ascii=wants_ascii(),
    )
    write_text(chart)
    for day, value in zip(days, forecast, strict=True):
        write_text(f"{day:%a %Y-%m-%d} {value:12.2f}")
