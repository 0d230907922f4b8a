"""What a run trained: its record beside the candidate, and what that tells."""

from __future__ import annotations

import json
from pathlib import Path

from engine.runs.candidate import CANDIDATE_FOLDER
from tui import told
from tui.language import tr
from tui.models.detail import sees
from tui.models.members import blend_text, board_lines, gain_lines, importance_lines
from tui.models.training import Training, training_of
from tui.paint import Line, clip

_RECORD = "training.json"
_LARGEST = 20_000_000
_MEMBERS, _FEATURES = 12, 8


def read_training(folder: str) -> Training | None:
    """The record of a run's training; None where it left none that can be read."""
    path = Path(folder) / CANDIDATE_FOLDER / _RECORD
    try:
        if path.stat().st_size > _LARGEST:
            return None
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return training_of(told.mapping(found)) if isinstance(found, dict) else None


def training_parts(training: Training, width: int) -> list[tuple[str, list[Line]]]:
    """Titles and lines: what it is made of, what it looks at."""
    sight = training.sight
    learned = (
        tr("{count} pictures", count=f"{sight.pictures:,}") if sight and sight.pictures else ""
    )
    facts = [
        learned,
        sees(training),
        tr("objective {name}", name=training.objective) if training.objective else "",
        tr("covariates: {names}", names=", ".join(training.covariates))
        if training.covariates
        else "",
        blend_text(training),
    ]
    said = " · ".join(fact for fact in facts if fact)
    parts: list[tuple[str, list[Line]]] = []
    if said:
        parts.append((tr("Training"), [[(clip(f" {said}", width), "")]]))
    if training.board:
        board = [*board_lines(training, width, _MEMBERS), *gain_lines(training, width)]
        parts.append((tr("Members"), board))
    if training.importance:
        parts.append((tr("Features"), importance_lines(training, width, _FEATURES)))
    return parts
