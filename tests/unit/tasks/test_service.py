"""What a deploy hears from the predictor, with an HTTP server that says what a test wants."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from engine.errors import ModelError
from engine.processes import start_mark
from engine.tasks import service
from engine.tasks.service import wait_until_served
from engine.workspace import Workspace

OLD, NEW = "lstm-old", "lstm-new"


@contextmanager
def worker(workspace: Workspace, index: int, *said: tuple[str | None, str]) -> Iterator[str]:
    """A worker that says these things one after the other, and then goes on saying the last."""
    left = list(said)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name, problem = left.pop(0) if len(left) > 1 else left[0]
            body = json.dumps({"message": "", "model_name": name, "problem": problem}).encode()
            self.send_response(200 if name else 404)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        record(workspace, index, server.server_port)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def record(workspace: Workspace, index: int, port: int, *, mark: str | None = None) -> None:
    """Say that this very process is a worker on a port."""
    mark = mark or start_mark(os.getpid())
    told = {"pid": os.getpid(), "mark": mark, "host": "127.0.0.1", "port": port, "options": ""}
    workspace.predictor_record(index).write_text(json.dumps(told))


@pytest.fixture
def made(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr(service, "_POLL_SECONDS", 0.001)
    return workspace.create()


def test_without_a_predictor_there_is_nothing_to_wait_for(made: Workspace) -> None:
    assert wait_until_served(made, NEW, "timeseries") == []


def test_a_record_that_a_dead_worker_left_is_none(made: Workspace) -> None:
    record(made, 0, 1, mark="of another time")

    assert wait_until_served(made, NEW, "timeseries") == []


def test_a_worker_that_does_not_answer_is_not_waited_for(made: Workspace) -> None:
    record(made, 0, 1)

    assert wait_until_served(made, NEW, "timeseries") == []


def test_every_worker_is_waited_for(made: Workspace) -> None:
    with (
        worker(made, 0, (NEW, "")) as first,
        worker(made, 1, (None, ""), (OLD, ""), (OLD, ""), (NEW, "")) as second,
    ):
        assert wait_until_served(made, NEW, "timeseries") == [first, second]


def test_one_that_cannot_serve_it_is_an_error_with_its_reason(made: Workspace) -> None:
    problem = f"version {NEW}: the bundle does not verify"
    with (
        worker(made, 0, (OLD, ""), (OLD, problem)) as address,
        pytest.raises(ModelError, match="cannot serve it: version lstm-new") as failed,
    ):
        wait_until_served(made, NEW, "timeseries")

    assert failed.value.where == address


def test_one_that_goes_on_with_another_is_an_error_in_the_end(
    made: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_PATIENCE_SECONDS", 0.1)
    with worker(made, 0, (OLD, "")), pytest.raises(ModelError, match="still answers with lstm-old"):
        wait_until_served(made, NEW, "timeseries")
