from __future__ import annotations

import time

from engine.schema import RunInfo, RunPage
from tests.tui.rows import run_info
from tui.runs.book import PAGE, RunBook


def page(first: int, total: int) -> RunPage:
    runs = tuple(run_info(number) for number in range(first, min(first + PAGE, total)))
    return RunPage(runs=runs, total=total)


def filled(total: int) -> RunBook:
    book = RunBook()
    assert book.wanted() == [0]
    book.put(0, "", page(0, total))
    return book


def test_rows_are_asked_for_as_they_are_looked_at_and_once() -> None:
    book = filled(100_000)

    assert book.row(50_000) is None
    assert book.wanted() == [500]
    assert book.row(50_000) is None
    assert book.wanted() == [], "it is on its way"
    book.put(500, "", page(50_000, 100_000))
    assert book.row(50_000) == run_info(50_000)


def test_few_of_many_rows_stay_in_memory() -> None:
    book = filled(100_000)

    for number in range(1, 200):
        book.put(number, "", page(number * PAGE, 100_000))

    assert len(list(book.known())) <= 12 * PAGE
    assert len(book) == 100_000


def test_an_answer_to_an_earlier_filter_is_dropped() -> None:
    book = filled(1000)
    book.use_filter("state:failed")

    book.put(0, "", page(0, 1000))

    assert book.total is None
    assert list(book.known()) == []


def test_a_change_is_seen_at_once_without_asking() -> None:
    book = filled(300)
    changed = run_info(7, state="FAILED")

    assert book.change(changed) is False
    assert book.row(7) == changed


def test_a_new_run_lets_the_list_be_asked_for_anew_and_shows_the_old_meanwhile() -> None:
    book = filled(300)
    new = run_info(-1, created=time.time() + 5)

    assert book.change(new) is True
    assert book.row(0) == run_info(0)
    assert book.wanted() == [0]


def test_a_failed_request_is_made_again() -> None:
    book = RunBook()
    assert book.wanted() == [0]

    book.failed(0)

    assert book.wanted() == [0]


def test_a_deleted_run_is_gone_at_once() -> None:
    book = filled(150)

    book.remove(run_info(3).id)

    assert book.get(run_info(3).id) is None
    assert len(book) == 149


def test_nothing_is_asked_for_beyond_the_end() -> None:
    book = filled(30)

    book.row(5000)

    assert book.wanted() == []


def test_a_run_is_found_where_it_is() -> None:
    book = filled(150)
    run: RunInfo = run_info(42)

    assert book.index_of(run.id) == 42
    assert book.index_of("nothing") is None
