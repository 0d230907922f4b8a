from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine import zones
from engine.errors import ConfigError
from engine.zones import LOCAL, zone_of

JANUARY, JULY = datetime(2026, 1, 15, 12), datetime(2026, 7, 15, 12)
HOUR = timedelta(hours=1)


@pytest.fixture
def zone_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Stands for /etc/localtime, on a machine whose TZ says nothing."""
    path = tmp_path / "localtime"
    monkeypatch.setattr(zones, "_LOCAL_ZONE_FILE", path)
    monkeypatch.delenv("TZ", raising=False)
    return path


@pytest.fixture
def berlin(zone_file: Path) -> Path:
    """A machine in Berlin."""
    source = Path("/usr/share/zoneinfo/Europe/Berlin")
    if not source.exists():
        pytest.skip("this machine has no zone files")
    zone_file.symlink_to(source)
    return zone_file


def offsets(name: str) -> tuple[timedelta | None, timedelta | None]:
    """How far a zone is from UTC in winter and in summer."""
    zone = zone_of(name)
    return zone.utcoffset(JANUARY), zone.utcoffset(JULY)


@pytest.mark.parametrize(
    ("name", "winter", "summer"),
    [("UTC", 0, 0), ("Asia/Seoul", 9, 9), ("Europe/Berlin", 1, 2), ("America/New_York", -5, -4)],
)
def test_a_zone_goes_by_its_iana_name(name: str, winter: int, summer: int) -> None:
    assert offsets(name) == (winter * HOUR, summer * HOUR)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "Mars/Olympus",
        "Seoul",
        "Asia",
        "Asia/Seoul ",
        "UTC+9",
        "LOCAL",
        "/etc/localtime",
        "../../etc/passwd",
        "Asia/../../../../etc/passwd",
        "zone.tab",
        "\0",
        "\udcff",
        "x" * 5000,
    ],
)
def test_a_name_that_is_no_zone_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(ConfigError, match="there is no time zone") as caught:
        zone_of(name)

    assert "Asia/Seoul" in str(caught.value.fix)


@pytest.mark.usefixtures("berlin")
def test_local_is_the_zone_of_this_machine_with_its_summer_time() -> None:
    assert offsets(LOCAL) == (HOUR, 2 * HOUR)


@pytest.mark.usefixtures("zone_file")
def test_a_machine_that_says_nothing_is_in_utc() -> None:
    assert zone_of(LOCAL) is UTC


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize("value", ["Asia/Seoul", ":Asia/Seoul"])
def test_the_environment_wins_over_the_machine(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("TZ", value)

    assert offsets(LOCAL) == (9 * HOUR, 9 * HOUR)


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize("value", ["", ":"])
def test_an_environment_that_names_no_zone_says_nothing(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("TZ", value)

    assert offsets(LOCAL) == (HOUR, 2 * HOUR)


@pytest.mark.parametrize("prefix", ["", ":"])
def test_the_environment_may_name_a_file(
    monkeypatch: pytest.MonkeyPatch, berlin: Path, prefix: str
) -> None:
    # `TZ=:/etc/localtime` is common: it spares the C library a look at the file each time.
    monkeypatch.setenv("TZ", f"{prefix}{berlin}")

    assert offsets(LOCAL) == (HOUR, 2 * HOUR)


def test_an_environment_that_names_no_known_zone_is_told_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "Mars/Olympus")

    with pytest.raises(ConfigError, match="there is no time zone 'Mars/Olympus'"):
        zone_of(LOCAL)


def test_the_environment_says_nothing_about_a_zone_that_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "Asia/Seoul")

    assert offsets("Europe/Berlin") == (HOUR, 2 * HOUR)
