from __future__ import annotations

from typing import Any

from engine.cli.leaderboard import leaderboard_lines

BLEND = {
    "member": None,
    "model_type": "auto",
    "hyperparameters": {},
    "seed": 7,
    "score": 0.77123,
    "low": 0.7301,
    "high": 0.81,
    "weight": None,
    "seconds": 61.04,
    "status": "done",
    "gain": {"value": 0.0123, "low": 0.004, "high": 0.02},
}
FIRST = BLEND | {"member": 2, "model_type": "LightGBM", "score": 0.78, "weight": 0.625}
SECOND = BLEND | {"member": 0, "model_type": "SeasonalNaive", "score": 0.9, "weight": 0.0}
FAILED: dict[str, Any] = {
    "member": 1,
    "model_type": "Mine",
    "hyperparameters": {},
    "seed": 7,
    "score": None,
    "low": None,
    "high": None,
    "weight": None,
    "seconds": 0.0,
    "status": "failed",
    "why": "too\x1b short",
}


def test_members_stand_below_each_other_with_interval_and_weight() -> None:
    first = FIRST | {"hyperparameters": {"learning_rate": 0.0412345, "num_leaves": 40}}
    for row in (first, SECOND):
        del row["gain"]
    lines = leaderboard_lines([BLEND, first, SECOND, FAILED])

    assert lines == [
        "leaderboard of the validation part",
        "                   SCORE     95 % INTERVAL  WEIGHT  SECONDS  SETTINGS",
        "auto              0.7712  0.7301 to 0.8100             61.0  seed 7",
        "LightGBM #3       0.7800  0.7301 to 0.8100    0.62     61.0  learning_rate 0.04123, "
        "num_leaves 40, seed 7",
        "SeasonalNaive #1  0.9000  0.7301 to 0.8100             61.0  seed 7",
        "Mine #2                -            failed       -      0.0  too\\x1b short",
        "the blend beats its best member by 1.2 % (0.4 to 2.0)",
    ]


def test_a_member_that_wins_alone_beats_nobody() -> None:
    alone = BLEND | {"gain": {"value": 0.0, "low": 0.0, "high": 0.0}}

    assert "beats" not in leaderboard_lines([alone, SECOND])[-1]
