"""Ctrl-C at the worst moments of a launch: no run goes on that somebody wanted to be cancelled."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import pytest

from engine.cli.ctrl_c import HeldCtrlC
from engine.daemon.actions import RunActions
from engine.tables.runs import RunTable
from tests.unit.cli.conftest import EngineCommand
from tests.unit.cli.rows import add_run


def press_after(monkeypatch: pytest.MonkeyPatch, action: str) -> list[str]:
    """Press Ctrl-C once, when the engine has done something and has not answered yet.

    Returns:
        What was done, once it was pressed.
    """
    done = getattr(RunActions, action)
    pressed: list[str] = []

    async def act(self: RunActions, *arguments: Any, **options: Any) -> Any:
        reply = await done(self, *arguments, **options)
        if not pressed:
            pressed.append(action)
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(0.05)  # the other thread notices
        return reply

    monkeypatch.setattr(RunActions, action, act)
    return pressed


@pytest.mark.usefixtures("light_engine")
@pytest.mark.parametrize(
    "line",
    [
        ["run", "data_flow"],
        ["run", "data_flow", "--json"],
        ["run", "data_flow", "--detach"],
        ["retry", "b1"],
        ["rerun", "b1", "--set", "train.seed=3"],
    ],
    ids=" ".join,
)
def test_a_run_that_was_accepted_but_not_yet_told_of_is_cancelled(
    command: EngineCommand, table: RunTable, monkeypatch: pytest.MonkeyPatch, line: list[str]
) -> None:
    if line[0] != "run":
        add_run(table, "b1", state="FAILED")
    press_after(monkeypatch, "launch")

    answer = command(*line)

    newest = table.newest(1)[0]
    assert (answer.code, newest.state) == (130, "CANCELLED")
    if "--json" in line:
        assert answer.json["state"] == "CANCELLED"


@pytest.mark.usefixtures("light_engine")
def test_pressed_twice_in_a_hurry_it_asks_a_second_time_and_goes_on_watching(
    command: EngineCommand, table: RunTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    press_after(monkeypatch, "launch")
    pressed = press_after(monkeypatch, "cancel")

    answer = command("run", "data_flow", "--json")

    assert pressed == ["cancel"]
    assert (answer.code, answer.json["state"]) == (130, "CANCELLED")
    assert answer.err.count("press Ctrl-C again") == 1
    assert [run.state for run in table.newest(2)] == ["CANCELLED"]


def test_who_insists_gets_out() -> None:
    with pytest.raises(KeyboardInterrupt), HeldCtrlC():
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGINT)


def test_it_waits_until_it_is_let_through_and_is_told_once() -> None:
    reached = []
    with HeldCtrlC() as ctrl_c:
        os.kill(os.getpid(), signal.SIGINT)
        reached.append("held")
        with pytest.raises(KeyboardInterrupt), ctrl_c.let_through():
            reached.append("not reached")
        with ctrl_c.let_through():
            reached.append("through")
        with pytest.raises(KeyboardInterrupt), ctrl_c.let_through():
            os.kill(os.getpid(), signal.SIGINT)
    assert reached == ["held", "through"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_one_that_nobody_took_is_raised_at_the_end() -> None:
    with pytest.raises(KeyboardInterrupt), HeldCtrlC():
        os.kill(os.getpid(), signal.SIGINT)


def test_where_it_is_ignored_it_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with HeldCtrlC() as ctrl_c:
            os.kill(os.getpid(), signal.SIGINT)
            with ctrl_c.let_through():
                pass
    finally:
        signal.signal(signal.SIGINT, before)
