"""Drift as a page of Evidently: an extra, for those who know it or want to hand something on.

Evidently wants two tables. The one of then is drawn from the distributions that a version keeps of
what it learnt from: a value for each of a thousand evenly spaced parts, which is all that its tests
of single columns look at.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.atomic import replaced_file
from engine.drift.report import DriftReport
from engine.errors import ConfigError, DataError, StorageError
from models.arrays import FloatArray
from models.drift.kept import Kept

_DRAWN = 1000
_FIX = "Install it: pip install 'mlops-tui[evidently]'"


def write_report(reports: Sequence[DriftReport], path: Path) -> None:
    """Write a page about the features of one report or more; it needs no network to be read.

    Args:
        reports: What was found; those without features have nothing to show.
        path: The file. Of several reports each has its own: `<name>-<data type><suffix>`.

    Raises:
        ConfigError: Evidently is not installed.
        DataError: No report has a feature.
        StorageError: The file cannot be written.
    """
    shown = [report for report in reports if report.columns]
    if not shown:
        why = "; ".join(note for report in reports for note in report.notes)
        raise DataError(f"there is nothing to compare yet: {why}", where="engine drift --html")
    for report in shown:
        one = path
        if len(shown) > 1:
            one = path.with_name(f"{path.stem}-{report.data_type}{path.suffix}")
        page = _page(report)
        try:
            with replaced_file(one) as file:
                file.write(page.encode())
        except OSError as error:
            raise StorageError(f"cannot be written: {error.strerror}", where=str(one)) from error


def _page(report: DriftReport) -> str:
    # Before it is imported: it reports its use elsewhere otherwise.
    os.environ["DO_NOT_TRACK"] = "1"
    try:
        import pandas as pd
        from evidently import Report
        from evidently.presets import DataDriftPreset
    except ImportError as error:
        raise ConfigError(f"Evidently is not there: {error}", fix=_FIX) from error
    then = {name: _drawn(kept) for name, (kept, _) in report.columns.items()}
    now = {name: values for name, (_, values) in report.columns.items()}
    result = Report([DataDriftPreset()]).run(_table(pd, now), _table(pd, then))
    page: str = result.get_html_str(as_iframe=False)
    return page


def _drawn(kept: Kept) -> FloatArray:
    """Values that are spread as those that were learnt from."""
    quantiles = kept.distribution.quantiles
    places = (np.arange(_DRAWN) + 0.5) / _DRAWN
    return np.interp(places, np.linspace(0, 1, len(quantiles)), quantiles)


def _table(pandas: Any, columns: dict[str, FloatArray]) -> Any:
    return pandas.DataFrame({name: pandas.Series(values) for name, values in columns.items()})
