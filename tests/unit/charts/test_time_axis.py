from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.charts.time_axis import (
    Window,
    clock_ticks,
    elapsed_ticks_between,
    pan,
    whole,
    window_text,
    zoom,
)
from engine.timeline import Timeline

START = datetime(2026, 3, 5, 14, 2, 11, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


RUN = Timeline((), at(0), at(100))


def test_zoom_keeps_what_is_at_the_cursor_where_it_is() -> None:
    near = zoom(RUN, Window(at(0), at(100)), 4, at(40))

    assert near == Window(at(30), at(55))
    assert zoom(RUN, near, 1 / 4, at(40)) == Window(at(0), at(100))


def test_zoom_and_pan_stop_at_the_ends_of_the_run() -> None:
    assert zoom(RUN, Window(at(0), at(10)), 0.5, at(0)) == Window(at(0), at(20))
    assert zoom(RUN, Window(at(90), at(100)), 0.01, at(95)) == whole(RUN)
    assert pan(RUN, Window(at(10), at(30)), 0.5) == Window(at(20), at(40))
    assert pan(RUN, Window(at(10), at(30)), -3) == Window(at(0), at(20))
    assert pan(RUN, Window(at(10), at(30)), 1e300) == Window(at(80), at(100))


def test_a_window_is_never_shorter_than_a_second() -> None:
    near = zoom(RUN, Window(at(0), at(100)), 1e9, at(50))

    assert near.end - near.start == timedelta(seconds=1)
    assert whole(Timeline((), at(0), at(0))) == Window(at(0), at(1))
    assert zoom(Timeline((), at(0), at(0)), Window(at(0), at(1)), 2, at(0)) == Window(at(0), at(1))


@pytest.mark.parametrize("factor", [0.0, -1.0, float("nan")])
def test_a_factor_that_means_nothing_is_refused(factor: float) -> None:
    with pytest.raises(ValueError, match="factor"):
        zoom(RUN, whole(RUN), factor, at(0))


steps = st.lists(
    st.one_of(
        st.tuples(st.just("zoom"), st.floats(0.01, 100), st.floats(-50, 150)),
        st.tuples(st.just("pan"), st.floats(-5, 5), st.just(0.0)),
    ),
    max_size=20,
)


@settings(deadline=None)
@given(steps, st.floats(0, 1e6))
def test_however_one_moves_the_window_stays_inside(
    moves: list[tuple[str, float, float]], length: float
) -> None:
    run = Timeline((), at(0), at(length))
    window = whole(run)
    for what, amount, where in moves:
        if what == "zoom":
            window = zoom(run, window, amount, at(where))
        else:
            window = pan(run, window, amount)

        assert whole(run).start <= window.start < window.end <= whole(run).end


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 41, "+0 s,+10 s,+20 s,+30 s,+40 s"),
        (13.2, 14.1, "+13.2 s,+13.4 s,+13.6 s,+13.8 s,+14 s"),
        (58, 61, "+58 s,+59 s,+60 s,+61 s"),
        (3599, 3601.5, "+59 m 59 s,+1 h,+1 h 01 s"),
        (3600, 3900, "+60 m,+61 m,+62 m,+63 m,+64 m,+65 m"),
        (7200, 7440, "+2 h,+2 h 01 m,+2 h 02 m,+2 h 03 m,+2 h 04 m"),
        (0, 90_000, "+0 h,+6 h,+12 h,+18 h,+24 h"),
        (86400 * 3, 86400 * 5, "+3 d,+3 d 12 h,+4 d,+4 d 12 h,+5 d"),
        (-5, 5, "-4 s,-2 s,+0 s,+2 s,+4 s"),
    ],
)
def test_elapsed_ticks_are_round_also_where_one_looks_closely(
    low: float, high: float, expected: str
) -> None:
    assert ",".join(label for _, label in elapsed_ticks_between(low, high, 50)) == expected


@settings(deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(1, 1e9), st.integers(1, 200))
def test_elapsed_ticks_lie_in_the_window_and_their_labels_have_room(
    low: float, length: float, width: int
) -> None:
    ticks = elapsed_ticks_between(low, low + length, width)

    columns = [(seconds - low) / length * width for seconds, _ in ticks]
    assert all(-1e-3 <= column <= width + 1e-3 for column in columns)
    for left, right, (_, label) in zip(columns, columns[1:], ticks, strict=False):
        assert right - left >= len(label) + 1.9


SEOUL = timezone(timedelta(hours=9), "KST")
BERLIN = ZoneInfo("Europe/Berlin")


def labels(start: datetime, end: datetime, tz: timezone | ZoneInfo = SEOUL) -> list[str]:
    return [label for _, label in clock_ticks(start, end, 60, tz)]


def test_clock_ticks_are_round_in_the_zone_of_the_reader() -> None:
    minute, hour, day = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

    assert labels(START, START + minute)[:3] == ["23:02:20", "23:02:30", "23:02:40"]
    assert labels(START, START + hour) == ["23:10", "23:20", "23:30", "23:40", "23:50", "6 Mar"]
    assert labels(START, START + day) == ["6 Mar", "06:00", "12:00", "18:00"]
    assert labels(START, START + 5 * day) == ["6 Mar", "7 Mar", "8 Mar", "9 Mar", "10 Mar"]
    assert labels(START, START + 400 * day) == ["May", "Jul", "Sep", "Nov", "Jan 2027", "Mar"]


def test_clock_ticks_stand_where_their_time_is() -> None:
    ticks = clock_ticks(START, START + timedelta(hours=1), 60, SEOUL)

    assert ticks[0] == (7 * 60 + 49, "23:10")


def test_an_hour_that_the_clocks_skip_or_repeat_breaks_nothing() -> None:
    spring = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    autumn = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)

    skipped = clock_ticks(spring, spring + timedelta(hours=2), 60, BERLIN)
    repeated = clock_ticks(autumn, autumn + timedelta(hours=3), 60, BERLIN)

    assert "02:00" not in [label for _, label in skipped]
    assert (1800, "03:00") in skipped
    for ticks in (skipped, repeated):
        places = [place for place, _ in ticks]
        assert len(places) > 2
        assert places == sorted(set(places))


def test_a_window_reads_as_wall_clock_time() -> None:
    assert window_text(at(0), at(41), SEOUL) == "2026-03-05 23:02:11 – 23:02:52 KST"
    assert (
        window_text(at(0), at(3600), SEOUL, ascii=True)
        == "2026-03-05 23:02:11 - 2026-03-06 00:02:11 KST"
    )
