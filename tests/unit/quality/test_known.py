"""Values of a data set completed by those that were told."""

from __future__ import annotations

import datetime as dt

import numpy as np

from engine.quality.known import known_days
from engine.quality.scores import score_served
from engine.tables.actuals import Actual
from tests.unit.quality.test_scores import FIRST, panel, served


def day(column: int) -> dt.date:
    return FIRST + dt.timedelta(days=column)


def test_without_a_word_it_is_the_data_set_itself() -> None:
    data = panel()
    assert known_days(data, [], {"a"}) is data
    assert known_days(None, [], {"a"}) is None
    assert known_days(data, [Actual("x", day(3), 1.0)], {"a"}) is data, "nobody asked about x"


def test_what_was_told_goes_beyond_the_data_set_and_counts_more() -> None:
    told = [Actual("a", day(27), 99.0), Actual("a", day(30), 7.0), Actual("new", day(29), 1.0)]
    known = known_days(panel(), told, {"a", "new"})
    assert known is not None
    assert (known.ids, known.start, known.days) == (("a", "b", "late", "new"), FIRST, 31)
    row = known.values[0]
    assert (row[26], row[27], row[30]) == (13.0, 99.0, 7.0)
    # A day that nobody told is not known, also in the middle.
    assert np.isnan(row[[28, 29]]).all() and np.isnan(known.values[3]).sum() == 30
    assert known.date_of(30) == day(30)


def test_what_was_told_is_enough_by_itself_also_before_the_data_set_begins() -> None:
    known = known_days(None, [Actual("a", day(5), 2.0)], {"a"})
    assert known is not None and (known.start, known.values.tolist()) == (day(5), [[2.0]])
    earlier = known_days(panel(), [Actual("a", day(-2), 2.0)], {"a"})
    assert earlier is not None and earlier.start == day(-2) and earlier.values[0, 0] == 2.0


def test_a_day_of_long_ago_costs_no_memory() -> None:
    told = [Actual("a", dt.date(1900, 1, 1), 1.0), Actual("a", day(3), 2.0)]
    known = known_days(None, told, {"a"})
    assert known is not None and known.days < 1200 and known.values[0, -1] == 2.0


def test_forecasts_are_scored_on_what_was_told() -> None:
    known = known_days(None, [Actual("a", day(28), 10.0), Actual("a", day(30), 20.0)], {"a"})
    assert known is not None
    (score,) = score_served([served("a", 27, 12.0, 99.0, 21.0)], known, last_days=90)
    assert (score.matched, score.mae) == (2, 1.5)
