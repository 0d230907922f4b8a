"""What a run made: report on its data, measurements, gate, version, and the files in its folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tui.language import tr
from tui.models.training import Training
from tui.paint import Line, clip, fit, wrap
from tui.run.candidate import training_parts
from tui.run.head import in_order
from tui.run.picture_scores import picture_scores
from tui.states import size

MOST_FILES = 500
_METRICS = ("mase", "rmsse", "wape", "bias", "mae")
_NUMBER = 9

# Path below the folder, and bytes.
File = tuple[str, int]


def list_files(folder: str, most: int = MOST_FILES) -> list[File]:
    """The files in a folder and below, by path; nothing where there is no folder."""
    found: list[File] = []
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(place) / name
            try:
                found.append((str(path.relative_to(folder)), path.lstat().st_size))
            except FileNotFoundError:
                continue  # removed a moment ago
            if len(found) >= most:
                return found
    return sorted(found)


def artifacts_lines(
    outputs: Mapping[str, Any],
    files: list[File] | None,
    folder: str,
    width: int,
    training: Training | None = None,
) -> list[Line]:
    """Everything that a run left, the most telling first.

    Args:
        outputs: What it says that it made.
        files: In its folder; None while that was not looked into.
        folder: Which one.
        width: Columns.
        training: How its candidate came to be, where it left one.
    """
    lines: list[Line] = []
    version = outputs.get("version")
    if version:
        lines += _part(tr("Version"), [[(f" {version}", "good strong")]], width)
    for name in ("dataset", "candidate"):
        if outputs.get(name):
            title = tr("Data set") if name == "dataset" else tr("Candidate")
            lines += _part(title, [[(clip(f" {outputs[name]}", width), "")]], width)
    evaluation = outputs.get("evaluation")
    if isinstance(evaluation, dict):
        lines += _part(tr("Evaluation"), _scores(evaluation, width), width)
    if training is not None:
        for title, part in training_parts(training, width):
            lines += _part(title, part, width)
    gate = outputs.get("gate")
    if isinstance(gate, list):
        lines += _part(tr("Deploy gate"), [_check(one, width) for one in gate], width)
    report = outputs.get("data_report")
    if isinstance(report, list):
        said = [[(f" {text}", "")] for one in report for text in wrap(one, width - 2)]
        lines += _part(tr("Data report"), said, width)
    if files is None:
        return [*lines, [(" " + tr("looking into the folder…"), "dim")]]
    return lines + _part(tr("Files"), _files(files, folder, width), width)


def _part(title: str, lines: list[Line], width: int) -> list[Line]:
    return [[(clip(f" {title}", width), "title")], *lines, []]


def _scores(evaluation: Mapping[str, Any], width: int) -> list[Line]:
    scores: Mapping[str, Any] = evaluation.get("scores") or {}
    if any("accuracy" in one for one in scores.values() if isinstance(one, dict)):
        return picture_scores(evaluation, width)
    label = max(8, min(24, width - 2 - _NUMBER * len(_METRICS)))
    title = tr("{folds} folds x {days} days", folds=evaluation.get("folds"),
               days=evaluation.get("horizon"))  # fmt: skip
    heading = "".join(f"{name.upper():>{_NUMBER}}" for name in _METRICS)
    lines: list[Line] = [[(" " + fit(title, label), "dim"), (heading, "dim")]]
    best = {name: _best(name, scores) for name in _METRICS}
    for name, values in in_order(scores):
        shown = evaluation.get("model_type") if name == "candidate" else name
        line: Line = [(" " + fit(shown, label), "strong" if name == "candidate" else "")]
        for metric in _METRICS:
            value = values.get(metric)
            look = "good" if value is not None and value == best[metric] else ""
            line.append((f"{_number(metric, value):>{_NUMBER}}", look))
        lines.append(line)
    notes = evaluation.get("notes") or ()
    return lines + [[(f" {text}", "warn")] for note in notes for text in wrap(note, width - 2)]


def _best(metric: str, scores: Mapping[str, Any]) -> float | None:
    values = [one[metric] for one in scores.values() if one.get(metric) is not None]
    return min(values, key=abs) if len(values) > 1 else None


def _number(metric: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:+.3f}" if metric == "bias" else f"{value:.3f}"


def _check(check: Mapping[str, Any], width: int) -> Line:
    passed = check.get("passed")
    return [
        (" ✓ " if passed else " ✗ ", "good" if passed else "bad"),
        (clip(check.get("sentence", ""), width - 4), ""),
    ]


def _files(files: list[File], folder: str, width: int) -> list[Line]:
    lines: list[Line] = [[(clip(f" {folder}", width), "dim")]]
    for name, number in files:
        line = fit(f" {name}", max(10, min(width - 11, 60)))
        lines.append([(line, ""), (f"{size(number):>10}", "dim")])
    if len(files) >= MOST_FILES:
        lines.append([(" " + tr("and more"), "dim")])
    return lines
