"""Which features the trees of a model gained by, of a version that has trees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_MOST = 10


def importance_of(training: Mapping[str, Any]) -> dict[str, float]:
    """Part of each feature in what was gained, the largest first; {} where nothing is said.

    Args:
        training: What is recorded of a training; what serves is what learnt last.
    """
    reports = (training.get("refit") or {}, training.get("fit") or {})
    told: Mapping[str, float] = next(
        (found for one in reports if (found := one.get("importance"))), {}
    )
    parts = ((str(name), float(part)) for name, part in told.items())
    return dict(sorted(parts, key=lambda one: -one[1]))


def feature_lines(
    importance: Mapping[str, float], width: int, *, colour: bool, ascii: bool
) -> Iterator[str]:
    """The features that gained most, as bars.

    Args:
        importance: Of `importance_of`.
        width: Columns to fill.
        colour: Whether to write ANSI colour codes.
        ascii: Keep to ASCII.
    """
    from engine.charts.bars import bar_list

    if not importance:
        return
    features = list(importance.items())
    shown, rest = features[:_MOST], features[_MOST:]
    if rest:
        shown.append((f"{len(rest)} more", sum(part for _, part in rest)))
    yield "What its trees look at (part of what they gained):"
    yield from bar_list(
        shown, width, show=lambda part: f"{part * 100:.1f} %", colour=colour, ascii=ascii
    )
