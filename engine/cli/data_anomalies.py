"""`engine data anomalies`: what was odd lately."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from engine.cli.options import CommandLine, json_option, pass_command_line, workspace_option

if TYPE_CHECKING:
    from engine.data.dataset import Dataset
    from models.arrays import Panel
    from models.forecasting.anomalies import Findings, Forecast
    from models.forecasting.intervals import Calibration

_SHOWN = 20
_NUMBERS_WIDTH = 78
_LEAST_NAME = 12
_WORDS = {
    "spike": "spike",
    "drop": "drop",
    "stopped": "stopped",
    "shift_up": "level up",
    "shift_down": "level down",
}
_COLUMNS = ("series", "what", "days", "actual", "expected", "interval", "outside")
# Of the fallback, which learns nothing.
_WINDOW, _HORIZON = 28, 7
_CALIBRATION_DAYS = 56


@dataclass(frozen=True, eq=False)
class _Judge:
    """Whose forecasts the days are held against; `version` is None for the seasonal naive."""

    version: str | None
    model_type: str
    window: int
    horizon: int
    forecast: Forecast
    calibration: Calibration
    covariates: tuple[str, ...]
    notes: tuple[str, ...]


def _level(_: click.Context, __: click.Parameter, value: float) -> float:
    if not 50 <= value < 100:  # as NaN is not
        raise click.BadParameter(f"a percentage from 50 to below 100, such as 99, not {value:g}")
    return value


@click.command("anomalies")
@click.option("--dataset", "dataset_id", metavar="ID", help="Default: the latest.")
@click.option(
    "--days",
    type=click.IntRange(1, 365),
    default=14,
    show_default=True,
    metavar="N",
    help="Look at the last N days.",
)
@click.option(
    "--level",
    type=float,
    default=99.0,
    show_default=True,
    metavar="PERCENT",
    callback=_level,
    help="So many of a hundred days are inside their interval by chance.",
)
@click.option("--series", metavar="NAME", help="Look at this one only.")
@json_option
@workspace_option
@pass_command_line
def anomalies(
    line: CommandLine, dataset_id: str | None, days: int, level: float, series: str | None
) -> None:
    """Show what was odd on the last days: values outside the interval of their forecast.

    Each stretch of a horizon is forecast from the days before it, by the deployed model or, where
    there is none, by the same weekday of the week before. Sorted by how far outside a value lies.
    """
    from engine.cli.data_sets import default_dataset
    from engine.cli.output import write_json
    from engine.data.dataset import open_dataset
    from engine.errors import DataError
    from models.errors import ModelProblem
    from models.forecasting.anomalies import find_anomalies

    workspace = line.workspace.create()
    dataset = open_dataset(workspace.datasets, dataset_id or default_dataset(line))
    panel = dataset.panel()
    try:
        judge = _judge(line, panel, dataset, days)
        # The model may know other covariates than the data set, and in another order.
        panel = _only(panel, series, dataset).with_covariates(judge.covariates)
        found = find_anomalies(
            panel,
            judge.forecast,
            judge.calibration,
            window=judge.window,
            horizon=judge.horizon,
            days=days,
            level=level / 100,
        )
    except ModelProblem as problem:
        raise DataError(str(problem), where=f"dataset {dataset.id}") from problem
    data = _data(dataset, panel, judge, found, days, level)
    if line.json:
        write_json(data)
    else:
        _write(data)


def _judge(line: CommandLine, panel: Panel, dataset: Dataset, days: int) -> _Judge:
    """The champion, or seasonal naive where it cannot judge these days."""
    from engine.store import AliasRegistry, open_store

    champion = AliasRegistry(line.workspace.central_storage).read().champion
    if champion is None:
        return _naive(panel, days, "no model is deployed: held against the same weekday before")
    version = open_store(line.workspace).get(champion)
    model = version.open_forecaster()
    if model.calibration is None:
        return _naive(panel, days, f"{champion} has no intervals: seasonal naive stands in")
    notes = []
    seen = version.last_day_seen
    if seen >= dataset.day(panel.days - days).isoformat():
        notes.append(f"{champion} has learnt from days up to {seen}: these surprise it less")
    if model.calibration.totals is None:
        notes.append(
            f"{champion} was trained before totals were kept: stops and shifts of level "
            "are not looked for"
        )
    return _Judge(
        champion,
        version.model_type,
        model.window,
        model.horizon,
        model.forecast,
        model.calibration,
        model.signature.covariates,
        tuple(notes),
    )


def _naive(panel: Panel, days: int, why: str) -> _Judge:
    """Seasonal naive, calibrated on the days before those that are looked at.

    Raises:
        ModelProblem: There are not enough of them.
    """
    from models import registry
    from models.base import no_progress
    from models.errors import ModelProblem

    known = panel.days - days
    calibration_days = min(_CALIBRATION_DAYS, known - _WINDOW - _HORIZON)
    if calibration_days < _HORIZON:
        raise ModelProblem(
            f"{known} days before those that are looked at are too few to tell what is usual; "
            f"{_WINDOW + 2 * _HORIZON} are needed",
            "Look at fewer days.",
        )
    naive = registry.create(
        "SeasonalNaive", window=_WINDOW, horizon=_HORIZON, seed=7, threads=1, hparams={}
    )
    history = panel.until(known)
    naive.fit(history, validation_days=0, progress=no_progress)
    calibration = naive.calibrate(history, validation_days=calibration_days)
    return _Judge(
        version=None,
        model_type="SeasonalNaive",
        window=_WINDOW,
        horizon=_HORIZON,
        forecast=naive.predict,
        calibration=calibration,
        covariates=(),
        notes=(why,),
    )


def _only(panel: Panel, series: str | None, dataset: Dataset) -> Panel:
    if series is None:
        return panel
    dataset.series_window(series, 1)  # says so when there is no such series
    row = panel.ids.index(series)
    return panel.series(slice(row, row + 1))


def _data(
    dataset: Dataset, panel: Panel, judge: _Judge, found: Findings, days: int, level: float
) -> dict[str, Any]:
    return {
        "dataset": dataset.id,
        "first_day": panel.date_of(found.first).isoformat(),
        "last_day": panel.date_of(panel.days - 1).isoformat(),
        "days": days,
        "level": level,
        "version": judge.version,
        "model_type": judge.model_type,
        "series": len(found.rows),
        "skipped": len(panel.ids) - len(found.rows),
        "checked": found.days.checked,
        "outside": found.days.outside,
        "expected": found.days.expected,
        "common_days": [
            {"day": panel.date_of(column).isoformat(), "outside": count}
            for column, count in found.common
        ],
        "stretches": {"days": judge.horizon, **vars(found.stretches)},
        "notes": list(judge.notes),
        "anomalies": [
            {
                "series": panel.ids[one.row],
                "kind": one.kind,
                "first_day": panel.date_of(one.first).isoformat(),
                "last_day": panel.date_of(one.last).isoformat(),
                "days": one.last - one.first + 1,
                "actual": one.actual,
                "expected": one.expected,
                "lower": one.lower,
                "upper": one.upper,
                "score": one.score,
            }
            for one in found.anomalies
        ],
    }


def _write(data: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    from engine.charts.text import clip
    from engine.cli.output import terminal_size, wants_ascii, write_table, write_text

    by = data["version"] or "seasonal naive"
    write_text(
        f"{data['first_day']} to {data['last_day']}, {data['series']:,} series, "
        f"{data['level']:g} % intervals of {by}"
    )
    found = data["anomalies"]
    name_width = max(_LEAST_NAME, terminal_size()[0] - _NUMBERS_WIDTH)
    shown = Table(box=None, pad_edge=False)
    for name in _COLUMNS:
        shown.add_column(name, no_wrap=True)
    for one in found[:_SHOWN]:
        shown.add_row(
            Text(clip(one["series"], name_width, ascii=wants_ascii())),
            _WORDS[one["kind"]],
            _span(one),
            f"{one['actual']:,.4g}",
            f"{one['expected']:,.4g}",
            f"{one['lower']:,.4g} to {one['upper']:,.4g}",
            f"{one['score']:.2f} x",
        )
    if found:
        write_table(shown)
    if len(found) > _SHOWN:
        write_text(f"the {_SHOWN} strangest of {len(found):,}; all: engine data anomalies --json")
    for sentence in _sentences(data):
        write_text(sentence)


def _span(one: dict[str, Any]) -> str:
    day = dt.date.fromisoformat(one["first_day"])
    return f"{day:%a %Y-%m-%d}" + (f" + {one['days'] - 1}" if one["days"] > 1 else "")


def _sentences(data: dict[str, Any]) -> list[str]:
    told = [
        f"Outside their interval: {data['outside']:,} of {data['checked']:,} days; expected by "
        f"chance: about {data['expected']:,.0f}."
    ]
    totals = data["stretches"]
    if totals["checked"]:
        told.append(
            f"Outside as a total: {totals['outside']:,} of {totals['checked']:,} stretches of up "
            f"to {totals['days']} days; expected by chance: about {totals['expected']:,.0f}."
        )
    told += [
        f"On {dt.date.fromisoformat(one['day']):%a %Y-%m-%d} {one['outside']:,} series are "
        "outside, more than by chance: the day itself is odd."
        for one in data["common_days"]
    ]
    if data["skipped"]:
        told.append(f"Too short, or ended before: {data['skipped']:,} series.")
    return told + [f"Note: {note}." for note in data["notes"]]
