"""Reading logs by lines: index, growth, removed parts, searching."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.runs.log import segment_path
from tests.tui.logs_of_runs import entry, write
from tui.logs.file import LogFile
from tui.logs.filter import parse_log_filter
from tui.logs.merged import MergedLog
from tui.logs.search import LogSearch, find_error


def whole(log: LogFile) -> LogFile:
    """The log once all of it is indexed."""
    log.refresh()
    while not log.is_whole:
        log.refresh()
    return log


def texts(log: LogFile, first: int = 0, count: int = 10**9) -> list[str]:
    return [line.text for line in log.lines(first, count)]


def found(log: LogFile, text: str) -> list[str]:
    """The lines that fit a filter."""
    wanted, problem = parse_log_filter(text)
    assert not problem
    search = LogSearch(log, wanted, lambda run_id, name: False)
    while not search.is_done:
        search.advance()
    return [line.text for line in log.read(search.places.tolist())]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run"


def test_lines_are_those_of_the_file_wherever_one_looks(folder: Path) -> None:
    lines = [f"{number} {'수요' * (number % 50)}" for number in range(20_000)]
    write(folder, lines[:9_000])
    write(folder, lines[9_000:], segment=1)
    log = whole(LogFile(folder, ended=True))

    assert log.count == 20_000
    assert texts(log) == lines
    for number in (0, 1, 8_999, 9_000, 12_345, 19_999):
        (line,) = log.lines(number, 1)
        assert line.text == lines[number]
        assert log.number_of(line.place) == number
        assert log.read([line.place]) == [line]
    assert texts(log, 19_998) == lines[19_998:]
    assert log.lines(20_000, 5) == []


def test_the_end_is_there_before_the_rest(folder: Path) -> None:
    write(folder, (f"line {number}" for number in range(100_000)))
    log = LogFile(folder)

    log.refresh(0.0)

    assert not log.is_whole
    assert texts(log, log.count - 1) == ["line 99999"]
    place = log.place_of(log.count - 1)
    whole(log)
    assert log.count == 100_000
    assert log.number_of(place) == 99_999


def test_a_large_log_needs_little_memory(folder: Path) -> None:
    write(folder, (f"step {number}" for number in range(200_000)))
    log = whole(LogFile(folder))

    indexed = sum(len(piece.starts) + len(piece.firsts) for piece in log._pieces)

    assert log.count == 200_000
    assert indexed * 8 < 20_000


def test_what_is_written_is_taken_up_without_gap_or_duplicate(folder: Path) -> None:
    log = LogFile(folder)
    log.refresh()
    assert log.count == 0

    write(folder, ["one", "two"])
    assert log.refresh()
    with segment_path(folder, 0).open("a") as file:
        file.write("thr")
    log.refresh()
    assert texts(log) == ["one", "two"], "a line that is being written waits"
    with segment_path(folder, 0).open("a") as file:
        file.write("ee\n")
    write(folder, ["four"], segment=1)
    assert log.refresh()
    assert texts(log) == ["one", "two", "three", "four"]
    assert not log.refresh()


def test_last_words_without_a_line_end_count_once_the_run_has_ended(folder: Path) -> None:
    write(folder, ["one"])
    with segment_path(folder, 0).open("a") as file:
        file.write("out of memo")
    log = LogFile(folder)
    log.refresh()
    assert texts(log) == ["one"]

    log.ended = True
    log.refresh()

    assert texts(log) == ["one", "out of memo"]
    assert log.is_settled


def test_removed_parts_are_told_and_places_stay_valid(folder: Path) -> None:
    for segment in range(4):
        write(folder, (f"{segment}.{number}" for number in range(100)), segment)
    log = whole(LogFile(folder))
    place = log.place_of(350)
    removed = log.place_of(150)

    segment_path(folder, 1).unlink()
    segment_path(folder, 2).unlink()
    log.refresh()

    assert log.count == 201
    assert log.lines(log.number_of(place), 1)[0].text == "3.50"
    assert "2 parts" in log.lines(100, 1)[0].text
    assert log.number_of(removed) == 100
    assert log.read([removed, place]) == log.lines(151, 1)


def test_a_file_that_was_replaced_is_read_anew(folder: Path) -> None:
    write(folder, ["old"] * 5)
    log = whole(LogFile(folder))
    write(folder / "next", ["new"])

    (folder / "next" / "log").replace(folder / "log")
    log.refresh()

    assert texts(log) == ["new"]


def test_a_line_longer_than_any_is_cut_between_characters(folder: Path) -> None:
    write(folder, ["before", "날" * 100_000, "after"])
    log = whole(LogFile(folder))

    lines = texts(log)

    assert lines[0] == "before"
    assert lines[-1] == "after"
    assert "".join(lines[1:-1]) == "날" * 100_000
    assert [line.text for line in log.read([log.place_of(log.count - 1)])] == ["after"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LOSS", ["loss 3", "loss 4", "no loss"]),
        ("loss !no", ["loss 3", "loss 4"]),
        ('"loss 4"', ["loss 4"]),
        ("~loss.[0-9]", ["loss 3", "loss 4"]),
        ("!~loss|[가-힣]", ["mistake", "Traceback", "ValueError"]),
        ("수요", ["수요 급증"]),
        ("level:error", ["mistake", "Traceback", "ValueError"]),
        ("level:warn", ["수요 급증", "mistake", "Traceback", "ValueError"]),
        ("!level:warning", ["loss 3", "loss 4", "no loss"]),
        ("task:deploy", ["no loss"]),
        ("nothing", []),
    ],
)
def test_filters_find_the_lines_that_fit(folder: Path, text: str, expected: list[str]) -> None:
    write(
        folder,
        [
            entry(0, "loss 3"),
            entry(1, "loss 4"),
            entry(2, "수요 급증", "WARNING"),
            entry(3, "mistake", "ERROR"),
            "    Traceback",
            "    ValueError",
            entry(4, "no loss", source="deploy_model"),
        ],
    )
    log = whole(LogFile(folder))

    assert [line.rpartition(": ")[2].strip() for line in found(log, text)] == expected


@pytest.mark.parametrize("text", ["level:loud", "~(", '"open'])
def test_what_is_no_filter_is_refused(text: str) -> None:
    assert parse_log_filter(text)[1]


def test_a_search_goes_on_with_what_is_written_and_forgets_what_is_removed(folder: Path) -> None:
    for segment in range(3):
        write(folder, [f"hit {segment}", "miss"], segment)
    log = whole(LogFile(folder))
    search = LogSearch(log, parse_log_filter("hit")[0], lambda run_id, name: False)
    search.advance()
    assert len(search.places) == 3

    segment_path(folder, 1).unlink()
    write(folder, ["miss", "hit 3"], segment=2)
    log.refresh()
    search.advance()

    hits = [line.text for line in log.read(search.places.tolist())]
    assert hits == ["hit 0", "hit 2", "hit 3"]
    assert search.places[1] == log.place_of(3)


def test_errors_are_found_forwards_and_backwards(folder: Path) -> None:
    lines = [entry(number, "an ERROR is only mentioned here") for number in range(3_000)]
    lines[700] = entry(700, "first", "ERROR")
    lines[2_500] = "    Traceback (most recent call last):"
    lines[2_900] = entry(2_900, "last", "CRITICAL")
    write(folder, lines)
    log = whole(LogFile(folder))

    def number(place: int | None) -> int | None:
        return None if place is None else log.number_of(place)

    assert number(find_error(log, 0, 1)) == 700
    assert number(find_error(log, log.place_of(701), 1)) == 2_500
    assert number(find_error(log, log.place_of(2_900), -1)) == 2_500
    assert number(find_error(log, log.place_of(700), -1)) is None
    assert number(find_error(log, log.place_of(2_901), 1)) is None


def test_merged_lines_stand_in_the_order_of_their_times(tmp_path: Path) -> None:
    one = write(tmp_path / "one", [entry(1, "a"), "    more of a", entry(4, "d")])
    two = write(tmp_path / "two", [entry(2, "b"), entry(3, "c")])
    merged = MergedLog()
    merged.follow("1", one, ended=False)
    merged.follow("2", two, ended=True)

    merged.refresh()

    shown = [(line.run_id, line.text[-1]) for line in merged.lines(0, 10)]
    assert shown == [("1", "a"), ("1", "a"), ("2", "b"), ("2", "c"), ("1", "d")]
    write(one, [entry(5, "e")])
    assert merged.refresh()
    assert not merged.refresh()
    last = merged.lines(merged.count - 1, 1)[0]
    assert last.text.endswith("e")
    run_id, place = merged.origin(last.place) or ("", -1)
    assert run_id == "1"
    assert whole(LogFile(one)).read([place])[0].text == last.text


def test_merged_lines_are_limited_and_keep_their_places(tmp_path: Path) -> None:
    folder = write(tmp_path / "one", ["first"])
    merged = MergedLog()
    merged.follow("1", folder, ended=False)
    merged.refresh()
    write(folder, (str(number) for number in range(25_000)))

    while merged.refresh():
        kept = merged.lines(merged.count - 1, 1)[0]

    assert kept.text == "24999"
    assert 10_000 <= merged.count <= 13_000
    numbers = [int(line.text) for line in merged.lines(0, merged.count)]
    assert numbers == list(range(25_000 - merged.count, 25_000)), "no gap, nothing twice"
    assert merged.lines(merged.number_of(kept.place), 1) == [kept]
    assert merged.read([0]) == []
