"""The table of measurements: a candidate beside seasonal naive and the champion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_METRICS = ("mase", "rmsse", "wape", "bias", "mae")


def evaluation_lines(evaluation: Mapping[str, Any]) -> list[str]:
    """Lay out an evaluation as lines of text, columns aligned.

    Args:
        evaluation: What eval_flow wrote: model type, folds, horizon, scores of each contender.
    """
    scores: Mapping[str, Mapping[str, Any]] = evaluation["scores"]
    names = {
        label: f"{evaluation['model_type']} (candidate)" if label == "candidate" else label
        for label in scores
    }
    width = max(len(name) for name in names.values())
    heading = f"{'':<{width}}" + "".join(f"{metric.upper():>9}" for metric in _METRICS)
    lines = [f"rolling origin, {evaluation['folds']} folds x {evaluation['horizon']} days", heading]
    for label, values in scores.items():
        cells = "".join(_cell(metric, values[metric]) for metric in _METRICS)
        lines.append(f"{names[label]:<{width}}{cells}")
    return [*lines, *(f"note: {note}" for note in evaluation["notes"])]


def _cell(metric: str, value: float | None) -> str:
    if value is None:
        return f"{'-':>9}"
    return f"{value:>+9.3f}" if metric == "bias" else f"{value:>9.3f}"
