"""A version that serves, is asked something else, and what the engine does about it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from engine.tables.drift_checks import DriftChecks
from engine.tables.run_record import RunRecord
from tests.e2e.harness import SETTINGS, Engine

LONG = 90.0
WINDOW = 30


@pytest.fixture
def watched(
    own_engine: Engine, received: tuple[int, list[dict[str, Any]]]
) -> Iterator[tuple[Engine, list[dict[str, Any]]]]:
    """An engine that serves a version, looks for drift, and trains anew when it finds any."""
    port, bodies = received
    own_engine.run("down")
    settings = SETTINGS.replace("predictor: {enabled: false}", "predictor: {port: 0}")
    settings += (
        "drift: {on_drift: retrain, in_a_row: 1, min_forecasts: 20, check_every_minutes: 1}\n"
        f"notifications: {{webhooks: ['http://127.0.0.1:{port}/'], allowed_hosts: ['127.0.0.1']}}\n"
    )
    with own_engine.settings(settings):
        own_engine.run("up")
        yield own_engine, bodies
        own_engine.run("down", "--cancel-runs")
    own_engine.run("up")


def ask(engine: Engine, factor: float) -> None:
    """Ask the predictor about each series on a week of days."""
    rows: dict[str, list[tuple[str, float]]] = {}
    with engine.sample.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            rows.setdefault(row["product"], []).append((row["date"], float(row["sales"])))
    (child,) = [one for one in engine.json("status")["children"] if one["name"] == "predictor"]
    for back in range(7):
        series = [
            {
                "series_id": name,
                "last_date": known[-1 - back][0],
                "input_data": [v * factor for _, v in known[len(known) - WINDOW - back :][:WINDOW]],
            }
            for name, known in rows.items()
        ]
        body = {"series": series, "prediction_step": 7}
        answer = httpx.post(f"{child['address']}/forecast", json=body, timeout=10)
        assert answer.status_code == 200, answer.text


def launched_by_drift(engine: Engine) -> list[RunRecord]:
    return [run for run in engine.table.newest(100) if "drift" in run.tags]


@pytest.mark.long
def test_drift_is_found_told_and_trained_away_once(
    watched: tuple[Engine, list[dict[str, Any]]],
) -> None:
    engine, bodies = watched
    # Split as nowhere else: a version that was made before would be made as it was made then.
    engine.json("run", "full_flow", *engine.sample_options, "--model-type=SeasonalNaive",
                "--set=dataset.split.test_days=35", "--force=a test")  # fmt: skip
    ask(engine, 5.0)
    checks = DriftChecks(engine.workspace.database)

    def acted() -> bool:
        return any(check.run_id for check in checks.newest(9))

    engine.wait_until(acted, seconds=LONG)
    engine.wait_until(lambda: any(body.get("event") == "drift.found" for body in bodies))
    (run,) = launched_by_drift(engine)
    assert run.flow == "full_flow" and run.origin.startswith("drift of seasonalnaive-")
    body = next(body for body in bodies if body.get("event") == "drift.found")
    assert body["drift"]["action"] == "retrain" and "has drifted" in body["text"]
    assert "times the level that was learnt from" in body["text"]
    # As before, but not past the gate.
    assert run.request["flags"]["model_type"] == "SeasonalNaive"
    assert "force" not in run.request["flags"]
    engine.wait_closed(run.id)
    (found,) = engine.json("drift")
    assert (found["verdict"], found["last_action"]["run_id"]) == ("drifted", run.id)

    # An engine that comes back launches nothing again.
    engine.run("down")
    engine.run("up")
    engine.wait_until(lambda: engine.json("status")["queued"] == 0)
    assert checks.undecided() == checks.unlaunched() == []
    assert len(launched_by_drift(engine)) == 1
