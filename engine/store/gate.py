"""The deploy gate: which numbers a candidate must reach, and a sentence for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from engine.config.settings import GateSettings

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


def check_candidate(scores: Mapping[str, Mapping[str, Any]], gate: GateSettings) -> list[Check]:
    """Hold a candidate against seasonal naive, the champion and the bound on bias.

    Args:
        scores: Summaries of the backtests of the candidate, the baseline and, if there is one,
            the champion, all on the same folds.
        gate: The limits.

    Returns:
        Every check, those that passed too.
    """
    overall = {label: summary["overall"] for label, summary in scores.items()}
    candidate = overall[CANDIDATE]
    checks = [_ratio_check("seasonal naive", candidate, overall[BASELINE], gate.max_ratio_to_naive)]
    if CHAMPION in overall:
        checks.append(
            _ratio_check("the champion", candidate, overall[CHAMPION], gate.max_ratio_to_champion)
        )
    return [*checks, _bias_check(candidate["bias"], gate.max_abs_bias)]


def _bias_check(bias: float | None, limit: float) -> Check:
    allowed = f"(allowed: up to {limit:g} either way)"
    if bias is None:
        sentence = f"bias cannot be told, all actual values are zero {allowed}"
        return Check("bias", None, limit, False, sentence)
    return Check("bias", bias, limit, abs(bias) <= limit, f"bias {bias:+.3f} {allowed}")


def _ratio_check(
    other: str, candidate: Mapping[str, Any], reference: Mapping[str, Any], limit: float
) -> Check:
    name = f"MASE to {other}"
    error, reference_error = candidate["mase"], reference["mase"]
    allowed = f"(allowed: up to {limit:g})"
    if error is None or reference_error is None:
        sentence = f"MASE cannot be told, no series has a scale to measure it by {allowed}"
        return Check(name, None, limit, False, sentence)
    if reference_error == 0.0:
        sentence = f"MASE {error:.3f} beside {other}'s 0 {allowed}"
        return Check(name, None, limit, error == 0.0, sentence)
    ratio = error / reference_error
    sentence = f"MASE {error:.3f} is {ratio:.3f} of {other}'s {reference_error:.3f} {allowed}"
    return Check(name, ratio, limit, ratio <= limit, sentence)
