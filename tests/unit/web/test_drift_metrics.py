"""Drift and tracking on the page /metrics."""

from __future__ import annotations

from pathlib import Path

from engine.daemon.metrics.exposition import render
from engine.daemon.metrics.tracking_metrics import TrackingMetrics
from engine.tables.drift_checks import DriftCheck, DriftChecks
from tests.unit.daemon.loop import in_event_loop
from tests.unit.deployments import deploy
from tests.unit.web.conftest import Web


def lines(web: Web, beginning: str) -> set[str]:
    page = web.ask("GET", "/metrics").text
    return {line for line in page.splitlines() if line.startswith(beginning)}


def test_the_last_check_of_the_champion_is_told(web: Web, bundles: tuple[Path, Path]) -> None:
    first, second = (deploy(web.workspace, bundle) for bundle in bundles)
    checks = DriftChecks(web.workspace.database)
    numbers = {
        "features": [{"name": "level", "psi": 0.5}, {"name": "promo", "psi": 0.01}],
        "live": {"metric": "MASE", "live": 1.5, "promised": None},
    }
    for version, at, verdict in (
        *((first.id, 10.0, "drifted"), (second.id, 20.0, "alike"), (second.id, 30.0, "shifted")),
    ):
        checks.add(DriftCheck(at, "timeseries", version, verdict, 80, ("why",), numbers))

    of = f'data_type="timeseries",model_name="{second.id}"'
    assert lines(web, "mlops_drift_") == {
        f'mlops_drift_verdict{{{of},verdict="alike"}} 0.0',
        f'mlops_drift_verdict{{{of},verdict="shifted"}} 1.0',
        f'mlops_drift_verdict{{{of},verdict="drifted"}} 0.0',
        f'mlops_drift_verdict{{{of},verdict="unknown"}} 0.0',
        f"mlops_drift_check_timestamp_seconds{{{of}}} 30.0",
        f"mlops_drift_answers{{{of}}} 80.0",
        f'mlops_drift_feature_psi{{{of},feature="level"}} 0.5',
        f'mlops_drift_feature_psi{{{of},feature="promo"}} 0.01',
        f'mlops_drift_live_error{{{of},metric="MASE"}} 1.5',
    }


def test_what_was_never_checked_has_no_verdict(web: Web, bundles: tuple[Path, Path]) -> None:
    deploy(web.workspace, bundles[0])

    assert lines(web, "mlops_drift_") == set()
    assert lines(web, "mlops_collector_ok") >= {
        'mlops_collector_ok{collector="drift"} 1.0',
        'mlops_collector_ok{collector="tracking"} 1.0',
    }


@in_event_loop
async def test_how_far_mlflow_is_behind_is_counted_once_a_minute() -> None:
    moments = iter([0.0, 59.0, 60.0])
    counts = iter([(7, 1), (3, 0)])

    async def behind() -> tuple[int, int] | None:
        return next(counts)

    metrics = TrackingMetrics(behind, lambda: next(moments))
    told = [render(metrics.metrics, await metrics.collect()) for _ in range(3)]

    assert "mlops_tracking_waiting_runs 7.0\n" in told[0]
    assert "mlops_tracking_failing 1.0\n" in told[0]
    assert told[0] == told[1]
    assert "mlops_tracking_waiting_runs 3.0\n" in told[2]


@in_event_loop
async def test_without_tracking_nothing_is_told_of_it() -> None:
    async def behind() -> tuple[int, int] | None:
        return None

    metrics = TrackingMetrics(behind)
    assert render(metrics.metrics, await metrics.collect()) == ""
