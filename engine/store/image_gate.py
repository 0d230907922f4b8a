"""The deploy gate of classifiers: which numbers a candidate must reach, a sentence for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.config.image_settings import ImageGateSettings
from engine.store.gate import CANDIDATE, CHAMPION, Check
from models.imaging.metrics import chance_of_more_errors

BASELINE = "MeanPicture"
_BEYOND_CHANCE = 0.05


def check_classifier(
    scores: Mapping[str, Mapping[str, Any]], gate: ImageGateSettings
) -> list[Check]:
    """Hold a candidate against the nearest mean picture, the champion and the bounds that are set.

    Args:
        scores: Summaries of the candidate, the baseline and, if there is one, the champion, all on
            the same pictures.
        gate: The limits.

    Returns:
        Every check, those that passed too.
    """
    overall = {label: summary["overall"] for label, summary in scores.items()}
    candidate = overall[CANDIDATE]
    checks = [
        _errors_check(
            "the nearest mean picture", candidate, overall[BASELINE], gate.max_ratio_to_baseline
        )
    ]
    if CHAMPION in overall:
        limit = gate.max_ratio_to_champion
        check = _errors_check("the champion", candidate, overall[CHAMPION], limit)
        if not check.passed and gate.tolerate_chance:
            check = _unless_chance(check, scores[CANDIDATE]["wrong"], scores[CHAMPION]["wrong"])
        checks.append(check)
    for name, measure, least in (
        ("accuracy", "accuracy", gate.min_accuracy),
        ("macro F1", "macro_f1", gate.min_macro_f1),
    ):
        if least is not None:
            checks.append(_least_check(name, candidate[measure], least))
    if gate.max_calibration_error is not None:
        checks.append(_calibration_check(candidate["ece"], gate.max_calibration_error))
    return checks


def _errors_check(
    other: str, candidate: Mapping[str, Any], reference: Mapping[str, Any], limit: float
) -> Check:
    name = f"errors to {other}"
    errors, count = candidate["errors"], candidate["count"]
    allowed = f"(allowed: up to {limit:g})"
    if reference["errors"] == 0:
        sentence = f"{errors} of {count} told wrong beside {other}'s 0 {allowed}"
        return Check(name, None if errors else 0.0, limit, errors == 0, sentence)
    ratio = errors / reference["errors"]
    sentence = (
        f"{errors} of {count} told wrong is {ratio:.3f} of {other}'s {reference['errors']} "
        f"{allowed}"
    )
    return Check(name, ratio, limit, ratio <= limit, sentence)


def _unless_chance(check: Check, wrong: Sequence[int], wrong_of_champion: Sequence[int]) -> Check:
    """A failed check passes where chance may have made the difference."""
    own, other = set(wrong), set(wrong_of_champion)
    chance = chance_of_more_errors(len(own - other), len(other - own))
    if chance < _BEYOND_CHANCE:
        return replace(check, sentence=f"{check.sentence}, and that is no chance (p {chance:.3f})")
    return replace(
        check, passed=True, sentence=f"{check.sentence}, which may be chance (p {chance:.2f})"
    )


def _least_check(name: str, value: float, least: float) -> Check:
    sentence = f"{name} {value:.4f} (allowed: from {least:g})"
    return Check(name, value, least, value >= least, sentence)


def _calibration_check(error: float, limit: float) -> Check:
    sentence = f"calibration error {error:.4f} (allowed: up to {limit:g})"
    return Check("calibration error", error, limit, error <= limit, sentence)
