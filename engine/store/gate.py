"""The deploy gate: which numbers a candidate must reach, and a sentence for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from engine.config.series_settings import GateSettings
from models.metrics import MEDIAN, metric_of

CANDIDATE = "candidate"
BASELINE = "SeasonalNaive"
CHAMPION = "champion"


@dataclass(frozen=True)
class Check:
    """One number held against its limit."""

    name: str
    value: float | None
    limit: float
    passed: bool
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        """The check as JSON-able data."""
        return asdict(self)


def check_candidate(
    scores: Mapping[str, Mapping[str, Any]],
    gate: GateSettings,
    level: float | None = None,
    objective: str = MEDIAN,
) -> list[Check]:
    """Hold a candidate against seasonal naive, the champion and the bounds on bias and coverage.

    Args:
        scores: Summaries of the backtests of the candidate, the baseline and, if there is one,
            the champion, all on the same folds.
        gate: The limits.
        level: Of the intervals that were measured, None when none were.
        objective: What the candidate aims at; its error is RMSSE for `stock`, MASE otherwise.

    Returns:
        Every check, those that passed too.
    """
    overall = {label: summary["overall"] for label, summary in scores.items()}
    candidate = overall[CANDIDATE]
    metric = metric_of(objective)
    limits = {"seasonal naive": (BASELINE, gate.max_ratio_to_naive)}
    if CHAMPION in overall:
        limits["the champion"] = (CHAMPION, gate.max_ratio_to_champion)
    checks = [
        _ratio_check(metric, name, candidate, overall[label], limit)
        for name, (label, limit) in limits.items()
    ]
    checks.append(_bias_check(candidate["bias"], gate.max_abs_bias))
    if gate.max_coverage_error is not None:
        checks.append(_coverage_check(candidate.get("coverage"), level, gate.max_coverage_error))
    return checks


def _bias_check(bias: float | None, limit: float) -> Check:
    allowed = f"(allowed: up to {limit:g} either way)"
    if bias is None:
        sentence = f"bias cannot be told, all actual values are zero {allowed}"
        return Check("bias", None, limit, False, sentence)
    return Check("bias", bias, limit, abs(bias) <= limit, f"bias {bias:+.3f} {allowed}")


def _coverage_check(covered: float | None, level: float | None, limit: float) -> Check:
    allowed = f"(allowed: up to {limit:g} either way)"
    if covered is None or level is None:
        sentence = f"coverage cannot be told, no prediction intervals were measured {allowed}"
        return Check("coverage", None, limit, False, sentence)
    error = covered - level
    sentence = f"coverage {covered:.3f} is {error:+.3f} from the level {level:g} {allowed}"
    return Check("coverage", error, limit, abs(error) <= limit, sentence)


def _ratio_check(
    metric: str,
    other: str,
    candidate: Mapping[str, Any],
    reference: Mapping[str, Any],
    limit: float,
) -> Check:
    measure = metric.upper()
    name = f"{measure} to {other}"
    error, reference_error = candidate[metric], reference[metric]
    allowed = f"(allowed: up to {limit:g})"
    if error is None or reference_error is None:
        sentence = f"{measure} cannot be told, no series has a scale to measure it by {allowed}"
        return Check(name, None, limit, False, sentence)
    if reference_error == 0.0:
        sentence = f"{measure} {error:.3f} beside {other}'s 0 {allowed}"
        return Check(name, None, limit, error == 0.0, sentence)
    ratio = error / reference_error
    sentence = f"{measure} {error:.3f} is {ratio:.3f} of {other}'s {reference_error:.3f} {allowed}"
    return Check(name, ratio, limit, ratio <= limit, sentence)
