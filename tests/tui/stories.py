"""Deployed versions with the story that a real deploy leaves, and aliases that have moved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.store import AliasRegistry, Version, VersionStore
from engine.workspace import Workspace
from tests.unit.deployments import make_bundle

CREATED = 1_759_900_000.0


def story(mase: float, **changes: Any) -> dict[str, Any]:
    """What deploy_flow records, with numbers that follow from the MASE.

    Args:
        mase: That of the version; seasonal naive has 1.
        changes: `seed`, `dataset`, `hyperparameters`, `run`, `forced`, or nothing of it.
    """

    def scores(value: float) -> dict[str, Any]:
        return {
            "overall": {
                "mase": value, "rmsse": value * 0.9, "wape": value / 2, "bias": value / 10 - 0.1,
                "mae": value * 8, "coverage": 0.82, "width": value * 25,
            },
            "folds": [
                {"origin": f"2026-02-{day:02d}", "mase": value + shift}
                for day, shift in ((2, -0.05), (9, 0.0), (16, 0.12), (23, 0.03))
            ],
            "series_mase": {"BUTTER": value * 2, "BREAD": value, "MILK": value / 2},
        }  # fmt: skip

    return {
        "training": {
            "model": {
                "window": 30,
                "seed": changes.get("seed", 7),
                "hyperparameters": changes.get("hyperparameters", {"epochs": 20, "loss": "mae"}),
            },
            "dataset": changes.get("dataset", "4fe966f3a84294d3"),
            "last_day_seen": "2026-02-01",
            "fit": {
                "seconds": 5.2,
                "best_round": 3,
                "curve": [
                    {"round": at, "loss": 0.9 / at, "validation_loss": 0.95 / at + at / 50}
                    for at in range(1, 9)
                ],
            },
            "environment": {"torch": "2.13.0", "python": "3.11.7"},
            "run": changes.get("run", "a8234758-2e74-4942-9505-91a6955fdee3"),
        },
        "evaluation": {
            "horizon": 7,
            "level": 0.8,
            "champion": None,
            "scores": {"candidate": scores(mase), "SeasonalNaive": scores(1.0)},
            "notes": [],
        },
        "gate": [
            {"name": "naive", "passed": mase < 1, "sentence": f"MASE {mase:.3f} beside naive's 1"}
        ],
        "forced": changes.get("forced", ""),
        "deployed_by_run": "d6a1c0de-0000-4000-8000-000000000000",
    }


def deploy_story(workspace: Workspace, folder: Path, told: dict[str, Any]) -> Version:
    """Store a small model with a story, and let it serve."""
    store = VersionStore(workspace.central_storage)
    number = len(store.newest())
    # Another window makes another version.
    bundle = make_bundle(folder / f"bundle-{number}", window=14 + number)
    version = store.add(bundle, created=CREATED + 3600.0 * number, lineage=told)
    aliases = AliasRegistry(workspace.central_storage)
    aliases.promote(version.id, expected=aliases.read().champion, who="tester, run 1234")
    return version


def champion(workspace: Workspace) -> str | None:
    """The version that the engine says is the champion."""
    return AliasRegistry(workspace.central_storage).read().champion
