"""Rows after the last value of a series: days to come, of which only the covariates are known."""

from __future__ import annotations

import numpy as np

from engine.data.cells import Cells, day_of
from engine.data.problems import Spot
from engine.data.rule_work import RowWork

MOST_DAYS = 366
"""Days after the last value; nobody forecasts further, and a mistyped year lies far behind."""


def set_future_apart(cells: Cells, covariates: int, work: RowWork) -> tuple[Cells, Cells]:
    """Take the rows of days to come away, where `rules.future` says that they are that.

    A series without any value has no future either: it stays whole.

    Args:
        cells: Sorted, at most one row for each series and day.
        covariates: How many of the numbers beside the values are covariates.
        work: With the rules.

    Returns:
        What lies up to the last value of each series, and what comes after it; their unknown
        covariates are NaN.
    """
    nothing = cells.take(np.zeros(len(cells), dtype=np.bool_))
    if work.rules.future != "keep" or not covariates:
        return cells, nothing
    has_value = ~np.isnan(cells.y)
    last = np.full(len(cells.ids), np.iinfo(np.int64).max)
    with_values = np.unique(cells.series[has_value])
    last[with_values] = np.iinfo(np.int64).min
    np.maximum.at(last, cells.series[has_value], cells.day[has_value])
    ahead = cells.day - last[cells.series]
    is_future = ahead > 0
    at = np.flatnonzero(is_future)
    if not at.size:
        return cells, nothing
    far = np.flatnonzero(is_future & (ahead > MOST_DAYS))
    work.problems.add(
        "future",
        f"{{count}} [row is|rows are] more than {MOST_DAYS} days after the last value of "
        "[its|their] series",
        "Correct the dates, or leave the rows out",
        count=far.size,
        spots=(Spot(row=int(cells.row[i]), day=day_of(int(cells.day[i]))) for i in far),
    )
    future = cells.take(at)
    series = np.unique(future.series)
    first, last_to_come = future.spans()
    work.changed(
        "future",
        "{count} series [has|have] rows after the last value, which were kept as days to come",
        series.size,
        (
            Spot(series=cells.ids[i], day=day_of(first[i]), until=day_of(last_to_come[i]))
            for i in series
        ),
    )
    return cells.take(~is_future), future


def with_future(cells: Cells, future: Cells) -> Cells:
    """Put days to come behind the days of their series again; series that were left out stay out.

    Args:
        cells: Of some of the series of `future`.
        future: Days without values.
    """
    if not len(future):
        return cells
    rank = {name: at for at, name in enumerate(cells.ids)}
    own = np.array([rank.get(name, -1) for name in future.ids], dtype=np.int64)
    kept = future.take(own[future.series] >= 0)
    joined = Cells(
        ids=cells.ids,
        series=np.concatenate([cells.series, own[kept.series]]),
        day=np.concatenate([cells.day, kept.day]),
        row=np.concatenate([cells.row, kept.row]),
        y=np.concatenate([cells.y, kept.y]),
        covariates=np.concatenate([cells.covariates, kept.covariates], axis=1),
    )
    return joined.take(np.lexsort((joined.day, joined.series)))
