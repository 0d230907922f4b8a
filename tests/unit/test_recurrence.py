from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest

from engine.errors import ConfigError
from engine.recurrence import Cron, Every, due_times, next_time, parse_period

BERLIN, SEOUL = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Seoul")
HOUR, DAY = 3600.0, 86400.0


def at(text: str, zone: tzinfo = UTC, *, fold: int = 0) -> float:
    """Seconds since the epoch of a time of day; `fold` 1 means the second one of its name."""
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


def fires(expression: str, zone: tzinfo, moment: float, count: int) -> list[str]:
    """The next times of a cron expression as clocks in its zone show them."""
    times = islice(Cron(expression, zone).after(moment), count)
    return [f"{datetime.fromtimestamp(time, zone):%Y-%m-%d %H:%M %z}" for time in times]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 6 * * *", ["2026-01-31 06:00", "2026-02-01 06:00"]),
        ("*/20 * * * *", ["2026-01-30 12:20", "2026-01-30 12:40"]),
        ("30 4 1 * *", ["2026-02-01 04:30", "2026-03-01 04:30"]),
        ("0 6 * * MON-FRI", ["2026-02-02 06:00", "2026-02-03 06:00"]),
        ("0 6 * * sun", ["2026-02-01 06:00", "2026-02-08 06:00"]),
        ("0 6 * * 7", ["2026-02-01 06:00", "2026-02-08 06:00"]),
        ("0 6 1 * MON", ["2026-02-01 06:00", "2026-02-02 06:00"]),
        ("0 0 L * *", ["2026-01-31 00:00", "2026-02-28 00:00"]),
        ("0 0 29 2 *", ["2028-02-29 00:00", "2032-02-29 00:00"]),
    ],
)
def test_a_cron_expression_fires_as_cron_has_it(expression: str, expected: list[str]) -> None:
    moment = at("2026-01-30 12:00")

    assert fires(expression, UTC, moment, 2) == [f"{time} +0000" for time in expected]


@pytest.mark.parametrize("earlier", [0.5, 1.0, 60.0, 3599.0])
def test_times_come_strictly_after_the_moment(earlier: float) -> None:
    six = at("2026-01-31 06:00")
    daily = Cron("0 6 * * *", UTC)

    assert next_time(daily, six - earlier) == six
    assert next_time(daily, six) == six + DAY
    assert next_time(daily, six + earlier) == six + DAY


def test_a_time_of_day_is_that_of_the_zone() -> None:
    assert next_time(Cron("0 6 * * *", SEOUL), at("2026-01-30 12:00")) == at("2026-01-30 21:00")
    assert fires("0 6 * * *", SEOUL, at("2026-03-28 12:00"), 2) == [
        "2026-03-29 06:00 +0900",
        "2026-03-30 06:00 +0900",
    ]


def test_the_summer_time_that_a_zone_once_had_counts() -> None:
    assert fires("0 6 * * *", SEOUL, at("1988-10-07 12:00"), 2) == [
        "1988-10-08 06:00 +1000",
        "1988-10-09 06:00 +0900",
    ]


def test_43_a_time_that_the_clock_leaves_out_fires_right_after_the_gap() -> None:
    assert fires("30 2 * * *", BERLIN, at("2026-03-28 01:00", BERLIN), 3) == [
        "2026-03-28 02:30 +0100",
        "2026-03-29 03:00 +0200",
        "2026-03-30 02:30 +0200",
    ]


def test_43_a_time_that_the_clock_repeats_fires_once() -> None:
    assert fires("30 2 * * *", BERLIN, at("2026-10-24 12:00", BERLIN), 3) == [
        "2026-10-25 02:30 +0200",
        "2026-10-26 02:30 +0100",
        "2026-10-27 02:30 +0100",
    ]


def test_what_fires_every_hour_fires_in_the_repeated_one_too() -> None:
    assert fires("0 * * * *", BERLIN, at("2026-10-25 01:30", BERLIN), 3) == [
        "2026-10-25 02:00 +0200",
        "2026-10-25 02:00 +0100",
        "2026-10-25 03:00 +0100",
    ]
    assert fires("0 * * * *", BERLIN, at("2026-03-29 00:30", BERLIN), 2) == [
        "2026-03-29 01:00 +0100",
        "2026-03-29 03:00 +0200",
    ]


@pytest.mark.parametrize("expression", ["30 2 * * *", "0 1-4 * * *", "*/15 * * * *", "5 * * * *"])
@pytest.mark.parametrize("change", ["2026-03-29 00:00", "2026-10-25 00:00"])
def test_every_time_is_later_than_the_moment_and_the_one_before(
    expression: str, change: str
) -> None:
    cron = Cron(expression, BERLIN)

    # The five hours around the change of the clock, in steps of five minutes.
    for step in range(60):
        moment = at(change, BERLIN) + step * 300
        times = [moment, *islice(cron.after(moment), 5)]
        assert all(before < after for before, after in pairwise(times))


@pytest.mark.parametrize("minute", [0, 10, 30, 59])
def test_in_the_second_of_two_equal_hours_a_time_of_day_is_over(minute: int) -> None:
    moment = at(f"2026-10-25 02:{minute:02}", BERLIN, fold=1)

    assert fires("30 2 * * *", BERLIN, moment, 1) == ["2026-10-26 02:30 +0100"]


def test_going_on_from_each_time_gives_the_same_times_as_going_through() -> None:
    cron = Cron("0,30 1-3 * * *", BERLIN)
    start = at("2026-10-24 12:00", BERLIN)

    one_by_one, moment = [], start
    for _ in range(20):
        upcoming = next_time(cron, moment)
        assert upcoming is not None
        one_by_one.append(upcoming)
        moment = upcoming

    assert one_by_one == [*islice(cron.after(start), 20)]


@pytest.mark.parametrize("expression", ["0 0 */30 2 MON#5"])
def test_an_expression_that_no_day_fits_never_fires(expression: str) -> None:
    cron = Cron(expression, UTC)

    assert list(cron.after(at("2026-01-30 12:00"))) == []
    assert next_time(cron, at("2026-01-30 12:00")) is None


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "6:00",
        "@daily",
        "* * * *",
        "* * * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "* * * * MONDAY",
        "*/0 * * * *",
        "5-1 * * * *",
        "-1 * * * *",
        "1, * * * *",
        "a b c d e",
        "٣ * * * *",
        "0 0 30 2 *",
        "0 0 31 4,6 *",
        "9" * 5000 + " * * * *",
        "\0 * * * *",
    ],
)
def test_what_is_no_cron_expression_is_refused_with_an_example(expression: str) -> None:
    with pytest.raises(ConfigError, match="is not a cron expression") as caught:
        Cron(expression, UTC)

    assert "0 6 * * *" in str(caught.value.fix)


def test_a_period_is_counted_from_its_anchor() -> None:
    hourly = Every(HOUR, anchor=1000.5)

    assert [*islice(hourly.after(1000.5), 3)] == [4600.5, 8200.5, 11800.5]
    assert next_time(hourly, 4600.0) == 4600.5
    assert next_time(hourly, 4600.5) == 8200.5
    assert next_time(hourly, 4601.0) == 8200.5


def test_a_period_begins_after_its_anchor_whatever_the_clock_says() -> None:
    assert next_time(Every(HOUR, anchor=10_000.0), 0.0) == 13_600.0


@pytest.mark.parametrize("seconds", [90.7, 86400 / 7, 3600.0])
def test_each_period_comes_once_also_when_its_length_is_no_whole_number(seconds: float) -> None:
    every = Every(seconds, anchor=1_767_225_600.123)
    through = [*islice(every.after(1_767_225_600.123), 500)]

    moments = [1_767_225_600.123, *through[:-1]]
    assert [next_time(every, moment) for moment in moments] == through


def test_what_is_due_reaches_from_the_first_time_up_to_now() -> None:
    hourly = Every(HOUR, anchor=0.0)

    assert due_times(hourly, HOUR, HOUR, most=10) == [HOUR]
    assert due_times(hourly, HOUR, 3 * HOUR - 0.5, most=10) == [HOUR, 2 * HOUR]
    assert due_times(hourly, HOUR, 3 * HOUR, most=10) == [HOUR, 2 * HOUR, 3 * HOUR]


def test_a_first_time_that_is_out_of_step_is_due_all_the_same() -> None:
    # The clock went back, say, or the schedule was changed.
    assert due_times(Every(HOUR, anchor=0.0), 4000.0, 2 * HOUR, most=10) == [4000.0, 2 * HOUR]


@pytest.mark.parametrize("most", [1, 2, 5, 100])
def test_of_many_times_that_are_due_the_newest_count(most: int) -> None:
    due = due_times(Every(HOUR, anchor=0.0), HOUR, 50 * HOUR, most=most)

    assert due == [number * HOUR for number in range(1, 51)][-most:]


def test_of_very_many_times_that_are_due_the_newest_count_too() -> None:
    # A fortnight without an engine, for something that happens every five seconds.
    end = 14 * DAY

    assert due_times(Every(5.0, anchor=0.0), 5.0, end, most=3) == [end - 10.0, end - 5.0, end]


def test_what_happened_only_once_is_due_once() -> None:
    never = Cron("0 0 */30 2 MON#5", UTC)

    assert due_times(never, 1000.0, at("2026-01-30 12:00"), most=10) == [1000.0]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90.0),
        ("90s", 90.0),
        ("90 sec", 90.0),
        ("30m", 1800.0),
        ("30min", 1800.0),
        ("6h", 6 * HOUR),
        ("1d", DAY),
        ("2w", 14 * DAY),
        ("1.5h", 5400.0),
        ("0.5", 0.5),
        (" 6 H ", 6 * HOUR),
        ("30Min", 1800.0),
    ],
)
def test_a_period_is_read_with_its_unit(text: str, seconds: float) -> None:
    assert parse_period(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "h",
        "-1h",
        "+1h",
        "1e3",
        ".5h",
        "1.h",
        "1,5h",
        "1h30m",
        "6 hours",
        "1y",
        "1 2h",
        "nan",
        "inf",
        "0x10",
        "٣h",
        "5ſ",
        "5mın",
        "5mİn",
        "\0",
        "1h\0",
    ],
)
def test_what_is_no_period_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a period") as caught:
        parse_period(text)

    assert "30m" in str(caught.value.fix)
