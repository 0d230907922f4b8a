from __future__ import annotations

import datetime as dt
import math
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from engine.errors import DataError, StorageError
from engine.tables.actuals import Actual, Actuals, Added, Label, checked
from tests.unit.several_processes import at_once

DAY = dt.date(2026, 11, 20)


@pytest.fixture
def store(tmp_path: Path) -> Actuals:
    return Actuals(tmp_path / "actuals.db")


def test_who_only_looks_makes_no_file(store: Actuals, tmp_path: Path) -> None:
    assert store.values() == store.series() == store.newest("a", 3) == []
    assert store.labels() == {}
    assert list(tmp_path.iterdir()) == []


def test_a_later_value_replaces_the_earlier_one_and_is_counted(store: Actuals) -> None:
    first = store.add([Actual("a", DAY, 1.0), Actual("b", DAY, 2.0)])
    again = store.add([Actual("a", DAY, 1.0), Actual("b", DAY, 3.0), Actual("c", DAY, 0.0)])
    assert (first, again) == (Added(2, 0, 0), Added(1, 1, 1))
    assert store.values() == [Actual("a", DAY, 1.0), Actual("b", DAY, 3.0), Actual("c", DAY, 0.0)]
    # Of one that is told twice at once the last word counts.
    assert store.add([Actual("a", DAY, 5.0), Actual("a", DAY, 6.0)]) == Added(0, 1, 0)
    assert store.newest("a", 1) == [Actual("a", DAY, 6.0)]


def test_days_are_found_by_date_and_series(store: Actuals) -> None:
    days = [DAY + dt.timedelta(days=step) for step in range(5)]
    store.add(Actual(name, day, float(place)) for name in "ab" for place, day in enumerate(days))
    assert [one.day for one in store.newest("a", 2)] == days[-2:]
    assert {one.day for one in store.values(since=days[3])} == {*days[3:]}
    assert [(one.series, one.values, one.first, one.last) for one in store.series()] == [
        ("a", 5, days[0], days[-1]),
        ("b", 5, days[0], days[-1]),
    ]


def test_all_of_it_is_added_or_nothing(store: Actuals) -> None:
    def values() -> object:
        yield Actual("a", DAY, 1.0)
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError):
        store.add(values())  # type: ignore[arg-type]
    assert store.values() == []


def test_labels_are_kept_by_the_hash_of_the_file(store: Actuals) -> None:
    assert store.add(labels=[Label("ab", "cat"), Label("cd", "dog")]) == Added(2, 0, 0)
    assert store.add(labels=[Label("ab", "cow"), Label("cd", "dog")]) == Added(0, 1, 1)
    assert store.labels() == {"ab": "cow", "cd": "dog"}


ADD = """
import datetime as dt
from pathlib import Path
from engine.tables.actuals import Actual, Actuals
store, number, day = Actuals(Path(sys.argv[1])), sys.argv[2], dt.date(2026, 11, 20)
wait_for_start()
store.add([Actual(f"s{number}", day, 1.0), Actual("all", day, float(number))])
"""


def test_several_may_add_at_once(tmp_path: Path) -> None:
    path = tmp_path / "actuals.db"
    assert at_once(ADD, [[str(path), str(number)] for number in range(4)]) == [""] * 4
    assert len(Actuals(path).series()) == 5


def test_a_file_of_a_newer_version_is_refused(store: Actuals, tmp_path: Path) -> None:
    store.add([Actual("a", DAY, 1.0)])
    with closing(sqlite3.connect(tmp_path / "actuals.db")) as database:
        database.execute("PRAGMA user_version = 7")
    with pytest.raises(StorageError, match="newer version"):
        store.values()


@pytest.mark.parametrize(
    "value",
    [
        Actual("", DAY, 1.0),
        Actual(" ", DAY, 1.0),
        Actual("x" * 1001, DAY, 1.0),
        Actual("a", DAY, math.nan),
        Actual("a", DAY, math.inf),
        Actual("a", DAY + dt.timedelta(days=2), 1.0),
        Actual("a", dt.date(1066, 10, 14), 1.0),
    ],
)
def test_what_cannot_be_is_refused(value: Actual) -> None:
    with pytest.raises(DataError):
        checked(value, DAY)
    assert checked(Actual("a", DAY, -1.0), DAY).value == -1.0
