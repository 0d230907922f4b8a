"""Kinds of data that there are models for."""

from __future__ import annotations

TIMESERIES, IMAGE = "timeseries", "image"
DATA_TYPES = (TIMESERIES, IMAGE)
