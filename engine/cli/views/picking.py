"""The view of a data type: picked here, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.cli.views.images import ImageView
from engine.cli.views.series import SeriesView
from engine.cli.views.view import View
from models.data_types import TIMESERIES

_VIEWS: dict[str, View] = {one.data_type: one for one in (SeriesView(), ImageView())}


def view_of(data_type: str) -> View:
    """How a kind of data is shown."""
    return _VIEWS[data_type]


def view_of_record(record: Mapping[str, Any]) -> View:
    """How a record is shown that says its kind of data; those that are older are of series."""
    return _VIEWS[record.get("data_type", TIMESERIES)]


def views_of(data_types: Iterable[str]) -> list[View]:
    """The views of what is there, each once, in the order of the kinds of data."""
    there = set(data_types)
    return [view for data_type, view in _VIEWS.items() if data_type in there]
