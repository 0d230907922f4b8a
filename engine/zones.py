"""Time zones by the names that settings give them."""

from __future__ import annotations

import os
from datetime import UTC, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.errors import ConfigError

LOCAL = "local"

_LOCAL_ZONE_FILE = Path("/etc/localtime")


def zone_of(name: str) -> tzinfo:
    """The time zone of a name; `local` is this machine's, with its rules for summer time.

    Raises:
        ConfigError: There is no such zone.
    """
    if name == LOCAL:
        name = os.environ.get("TZ", "").lstrip(":") or str(_LOCAL_ZONE_FILE)
        if name.startswith("/"):
            return _zone_in(Path(name))
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigError(
            f"there is no time zone {name!r}", fix="Use an IANA name such as Asia/Seoul"
        ) from None


def _zone_in(path: Path) -> tzinfo:
    """The zone that a file describes; a machine without one lives by UTC."""
    try:
        with path.open("rb") as file:
            return ZoneInfo.from_file(file, key=LOCAL)
    except (OSError, ValueError):
        return UTC
