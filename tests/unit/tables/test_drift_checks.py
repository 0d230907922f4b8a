from __future__ import annotations

from pathlib import Path

import pytest

from engine.tables import drift_checks
from engine.tables.drift_checks import DriftCheck, DriftChecks
from engine.tables.notifications import Outbox


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "engine.db"


def check(at: float = 1.0, verdict: str = "drifted", version: str = "v1") -> DriftCheck:
    return DriftCheck(at, "timeseries", version, verdict, 7, ("because",), {"psi": 0.4})


def test_a_check_is_decided_about_once_with_its_messages(path: Path) -> None:
    checks = DriftChecks(path)
    number = checks.add(check())
    assert [one.id for one in checks.undecided()] == [number]
    assert checks.decide(number, "notify", "told", ["webhook a", "apprise b"])
    assert not checks.decide(number, "retrain", "again", ["webhook c"])

    found = checks.get(number)
    assert found is not None
    assert (found.action, found.why, found.reasons, found.numbers) == (
        "notify",
        "told",
        ("because",),
        {"psi": 0.4},
    )
    messages = Outbox(path).newest(10)
    assert {(one.target, one.check_id, one.run_id) for one in messages} == {
        ("webhook a", number, ""),
        ("apprise b", number, ""),
    }
    assert checks.undecided() == []


def test_a_training_is_to_be_launched_until_it_was(path: Path) -> None:
    checks = DriftChecks(path)
    number = checks.add(check(at=12.5))
    checks.decide(number, "retrain", "")
    (found,) = checks.unlaunched()
    assert found.launch_key == f"drift timeseries {number} 12.500"
    checks.launched(number, "run-1")
    assert checks.unlaunched() == []
    other = checks.add(check(at=13.0))
    checks.decide(other, "retrain", "")
    checks.could_not_launch(other, "the configuration is wrong")
    assert checks.unlaunched() == []
    last = checks.last_acted("timeseries")
    assert last is not None and last.why == "the configuration is wrong"
    assert checks.last_acted("image") is None


def test_checks_are_found_by_kind_and_version_the_newest_first(path: Path) -> None:
    checks = DriftChecks(path)
    for at, version in ((1.0, "v1"), (2.0, "v2"), (3.0, "v1")):
        checks.add(check(at, version=version))
    assert [one.at for one in checks.newest(2)] == [3.0, 2.0]
    assert [one.at for one in checks.of_version("timeseries", "v1", 9)] == [3.0, 1.0]
    assert checks.newest(5, "image") == []


def test_old_checks_go_but_none_that_is_still_to_be_decided(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift_checks, "_MOST_KEPT", 3)
    checks = DriftChecks(path)
    open_one = checks.add(check(0.5))
    for at in range(1, 8):
        checks.decide(checks.add(check(float(at))), "none", "")
    kept = [one.id for one in checks.newest(100)]
    assert len(kept) == 4 and open_one in kept
