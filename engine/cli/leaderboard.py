"""The table of what a search tried: members, scores with intervals, weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.text import printable

_HEADINGS = ("", "SCORE", "95 % INTERVAL", "WEIGHT", "SECONDS", "SETTINGS")


def leaderboard_lines(leaderboard: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lay out a leaderboard as lines of text, columns aligned, the best first.

    Args:
        leaderboard: Rows as a fit reports them.
    """
    rows = [_HEADINGS, *(_cells(row) for row in leaderboard)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS) - 1)]
    lines = ["leaderboard of the validation part"]
    for name, *numbers, settings in rows:
        cells = [f"{cell:>{width}}" for cell, width in zip(numbers, widths[1:], strict=True)]
        lines.append("  ".join([f"{name:<{widths[0]}}", *cells, settings]).rstrip())
    gains = [row["gain"] for row in leaderboard if "gain" in row]
    return [*lines, *(_gain_line(gain) for gain in gains if gain["value"] > 0)]


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    number = "" if row["member"] is None else f" #{row['member'] + 1}"
    name = printable(str(row["model_type"])) + number
    seconds = f"{row['seconds']:.1f}"
    if row["status"] != "done":
        return name, "-", row["status"], "-", seconds, printable(str(row.get("why", "")))
    interval = f"{row['low']:.4f} to {row['high']:.4f}"
    weight = row["weight"]
    return (
        name,
        f"{row['score']:.4f}",
        interval,
        f"{weight:.2f}" if weight else "",
        seconds,
        named_values({**row["hyperparameters"], "seed": row["seed"]}),
    )


def named_values(values: Mapping[str, Any]) -> str:
    """Settings and the like on one line: name, value, name, value."""
    return ", ".join(f"{printable(name)} {_short(value)}" for name, value in values.items())


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else printable(str(value))


def _gain_line(gain: Mapping[str, float]) -> str:
    value, low, high = (100 * gain[name] for name in ("value", "low", "high"))
    return f"the blend beats its best member by {value:.1f} % ({low:.1f} to {high:.1f})"
