from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.runs.progress import FILE_NAME, ProgressReader, ProgressWriter


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[ProgressWriter]:
    progress = ProgressWriter(tmp_path)
    yield progress
    progress.close()


def without_time(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in event.items() if key != "at"} for event in events]


def test_a_reader_sees_each_event_once_and_at_once(tmp_path: Path, writer: ProgressWriter) -> None:
    reader = ProgressReader(tmp_path)

    writer.write("epoch", step="train_model", done=1, total=2, loss=0.5)
    assert without_time(reader.new_events()) == [
        {"kind": "epoch", "step": "train_model", "done": 1, "total": 2, "loss": 0.5}
    ]
    assert reader.new_events() == []

    writer.write("end", state="COMPLETED")
    assert without_time(reader.new_events()) == [{"kind": "end", "state": "COMPLETED"}]


def test_a_reader_that_comes_late_sees_the_whole_story(
    tmp_path: Path, writer: ProgressWriter
) -> None:
    for done in range(1, 101):
        writer.write("epoch", done=done)
    writer.close()

    assert [event["done"] for event in ProgressReader(tmp_path).new_events()] == [*range(1, 101)]


def test_a_line_that_is_still_being_written_waits_for_its_end(tmp_path: Path) -> None:
    first, second = '{"at": 1, "kind": "재고"}\n'.encode(), b'{"at": 2, "kind": "end"}\n'
    reader = ProgressReader(tmp_path)
    seen = []
    with (tmp_path / FILE_NAME).open("ab", buffering=0) as file:
        # Byte by byte, so that also a character is cut in two.
        for byte in first + second:
            file.write(bytes([byte]))
            seen.append([event["kind"] for event in reader.new_events()])

    assert [events for events in seen if events] == [["재고"], ["end"]]
    assert seen[len(first) - 1] == ["재고"]
    assert seen[-1] == ["end"]


def test_a_run_without_progress_has_no_events_yet(tmp_path: Path) -> None:
    reader = ProgressReader(tmp_path)
    assert reader.new_events() == []

    writer = ProgressWriter(tmp_path)
    writer.write("begin")
    writer.close()

    assert len(reader.new_events()) == 1


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_not_finite_becomes_null(
    tmp_path: Path, writer: ProgressWriter, value: float
) -> None:
    writer.write("epoch", loss=value, done=1)

    (line,) = (tmp_path / FILE_NAME).read_text().splitlines()
    assert json.loads(line, parse_constant=pytest.fail)["loss"] is None


@pytest.mark.parametrize("text", ["two\nlines\r\n", "\u2028", "\x85", "재고", "\udcff.csv", '"'])
def test_an_event_is_one_line_whatever_is_in_it(
    tmp_path: Path, writer: ProgressWriter, text: str
) -> None:
    writer.write("task", message=text)
    writer.write("end")

    assert without_time(ProgressReader(tmp_path).new_events()) == [
        {"kind": "task", "message": text},
        {"kind": "end"},
    ]


def test_a_writer_appends_to_what_is_there(tmp_path: Path) -> None:
    for kind in ("first", "second"):
        writer = ProgressWriter(tmp_path)
        writer.write(kind)
        writer.close()

    assert [event["kind"] for event in ProgressReader(tmp_path).new_events()] == ["first", "second"]


def test_a_reader_may_go_on_where_another_one_stopped(
    tmp_path: Path, writer: ProgressWriter
) -> None:
    first = ProgressReader(tmp_path)
    assert first.offset == 0
    writer.write("begin", message="재고")
    first.new_events()
    assert first.offset == (tmp_path / FILE_NAME).stat().st_size

    writer.write("end")

    later = ProgressReader(tmp_path, first.offset)
    assert without_time(later.new_events()) == [{"kind": "end"}]
    assert later.offset == (tmp_path / FILE_NAME).stat().st_size


def test_the_offset_stands_before_a_line_that_is_still_being_written(tmp_path: Path) -> None:
    whole = b'{"at": 1, "kind": "begin"}\n'
    (tmp_path / FILE_NAME).write_bytes(whole + b'{"at": 2, "ki')

    reader = ProgressReader(tmp_path)

    assert len(reader.new_events()) == 1
    assert reader.offset == len(whole)


def test_an_offset_behind_the_end_finds_nothing_and_stays(
    tmp_path: Path, writer: ProgressWriter
) -> None:
    writer.write("begin")
    reader = ProgressReader(tmp_path, 10**9)

    assert reader.new_events() == []
    assert reader.offset == 10**9


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b'{"at": 2, "kind": "ep',
        b'{"at": 2, "kind": "ep{"at": 3, "kind": "end"}',
        b"null",
        b"[1, 2]",
        b'"kind"',
        b'{"at": 2}',
        b"\0" * 4096,
        b'\xff\xfe{"kind": "x"}',
        b'{"kind": "\xea\xb3',
    ],
)
def test_a_damaged_line_is_left_out_and_the_rest_is_read(tmp_path: Path, line: bytes) -> None:
    before, after = b'{"at": 1, "kind": "begin"}\n', b'{"at": 4, "kind": "later"}\n'
    (tmp_path / FILE_NAME).write_bytes(before + line + b"\n" + after)

    reader = ProgressReader(tmp_path)

    assert [event["kind"] for event in reader.new_events()] == ["begin", "later"]
    assert reader.offset == len(before + line + after) + 1
