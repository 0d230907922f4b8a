"""What a search found, as rows for people and machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models import registry
from models.search.ensemble import Blend
from models.search.judging import Estimate
from models.search.proposals import Judged
from models.search.search_space import differing

Row = dict[str, Any]


def leaderboard_of(
    told: Sequence[Judged],
    weights: Mapping[int, float],
    blend: Blend,
    *,
    model_type: str,
    data_type: str,
    seed: int,
) -> list[Row]:
    """One row for each trial and one for the blend, the best first and what failed last.

    Args:
        told: All trials.
        weights: Of those that were done, by number.
        blend: What the weights make.
        model_type: Name of the blend's own row, whose `member` is None.
        data_type: What the models are for.
        seed: Of the search.

    Returns:
        JSON-able rows. `low` and `high` hold the score with 95 % confidence; `gain` is how much
        smaller than the best single score that of the blend is, as a part of it.
    """
    whole = {
        "member": None,
        "model_type": model_type,
        "hyperparameters": {},
        "seed": seed,
        **_scored(blend.score),
        "weight": None,
        "seconds": sum(one.outcome.seconds for one in told),
        "status": "done",
        "gain": {"value": blend.gain.value, "low": blend.gain.low, "high": blend.gain.high},
    }
    rows = [whole, *(_row(one, data_type, weights.get(one.number)) for one in told)]
    return sorted(rows, key=lambda row: (row["score"] is None, row["score"]))


def curve_of(told: Sequence[Judged]) -> list[dict[str, float]]:
    """The score of each trial and the best so far, in order; nothing more for one that failed."""
    curve: list[dict[str, float]] = []
    best: float | None = None
    for number, one in enumerate(told, 1):
        entry: dict[str, float] = {"round": number}
        if one.score is not None:
            best = one.score.value if best is None else min(best, one.score.value)
            entry |= {"validation_loss": one.score.value, "best": best}
        curve.append(entry)
    return curve


def _row(one: Judged, data_type: str, weight: float | None) -> Row:
    trial = one.outcome.trial
    kind = registry.model_class(trial.model_type, data_type).Hyperparameters
    row = {
        "member": trial.number,
        "model_type": trial.model_type,
        "hyperparameters": differing(kind, trial.hyperparameters),
        "seed": trial.seed,
        **_scored(one.score),
        "weight": weight,
        "seconds": one.outcome.seconds,
        "status": one.outcome.status,
    }
    return row | ({"why": one.outcome.why} if one.outcome.why else {})


def _scored(score: Estimate | None) -> Row:
    if score is None:
        return {"score": None, "low": None, "high": None}
    return {"score": score.value, "low": score.low, "high": score.high}
