"""Times as people read them, in the configured zone."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo


def zone(name: str) -> tzinfo:
    """The zone that `timezone` in engine.yaml names; `local` is this machine's."""
    if name == "local":
        local = datetime.now(UTC).astimezone().tzinfo
        assert local is not None, "astimezone() gives an aware time"
        return local
    return ZoneInfo(name)


def clock(seconds: float | None, timezone: tzinfo) -> str:
    """A moment such as "2026-01-31 14:05", or "" for none."""
    if seconds is None:
        return ""
    return datetime.fromtimestamp(seconds, timezone).strftime("%Y-%m-%d %H:%M")
