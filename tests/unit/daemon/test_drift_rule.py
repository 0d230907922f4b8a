from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from engine.config.engine_settings import DriftSettings
from engine.daemon.drift_rule import DriftRule
from engine.daemon.workers import Workers
from engine.errors import ConfigError
from engine.schema import LaunchReply, LaunchRequest
from engine.tables.drift_checks import DriftCheck, DriftChecks
from engine.tables.notifications import Outbox
from engine.tables.runs import RunTable
from engine.workspace import Workspace
from tests.unit.daemon.loop import in_event_loop
from tests.unit.daemon.stand_ins import accept, end

HOUR = 3600.0


class KilledError(Exception):
    """The engine ends in the middle of it."""


class Room:
    """A rule with everything around it; launching is as idempotent as the engine's own."""

    def __init__(self, workspace: Workspace, **settings: object) -> None:
        self.workspace = workspace
        self.table = RunTable(workspace.database)
        self.checks = DriftChecks(workspace.database)
        self.settings = DriftSettings(**settings)  # type: ignore[arg-type]
        self.requests: list[LaunchRequest] = []
        self.problem: Exception | None = None
        self.dies_after_launch = False
        self.told = 0
        self.now = time.time()

    def rule(self) -> DriftRule:
        """A rule as the next engine has it."""
        return DriftRule(
            self.workspace,
            self.table,
            lambda: self.settings,
            launch=self._launch,
            targets=lambda: ["webhook http://chat"],
            tell=self._tell,
            workers=Workers(),
        )

    async def _launch(self, request: LaunchRequest) -> LaunchReply:
        if self.problem is not None:
            raise self.problem
        assert request.key is not None
        known = [one.key for one in self.requests]
        if request.key not in known:
            self.requests.append(request)
            accept(self.table, f"run-{len(self.requests)}", flow="full_flow")
        if self.dies_after_launch:
            raise KilledError
        run = _Run(f"run-{[one.key for one in self.requests].index(request.key) + 1}")
        return LaunchReply(run=run, created=request.key not in known)  # type: ignore[arg-type]

    def _tell(self) -> None:
        self.told += 1

    def found(
        self, verdict: str = "drifted", *, at: float = 0.0, version: str = "v1", **more: object
    ) -> int:
        """A check finds something, some seconds from now."""
        check = DriftCheck(
            self.now + at, "timeseries", version, verdict, 9, ("it sells more",), more
        )
        return self.checks.add(check)

    async def acts(self) -> tuple[str, str]:
        """The rule has its turn: what it did about the newest check, and why."""
        await self.rule().act()
        (newest,) = self.checks.newest(1)
        return newest.action, newest.why


class _Run:
    def __init__(self, run_id: str) -> None:
        self.id = run_id


@in_event_loop
async def test_nothing_is_done_as_long_as_nothing_has_drifted(workspace: Workspace) -> None:
    room = Room(workspace, on_drift="retrain", in_a_row=1)
    for verdict in ("alike", "shifted", "unknown"):
        room.found(verdict)
        assert await room.acts() == ("none", "")
    assert room.requests == [] and room.told == 0


@in_event_loop
async def test_people_are_told_after_several_checks_in_a_row(workspace: Workspace) -> None:
    room = Room(workspace, in_a_row=2)
    room.found()
    assert await room.acts() == ("none", "check 1 of 2 in a row that finds drift")
    room.found("alike")
    await room.acts()
    room.found()
    assert (await room.acts())[0] == "none"
    room.found()
    assert (await room.acts())[0] == "notify"
    assert room.told == 1 and room.requests == []
    (message,) = Outbox(workspace.database).newest(9)
    assert message.target == "webhook http://chat" and message.check_id is not None
    # Another version begins anew.
    room.settings = DriftSettings(in_a_row=2, cooldown_hours=0)
    room.found(version="v2")
    assert (await room.acts())[0] == "none"


@in_event_loop
async def test_within_the_cooldown_nothing_is_done_again(workspace: Workspace) -> None:
    room = Room(workspace, in_a_row=1, cooldown_hours=24)
    room.found(at=-20 * HOUR)
    assert (await room.acts())[0] == "notify"
    room.found()
    action, why = await room.acts()
    assert action == "none" and why.startswith("4.0 of 24 hours are left")
    room.settings = DriftSettings(in_a_row=1, cooldown_hours=19)
    room.found()
    assert (await room.acts())[0] == "notify"


@in_event_loop
async def test_a_training_is_launched_once_with_the_reason(workspace: Workspace) -> None:
    room = Room(workspace, on_drift="retrain", in_a_row=1)
    number = room.found()
    assert (await room.acts())[0] == "retrain"
    (request,) = room.requests
    assert (request.flow, request.tags, request.flags) == ("full_flow", ("drift",), {})
    assert request.origin == "drift of v1: it sells more"
    found = room.checks.get(number)
    assert found is not None and found.run_id == "run-1"
    assert room.told == 1
    await room.rule().act()
    assert len(room.requests) == 1


@in_event_loop
async def test_an_engine_that_is_killed_after_the_launch_launches_no_other(
    workspace: Workspace,
) -> None:
    room = Room(workspace, on_drift="retrain", in_a_row=1)
    number = room.found()
    room.dies_after_launch = True
    with pytest.raises(KilledError):
        await room.rule().act()
    assert len(room.checks.unlaunched()) == 1
    room.dies_after_launch = False
    await room.rule().act()
    assert len(room.requests) == 1
    found = room.checks.get(number)
    assert found is not None and found.run_id == "run-1"
    assert len(Outbox(workspace.database).newest(9)) == 1


@in_event_loop
async def test_an_engine_that_is_killed_before_the_launch_makes_up_for_it(
    workspace: Workspace,
) -> None:
    room = Room(workspace, on_drift="retrain", in_a_row=1)
    number = room.found()
    room.checks.decide(number, "retrain", "decided, and then came kill -9")
    await room.rule().act()
    assert len(room.requests) == 1
    # And what is found meanwhile is within the cool-down.
    room.found()
    assert (await room.acts())[0] == "none"


@in_event_loop
async def test_never_while_a_run_of_the_kind_goes_on(workspace: Workspace) -> None:
    room = Room(workspace, on_drift="retrain", in_a_row=1, cooldown_hours=0)
    accept(room.table, "other", flow="full_flow")
    room.found()
    action, why = await room.acts()
    assert (action, why) == ("none", "run other of full_flow is going on")
    end(room.table, "other", "COMPLETED", "")
    room.found()
    assert (await room.acts())[0] == "retrain"


@in_event_loop
async def test_a_launch_that_is_refused_is_told_and_not_tried_for_ever(
    workspace: Workspace,
) -> None:
    room = Room(workspace, on_drift="retrain", in_a_row=1)
    room.problem = ConfigError("model.window is wrong")
    room.found()
    action, why = await room.acts()
    assert action == "notify" and "full_flow could not be launched: model.window is wrong" in why
    room.problem = None
    await room.rule().act()
    assert room.requests == []


@in_event_loop
async def test_it_is_trained_as_before_but_never_past_the_gate(workspace: Workspace) -> None:
    room = Room(workspace, on_drift="retrain", in_a_row=1)
    asked = {
        "overrides": ["deploy.force=once", "train.seed=3"],
        "flags": {"model_type": "LSTM", "force": "once"},
    }
    accept(room.table, "maker", flow="full_flow", request=asked)
    end(room.table, "maker", "COMPLETED", "")
    room.found(deployed_by_run="maker")
    assert (await room.acts())[0] == "retrain"
    assert room.requests[0].overrides == ("train.seed=3",)
    assert room.requests[0].flags == {"model_type": "LSTM"}


@in_event_loop
async def test_of_checks_that_nobody_decided_about_only_the_newest_counts(
    workspace: Workspace,
) -> None:
    room = Room(workspace, in_a_row=2)
    first = room.found()
    room.found()
    assert (await room.acts())[0] == "notify"
    earlier = room.checks.get(first)
    assert earlier is not None and (earlier.action, earlier.why) == (
        "none",
        "a later check counts",
    )


@in_event_loop
async def test_it_may_be_told_to_do_nothing(workspace: Workspace) -> None:
    room = Room(workspace, on_drift="none", in_a_row=1)
    room.found()
    assert await room.acts() == ("none", "drift.on_drift says that nothing is done")


def touch(path: Path, at: float) -> None:
    path.touch()
    os.utime(path, (at, at))


@in_event_loop
async def test_a_check_is_due_when_something_came_and_the_last_one_is_long_ago(
    workspace: Workspace,
) -> None:
    room = Room(workspace, check_every_minutes=10)
    rule = room.rule()
    os.utime(workspace.datasets, (1.0, 1.0))
    assert not await rule.is_check_due(), "nothing was served yet"
    touch(workspace.predictor / "forecasts-0.jsonl", room.now)
    assert await rule.is_check_due()
    touch(workspace.drift_lock, room.now + 1)
    assert not await rule.is_check_due()
    touch(workspace.drift_lock, room.now - 300)
    assert not await rule.is_check_due(), "it is not long enough ago"
    touch(workspace.drift_lock, room.now - 900)
    assert await rule.is_check_due()
    touch(workspace.predictor / "forecasts-0.jsonl", room.now - 2000)
    assert not await rule.is_check_due(), "nothing came since"
    touch(workspace.actuals, room.now)
    assert await rule.is_check_due()
    room.settings = DriftSettings(check_every_minutes=0)
    assert not await rule.is_check_due()
