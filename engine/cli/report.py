"""What a run came to: as data for machines, and as text with its timeline for people."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.cli.exit_codes import code_of_run
from engine.cli.output import terminal_size, wants_ascii, wants_colour, write_text
from engine.client.timeline import rows_of
from engine.runs.log import LOG_FILE
from engine.schema import RunDetail, RunInfo
from engine.states import FINAL_STATES
from engine.text import printable
from engine.timeline import build_timeline
from engine.zones import zone_of

_TIMELINE_ROWS = 24


def run_data(run: RunInfo) -> dict[str, Any]:
    """One run of a list as JSON-able data."""
    data: dict[str, Any] = {
        "id": run.id,
        "flow": run.flow,
        "name": run.name,
        "state": run.state,
        "message": run.message,
        "error_kind": run.error_kind or None,
        "created": _iso(run.created),
        "started": _iso(run.started),
        "ended": _iso(run.ended),
        "waiting": run.waiting or None,
        "parameters": run.parameters,
        "priority": run.priority,
        "origin": run.origin,
        "rerun_of": run.rerun_of,
        "pool": run.pool or None,
        "host": run.host or None,
        "tags": list(run.tags),
        "cpu_seconds": run.cpu_seconds,
        "memory": run.memory,
    }
    if run.state in FINAL_STATES:
        data["exit_code"] = int(code_of_run(run.state, run.error_kind))
    return data


def detail_data(detail: RunDetail) -> dict[str, Any]:
    """Everything about one run: the same for `engine run` and `engine run show`."""
    data = run_data(detail.run) | {"folder": detail.folder, "outputs": detail.outputs}
    rows = rows_of(detail)
    if rows:
        data["timeline"] = build_timeline(rows, datetime.now(UTC)).to_dict()
    return data


def write_run_report(detail: RunDetail, timezone: str) -> None:
    """Print a run for people: its timeline, what it made, how it ended and what to do next."""
    run = detail.run
    rows = rows_of(detail)
    if rows:
        from engine.charts.gantt import timeline_chart

        timeline = build_timeline(rows, datetime.now(UTC))
        width, _ = terminal_size()
        height = min(len(timeline.bars), _TIMELINE_ROWS) + 6
        chart = timeline_chart(
            timeline,
            width,
            height,
            colour=wants_colour(),
            ascii=wants_ascii(),
            tz=zone_of(timezone),
        )
        write_text(chart + "\n")
    for text in _output_lines(detail.outputs):
        write_text(text)
    write_text(f"{run.flow} {printable(run.name)} ({run.id}): {run.state}")
    if run.waiting or run.message:
        write_text(f"  {printable(run.waiting or run.message)}")
    if run.host:
        write_text(f"  done by {printable(run.host)}")
    if run.tags:
        write_text(f"  tags: {', '.join(run.tags)}")
    if run.cpu_seconds is not None and run.memory:
        peak = "at most " if run.ended else ""
        write_text(f"  {run.cpu_seconds:.1f} s of processor time, {peak}{run.memory >> 20} MiB")
    if run.state in {"FAILED", "CRASHED"}:
        write_text(f"  log: {Path(detail.folder) / LOG_FILE}  (engine logs {run.id[:8]})")
        write_text(f"  once it is mended: engine retry {run.id[:8]}")


def _output_lines(outputs: dict[str, Any]) -> list[str]:
    from engine.cli.leaderboard import leaderboard_lines
    from engine.cli.views.picking import view_of_record

    lines = []
    if "data_report" in outputs:
        lines += [f"  {printable(text)}" for text in outputs["data_report"]]
    if "training_notes" in outputs:
        lines += [f"note: {printable(text)}" for text in outputs["training_notes"]]
    if "leaderboard" in outputs:
        lines += leaderboard_lines(outputs["leaderboard"])
    if "evaluation" in outputs:
        evaluation = outputs["evaluation"]
        lines += view_of_record(evaluation).evaluation_lines(evaluation)
    if "version" in outputs:
        lines.append(f"deployed version: {outputs['version']}")
    return [*lines, ""] if lines else []


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
