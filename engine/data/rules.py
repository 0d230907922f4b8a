"""The rules of `dataset.rules`: from raw rows to clean daily series, with every change reported.

Order: sort, duplicates, negatives, days to come, missing values, series too short, gaps. A rule
on `error` does not stop the others, so that one attempt shows everything that is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from engine.config.series_settings import DatasetSettings
from engine.data.cells import Cells, IntArray, day_of
from engine.data.filling import Calendar
from engine.data.future import set_future_apart, with_future
from engine.data.problems import Problems, Spot, shown
from engine.data.report import DataReport
from engine.data.rows import LoadedRows
from engine.data.rule_work import RowWork
from engine.data.split import Split
from engine.plurals import counted


@dataclass(frozen=True)
class CleanData:
    """Daily series without gaps, and what was done to get there.

    Args:
        frame: `unique_id` (categorical of str), `ds` (datetime64[us]), `y` (float64, finite) and
            covariates (float64, finite); sorted by series and day, every day of a series' span.
            The stock, where there is one (float64), is NaN before its first known value. Behind
            these the days to come that were kept: `y` is NaN, covariates where unknown.
        report: Facts and changes.
    """

    frame: pd.DataFrame
    report: DataReport


@dataclass(frozen=True)
class ValidRows:
    """Rows that broke no rule that is set to `error`, not yet filled."""

    loaded: LoadedRows
    calendar: Calendar
    future: Cells
    borders: Split
    work: RowWork


def apply_rules(
    loaded: LoadedRows, settings: DatasetSettings, *, window: int, horizon: int
) -> CleanData:
    """Validate and prepare in one go; see `validate_rows` and `prepare_rows`."""
    return prepare_rows(validate_rows(loaded, settings, window=window, horizon=horizon), settings)


def validate_rows(
    loaded: LoadedRows, settings: DatasetSettings, *, window: int, horizon: int
) -> ValidRows:
    """Hold the rows against every rule of the settings, and do what the rules allow.

    Args:
        loaded: Raw rows.
        settings: With `rules` and `split`.
        window: Values that a model sees.
        horizon: Days that it answers. A series needs at least window + horizon +
            validation_days + test_days days.

    Raises:
        DataError: Rules on `error` were broken; all of them are listed, each with the first rows
            and the setting that would accept them. Or nothing is left.
    """
    rules, split = settings.rules, settings.split
    work = RowWork(rules, Problems(rules.max_errors_listed), notes=list(loaded.notes))
    cells = _sort(Cells.of(loaded.frame, settings.beside), work)
    cells = _duplicates(cells, len(settings.covariate_cols), work)
    cells = _negatives(cells, work)
    cells, future = set_future_apart(cells, len(settings.covariate_cols), work)
    cells = _missing(cells, settings, work)
    least = _Least(window, horizon, split.validation_days, split.test_days)
    cells = _short_series(cells, least, work)
    first, last = cells.spans()
    borders = Split(day_of(first.min()), day_of(last.max()), split.validation_days, split.test_days)
    calendar = Calendar.of(cells, settings.max_rows, loaded.source)
    _gaps(calendar, work)
    work.problems.raise_if_any(loaded.source)
    return ValidRows(loaded, calendar, future, borders, work)


def prepare_rows(valid: ValidRows, settings: DatasetSettings) -> CleanData:
    """Fill the days and values that the rules allow to be filled.

    Filled days never look ahead where it would matter: `interpolate` draws a line only when both
    neighbours lie in the training part. Everywhere else, in the validation and test parts and
    across their borders, it repeats the last known value, so that no forecast is ever asked
    from a window that knows a later day. Covariates are known in advance, but may be absent:
    days that a rule adds, and missing ones (unless `missing` is error), repeat the last known.

    Args:
        valid: What `validate_rows` passed.
        settings: The same as there.
    """
    loaded, calendar, borders, work = valid.loaded, valid.calendar, valid.borders, valid.work
    rules = settings.rules
    filled = calendar.fill(missing=rules.missing, gaps=rules.gaps, train_end=borders.train_end)
    work.notes.extend(_notes(filled, borders))
    report = _report(loaded, filled, calendar, work)
    return CleanData(with_future(filled, valid.future).frame(settings.beside), report)


def _sort(cells: Cells, work: RowWork) -> Cells:
    ordered = cells.take(np.argsort(cells.series, kind="stable"))
    is_same_series = np.diff(ordered.series) == 0
    back = np.flatnonzero(is_same_series & (np.diff(ordered.day) < 0)) + 1
    if work.rules.unsorted == "error":
        work.problems.add(
            "unsorted",
            "{count} [row is|rows are] earlier than the row before in the same series",
            "Sort the source by date, or set dataset.rules.unsorted: sort",
            count=back.size,
            spots=ordered.spots(back),
        )
    else:
        work.changed(
            "unsorted", "{count} [row was|rows were] out of order", back.size, ordered.spots(back)
        )
    if not back.size:
        return ordered
    return ordered.take(np.lexsort((ordered.day, ordered.series)))


def _duplicates(cells: Cells, covariates: int, work: RowWork) -> Cells:
    """At most one row for each series and day. Expects sorted rows.

    Args:
        cells: With so many covariates, and behind them perhaps the stock.
        covariates: How many they are.
        work: With the rules.
    """
    is_repeat = np.zeros(len(cells), dtype=np.bool_)
    is_repeat[1:] = (np.diff(cells.series) == 0) & (np.diff(cells.day) == 0)
    repeats = np.flatnonzero(is_repeat)
    if not repeats.size:
        return cells
    rule = work.rules.duplicates
    starts = np.flatnonzero(~is_repeat)
    if rule == "error":
        involved = np.flatnonzero(is_repeat | np.append(is_repeat[1:], False))
        work.problems.add(
            "duplicates",
            "{count} rows share a day with another row of their series",
            "Remove them, or set dataset.rules.duplicates: first | last | sum | mean",
            count=involved.size,
            spots=cells.spots(involved),
        )
        return cells.take(starts)
    words = {"first": "the first row of the day was kept", "last": "the last row was kept"}
    done = words.get(rule, f"their {rule} was taken")
    action = f"{{count}} [row repeats|rows repeat] a day; {done}"
    work.changed("duplicates", action, repeats.size, cells.spots(repeats))
    if rule == "first":
        return cells.take(starts)
    ends = np.append(starts[1:], len(cells)) - 1
    if rule == "last":
        return cells.take(ends)
    counts = ends - starts + 1
    sums = np.add.reduceat(cells.y, starts)
    kept = cells.take(starts)
    # Twice the price is no price: covariates are averaged whichever rule holds for values. What is
    # on hand when a day ends stands in its last row.
    beside = np.add.reduceat(cells.covariates, starts, axis=1) / counts
    beside[covariates:] = cells.covariates[covariates:, ends]
    return replace(
        kept,
        y=sums if rule == "sum" else sums / counts,
        covariates=beside,
    )


def _negatives(cells: Cells, work: RowWork) -> Cells:
    at = np.flatnonzero(cells.y < 0)
    if work.rules.negatives == "error":
        work.problems.add(
            "negatives",
            "{count} [value is|values are] below zero",
            "Correct them, or set dataset.rules.negatives: allow | zero",
            count=at.size,
            spots=cells.spots(at, with_value=True),
        )
    elif work.rules.negatives == "zero":
        spots = cells.spots(at, with_value=True)
        work.changed("negatives", "{count} [value was|values were] raised to zero", at.size, spots)
        return replace(cells, y=np.where(cells.y < 0, 0.0, cells.y))
    return cells


def _missing(cells: Cells, settings: DatasetSettings, work: RowWork) -> Cells:
    """Report missing values; leave out what stands before the first known one of a series."""
    rule = work.rules.missing
    _missing_beside(cells, settings, work)
    is_missing = np.isnan(cells.y)
    at = np.flatnonzero(is_missing)
    if not at.size:
        return cells
    if rule == "error":
        future = ""
        if settings.covariate_cols and work.rules.future == "missing":
            future = "; what comes after the last value may be dataset.rules.future: keep"
        work.problems.add(
            "missing",
            "{count} [value is|values are] missing",
            "Fill them in, or set dataset.rules.missing: zero | forward | interpolate" + future,
            count=at.size,
            spots=cells.spots(at),
        )
        return cells
    words = {
        "zero": "set to zero",
        "forward": "filled with the last known value",
        "interpolate": "interpolated (in the validation and test parts: the last known value)",
    }
    if rule == "zero":
        work.changed(
            "missing", f"{{count}} [value was|values were] {words[rule]}", at.size, cells.spots(at)
        )
        return cells
    first_known = np.full(len(cells.ids), np.iinfo(np.int64).max)
    np.minimum.at(first_known, cells.series[~is_missing], cells.day[~is_missing])
    is_leading = cells.day < first_known[cells.series]
    inner, leading = np.flatnonzero(is_missing & ~is_leading), np.flatnonzero(is_leading)
    work.changed(
        "missing",
        f"{{count}} [value was|values were] {words[rule]}",
        inner.size,
        cells.spots(inner),
    )
    action = "{count} [row|rows] before the first known value of a series [was|were] left out"
    work.changed("missing", action, leading.size, cells.spots(leading))
    never = np.setdiff1d(np.arange(len(cells.ids)), cells.series[~is_missing])
    work.problems.add(
        "missing/all",
        "{count} series [has|have] no value at all",
        "Leave them out of the source, or set dataset.rules.missing: zero",
        count=never.size,
        spots=(Spot(series=cells.ids[i]) for i in never),
    )
    # A series without any value stays, so that it is named only once: as a problem.
    return cells.take(~is_leading | np.isin(cells.series, never))


def _missing_beside(cells: Cells, settings: DatasetSettings, work: RowWork) -> None:
    """Report what is missing of covariates and stock; the stock may be known later than demand."""
    for name, values in zip(settings.beside, cells.covariates, strict=True):
        is_covariate = name in settings.covariate_cols
        about = f"{'covariate' if is_covariate else 'stock'} {shown(name)}"
        is_missing = np.isnan(values)
        at = np.flatnonzero(is_missing)
        if work.rules.missing == "error":
            work.problems.add(
                f"missing/{name}",
                "{count} [value is|values are] missing",
                "Fill them in, or set dataset.rules.missing: forward",
                about=about,
                count=at.size,
                spots=cells.spots(at),
            )
            continue
        action = "{count} [value was|values were] filled with the last known one"
        work.changed("missing", action, at.size, cells.spots(at), about=about)
        if not is_covariate:
            continue
        starts = np.flatnonzero(np.diff(cells.series, prepend=-1) != 0)
        unknown = starts[is_missing[starts]]
        work.problems.add(
            f"missing/{name}/first",
            "{count} series [begins|begin] without a value",
            "Fill in its first value",
            about=about,
            count=unknown.size,
            spots=cells.spots(unknown),
        )


@dataclass(frozen=True)
class _Least:
    """How many days a series needs."""

    window: int
    horizon: int
    validation: int
    test: int

    @property
    def days(self) -> int:
        return self.window + self.horizon + self.validation + self.test

    def __str__(self) -> str:
        return (
            f"{self.days} days (window {self.window} + horizon {self.horizon} + "
            f"validation {self.validation} + test {self.test})"
        )


def _short_series(cells: Cells, least: _Least, work: RowWork) -> Cells:
    """Find series that would not fill a window and its answer before validation and test."""
    first, last = cells.spans()
    days = last - first + 1
    is_short = days < least.days
    spots = [
        Spot(series=cells.ids[i], remark=counted("has {count} [day|days]", int(days[i])))
        for i in np.flatnonzero(is_short)
    ]
    if work.rules.short_series == "drop" and not is_short.all():
        action = f"{{count}} series [was|were] left out, a series needs {least}"
        work.changed("short_series", action, len(spots), spots)
        return cells.without(is_short)
    if work.rules.short_series == "keep" and not is_short.all():
        action = f"{{count}} series [was|were] kept, to train and test a series needs {least}"
        work.changed("short_series", action, len(spots), spots)
        return cells
    accepts = "" if is_short.all() else ", or set dataset.rules.short_series: drop | keep"
    work.problems.add(
        "short_series",
        "{count} series [is|are] too short",
        f"A series needs {least}: give longer ones, lower dataset.split or model.window{accepts}",
        count=len(spots),
        spots=spots,
    )
    return cells


def _gaps(calendar: Calendar, work: RowWork) -> None:
    count, spots = calendar.gap_count, calendar.gap_spots()
    rule = work.rules.gaps
    if rule == "error":
        work.problems.add(
            "gaps",
            "{count} [gap|gaps] in the days",
            "Add the rows, or set dataset.rules.gaps: zero | forward | interpolate",
            count=count,
            spots=spots,
        )
        return
    words = {
        "zero": "set to zero",
        "forward": "filled with the last known value",
        "interpolate": "interpolated (in the validation and test parts: the last known value)",
    }
    days = counted("{count} [day|days]", calendar.gap_days)
    work.changed("gaps", f"{{count}} [gap|gaps] ({days}) [was|were] {words[rule]}", count, spots)


def _notes(cells: Cells, borders: Split) -> list[str]:
    _, last = cells.spans()
    notes = []
    early = np.flatnonzero(last < int((borders.last_day - day_of(0)).days))
    if early.size:
        named = ", ".join(shown(cells.ids[i]) for i in early[:5])
        more = f" and {early.size - 5:,} more" if early.size > 5 else ""
        notes.append(
            counted("{count} series [ends|end] before ", early.size)
            + f"{borders.last_day}: {named}{more}"
        )
    in_test = np.flatnonzero(
        (cells.row < 0) & (cells.day > int((borders.validation_end - day_of(0)).days))
    )
    if in_test.size:
        notes.append(
            counted(
                "{count} [day|days] of the test part [was|were] filled in by the rule gaps",
                in_test.size,
            )
        )
    return notes


def _report(loaded: LoadedRows, cells: Cells, calendar: Calendar, work: RowWork) -> DataReport:
    starts = calendar.starts
    low, high = np.minimum.reduceat(cells.y, starts), np.maximum.reduceat(cells.y, starts)
    constant: IntArray = np.flatnonzero(low == high)
    first, last = day_of(cells.day.min()), day_of(cells.day.max())
    return DataReport(
        source=loaded.source,
        source_format=loaded.format,
        source_sha256=loaded.sha256,
        rows_read=loaded.rows_read,
        rows_kept=len(cells),
        series=len(cells.ids),
        days=(last - first).days + 1,
        first_day=first,
        last_day=last,
        zero_share=float(np.mean(cells.y == 0)),
        negatives=int(np.count_nonzero(cells.y < 0)),
        constant_series=tuple(cells.ids[i] for i in constant),
        changes=tuple(work.changes),
        notes=tuple(work.notes),
    )
