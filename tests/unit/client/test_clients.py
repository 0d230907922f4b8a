from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from engine.client import AsyncEngineClient, EngineClient, aio, calls, sync
from engine.client.calls import Call
from engine.errors import ConfigError, ConflictError, NotFoundError, ServerError, StorageError
from engine.schema import (
    ErrorReply,
    Event,
    LaunchReply,
    LogEvent,
    ResetEvent,
    RunEvent,
    SchedulesReply,
)
from engine.workspace import Workspace
from tests.unit.client.engine_stand_in import (
    HANG_UP,
    Answer,
    Asked,
    content,
    engine_at,
    feed,
    message,
)
from tests.unit.client.messages import RUN_ID, run_info

NO_SCHEDULES = SchedulesReply(schedules=())
RESET = ResetEvent(reason="the feed begins")
CHANGED = RunEvent(run=run_info())
ENDED = RunEvent(run=run_info(state="COMPLETED"))


class Client(Protocol):
    """Either client, for programs without an event loop."""

    def send(self, call: Call[Any], *, autostart: bool = False) -> Any:
        """Ask."""

    def events(self, count: int, *, autostart: bool = False, **query: Any) -> list[Event]:
        """The first events of the live feed."""


class SyncClient:
    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def send(self, call: Call[Any], *, autostart: bool = False) -> Any:
        with EngineClient(self._workspace, autostart=autostart) as client:
            return client.send(call)

    def events(self, count: int, *, autostart: bool = False, **query: Any) -> list[Event]:
        with (
            EngineClient(self._workspace, autostart=autostart) as client,
            contextlib.closing(client.events(**query)) as stream,
        ):
            return [next(stream) for _ in range(count)]


class AsyncClient:
    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def send(self, call: Call[Any], *, autostart: bool = False) -> Any:
        async def ask() -> Any:
            async with AsyncEngineClient(self._workspace, autostart=autostart) as client:
                return await client.send(call)

        return asyncio.run(ask())

    def events(self, count: int, *, autostart: bool = False, **query: Any) -> list[Event]:
        async def follow() -> list[Event]:
            async with (
                AsyncEngineClient(self._workspace, autostart=autostart) as client,
                contextlib.aclosing(client.events(**query)) as stream,
            ):
                return [await anext(stream) for _ in range(count)]

        return asyncio.run(follow())


@pytest.fixture(params=[SyncClient, AsyncClient], ids=["sync", "async"])
def client(request: pytest.FixtureRequest, workspace: Workspace) -> Client:
    made: Client = request.param(workspace)
    return made


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody needs to be waited for here."""
    for module in (sync, aio):
        monkeypatch.setattr(module, "RETRY_PAUSE_SECONDS", 0.005)


def give_up_after(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    for module in (sync, aio):
        monkeypatch.setattr(module, "RETRY_SECONDS", seconds)


def start_by(monkeypatch: pytest.MonkeyPatch, start: Callable[[Workspace], None]) -> None:
    monkeypatch.setattr("engine.client.start.start_engine", start)


def in_order(answers: Iterable[bytes]) -> Answer:
    """Give these answers one after the other, and the last one for ever."""
    waiting = list(answers)
    return lambda _: waiting.pop(0) if len(waiting) > 1 else waiting[0]


def test_a_call_is_asked_and_its_answer_is_the_message(
    client: Client, workspace: Workspace
) -> None:
    reply = LaunchReply(run=run_info(state="PENDING"), created=True)
    with engine_at(workspace.socket, lambda _: message(reply)) as heard:
        answered = client.send(calls.launch("train_flow", overrides=["a=1"], key="k"))

    assert answered == reply
    (asked,) = heard
    assert (asked.method, asked.path) == ("POST", "/runs")
    assert asked.headers["content-type"] == "application/json"
    assert asked.body["flow"] == "train_flow"
    assert asked.body["overrides"] == ["a=1"]
    assert asked.body["key"] == "k"


def test_what_is_wanted_of_a_list_goes_into_the_query(client: Client, workspace: Workspace) -> None:
    with engine_at(workspace.socket, lambda _: content(b'{"runs": []}')) as heard:
        client.send(calls.runs(5, flow="data_flow", before=1700000000.123456))

    (asked,) = heard
    assert (asked.method, asked.path, asked.body) == ("GET", "/runs", None)
    assert asked.query == {"limit": "5", "flow": "data_flow", "before": "1700000000.123456"}


@pytest.mark.parametrize(
    ("kind", "family", "status"),
    [
        ("NotFoundError", NotFoundError, 404),
        ("ConflictError", ConflictError, 409),
        ("ConfigError", ConfigError, 422),
        ("StorageError", StorageError, 500),
        ("ServerError", ServerError, 503),
    ],
)
def test_what_the_engine_refuses_is_raised_as_the_error_that_it_is(
    client: Client, workspace: Workspace, kind: str, family: type[Exception], status: int
) -> None:
    reply = ErrorReply(kind=kind, message="there is no run 'x'", where="here", fix="Look there")
    with (
        engine_at(workspace.socket, lambda _: message(reply, status)) as heard,
        pytest.raises(family, match=r"^here: there is no run 'x'\. Look there$"),
    ):
        client.send(calls.run("x"))

    assert len(heard) == 1


@pytest.mark.parametrize("hiccups", [1, 3])
def test_a_call_whose_connection_breaks_is_asked_again_with_the_same_key(
    client: Client, workspace: Workspace, hiccups: int
) -> None:
    reply = LaunchReply(run=run_info(), created=True)
    answer = in_order([*[HANG_UP] * hiccups, message(reply)])
    with engine_at(workspace.socket, answer) as heard:
        assert client.send(calls.launch("train_flow")) == reply

    assert len(heard) == hiccups + 1
    assert len({asked.body["key"] for asked in heard}) == 1


def test_half_an_answer_is_none(client: Client, workspace: Workspace) -> None:
    whole = message(NO_SCHEDULES)
    with engine_at(workspace.socket, in_order([whole[:-3], whole])) as heard:
        assert client.send(calls.schedules()) == NO_SCHEDULES

    assert len(heard) == 2


def test_an_engine_that_never_answers_is_given_up_on(
    client: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_up_after(monkeypatch, 0.1)
    with (
        engine_at(workspace.socket, lambda _: HANG_UP) as heard,
        pytest.raises(ServerError, match="no engine answers"),
    ):
        client.send(calls.schedules())

    assert len(heard) > 1


def leave_a_socket(path: Path) -> None:
    """As an engine that was killed leaves it."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


@pytest.mark.parametrize("left_over", [False, True])
def test_without_an_engine_it_is_said_how_to_start_one(
    client: Client, workspace: Workspace, left_over: bool
) -> None:
    if left_over:
        leave_a_socket(workspace.socket)
    for ask in (lambda: client.send(calls.schedules()), lambda: client.events(1)):
        with pytest.raises(ServerError, match="no engine answers") as failed:
            ask()
        assert failed.value.where == str(workspace.root)
        assert failed.value.fix == f"Start one: engine up. Its log is {workspace.engine_log}"


@pytest.mark.parametrize("left_over", [False, True])
def test_an_engine_that_does_not_run_is_started(
    client: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, left_over: bool
) -> None:
    if left_over:
        leave_a_socket(workspace.socket)
    with ExitStack() as engines:
        start_by(
            monkeypatch,
            lambda given: engines.enter_context(
                engine_at(given.socket, lambda _: message(NO_SCHEDULES))
            ),
        )
        assert client.send(calls.schedules(), autostart=True) == NO_SCHEDULES


def test_why_an_engine_does_not_start_is_what_the_caller_hears(
    client: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Workspace) -> None:
        raise ConfigError("queue.max_concurrent: must be at least 1")

    start_by(monkeypatch, refuse)
    with pytest.raises(ConfigError, match=r"queue\.max_concurrent"):
        client.send(calls.schedules(), autostart=True)
    with pytest.raises(ConfigError, match=r"queue\.max_concurrent"):
        client.events(1, autostart=True)


def test_the_feed_gives_what_happens_in_order(client: Client, workspace: Workspace) -> None:
    stream = feed(("b-1", RESET), ("b-2", CHANGED), ("b-5", ENDED))
    with engine_at(workspace.socket, lambda _: stream) as heard:
        assert client.events(3) == [RESET, CHANGED, ENDED]

    (asked,) = heard
    assert (asked.method, asked.path) == ("GET", "/events")
    assert asked.query == {"logs": "false"}
    assert "last-event-id" not in asked.headers


def test_the_feed_can_be_that_of_one_run_with_its_log(client: Client, workspace: Workspace) -> None:
    lines = LogEvent(run_id=RUN_ID, lines=("a", "b"), cursor="0:4")
    with engine_at(workspace.socket, lambda _: feed(("b-1", lines))) as heard:
        assert client.events(1, run_id=RUN_ID, logs=True) == [lines]

    assert heard[0].query == {"run": RUN_ID, "logs": "true"}


def test_a_feed_that_is_cut_goes_on_after_the_last_whole_event(
    client: Client, workspace: Workspace
) -> None:
    half = b"id: b-3\ndata: " + b'{"type":"deleted"'
    answer = in_order(
        [
            feed(("b-1", RESET), ("b-2", CHANGED), rest=half),
            HANG_UP,
            feed(),
            feed(("b-3", ENDED)),
        ]
    )
    with engine_at(workspace.socket, answer) as heard:
        assert client.events(3) == [RESET, CHANGED, ENDED]

    assert [asked.headers.get("last-event-id") for asked in heard] == [None, "b-2", "b-2", "b-2"]


def test_a_sign_of_life_is_no_event(client: Client, workspace: Workspace) -> None:
    stream = (
        feed(rest=b": still here\n\n: still here\n\n")
        + feed(("b-1", RESET)).partition(b"\r\n\r\n")[2]
    )
    with engine_at(workspace.socket, lambda _: stream):
        assert client.events(1) == [RESET]


def test_a_feed_that_is_refused_is_an_error(client: Client, workspace: Workspace) -> None:
    reply = ErrorReply(kind="NotFoundError", message="there is no run 'x'")
    with (
        engine_at(workspace.socket, lambda _: message(reply, 404)) as heard,
        pytest.raises(NotFoundError, match="there is no run 'x'"),
    ):
        client.events(1, run_id="x")

    assert len(heard) == 1


def test_a_feed_goes_on_with_the_engine_that_replaces_the_one_before(
    client: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new one does not know the id that it is asked with, and says so by a reset."""
    heard: list[Asked] = []

    def second(asked: Asked) -> bytes:
        heard.append(asked)
        return feed(("new-0", ResetEvent(reason="events were missed")), ("new-1", ENDED))

    with ExitStack() as engines:
        start_by(monkeypatch, lambda given: engines.enter_context(engine_at(given.socket, second)))

        def once(_: Asked) -> bytes:
            # Nobody listens there any more when this answer has been read.
            workspace.socket.unlink()
            return feed(("old-7", RESET))

        engines.enter_context(engine_at(workspace.socket, once))
        events = client.events(3, autostart=True)

    assert events == [RESET, ResetEvent(reason="events were missed"), ENDED]
    assert heard[0].headers["last-event-id"] == "old-7"


def test_a_feed_ends_with_its_engine_when_none_is_to_be_started(
    client: Client, workspace: Workspace
) -> None:
    def once(_: Asked) -> bytes:
        workspace.socket.unlink()
        return feed(("b-1", RESET))

    with (
        engine_at(workspace.socket, once),
        pytest.raises(ServerError, match="no engine answers"),
    ):
        client.events(2)
