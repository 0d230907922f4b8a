from __future__ import annotations

import json
from typing import Any

import pytest

from engine.notify.message import body_of, label_of, payload_of, said_of_drift, title_of
from engine.tables.drift_checks import DriftCheck
from engine.tables.run_record import RunRecord
from engine.workspace import Workspace


def run(**changed: Any) -> RunRecord:
    values: dict[str, Any] = {
        "id": "3f2a81c4-0000-4000-8000-000000000000",
        "flow": "train_flow",
        "name": "sly-fox",
        "state": "FAILED",
        "message": "row 7: no number",
        "created": 1700000000.0,
        "started": 1700000001.0,
        "ended": 1700000002.0,
        "pid": 17,
        "pid_mark": "mark",
        "cancel_requested": False,
        "error_kind": "DataError",
        "closed": True,
        "parameters": {"model_type": "LSTM"},
        "prefect_id": "p",
        "attempt": 0,
        "launch_key": "secret key of the caller",
        "priority": 0,
        "origin": "schedule nightly",
        "rerun_of": None,
        "request": {"overrides": ["dataset.file_path=/srv/private.csv"]},
        "cancel_asked": None,
        "cpu_seconds": 1.5,
        "peak_bytes": 1000,
        "notified": False,
    }
    return RunRecord(**{**values, **changed})


def test_the_title_says_which_run_and_how_it_ended() -> None:
    assert title_of(run()) == "train_flow sly-fox (3f2a81c4): FAILED"


def test_the_body_says_why() -> None:
    assert body_of(run()) == "row 7: no number"
    assert body_of(run(message="")) == ""


def test_nothing_in_a_message_acts_on_who_reads_it() -> None:
    body = body_of(run(message="first\n\x1b[2Jsecond\x07\u202e"))

    assert body == r"first" + "\n" + r"\x1b[2Jsecond\x07\u202e"


@pytest.mark.parametrize(
    "message",
    [
        "no connection to postgresql://reader:hunter22@db/warehouse",
        "login failed: password=hunter22",
        '{"api_key": "hunter22"}',
        "Authorization: Bearer hunter22",
    ],
)
def test_passwords_in_a_message_are_not_passed_on(message: str) -> None:
    failed = run(message=message)

    assert "hunter22" not in body_of(failed)
    assert "***" in body_of(failed)
    assert "hunter22" not in json.dumps(payload_of(failed, "/srv/mlops"))


def test_a_very_long_message_is_cut() -> None:
    assert len(body_of(run(message="x" * 100_000))) == 2000


def test_a_webhook_gets_the_run_and_a_text_for_chat_servers() -> None:
    payload = payload_of(run(), "/srv/mlops")

    assert payload["text"] == "train_flow sly-fox (3f2a81c4): FAILED\nrow 7: no number"
    assert payload["event"] == "run.ended"
    assert payload["workspace"] == "/srv/mlops"
    assert payload["run"] == {
        "id": "3f2a81c4-0000-4000-8000-000000000000",
        "flow": "train_flow",
        "name": "sly-fox",
        "state": "FAILED",
        "message": "row 7: no number",
        "error_kind": "DataError",
        "created": 1700000000.0,
        "started": 1700000001.0,
        "ended": 1700000002.0,
        "origin": "schedule nightly",
        "parameters": {"model_type": "LSTM"},
    }


def test_a_run_that_ended_without_a_reason_has_a_text_of_one_line() -> None:
    payload = payload_of(run(state="COMPLETED", message=""), "/srv/mlops")

    assert payload["text"] == "train_flow sly-fox (3f2a81c4): COMPLETED"


@pytest.mark.parametrize(
    ("address", "label"),
    [
        ("https://hooks.chat.example/services/T0/B0/secret", "https://hooks.chat.example/***"),
        ("https://user:secret@chat.example/?token=secret", "https://chat.example/***"),
        ("http://localhost:8080/secret", "http://localhost/***"),
        ("mailto://me:secret@example.com", "mailto://example.com/***"),
        # The place of the host holds a token in many of Apprise's addresses.
        ("tgram://secret/12345", "tgram://***"),
        ("slack://secretA/secretB/secretC", "slack://***"),
        ("${HOOK}", "${HOOK}"),
        ("${HOOK}/secret", "***"),
        ("secret", "***"),
        ("https://${HOST}/secret", "https://***"),
        ("https://chat.example:secret/", "https://chat.example/***"),
    ],
)
def test_an_address_is_shown_by_no_more_than_its_kind_and_host(address: str, label: str) -> None:
    assert label_of(address) == label


@pytest.mark.parametrize("address", ["https://[secret/", "https://[::1/secret"])
def test_of_an_address_that_cannot_be_taken_apart_nothing_is_shown(address: str) -> None:
    assert "secret" not in label_of(address)


def test_what_is_said_of_drift_is_why_and_what_is_done(workspace: Workspace) -> None:
    check = DriftCheck(
        1.0, "timeseries", "lstm-1", "drifted", 512, ("it sells\x1b[31m more",), {"psi": 1},
        id=7, action="retrain", why="full_flow is launched", run_id="r1",
    )  # fmt: skip
    said = said_of_drift(check, str(workspace.root))

    assert said.title == "lstm-1 (timeseries) has drifted"
    assert said.body == "it sells\\x1b[31m more\nfull_flow is launched\nMore: engine drift"
    assert said.payload["event"] == "drift.found"
    assert said.payload["text"] == f"{said.title}\n{said.body}"
    assert said.payload["drift"]["run_id"] == "r1" and "numbers" not in said.payload["drift"]
    json.dumps(said.payload)
