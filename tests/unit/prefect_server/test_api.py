from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from engine.errors import NotFoundError, ServerError
from engine.prefect_server.api import PrefectApi
from tests.unit.prefect_server.http_server import HANG_UP, Answer, Heard, answering


def in_order(*answers: Answer) -> Callable[[Heard], Answer]:
    """Give these answers one after the other, and the last one for ever."""
    waiting = list(answers)
    return lambda _: waiting.pop(0) if len(waiting) > 1 else waiting[0]


def rows_of(rows: Iterable[dict[str, Any]]) -> Callable[[Heard], Answer]:
    """Answer as a table that is read page by page."""
    table = list(rows)

    def answer(request: Heard) -> Answer:
        offset, limit = request.body["offset"], request.body["limit"]
        return 200, table[offset : offset + limit]

    return answer


@pytest.mark.parametrize(
    "hiccups",
    [
        [(503, "database is locked")],
        [(429, "slow down")],
        [HANG_UP],
        [(503, ""), HANG_UP, (429, "")],
    ],
)
def test_a_call_is_repeated_until_a_busy_server_answers(hiccups: list[Answer]) -> None:
    with answering(in_order(*hiccups, (200, 3))) as server, PrefectApi(server.connection) as api:
        assert api.count_final_task_runs(["a"]) == 3

    assert len(server.heard) == len(hiccups) + 1
    assert len({request.path for request in server.heard}) == 1


def test_a_call_is_repeated_until_a_server_that_refuses_connections_listens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses = []
    with (
        answering(lambda _: (200, 3), listen=False) as server,
        PrefectApi(server.connection) as api,
    ):

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            server.listen()

        monkeypatch.setattr(time, "sleep", pause)
        assert api.count_final_task_runs(["a"]) == 3

    assert len(pauses) == 1


@pytest.mark.parametrize(
    ("answer", "reason"), [((503, "database is locked"), "HTTP 503: .*locked"), (HANG_UP, "")]
)
def test_a_call_gives_up_at_its_deadline_and_says_why(answer: Answer, reason: str) -> None:
    with (
        answering(lambda _: answer) as server,
        PrefectApi(server.connection, deadline_seconds=0.2) as api,
        pytest.raises(
            ServerError, match=rf"did not answer /task_runs/count within 0\.2 s: {reason}"
        ),
    ):
        api.count_final_task_runs(["a"])

    assert len(server.heard) > 1


def test_a_server_that_is_not_there_is_an_error_at_the_deadline() -> None:
    with (
        answering(lambda _: (200, 3), listen=False) as server,
        PrefectApi(server.connection, deadline_seconds=0.1) as api,
        pytest.raises(ServerError, match=r"Connection refused.*engine status"),
    ):
        api.count_final_task_runs(["a"])


@pytest.mark.parametrize("status", [400, 401, 403, 409, 422, 500])
def test_a_refusal_is_raised_at_once(status: int) -> None:
    with (
        answering(lambda _: (status, {"detail": "no such thing"})) as server,
        PrefectApi(server.connection) as api,
        pytest.raises(
            ServerError, match=rf"refused /flow_runs/x/set_state: HTTP {status}: .*no such thing"
        ),
    ):
        api.set_flow_run_state("x", "CRASHED", "died")

    assert len(server.heard) == 1


@pytest.mark.parametrize("count", [0, 1, 199, 200, 201, 400, 450])
def test_all_rows_are_read_page_by_page(count: int) -> None:
    rows = [{"id": str(number)} for number in range(count)]
    with answering(rows_of(rows)) as server, PrefectApi(server.connection) as api:
        assert api.task_runs(["a"]) == rows

    assert [request.body["offset"] for request in server.heard] == list(range(0, count + 1, 200))


def test_a_tree_of_runs_is_read_parents_before_children() -> None:
    children = {"root": ["a", "b"], "a": ["c"], "b": [], "c": []}

    def answer(request: Heard) -> Answer:
        wanted = request.body["flow_runs"]
        if "id" in wanted:
            return 200, [{"id": name} for name in wanted["id"]["any_"]]
        parents = wanted["parent_flow_run_id"]["any_"]
        return 200, [{"id": child} for parent in parents for child in children[parent]]

    with answering(answer) as server, PrefectApi(server.connection) as api:
        assert [row["id"] for row in api.flow_runs("root")] == ["root", "a", "b", "c"]


def test_what_the_server_does_not_know_is_not_found() -> None:
    with (
        answering(lambda _: (404, {"detail": "Flow run not found"})) as server,
        PrefectApi(server.connection) as api,
        pytest.raises(NotFoundError, match=r"the Prefect server has no /flow_runs/x$"),
    ):
        api.flow_run("x")

    (request,) = server.heard
    assert (request.method, request.path) == ("GET", "/api/flow_runs/x")


def test_a_new_run_is_pending_and_made_once_for_one_key() -> None:
    def answer(request: Heard) -> Answer:
        return 201, {"id": "flow-1" if request.path.endswith("/flows/") else "run-1"}

    with answering(answer) as server, PrefectApi(server.connection) as api:
        created = api.create_flow_run(
            "train_flow", name="sly-fox", parameters={"a": 1}, idempotency_key="k", tags=["x"]
        )

    assert created == "run-1"
    flow, run = server.heard
    assert (flow.path, flow.body) == ("/api/flows/", {"name": "train_flow"})
    assert run.path == "/api/flow_runs/"
    assert run.body == {
        "flow_id": "flow-1",
        "name": "sly-fox",
        "parameters": {"a": 1},
        "idempotency_key": "k",
        "state": {"type": "PENDING"},
        "tags": ["x"],
    }


def test_a_flow_is_looked_up_once_for_all_its_runs() -> None:
    def answer(request: Heard) -> Answer:
        return 201, {"id": request.body["name"]}

    with answering(answer) as server, PrefectApi(server.connection) as api:
        for flow, name in [("data_flow", "a"), ("eval_flow", "b"), ("data_flow", "c")]:
            api.create_flow_run(flow, name=name, parameters={}, idempotency_key=name)

    looked_up = [heard.body["name"] for heard in server.heard if heard.path == "/api/flows/"]
    assert looked_up == ["data_flow", "eval_flow"]
    runs = [heard.body for heard in server.heard if heard.path == "/api/flow_runs/"]
    assert [run["flow_id"] for run in runs] == ["data_flow", "eval_flow", "data_flow"]


@pytest.mark.parametrize(("rows", "found"), [([{"id": "run-1"}], "run-1"), ([], None)])
def test_a_run_is_found_by_the_key_that_it_was_made_with(
    rows: list[dict[str, str]], found: str | None
) -> None:
    with answering(rows_of(rows)) as server, PrefectApi(server.connection) as api:
        assert api.flow_run_id_of_key("k") == found

    assert server.heard[0].body["flow_runs"] == {"idempotency_key": {"any_": ["k"]}}


def test_a_deleted_run_takes_what_is_below_it_along_children_first() -> None:
    """What somebody else has deleted already is no reason to stop."""

    def answer(request: Heard) -> Answer:
        if request.method == "DELETE":
            return (404, {}) if request.path.endswith("/child") else (204, b"")
        wanted = request.body["flow_runs"]
        if "id" in wanted:
            return 200, [{"id": "root"}]
        return 200, [{"id": "child"}] if wanted["parent_flow_run_id"]["any_"] == ["root"] else []

    with answering(answer) as server, PrefectApi(server.connection) as api:
        api.delete_flow_runs("root")

    deleted = [request.path for request in server.heard if request.method == "DELETE"]
    assert deleted == ["/api/flow_runs/child", "/api/flow_runs/root"]


def test_only_those_task_runs_are_told_that_the_server_has_recorded_as_ended() -> None:
    with answering(rows_of([{"id": "b"}])) as server, PrefectApi(server.connection) as api:
        assert api.final_task_run_ids(["a", "b"]) == {"b"}

    wanted = server.heard[0].body["task_runs"]
    assert wanted["id"] == {"any_": ["a", "b"]}
    assert wanted["state"] == {"type": {"any_": ["CANCELLED", "COMPLETED", "CRASHED", "FAILED"]}}


@pytest.mark.parametrize("count", [0, 1, 200, 201, 450])
def test_events_are_sent_in_portions(count: int) -> None:
    events = [{"id": str(number)} for number in range(count)]
    with answering(lambda _: (204, b"")) as server, PrefectApi(server.connection) as api:
        api.send_events(events)

    assert [event for request in server.heard for event in request.body] == events
    assert all(request.path == "/api/events" for request in server.heard)
    assert all(len(request.body) <= 200 for request in server.heard)


def test_that_a_run_is_being_cancelled_is_proposed_and_not_forced() -> None:
    """By then it may have ended: the server knows, and its end stays."""
    with answering(lambda _: (201, {})) as server, PrefectApi(server.connection) as api:
        api.propose_cancelling("f")

    (request,) = server.heard
    assert request.path == "/api/flow_runs/f/set_state"
    assert request.body["state"]["type"] == "CANCELLING"
    assert request.body["force"] is False


def test_a_state_is_forced_whatever_the_run_is_in() -> None:
    with answering(lambda _: (200, {})) as server, PrefectApi(server.connection) as api:
        api.set_flow_run_state("f", "CRASHED", "died")
        api.set_task_run_state("t", "CANCELLED", "asked")

    assert [(request.path, request.body) for request in server.heard] == [
        (
            "/api/flow_runs/f/set_state",
            {"state": {"type": "CRASHED", "message": "died"}, "force": True},
        ),
        (
            "/api/task_runs/t/set_state",
            {"state": {"type": "CANCELLED", "message": "asked"}, "force": True},
        ),
    ]


def test_names_are_asked_once_for_each_flow() -> None:
    def answer(request: Heard) -> Answer:
        return 200, [
            {"id": id_, "name": f"flow {id_}"} for id_ in request.body["flows"]["id"]["any_"]
        ]

    with answering(answer) as server, PrefectApi(server.connection) as api:
        assert api.flow_names(["b", "a", "b"]) == {"a": "flow a", "b": "flow b"}

    assert server.heard[0].body["flows"] == {"id": {"any_": ["a", "b"]}}


def test_every_call_carries_the_credentials_and_goes_past_any_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with answering(lambda _: (200, 3)) as server, PrefectApi(server.connection) as api:
        api.count_final_task_runs(["a"])

    credentials = base64.b64encode(b"engine:secret").decode()
    assert server.heard[0].headers["authorization"] == f"Basic {credentials}"


def test_a_server_that_protects_itself_against_forged_requests_is_asked_for_a_token_once() -> None:
    def answer(request: Heard) -> Answer:
        if request.path.startswith("/api/csrf-token?client="):
            return 200, {"token": "t0ken", "client": "c", "expiration": "2030-01-01T00:00:00Z"}
        if request.headers.get("prefect-csrf-token") != "t0ken":
            return 403, {"detail": "Missing CSRF token."}
        assert request.headers["prefect-csrf-client"]
        return 200, 3

    with answering(answer) as server, PrefectApi(server.connection) as api:
        assert api.count_final_task_runs(["a"]) == 3
        assert api.count_final_task_runs(["a"]) == 3

    asked = [heard.path.partition("?")[0] for heard in server.heard]
    count = "/api/task_runs/count"
    assert asked == [count, "/api/csrf-token", count, count]


def test_a_token_that_is_refused_again_and_again_is_an_error() -> None:
    def answer(request: Heard) -> Answer:
        if request.method == "GET":
            return 200, {"token": "stale"}
        return 403, {"detail": "Invalid CSRF token or client identifier."}

    with (
        answering(answer) as server,
        PrefectApi(server.connection) as api,
        pytest.raises(ServerError, match="Invalid CSRF token"),
    ):
        api.count_final_task_runs(["a"])


def test_a_server_that_hands_out_less_at_once_is_asked_for_less() -> None:
    table = [{"id": str(number)} for number in range(120)]

    def answer(request: Heard) -> Answer:
        offset, limit = request.body["offset"], request.body["limit"]
        if limit > 50:
            return 422, {"detail": "Invalid limit: must be less than or equal to 50."}
        return 200, table[offset : offset + limit]

    with answering(answer) as server, PrefectApi(server.connection) as api:
        assert api.task_runs(["root"]) == table

    assert [heard.body["limit"] for heard in server.heard] == [200, 50, 50, 50]
