"""How often a candidate is right about pictures, beside the simplest model and the champion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tui import told
from tui.language import tr
from tui.models.pictures import PictureMeasures, measures_of
from tui.models.table import between, number, part
from tui.paint import Line, fit, wrap
from tui.run.head import in_order

_SIZES = {"accuracy": 10, "interval": 15, "macro_f1": 10, "log_loss": 10, "ece": 9, "errors": 7}
_LEAST_LABEL, _WIDEST_LABEL = 12, 24


def picture_scores(evaluation: Mapping[str, Any], width: int) -> list[Line]:
    """A line a contender, the candidate first, the best of each measure marked.

    Args:
        evaluation: What eval_flow left, with the main numbers of each contender.
        width: Columns.
    """
    found = {
        name: measures_of(told.mapping(one))
        for name, one in in_order(told.mapping(evaluation.get("scores")))
    }
    sizes = dict(_SIZES)
    for name in ("log_loss", "ece", "macro_f1", "errors", "interval"):
        if sum(sizes.values()) + _LEAST_LABEL + 2 > width:
            del sizes[name]
    label = min(_WIDEST_LABEL, max(_LEAST_LABEL, width - 2 - sum(sizes.values())))
    lines = [_heading(found, sizes, label)]
    best = {name: _best(name, found) for name in sizes}
    for name, measures in found.items():
        shown = evaluation.get("model_type") if name == "candidate" else name
        line: Line = [(f" {fit(shown, label)}", "strong" if name == "candidate" else "")]
        for measure, size in sizes.items():
            value = getattr(measures, measure, None)
            look = "good" if value is not None and value == best[measure] else ""
            line.append((fit(_text(measures, measure), size, "right"), look))
        lines.append(line)
    notes = [told.text(note) for note in told.entries(evaluation.get("notes"))]
    return lines + [[(f" {text}", "warn")] for note in notes for text in wrap(note, width - 2)]


def _heading(found: Mapping[str, PictureMeasures], sizes: Mapping[str, int], label: int) -> Line:
    count = next((one.count for one in found.values() if one.count), 0)
    titles = {"accuracy": tr("accuracy"), "interval": tr("95 % interval"), "macro_f1": "macro F1",
              "log_loss": "log loss", "ece": "ECE", "errors": tr("wrong")}  # fmt: skip
    said = tr("{count} pictures", count=f"{count:,}")
    heads = "".join(fit(titles[name], size, "right") for name, size in sizes.items())
    return [(f" {fit(said, label)}{heads}", "dim")]


def _best(name: str, found: Mapping[str, PictureMeasures]) -> float | None:
    values: list[float] = [
        value for one in found.values() if (value := getattr(one, name, None)) is not None
    ]
    if len(set(values)) < 2:
        return None
    return max(values) if name in ("accuracy", "macro_f1") else min(values)


def _text(measures: PictureMeasures, name: str) -> str:
    if name == "interval":
        return between(measures)
    value = getattr(measures, name)
    if name == "errors":
        return "-" if value is None else f"{value:,}"
    return part(value) if name in ("accuracy", "ece") else number(value)
