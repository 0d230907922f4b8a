"""What one machine writes down of a run, another one writes down too: once, in order, all of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.execution import courier as courier_module
from engine.execution.courier import Courier
from engine.execution.relay import Relay
from engine.prefect_server.api import PrefectApi
from engine.runs.placing import ALIVE_LABEL, OUTCOME_KEY, FarEnd
from engine.runs.progress import ProgressWriter
from tests.unit.prefect_server.meeting_point import FLOW_RUN, MeetingPoint


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier_module, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(courier_module, "_ALIVE_SECONDS", 0.02)


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


class Far:
    """The machine that does the run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.progress = ProgressWriter(folder)
        self.unwanted: list[str] = []

    def say(self, *lines: str, segment: str = "log") -> None:
        with (self.folder / segment).open("a", encoding="utf-8") as log:
            log.writelines(f"{line}\n" for line in lines)

    def courier(self, api: PrefectApi, *, most_bytes: int = 1 << 20) -> Courier:
        return Courier(
            api, FLOW_RUN, self.folder, most_bytes=most_bytes, unwanted=self.unwanted.append
        )


class Home:
    """The machine that the run belongs to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.progress = ProgressWriter(folder)

    def write_line(self, text: str) -> None:
        with (self.folder / "log").open("a", encoding="utf-8") as log:
            log.write(f"{text}\n")

    def relay(self, api: PrefectApi) -> Relay:
        """A process of the run, that goes on where the one before stopped."""
        return Relay(api, FLOW_RUN, self.folder, self, self.progress)  # type: ignore[arg-type]

    def lines(self) -> list[str]:
        path = self.folder / "log"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def events(self) -> list[dict[str, object]]:
        text = (self.folder / "progress.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]


@contextmanager
def meeting(tmp_path: Path) -> Iterator[tuple[MeetingPoint, Far, Home, PrefectApi]]:
    point = MeetingPoint()
    far, home = Far(tmp_path / "far"), Home(tmp_path / "home")
    try:
        with point.open() as api:
            yield point, far, home, api
    finally:
        far.progress.close()
        home.progress.close()


def take_all(relay: Relay) -> None:
    while relay.take():
        pass


def test_log_and_progress_arrive_in_order_and_then_the_end(tmp_path: Path) -> None:
    with meeting(tmp_path) as (point, far, home, api):
        courier = far.courier(api)
        courier.start()
        lines = [f"line {number} näh" for number in range(700)]
        far.say(*lines[:300])
        far.progress.write("epoch", step="train", done=1, total=2, loss=0.5)
        until(lambda: len(point.logs) > 300)
        far.say(*lines[300:])
        far.progress.write("epoch", step="train", done=2, total=2, loss=0.25)
        assert courier.finish(FarEnd("COMPLETED", outputs={"dataset": "d"}))

        relay = home.relay(api)
        take_all(relay)

        assert home.lines() == lines
        assert [event["done"] for event in home.events()] == [1, 2]
        end = FarEnd.parse(json.loads(point.inputs[OUTCOME_KEY]))
        assert (end.state, end.outputs) == ("COMPLETED", {"dataset": "d"})
        assert relay.has_all(end.last)
        assert far.unwanted == []


def test_what_was_there_before_it_began_is_not_told(tmp_path: Path) -> None:
    """The parts of one full_flow are done in one folder, one after the other."""
    with meeting(tmp_path) as (_, far, home, api):
        far.say("of the part before")
        far.progress.write("epoch", step="old", done=1, total=1)
        courier = far.courier(api)
        courier.start()
        far.say("of this part")
        courier.finish(FarEnd("COMPLETED"))

        take_all(home.relay(api))

        assert home.lines() == ["of this part"]
        assert home.events() == []


def test_a_call_whose_answer_got_lost_is_repeated_and_changes_nothing(tmp_path: Path) -> None:
    with meeting(tmp_path) as (point, far, home, api):
        courier = far.courier(api)
        far.say("once", "twice")
        point.lost_answers = 3
        courier.start()
        courier.finish(FarEnd("COMPLETED"))

        assert len(point.logs) > 2, "the server has some of it twice"
        take_all(home.relay(api))
        assert home.lines() == ["once", "twice"]


def test_a_server_that_is_away_is_waited_for(tmp_path: Path) -> None:
    with meeting(tmp_path) as (point, far, home, api):
        courier = far.courier(api)
        courier.start()
        point.is_away = True
        far.say("while it was away")
        time.sleep(0.7)  # longer than a call is repeated
        point.is_away = False
        far.say("afterwards")
        assert courier.finish(FarEnd("FAILED", "no", "DataError"))

        take_all(home.relay(api))
        assert home.lines() == ["while it was away", "afterwards"]
        assert far.unwanted == []


def test_a_process_that_died_is_gone_on_from_where_it_stopped(tmp_path: Path) -> None:
    with meeting(tmp_path) as (_, far, home, api):
        courier = far.courier(api)
        courier.start()
        far.say("a", "b", "b", "a")
        far.progress.write("epoch", step="train", done=1, total=3)
        courier.finish(FarEnd("COMPLETED"))

        take_all(home.relay(api))
        take_all(home.relay(api))

        assert home.lines() == ["a", "b", "b", "a"]
        assert len(home.events()) == 1


@pytest.mark.parametrize("own", [(), ("the engine's own line",)])
def test_what_was_written_and_not_yet_counted_is_recognised(
    own: tuple[str, ...], tmp_path: Path
) -> None:
    """The process is killed after it wrote, and before it kept its place."""
    with meeting(tmp_path) as (_, far, home, api):
        courier = far.courier(api)
        courier.start()
        far.say("a", "b")
        until(lambda: home.relay(api).take())
        place = next(home.folder.glob("relay-*.json")).read_bytes()
        far.say("b", "c", "d")
        far.progress.write("epoch", step="train", done=1, total=3)
        courier.finish(FarEnd("COMPLETED"))
        take_all(home.relay(api))
        whole = home.lines()
        next(home.folder.glob("relay-*.json")).write_bytes(place)
        for line in own:
            home.write_line(line)

        take_all(home.relay(api))

        assert whole == ["a", "b", "b", "c", "d"]
        assert home.lines() == [*whole, *own]
        assert len(home.events()) == 1


def test_a_server_that_hands_out_little_at_once_is_asked_again(tmp_path: Path) -> None:
    with meeting(tmp_path) as (_, far, home, api):
        api._page = 5
        courier = far.courier(api)
        courier.start()
        lines = [f"line {number}" for number in range(33)]
        far.say(*lines)
        courier.finish(FarEnd("COMPLETED"))

        take_all(home.relay(api))

        assert home.lines() == lines


def test_what_is_no_event_is_left_out(tmp_path: Path) -> None:
    with meeting(tmp_path) as (point, _, home, api):
        texts = ["{", "[]", "{}", '{"kind": "epoch"}', '{"at": 1, "kind": 5}']
        texts += ['{"at": 1, "kind": "end", "state": "COMPLETED"}', '{"at": 1, "kind": "epoch"}']
        for number, text in enumerate(texts):
            point.logs.append(
                {
                    "name": "mlops.progress",
                    "level": 22,
                    "message": text,
                    "timestamp": f"2026-01-01T00:00:{number:02}.000001+00:00",
                    "flow_run_id": FLOW_RUN,
                }
            )

        take_all(home.relay(api))

        assert home.events() == [{"at": 1, "kind": "epoch"}]


def test_a_log_without_end_is_sent_up_to_a_size(tmp_path: Path) -> None:
    with meeting(tmp_path) as (point, far, _, api):
        courier = far.courier(api, most_bytes=1000)
        courier.start()
        far.say(*["x" * 99] * 100)
        far.progress.write("epoch", step="train", done=1, total=3)
        courier.finish(FarEnd("COMPLETED"))

        sent = [row for row in point.logs if row["level"] == 21]
        assert sum(len(row["message"]) + 1 for row in sent) <= 1100
        assert [row["level"] for row in point.logs].count(22) == 1


def test_it_says_that_it_lives_also_when_there_is_nothing_else_to_say(tmp_path: Path) -> None:
    with meeting(tmp_path) as (point, far, _, api):
        assert point.flow_run is not None
        courier = far.courier(api)
        courier.start()
        labels = point.flow_run["labels"]
        until(lambda: labels.get(ALIVE_LABEL, 0) > 2)
        courier.finish(FarEnd("COMPLETED"))


@pytest.mark.parametrize("state", ["CANCELLED", "CRASHED", "CANCELLING"])
def test_a_run_hears_that_it_is_not_wanted_any_more(state: str, tmp_path: Path) -> None:
    with meeting(tmp_path) as (point, far, _, api):
        courier = far.courier(api)
        courier.start()
        point.set_state("RUNNING")
        time.sleep(0.1)
        assert far.unwanted == []

        point.set_state(state)

        until(lambda: far.unwanted)
        assert far.unwanted[0] == state
        courier.finish(FarEnd("CRASHED"))


def test_a_run_that_was_deleted_hears_of_it(tmp_path: Path) -> None:
    with meeting(tmp_path) as (point, far, _, api):
        courier = far.courier(api)
        courier.start()
        point.flow_run = None

        until(lambda: far.unwanted)
        assert far.unwanted == ["it was deleted"]
        assert not courier.finish(FarEnd("CRASHED"))
