"""What a run came to: as data for machines, and as text with its timeline for people."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.charts.text import printable
from engine.cli.exit_codes import code_of_run
from engine.cli.output import terminal_size, wants_ascii, wants_colour, write_text
from engine.cli.times import zone
from engine.execution.order import LOG_FILE
from engine.execution.outcome import Outcome
from engine.runs.table import RunRecord
from engine.timeline import build_timeline

_TIMELINE_ROWS = 24


def run_data(record: RunRecord, outcome: Outcome | None) -> dict[str, Any]:
    """One run as JSON-able data: the same for `engine run` and `engine run show`."""
    data: dict[str, Any] = {
        "id": record.id,
        "flow": record.flow,
        "name": record.name,
        "state": record.state,
        "message": record.message,
        "error_kind": record.error_kind or None,
        "created": _iso(record.created),
        "started": _iso(record.started),
        "ended": _iso(record.ended),
        "parameters": record.parameters,
        "outputs": outcome.outputs if outcome else {},
    }
    if outcome and outcome.rows:
        now = datetime.now(UTC)
        data["timeline"] = build_timeline(outcome.rows, now).to_dict()
    if record.is_final:
        data["exit_code"] = int(code_of_run(record.state, record.error_kind))
    return data


def write_run_report(
    record: RunRecord, outcome: Outcome | None, folder: Path, timezone: str
) -> None:
    """Print a run for people: its timeline, what it made, how it ended and what to do next."""
    if outcome and outcome.rows:
        from engine.charts.gantt import timeline_chart

        timeline = build_timeline(outcome.rows, datetime.now(UTC))
        width, _ = terminal_size()
        rows = min(len(timeline.bars), _TIMELINE_ROWS) + 6
        chart = timeline_chart(
            timeline, width, rows, colour=wants_colour(), ascii=wants_ascii(), tz=zone(timezone)
        )
        write_text(chart + "\n")
    if outcome:
        for text in _output_lines(outcome.outputs):
            write_text(text)
    write_text(f"{record.flow} {printable(record.name)} ({record.id}): {record.state}")
    if record.message:
        write_text(f"  {printable(record.message)}")
    if record.state in {"FAILED", "CRASHED"}:
        write_text(f"  log: {folder / LOG_FILE}  (engine logs {record.id[:8]})")


def _output_lines(outputs: dict[str, Any]) -> list[str]:
    from engine.cli.evaluation import evaluation_lines

    lines = []
    if "data_report" in outputs:
        lines += [f"  {printable(text)}" for text in outputs["data_report"]]
    if "evaluation" in outputs:
        lines += evaluation_lines(outputs["evaluation"])
    if "version" in outputs:
        lines.append(f"deployed version: {outputs['version']}")
    return [*lines, ""] if lines else []


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
