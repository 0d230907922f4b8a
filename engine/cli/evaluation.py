"""The table of measurements: a candidate beside seasonal naive and the champion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_METRICS = ("mase", "rmsse", "wape", "bias", "mae")
_INTERVAL_METRICS = ("coverage", "width")


def evaluation_lines(evaluation: Mapping[str, Any]) -> list[str]:
    """Lay out an evaluation as lines of text, columns aligned.

    Args:
        evaluation: What eval_flow wrote: model type, folds, horizon, level, scores of each
            contender. One of an older version has no intervals.
    """
    scores: Mapping[str, Mapping[str, Any]] = evaluation["scores"]
    names = {
        label: f"{evaluation['model_type']} (candidate)" if label == "candidate" else label
        for label in scores
    }
    lines = [f"rolling origin, {evaluation['folds']} folds x {evaluation['horizon']} days"]
    lines += _table("", _METRICS, names, scores)
    measured = {
        label: values for label, values in scores.items() if values.get("coverage") is not None
    }
    if measured:
        heading = f"{evaluation['level'] * 100:g} % interval"
        lines += _table(heading, _INTERVAL_METRICS, names, measured)
    return [*lines, *(f"note: {note}" for note in evaluation["notes"])]


def _table(
    heading: str,
    metrics: tuple[str, ...],
    names: Mapping[str, str],
    scores: Mapping[str, Mapping[str, Any]],
) -> list[str]:
    width = max(len(text) for text in (heading, *names.values()))
    lines = [f"{heading:<{width}}" + "".join(f"{metric.upper():>9}" for metric in metrics)]
    for label, values in scores.items():
        cells = "".join(_cell(metric, values[metric]) for metric in metrics)
        lines.append(f"{names[label]:<{width}}{cells}")
    return lines


def _cell(metric: str, value: float | None) -> str:
    if value is None:
        return f"{'-':>9}"
    return f"{value:>+9.3f}" if metric == "bias" else f"{value:>9.3f}"
