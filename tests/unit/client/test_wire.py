from __future__ import annotations

from pathlib import Path

import httpx
import msgspec
import pytest

from engine.client import calls
from engine.client.wire import FeedParser, error_of, reply_of, request_of, unreachable
from engine.errors import ConfigError, EngineError, NotFoundError, ServerError
from engine.schema import (
    DeletedEvent,
    ErrorReply,
    Event,
    LogEvent,
    ResetEvent,
    RunEvent,
    ScheduleEvent,
    ScheduleRequest,
    SchedulesReply,
    StepEvent,
    encode,
)
from engine.workspace import Workspace
from tests.unit.client.messages import run_info, step_info


def parsed(parser: FeedParser, text: str) -> list[Event]:
    """What comes of a text, line by line."""
    events = (parser.feed(line) for line in text.split("\n"))
    return [event for event in events if event is not None]


def test_a_request_without_a_body_sends_none() -> None:
    request = request_of(calls.log("3f2a", tail=5))

    assert (request["method"], request["url"]) == ("GET", "/runs/3f2a/log")
    assert request["params"] == {"tail": "5"}
    assert request["content"] is None


def test_a_body_is_sent_as_json() -> None:
    schedule = ScheduleRequest(name="nightly", flow="full_flow", cron="0 2 * * *")

    request = request_of(calls.add_schedule(schedule))

    assert msgspec.json.decode(request["content"], type=ScheduleRequest) == schedule
    assert request["headers"] == {"content-type": "application/json"}


def test_an_answer_is_the_message_that_was_asked_for() -> None:
    reply = SchedulesReply(schedules=())

    assert reply_of(calls.schedules(), httpx.Response(200, content=encode(reply))) == reply


def test_fields_of_a_later_version_are_no_hindrance() -> None:
    content = b'{"schedules": [], "something_of_tomorrow": {"a": 1}}'

    assert reply_of(calls.schedules(), httpx.Response(200, content=content)).schedules == ()


def test_what_was_refused_is_an_error_with_all_that_was_said() -> None:
    content = encode(ErrorReply(kind="ConfigError", message="what", where="where", fix="fix"))

    with pytest.raises(ConfigError) as refused:
        reply_of(calls.schedules(), httpx.Response(422, content=content))

    error = refused.value
    assert (error.what, error.where, error.fix) == ("what", "where", "fix")


def test_an_error_without_place_and_advice_has_none() -> None:
    error = error_of(b'{"kind": "NotFoundError", "message": "no such run"}', 404)

    assert isinstance(error, NotFoundError)
    assert (error.where, error.fix) == (None, None)


@pytest.mark.parametrize("kind", ["ErrorOfTomorrow", "dict", "Mapping", "annotations", ""])
def test_an_error_of_an_unknown_kind_is_a_plain_one(kind: str) -> None:
    error = error_of(encode(ErrorReply(kind=kind, message="what")), 418)

    assert type(error) is EngineError
    assert error.what == "what"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"Internal Server Error",
        b"<html>" + b"x" * 10_000,
        b"[]",
        b"null",
        b"{}",
        b'{"detail": "Not Found"}',
        b'{"kind": 1, "message": 2}',
        b"\xff\xfe",
        b'{"kind": "ConfigError", "message": "\xff"}',
    ],
)
def test_an_answer_that_says_nothing_understandable_is_a_server_error(content: bytes) -> None:
    error = error_of(content, 502)

    assert isinstance(error, ServerError)
    assert "HTTP 502" in error.what
    assert len(error.what) < 1000


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"[]", b"{}", b'{"schedules": 1}', b'{"schedules": "\xff"}']
)
def test_a_success_that_is_no_such_message_is_a_server_error(content: bytes) -> None:
    """It is not the engine that answers there, or it is a much older one."""
    with pytest.raises(ServerError):
        reply_of(calls.schedules(), httpx.Response(200, content=content))


def test_an_engine_that_cannot_be_reached_is_an_error_that_says_how_to_start_it(
    tmp_path: Path,
) -> None:
    workspace = Workspace(tmp_path)

    for cause, shown in [(OSError("refused"), "refused"), (httpx.ReadError(""), "ReadError")]:
        error = unreachable(workspace, cause)
        assert error.what == f"no engine answers: {shown}"
        assert error.where == str(tmp_path)
        assert error.fix is not None
        assert "engine up" in error.fix


@pytest.mark.parametrize(
    "event",
    [
        RunEvent(run=run_info(parameters={"model_type": "LSTM"})),
        StepEvent(run_id="a", step=step_info("s", measures={"loss": 0.5})),
        LogEvent(run_id="a", lines=("line with\nan end in it", "재고 🦊"), cursor="0:5"),
        DeletedEvent(run_id="a"),
        ScheduleEvent(name="nightly"),
        ResetEvent(reason="the feed begins"),
    ],
)
def test_every_event_comes_through(event: Event) -> None:
    parser = FeedParser()

    assert parsed(parser, f"id: b-1\ndata: {encode(event).decode()}\n\n") == [event]
    assert parser.last_id == "b-1"


def test_data_on_several_lines_is_one_event() -> None:
    text = 'data: {"type": "deleted",\ndata:"run_id": "a"}\n\n'

    assert parsed(FeedParser(), text) == [DeletedEvent(run_id="a")]


def test_an_event_of_a_later_version_is_passed_over_and_the_next_one_is_told() -> None:
    parser = FeedParser()
    text = 'id: b-1\ndata: {"type": "weather"}\n\n'
    text += 'id: b-2\ndata: {"type": "deleted", "run_id": "a"}\n\n'

    assert parsed(parser, text) == [DeletedEvent(run_id="a")]
    assert parser.last_id == "b-2"


def test_comments_empty_lines_and_unknown_fields_are_no_events() -> None:
    parser = FeedParser()

    assert parsed(parser, ": still here\n\n\n\nretry: 5\nevent: x\n\n") == []
    assert parser.last_id is None


def test_an_id_counts_only_once_its_event_is_whole() -> None:
    parser = FeedParser()
    parsed(parser, 'id: b-1\ndata: {"type": "deleted", "run_id": "a"}\n\n')

    assert parsed(parser, 'id: b-2\ndata: {"type": "deleted"') == []

    assert parser.last_id == "b-1"
    assert parser.headers() == {"last-event-id": "b-1"}


def test_half_an_event_is_forgotten_when_the_feed_begins_anew() -> None:
    parser = FeedParser()
    parsed(parser, 'id: b-1\ndata: {"type": "deleted"')

    assert parser.headers() == {}

    text = 'id: b-1\ndata: {"type": "deleted", "run_id": "a"}\n\n'
    assert parsed(parser, text) == [DeletedEvent(run_id="a")]


def test_the_id_of_half_an_event_is_not_that_of_the_next_one() -> None:
    parser = FeedParser()
    parsed(parser, "id: b-9")
    parser.headers()

    parsed(parser, 'data: {"type": "deleted", "run_id": "a"}\n\n')

    assert parser.last_id is None
