"""Times as people read them, in the configured zone."""

from __future__ import annotations

from datetime import datetime, tzinfo


def clock(seconds: float | None, timezone: tzinfo) -> str:
    """A moment such as "2026-01-31 14:05", or "" for none."""
    if seconds is None:
        return ""
    return datetime.fromtimestamp(seconds, timezone).strftime("%Y-%m-%d %H:%M")
