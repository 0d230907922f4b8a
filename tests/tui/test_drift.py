"""Drift on the screens: what the checks found, what was done, and a look right now."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import NotFoundError
from engine.workspace import Workspace
from tests.tui.rows import NOW
from tests.tui.stage import Script, StagedTerminal, at_work, no, perform, recorded
from tui import verbs
from tui.data.drift_checks import newest_of, read_checks, report_lines

REASON = "the windows are at 1.30 times the level that was learnt from (PSI 7.35 over 1.83)"


def champion() -> str:
    return str(recorded("commands")["models show champion"]["data"]["id"])


def check(**changes: Any) -> dict[str, Any]:
    return {
        "check": 3,
        "at": NOW - 600.0,
        "data_type": "timeseries",
        "version": champion(),
        "verdict": "drifted",
        "answers": 560,
        "reasons": [REASON],
        "action": "retrain",
        "why": "full_flow is launched",
        "run_id": "6b690ead-0000",
    } | changes


def report() -> dict[str, Any]:
    features = [
        {
            "name": "level",
            "verdict": "drifted",
            "mean": 1.3,
            "mean_then": 1.0,
            "psi": 7.35,
            "bar": 1.83,
            "ks": 0.95,
            "distance": 5.1,
            "ordinary_distance": 0.4,
        },
        {"name": "zeros", "verdict": "alike", "mean": 1e-18, "mean_then": None, "psi": 0.01},
    ]
    days = [{"day": f"2026-11-{day}", "error": day / 10} for day in range(14, 21)]
    live = {"metric": "MASE", "finding": "shifted", "live": 1.4, "promised": 1.1, "days": days}
    return {
        "version": champion(),
        "verdict": "drifted",
        "answers": 560,
        "days": 7,
        "reasons": [REASON],
        "notes": ["12 of them are about series that were not learnt from"],
        "features": features,
        "live": live,
    }


def with_drift(workspace: Workspace, *checks: dict[str, Any]) -> Script:
    script = at_work(workspace)
    script.commands["drift --checks"] = verbs.Answer(0, [*checks], "")
    script.commands["drift"] = verbs.Answer(0, [report()], "")
    return script


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_the_pulse_says_whether_what_serves_has_drifted(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace, size: tuple[int, int]
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        terminal.app.show("pulse")
        await terminal.settled(lambda: "drift ✗ drifted" in terminal.text())
        assert "the windows" in terminal.text() or size[0] < 100

    perform(monkeypatch, workspace, with_drift(workspace, check()), scenario, size=size)


def test_the_drift_tab_says_why_and_what_was_done(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        terminal.app.show("data")
        await terminal.settled()
        await terminal.press("]")
        await terminal.settled(lambda: "a training was launched 6b690ead" in terminal.text())
        text = " ".join(terminal.text().split())
        assert "✗ drifted" in text and "560 answers" in text
        assert "1.30 times the level" in text
        await terminal.press("D")
        await terminal.settled(lambda: "What it is asked and answers" in terminal.text())
        level = next(
            line for line in terminal.text().split("\n") if line.strip("│ ").startswith("level ")
        )
        assert "1.3" in level and "7.35" in level and "✗ drifted" in level
        zeros = next(
            line for line in terminal.text().split("\n") if line.strip("│ ").startswith("zeros ")
        )
        assert "–" in zeros and "✓ alike" in zeros and "e-18" not in zeros
        assert "MASE 1.400 the test promised 1.100" in " ".join(terminal.text().split())

    script = with_drift(workspace, check(), check(version="older", verdict="alike"))
    perform(monkeypatch, workspace, script, scenario, size=(120, 60))


def test_a_look_that_fails_says_why_and_outside_the_tab_the_key_is_another(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        terminal.app.show("data")
        await terminal.settled()
        await terminal.press("D")
        assert terminal.said == "not possible here"
        await terminal.press("]")
        await terminal.settled(lambda: "Not checked yet" in terminal.text())
        await terminal.press("D")
        await terminal.settled(lambda: "nothing serves" in terminal.text())
        assert not terminal.app.overlays

    script = at_work(workspace)
    script.commands["drift"] = no(NotFoundError("nothing serves yet"), 5)
    perform(monkeypatch, workspace, script, scenario)


def test_what_was_decided_against_is_told_too(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        terminal.app.show("data")
        await terminal.settled()
        await terminal.press("]")
        await terminal.settled(lambda: "check 1 of 2 in a row" in terminal.text())

    waits = check(action="none", why="check 1 of 2 in a row that finds drift", run_id=None)
    perform(monkeypatch, workspace, with_drift(workspace, waits), scenario, size=(160, 40))


def test_what_an_older_or_broken_command_says_does_no_harm() -> None:
    (found,) = read_checks([{"verdict": "odd", "at": "x", "reasons": 7}, 7, None])
    assert (found.verdict, found.at, found.reasons) == ("odd", 0.0, ())
    assert newest_of((found,), "v") is None
    assert read_checks({"error": {}}) == ()
    assert report_lines(None, 80) == []
    assert report_lines([{"features": [{}], "live": {"live": 1.0}}], 80)
