"""Schedules and notifications on a real engine."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.harness import Engine, Puppets


@pytest.mark.long
def test_a_schedule_launches_again_and_again_until_it_is_removed(own_engine: Engine) -> None:
    own_engine.json(
        "schedule", "add", "data_flow", "--every=10s", "--name=often", *own_engine.sample_options
    )

    def launched() -> list[dict[str, Any]]:
        runs = own_engine.json("runs", "--limit=100")
        return [run for run in runs if run["origin"] == "schedule often"]

    try:
        (first,) = own_engine.wait_until(launched)
        # It belongs to the workspace, not to the process that was told of it.
        own_engine.run("restart")
        own_engine.wait_until(lambda: len(launched()) == 2)
    finally:
        own_engine.json("schedule", "remove", "often")

    runs = launched()
    assert [run["id"] for run in runs[1:]] == [first["id"]]
    assert {own_engine.wait_closed(run["id"]).state for run in runs} == {"COMPLETED"}
    assert own_engine.json("schedule", "list") == []


def test_who_wants_to_know_is_told_of_a_crash_and_not_of_success(
    own_engine: Engine, own_puppet: Puppets, received: tuple[int, list[dict[str, Any]]]
) -> None:
    port, bodies = received
    own_engine.workspace.secrets.write_text(f"HOOK=127.0.0.1:{port}\n")
    own_engine.workspace.secrets.chmod(0o600)
    told = (
        "notifications: {webhooks: ['http://${HOOK}/hook'],"
        f" apprise: ['json://127.0.0.1:{port}/apprise'], allowed_hosts: ['127.0.0.1']}}\n"
    )
    with own_engine.settings(told):
        own_engine.json("run", "data_flow", *own_engine.sample_options)
        run_id = own_puppet("leave")
        own_engine.wait_until(lambda: len(bodies) == 2)

    webhook = next(body for body in bodies if "event" in body)
    apprise = next(body for body in bodies if "event" not in body)
    assert webhook["run"]["id"] == run_id
    assert webhook["run"]["state"] == "CRASHED"
    assert "exit status 7" in webhook["text"]
    assert run_id[:8] in apprise["title"]
    listed = own_engine.json("notifications", "list")
    assert {one["run_id"] for one in listed} == {run_id}
    assert all(one["delivered"] for one in listed)


def test_a_webhook_to_this_machine_is_refused_unless_it_is_meant(
    own_engine: Engine, received: tuple[int, list[dict[str, Any]]]
) -> None:
    port, bodies = received
    with own_engine.settings(f"notifications: {{webhooks: ['http://localhost:{port}/']}}\n"):
        (tested,) = own_engine.json("notifications", "test", exit_code=1)

    assert "which is this machine or local to it" in tested["problem"]
    assert bodies == []
