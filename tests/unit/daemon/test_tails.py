from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest

from engine.daemon import tails as tails_module
from engine.daemon.feed import Feed, Selection, Subscription
from engine.daemon.tails import Tails, read_progress, read_steps
from engine.runs.log import LOG_FILE, segment_path
from engine.runs.progress import FILE_NAME, ProgressWriter
from engine.schema import Event, LogEvent, ResetEvent, StepEvent, decode_event
from tests.unit.daemon.loop import in_event_loop, running, until


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tails_module, "_LOOK_SECONDS", 0.002)


class Run:
    """A run that writes, and who listens to what is said about it."""

    def __init__(self, folder: Path, run_id: str = "a", *, logs: bool = False) -> None:
        folder.mkdir(exist_ok=True)
        self.id = run_id
        self.folder = folder
        self.progress = ProgressWriter(folder)
        self.changes: list[str] = []
        self.feed = Feed("boot")
        self.tails = Tails(self.feed, self.changes.append)
        self.listener = self.feed.subscribe(Selection(run_id, logs=logs))
        self.heard: list[Event] = []

    def follow(self) -> None:
        self.tails.follow(self.id, self.folder)

    def begin(self, step: str, name: str = "train") -> None:
        self.progress.write("task", id=step, name=name, flow="train_flow", state="RUNNING")

    def epoch(self, done: int, name: str = "train", **values: float) -> None:
        self.progress.write("epoch", step=name, done=done, total=20, **values)

    def end(self, step: str, state: str = "COMPLETED") -> None:
        self.progress.write("task", id=step, name="train", state=state)

    def log(self, text: str, segment: int = 0) -> None:
        with segment_path(self.folder, segment).open("a") as file:
            file.write(text)

    async def listen(self, listener: Subscription | None = None) -> None:
        async for item in (listener or self.listener).items(quiet_seconds=3600):
            assert item is not None
            event = decode_event(item.data)
            if not isinstance(event, ResetEvent):
                self.heard.append(event)

    @property
    def lines(self) -> list[str]:
        return [line for event in self.heard if isinstance(event, LogEvent) for line in event.lines]

    @property
    def steps(self) -> list[tuple[str, str, int]]:
        return [
            (event.step.id, event.step.state, event.step.done)
            for event in self.heard
            if isinstance(event, StepEvent)
        ]

    async def __aenter__(self) -> Run:
        self._stack = contextlib.AsyncExitStack()
        await self._stack.enter_async_context(running(self.tails.watch(), self.listen()))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.progress.close()
        await self._stack.aclose()


@in_event_loop
async def test_what_a_run_wrote_before_is_known_and_not_told_again(tmp_path: Path) -> None:
    async with Run(tmp_path / "a") as run:
        run.begin("s1")
        run.end("s1")
        run.begin("s2")
        run.follow()
        run.epoch(3)
        await until(lambda: run.steps)

        assert run.steps == [("s2", "RUNNING", 3)]
        steps = run.tails.steps("a")
        assert steps is not None
        assert [(step.id, step.state) for step in steps] == [
            ("s1", "COMPLETED"),
            ("s2", "RUNNING"),
        ]


@in_event_loop
async def test_every_step_is_told_as_it_goes(tmp_path: Path) -> None:
    async with Run(tmp_path / "a") as run:
        run.follow()
        run.begin("s1")
        await until(lambda: len(run.heard) == 1)
        run.epoch(5, loss=0.25)
        await until(lambda: len(run.heard) == 2)
        run.end("s1", "FAILED")
        await until(lambda: len(run.heard) == 3)

    assert run.steps == [("s1", "RUNNING", 0), ("s1", "RUNNING", 5), ("s1", "FAILED", 5)]
    event = run.heard[1]
    assert isinstance(event, StepEvent)
    assert event.run_id == "a"
    assert (event.step.name, event.step.flow) == ("train", "train_flow")
    assert (event.step.unit, event.step.total, event.step.measures) == ("epoch", 20, {"loss": 0.25})


@in_event_loop
async def test_what_is_seen_in_one_look_is_told_once_for_each_step(tmp_path: Path) -> None:
    async with Run(tmp_path / "a") as run:
        run.follow()
        run.begin("s1")
        for done in range(1, 21):
            run.epoch(done)
        run.end("s1")
        run.begin("s2", "save")
        run.tails.drop("a")
        await until(lambda: len(run.heard) == 2)

    assert run.steps == [("s1", "COMPLETED", 20), ("s2", "RUNNING", 0)]


@in_event_loop
async def test_that_a_run_begins_or_ends_is_a_change_of_the_run(tmp_path: Path) -> None:
    async with Run(tmp_path / "a") as run:
        run.follow()
        run.progress.write("run", state="RUNNING")
        await until(lambda: run.changes == ["a"])
        run.begin("s1")
        await until(lambda: run.heard)
        assert run.changes == ["a"]
        run.progress.write("end", state="COMPLETED", message="")
        await until(lambda: run.changes == ["a", "a"])


@in_event_loop
async def test_a_line_that_is_still_being_written_or_is_damaged_says_nothing(
    tmp_path: Path,
) -> None:
    async with Run(tmp_path / "a") as run:
        run.follow()
        with (run.folder / FILE_NAME).open("a") as file:
            file.write('damaged\n[]\n{"no": "kind"}\n\x00\x00\n{"at": 1, "kind": "task", ')
            file.flush()
            await asyncio.sleep(0.02)
            assert run.heard == []
            file.write('"id": "s1", "name": "x", "flow": "y", "state": "RUNNING"}\n')
        await until(lambda: run.heard)

    assert run.steps == [("s1", "RUNNING", 0)]


@in_event_loop
async def test_several_runs_are_followed_and_each_is_told_by_its_name(tmp_path: Path) -> None:
    async with Run(tmp_path / "a") as run:
        folder = tmp_path / "b"
        folder.mkdir()
        other = ProgressWriter(folder)
        everything = run.feed.subscribe(Selection())
        listening = asyncio.create_task(run.listen(everything))
        run.follow()
        run.tails.follow("b", folder)
        other.write("task", id="t", name="load", flow="data_flow", state="RUNNING")
        other.close()
        await until(lambda: run.heard)
        listening.cancel()

        (event,) = run.heard
        assert isinstance(event, StepEvent)
        assert (event.run_id, event.step.id) == ("b", "t")


@in_event_loop
async def test_nothing_is_looked_at_until_there_is_a_run(tmp_path: Path) -> None:
    async with Run(tmp_path / "a") as run:
        await asyncio.sleep(0.01)
        run.follow()
        run.begin("s1")
        await until(lambda: run.heard)
        run.tails.drop("a")
        await asyncio.sleep(0.01)
        run.follow()
        run.end("s1")
        await until(lambda: len(run.heard) == 2)


@in_event_loop
async def test_of_a_run_that_is_dropped_the_last_words_are_told_and_no_more(
    tmp_path: Path,
) -> None:
    async with Run(tmp_path / "a") as run:
        run.follow()
        run.begin("s1")
        run.progress.write("end", state="COMPLETED", message="")
        run.tails.drop("a")
        run.tails.drop("a")
        await until(lambda: run.heard)

        assert run.steps == [("s1", "RUNNING", 0)]
        assert run.changes == ["a"]
        assert run.tails.steps("a") is None
        run.end("s1")
        await asyncio.sleep(0.02)
        assert len(run.heard) == 1


@in_event_loop
async def test_new_lines_of_a_log_are_told_to_who_listens(tmp_path: Path) -> None:
    async with Run(tmp_path / "a", logs=True) as run:
        run.log("of before\n")
        run.follow()
        await asyncio.sleep(0.02)
        run.log("one\ntwo\nhal")
        await until(lambda: run.lines == ["one", "two"])
        run.log("f\n")
        await until(lambda: run.lines == ["one", "two", "half"])

    event = run.heard[-1]
    assert isinstance(event, LogEvent)
    assert event.cursor == "0:23"


@in_event_loop
async def test_the_log_is_followed_into_its_next_segment(tmp_path: Path) -> None:
    async with Run(tmp_path / "a", logs=True) as run:
        run.log("")
        run.follow()
        await asyncio.sleep(0.02)
        run.log("one\n")
        run.log("two\n", segment=1)
        await until(lambda: run.lines == ["one", "two"])


@in_event_loop
async def test_the_last_line_counts_at_the_end_although_it_has_no_end(tmp_path: Path) -> None:
    async with Run(tmp_path / "a", logs=True) as run:
        run.log("")
        run.follow()
        await asyncio.sleep(0.02)
        run.log("killed in the mid")
        await asyncio.sleep(0.02)
        assert run.lines == []
        run.tails.drop("a")
        await until(lambda: run.lines == ["killed in the mid"])


@in_event_loop
async def test_a_log_that_nobody_listens_to_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("it was read")

    monkeypatch.setattr(tails_module, "read_log", never)
    monkeypatch.setattr(tails_module, "tail_log", never)
    async with Run(tmp_path / "a") as run:
        run.log("one\n")
        run.follow()
        run.begin("s1")
        await until(lambda: run.heard)


@in_event_loop
async def test_a_run_without_a_log_yet_is_followed_from_its_beginning(tmp_path: Path) -> None:
    async with Run(tmp_path / "a", logs=True) as run:
        run.follow()
        await asyncio.sleep(0.02)
        assert not (run.folder / LOG_FILE).exists()
        run.log("one\n")
        await until(lambda: run.lines == ["one"])


def test_the_steps_of_a_run_that_has_ended_are_read_from_its_file(tmp_path: Path) -> None:
    progress = ProgressWriter(tmp_path)
    progress.write("task", id="s1", name="train", flow="train_flow", state="RUNNING")
    progress.write("epoch", step="train", done=20, total=20, loss=0.5)
    progress.write("task", id="s1", name="train", state="COMPLETED")
    progress.close()

    (step,) = read_steps(tmp_path)

    assert (step.id, step.state, step.done, step.measures) == ("s1", "COMPLETED", 20, {"loss": 0.5})


def test_progress_is_read_on_from_where_one_was(tmp_path: Path) -> None:
    progress = ProgressWriter(tmp_path)
    progress.write("epoch", step="train", done=1, total=2)
    first, offset = read_progress(tmp_path, 0)
    progress.write("epoch", step="train", done=2, total=2)
    progress.close()

    second, end = read_progress(tmp_path, offset)

    assert [event["done"] for event in first + second] == [1, 2]
    assert end == (tmp_path / FILE_NAME).stat().st_size
    assert read_progress(tmp_path, end) == ([], end)
    assert read_progress(tmp_path, end + 100) == ([], end + 100)


def test_a_run_that_has_written_nothing_has_neither_steps_nor_progress(tmp_path: Path) -> None:
    assert read_steps(tmp_path / "none") == []
    assert read_progress(tmp_path / "none", 0) == ([], 0)
