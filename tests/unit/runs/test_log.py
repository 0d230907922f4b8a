from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import NotFoundError
from engine.runs import log as log_module
from engine.runs.log import (
    LOG_FILE,
    LogCursor,
    LogPart,
    log_size,
    read_log,
    segment_path,
    segments,
    tail_log,
)

ONE_REMOVED = "... 1 part(s) of this log were removed to keep it within its size ..."


def write(folder: Path, segment: int, content: str | bytes) -> None:
    """Append to one segment."""
    with segment_path(folder, segment).open("ab") as file:
        file.write(content.encode() if isinstance(content, str) else content)


def numbered(first: int, last: int) -> str:
    return "".join(f"line {number}\n" for number in range(first, last + 1))


def read_in_parts(folder: Path, most_bytes: int) -> list[LogPart]:
    """Read an ended log from the beginning until nothing comes any more."""
    parts: list[LogPart] = []
    cursor = LogCursor()
    while True:
        part = read_log(folder, cursor, most_bytes=most_bytes, ended=True)
        if part.cursor == cursor:
            return parts
        parts.append(part)
        cursor = part.cursor


@pytest.mark.parametrize(
    "cursor", [LogCursor(), LogCursor(0, 17), LogCursor(123456789, 123456789012345)]
)
def test_a_place_in_a_log_survives_as_text(cursor: LogCursor) -> None:
    assert LogCursor.parse(str(cursor)) == cursor


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "1",
        "1:",
        ":1",
        "1:2:3",
        "-1:2",
        "1:-2",
        "+1:2",
        "1.0:2",
        " 1:2",
        "1:2\n",
        "a:b",
        "1:0x2",
        "１:２",
        "1234567890:0",
        "0:1234567890123456",
        "0:" + "9" * 5000,
        "\0",
        "\udcff",
    ],
)
def test_what_is_no_place_in_a_log_is_refused(text: str) -> None:
    with pytest.raises(NotFoundError, match="no place in a log"):
        LogCursor.parse(text)


def test_places_are_ordered_as_the_log_is() -> None:
    places = [LogCursor(1, 0), LogCursor(0, 99), LogCursor(10, 0), LogCursor(2, 5)]

    assert list(map(str, sorted(places))) == ["0:99", "1:0", "2:5", "10:0"]


def test_segments_are_known_by_their_numbers_and_nothing_else_is_one(tmp_path: Path) -> None:
    assert segments(tmp_path) == []
    assert log_size(tmp_path) == 0
    names = ["log", "log.2", "log.10", "log.1"]
    others = ["log.0", "log.01", "log.x", "log.1.gz", "log.-1", "logs", "xlog.1", "log."]
    for name in names + others:
        (tmp_path / name).write_text("12345")

    assert segments(tmp_path) == [0, 1, 2, 10]
    assert log_size(tmp_path) == 20
    assert segment_path(tmp_path, 0).name == LOG_FILE
    assert segment_path(tmp_path, 10).name == "log.10"


def test_a_run_that_wrote_nothing_yet_has_no_lines(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        assert read_log(folder, LogCursor()) == LogPart([], LogCursor())
        assert tail_log(folder, 10) == LogPart([], LogCursor())


def test_a_reader_sees_each_line_once(tmp_path: Path) -> None:
    write(tmp_path, 0, "first\nsecond\n")
    part = read_log(tmp_path, LogCursor())
    assert part.lines == ["first", "second"]

    assert read_log(tmp_path, part.cursor) == LogPart([], part.cursor)

    write(tmp_path, 0, "third\n")
    later = read_log(tmp_path, part.cursor)
    assert later == LogPart(["third"], LogCursor(0, len("first\nsecond\nthird\n")))


def test_a_line_that_is_still_being_written_waits_for_its_end(tmp_path: Path) -> None:
    cursor = LogCursor()
    seen = []
    # Byte by byte, so that also a character is cut in two.
    for byte in "재고\nend\n".encode():
        write(tmp_path, 0, bytes([byte]))
        part = read_log(tmp_path, cursor)
        seen.append(part.lines)
        cursor = part.cursor

    assert [lines for lines in seen if lines] == [["재고"], ["end"]]
    assert seen[len("재고\n".encode()) - 1] == ["재고"]
    assert seen[-1] == ["end"]


def test_a_line_without_an_end_counts_when_nothing_more_will_come(tmp_path: Path) -> None:
    write(tmp_path, 0, "first\nkilled in the mid")

    waiting = read_log(tmp_path, LogCursor())
    assert waiting.lines == ["first"]

    assert read_log(tmp_path, waiting.cursor, ended=True).lines == ["killed in the mid"]
    assert read_log(tmp_path, LogCursor(), ended=True).lines == ["first", "killed in the mid"]


def test_empty_lines_are_lines(tmp_path: Path) -> None:
    write(tmp_path, 0, "\n\nfirst\n\n")

    assert read_log(tmp_path, LogCursor()).lines == ["", "", "first", ""]


def test_reading_goes_on_from_one_segment_to_the_next(tmp_path: Path) -> None:
    write(tmp_path, 0, numbered(1, 2))
    part = read_log(tmp_path, LogCursor())
    write(tmp_path, 0, numbered(3, 3))
    write(tmp_path, 1, numbered(4, 5))
    write(tmp_path, 2, numbered(6, 6) + "half")

    later = read_log(tmp_path, part.cursor)

    assert later.lines == ["line 3", "line 4", "line 5", "line 6"]
    assert later.cursor == LogCursor(2, len("line 6\n"))
    assert read_log(tmp_path, LogCursor(0, 14), ended=True).lines == [*later.lines, "half"]


def test_of_a_segment_that_is_not_the_last_also_a_half_line_counts(tmp_path: Path) -> None:
    write(tmp_path, 0, "first\nhalf")
    cursor = read_log(tmp_path, LogCursor()).cursor
    write(tmp_path, 1, "second\n")

    assert read_log(tmp_path, cursor).lines == ["half", "second"]


@pytest.mark.parametrize("ended", [False, True])
def test_removed_segments_leave_a_notice_where_they_were(tmp_path: Path, ended: bool) -> None:
    write(tmp_path, 0, "first\n")
    write(tmp_path, 4, "fourth\n")
    write(tmp_path, 6, "sixth\n")

    part = read_log(tmp_path, LogCursor(), ended=ended)

    assert part.lines == [
        "first",
        ONE_REMOVED.replace("1", "3"),
        "fourth",
        ONE_REMOVED,
        "sixth",
    ]
    assert part.cursor == LogCursor(6, len("sixth\n"))


def test_a_reader_whose_segment_was_removed_is_told_and_goes_on(tmp_path: Path) -> None:
    write(tmp_path, 0, "first\n")
    write(tmp_path, 3, "third\n")

    part = read_log(tmp_path, LogCursor(2, 500))

    assert part == LogPart([ONE_REMOVED, "third"], LogCursor(3, len("third\n")))
    assert read_log(tmp_path, part.cursor).lines == []


def test_a_reader_at_the_end_of_a_segment_is_told_of_what_was_removed_after_it(
    tmp_path: Path,
) -> None:
    write(tmp_path, 0, "first\n")
    write(tmp_path, 2, "second\n")

    assert read_log(tmp_path, LogCursor(0, 6)).lines == [ONE_REMOVED, "second"]


def test_a_segment_that_is_removed_while_one_reads_leaves_a_notice_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, 0, "first\n")
    write(tmp_path, 2, "second\n")
    # Segment 1 was there when they were listed, and is not when it is opened.
    monkeypatch.setattr(log_module, "segments", lambda _: [0, 1, 2])

    stale = read_log(tmp_path, LogCursor())
    monkeypatch.undo()
    rest = read_log(tmp_path, stale.cursor)

    assert stale.lines + rest.lines == ["first", ONE_REMOVED, "second"]


def test_the_tail_is_read_also_while_an_old_segment_is_being_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, 0, "first\n")
    write(tmp_path, 2, "second\n")
    monkeypatch.setattr(log_module, "segments", lambda _: [0, 1, 2])

    assert tail_log(tmp_path, 2).lines == ["first", "second"]


@pytest.mark.parametrize("cursor", [LogCursor(0, 10**6), LogCursor(9, 0), LogCursor(9, 10**6)])
def test_a_place_behind_the_end_finds_nothing_and_stays(tmp_path: Path, cursor: LogCursor) -> None:
    write(tmp_path, 0, "first\n")

    assert read_log(tmp_path, cursor) == LogPart([], cursor)
    assert read_log(tmp_path, cursor, ended=True) == LogPart([], cursor)


@pytest.mark.parametrize("most_bytes", [8, 9, 20, 100, 1000, 100_000])
def test_a_long_log_comes_in_parts_of_whole_lines(tmp_path: Path, most_bytes: int) -> None:
    write(tmp_path, 0, numbered(1, 40))
    write(tmp_path, 1, numbered(41, 41))
    write(tmp_path, 2, numbered(42, 99))

    parts = read_in_parts(tmp_path, most_bytes)

    assert [line for part in parts for line in part.lines] == numbered(1, 99).splitlines()
    assert all(len("\n".join(part.lines)) < most_bytes for part in parts)


def test_a_line_longer_than_what_is_read_at_once_is_cut(tmp_path: Path) -> None:
    write(tmp_path, 0, f"first\n{'x' * 250}\nlast\n")

    parts = read_in_parts(tmp_path, 100)

    assert [part.lines for part in parts] == [
        ["first"],
        ["x" * 100],
        ["x" * 100],
        ["x" * 50, "last"],
    ]


def test_a_line_that_is_very_long_is_read_before_it_is_whole(tmp_path: Path) -> None:
    write(tmp_path, 0, "x" * 100)

    assert read_log(tmp_path, LogCursor(), most_bytes=100).lines == ["x" * 100]
    assert read_log(tmp_path, LogCursor(), most_bytes=101).lines == []


def test_a_cut_damages_no_character(tmp_path: Path) -> None:
    text = "재고가 부족합니다 " * 20
    write(tmp_path, 0, f"{text}\n")

    for most_bytes in (100, 101, 102):
        parts = read_in_parts(tmp_path, most_bytes)
        assert "".join(line for part in parts for line in part.lines) == text


def test_what_is_not_utf8_is_shown_as_such(tmp_path: Path) -> None:
    write(tmp_path, 0, b"a\xff\xfeb\n\xea\xb3\n")

    expected = ["a\ufffd\ufffdb", "\ufffd"]
    assert read_log(tmp_path, LogCursor()).lines == expected
    assert tail_log(tmp_path, 10).lines == expected


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7, 100])
def test_the_tail_is_the_last_lines_over_all_segments(tmp_path: Path, count: int) -> None:
    write(tmp_path, 0, numbered(1, 3))
    write(tmp_path, 1, "")
    write(tmp_path, 2, numbered(4, 4))
    write(tmp_path, 3, numbered(5, 6))

    part = tail_log(tmp_path, count)

    assert part.lines == numbered(1, 6).splitlines()[-count:]
    assert part.cursor == LogCursor(3, len(numbered(5, 6)))


def test_the_tail_of_nothing_is_the_place_to_follow_from(tmp_path: Path) -> None:
    write(tmp_path, 0, numbered(1, 3))
    write(tmp_path, 1, numbered(4, 5) + "half")

    part = tail_log(tmp_path, 0)

    assert part == LogPart([], LogCursor(1, len(numbered(4, 5))))
    write(tmp_path, 1, " is whole\n")
    assert read_log(tmp_path, part.cursor).lines == ["half is whole"]


def test_after_the_tail_comes_the_line_that_was_being_written(tmp_path: Path) -> None:
    write(tmp_path, 0, "first\nsecond\nhalf")

    part = tail_log(tmp_path, 2)
    write(tmp_path, 0, " is whole\n")

    assert part.lines == ["first", "second"]
    assert read_log(tmp_path, part.cursor).lines == ["half is whole"]


@pytest.mark.parametrize("content", ["", "half"])
def test_a_segment_without_a_whole_line_hides_nothing_before_it(
    tmp_path: Path, content: str
) -> None:
    write(tmp_path, 0, numbered(1, 3))
    write(tmp_path, 1, content)

    assert tail_log(tmp_path, 2) == LogPart(["line 2", "line 3"], LogCursor(1, 0))


def test_the_tail_has_the_half_line_that_ends_an_earlier_segment(tmp_path: Path) -> None:
    write(tmp_path, 0, "first\nhalf")
    write(tmp_path, 1, "second\n")

    assert tail_log(tmp_path, 3).lines == ["first", "half", "second"]


@pytest.mark.parametrize("count", [1, 10, 5000, 50_000])
def test_the_tail_of_a_large_file_is_right_wherever_blocks_are_cut(
    tmp_path: Path, count: int
) -> None:
    lines = [f"{number} {'재고' * (number % 7)}" for number in range(20_000)]
    write(tmp_path, 0, "".join(f"{line}\n" for line in lines))

    part = tail_log(tmp_path, count)

    assert part.lines == lines[-count:]
    assert part.cursor == LogCursor(0, log_size(tmp_path))


@pytest.mark.parametrize("around", [-1, 0, 1])
def test_lines_as_long_as_a_block_are_whole_in_the_tail(tmp_path: Path, around: int) -> None:
    size = 64 * 1024 + around
    lines = ["a" * size, "b" * size, "c" * (size - 1)]
    write(tmp_path, 0, "\n".join([*lines, ""]))

    assert tail_log(tmp_path, 2).lines == lines[-2:]
    assert tail_log(tmp_path, 3).lines == lines
