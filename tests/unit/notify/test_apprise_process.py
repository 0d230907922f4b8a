from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.errors import ServerError
from engine.notify import apprise_process
from engine.notify.apprise_process import send
from tests.unit.prefect_server.http_server import AnsweringServer, answering


@pytest.fixture
def server() -> Iterator[AnsweringServer]:
    with answering() as listening:
        yield listening


def test_a_message_is_delivered_by_what_apprise_speaks(server: AnsweringServer) -> None:
    send(f"json://localhost:{server.port}/hook", "train_flow 여우: FAILED", "row 7:\nno number")

    (request,) = server.heard
    assert request.path.rstrip("/") == "/hook"
    assert request.body["title"] == "train_flow 여우: FAILED"
    assert request.body["message"] == "row 7:\nno number"


def test_a_message_that_the_target_refuses_is_an_error(server: AnsweringServer) -> None:
    server.answer = lambda _: (500, b"")

    with pytest.raises(ServerError, match=r"JSON.*error=500|500"):
        send(f"json://localhost:{server.port}/", "title", "body")


@pytest.mark.parametrize("url", ["nosuchthing://somewhere/", "somewhere", ""])
def test_a_kind_of_address_that_apprise_does_not_know_is_an_error_that_says_so(url: str) -> None:
    with pytest.raises(ServerError, match="Apprise does not know this kind of address") as failed:
        send(url, "title", "body")

    assert "somewhere" not in str(failed.value)


def test_a_target_that_does_not_answer_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apprise_process, "_SECONDS", 0.01)

    with pytest.raises(ServerError, match=r"not delivered within 0\.01 s"):
        send("json://localhost:9/", "title", "body")
