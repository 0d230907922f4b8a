from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.client import calls
from engine.client.calls import Call
from engine.errors import NotFoundError
from engine.schema import (
    CancelRequest,
    ChooseRequest,
    DownRequest,
    LaunchRequest,
    RerunRequest,
    ScheduleChange,
    ScheduleRequest,
)

CHOSEN = ChooseRequest(ids=("a",))
SCHEDULE = ScheduleRequest(name="nightly", flow="data_flow", every_seconds=3600.0)


@pytest.mark.parametrize(
    ("call", "method", "path", "query", "body"),
    [
        (calls.status(), "GET", "/status", {}, None),
        (calls.warm(), "POST", "/warm", {}, None),
        (calls.down(), "POST", "/down", {}, DownRequest(cancel_runs=False)),
        (calls.down(cancel_runs=True), "POST", "/down", {}, DownRequest(cancel_runs=True)),
        (calls.runs(), "GET", "/runs", {"limit": "50"}, None),
        (
            calls.runs(7, flow="data_flow", state="FAILED", before=1700000000.1234567),
            "GET",
            "/runs",
            {
                "limit": "7",
                "flow": "data_flow",
                "state": "FAILED",
                "before": repr(1700000000.1234567),
            },
            None,
        ),
        (
            calls.runs(7, offset=0, filter="state:failed dur>60"),
            "GET",
            "/runs",
            {"limit": "7", "offset": "0", "filter": "state:failed dur>60"},
            None,
        ),
        (calls.flows(), "GET", "/flows", {}, None),
        (calls.run("3f2a"), "GET", "/runs/3f2a", {}, None),
        (calls.cancel("3f2a"), "POST", "/runs/3f2a/cancel", {}, CancelRequest(hard=False)),
        (
            calls.cancel("3f2a", hard=True),
            "POST",
            "/runs/3f2a/cancel",
            {},
            CancelRequest(hard=True),
        ),
        (calls.cancel_all(CHOSEN), "POST", "/runs/cancel", {"hard": "false"}, CHOSEN),
        (calls.cancel_all(CHOSEN, hard=True), "POST", "/runs/cancel", {"hard": "true"}, CHOSEN),
        (calls.delete(CHOSEN), "POST", "/runs/delete", {"force": "false"}, CHOSEN),
        (calls.delete(CHOSEN, force=True), "POST", "/runs/delete", {"force": "true"}, CHOSEN),
        (calls.log("3f2a"), "GET", "/runs/3f2a/log", {}, None),
        (calls.log("3f2a", cursor="0:17"), "GET", "/runs/3f2a/log", {"cursor": "0:17"}, None),
        (calls.log("3f2a", tail=5), "GET", "/runs/3f2a/log", {"tail": "5"}, None),
        (calls.progress("3f2a"), "GET", "/runs/3f2a/progress", {"offset": "0"}, None),
        (calls.progress("3f2a", 99), "GET", "/runs/3f2a/progress", {"offset": "99"}, None),
        (calls.schedules(), "GET", "/schedules", {}, None),
        (calls.add_schedule(SCHEDULE), "POST", "/schedules", {}, SCHEDULE),
        (
            calls.enable_schedule("nightly", False),
            "PATCH",
            "/schedules/nightly",
            {},
            ScheduleChange(enabled=False),
        ),
        (calls.remove_schedule("nightly"), "DELETE", "/schedules/nightly", {}, None),
        (calls.notifications(), "GET", "/notifications", {}, None),
        (calls.test_notifications(), "POST", "/notifications/test", {}, None),
    ],
    ids=lambda value: value.path if isinstance(value, Call) else "",
)
def test_a_call_says_what_is_asked(
    call: Call[Any], method: str, path: str, query: dict[str, str], body: object
) -> None:
    assert (call.method, call.path, dict(call.query), call.body) == (method, path, query, body)


def test_a_launch_always_has_a_key_so_that_it_may_be_repeated() -> None:
    first, second = calls.launch("data_flow").body, calls.launch("data_flow", key="").body

    assert isinstance(first, LaunchRequest)
    assert isinstance(second, LaunchRequest)
    assert first.key
    assert second.key
    assert first.key != second.key


def test_a_rerun_always_has_a_key_so_that_it_may_be_repeated() -> None:
    first, second = calls.rerun("3f2a").body, calls.rerun("3f2a").body

    assert isinstance(first, RerunRequest)
    assert isinstance(second, RerunRequest)
    assert first.key
    assert first.key != second.key


def test_a_key_of_the_caller_is_kept() -> None:
    launched, repeated = calls.launch("data_flow", key="k").body, calls.rerun("3f", key="k").body

    assert isinstance(launched, LaunchRequest)
    assert isinstance(repeated, RerunRequest)
    assert launched.key == repeated.key == "k"


def test_a_launch_asks_for_what_was_given_and_leaves_out_flags_that_were_not() -> None:
    call = calls.launch(
        "train_flow",
        overrides=["model.seed=1"],
        flags={"model_type": "LSTM", "epochs": None, "seed": 0},
        key="k",
        priority=5,
        origin="a test",
        tags=["x"],
    )

    assert (call.method, call.path) == ("POST", "/runs")
    assert call.body == LaunchRequest(
        flow="train_flow",
        overrides=("model.seed=1",),
        flags={"model_type": "LSTM", "seed": 0},
        key="k",
        priority=5,
        origin="a test",
        tags=("x",),
    )


def test_a_rerun_asks_for_what_is_to_be_different() -> None:
    call = calls.rerun("3f2a", overrides=["a=1"], flags={"epochs": None}, key="k", priority=0)

    assert (call.method, call.path) == ("POST", "/runs/3f2a/rerun")
    assert call.body == RerunRequest(overrides=("a=1",), flags={}, key="k", priority=0)
    tagged = calls.rerun("3f2a", key="k", tags=()).body
    assert tagged == RerunRequest(key="k", tags=())


@pytest.mark.parametrize(
    "ask",
    [
        calls.run,
        calls.cancel,
        calls.rerun,
        calls.log,
        calls.progress,
    ],
)
@pytest.mark.parametrize(
    "text",
    ["", "..", "../status", "a/b", "a?b", "a#b", "3F2A", "재고", "a b", "a\n", "%2e", "a" * 65],
)
def test_what_can_be_no_id_of_a_run_is_not_found_without_being_asked_for(
    ask: Callable[[str], object], text: str
) -> None:
    with pytest.raises(NotFoundError, match=r"there is no run .*`engine runs` lists them"):
        ask(text)


@pytest.mark.parametrize(
    "ask", [lambda name: calls.enable_schedule(name, True), calls.remove_schedule]
)
@pytest.mark.parametrize(
    "text", ["", ".", "..", "a/b", "Nightly", "-a", "a\n", "매일", "a" * 65, "a?b"]
)
def test_what_can_be_no_name_of_a_schedule_is_not_found_without_being_asked_for(
    ask: Callable[[str], object], text: str
) -> None:
    with pytest.raises(NotFoundError, match=r"there is no schedule .*`engine schedule list`"):
        ask(text)


@pytest.mark.parametrize("text", ["a", "0", "3f2a81c4-0000-4000-8000-000000000000", "a" * 64])
def test_an_id_or_the_beginning_of_one_is_asked_for(text: str) -> None:
    assert calls.run(text).path == f"/runs/{text}"


@pytest.mark.parametrize("text", ["a", "0", "nightly.v2_x-1", "a" * 64])
def test_a_name_of_a_schedule_is_asked_for(text: str) -> None:
    assert calls.remove_schedule(text).path == f"/schedules/{text}"


def test_the_feed_is_that_of_everything_or_of_one_run() -> None:
    assert calls.events_query(None, logs=False) == {"logs": "false"}
    assert calls.events_query("3f2a", logs=True) == {"run": "3f2a", "logs": "true"}
