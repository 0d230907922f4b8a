"""Runs as clients see them: what the table says, and what only the living engine knows."""

from __future__ import annotations

from engine.daemon.usage import Usage
from engine.schema import RunInfo
from engine.tables.run_record import RunRecord


def run_info(record: RunRecord, *, waiting: str = "", usage: Usage | None = None) -> RunInfo:
    """A run as a message.

    Args:
        record: The run.
        waiting: Why it has not started, "" when it has.
        usage: What its process uses at the moment.
    """
    return RunInfo(
        id=record.id,
        flow=record.flow,
        name=record.name,
        state=record.state,
        message=record.message,
        error_kind=record.error_kind,
        created=record.created,
        started=record.started,
        ended=record.ended,
        parameters=record.parameters,
        priority=record.priority,
        origin=record.origin,
        rerun_of=record.rerun_of,
        cancel_requested=record.cancel_requested,
        prefect_id=record.prefect_id,
        waiting="" if record.is_final or record.started else record.waiting or waiting,
        cpu_seconds=usage.cpu_seconds if usage else record.cpu_seconds,
        memory=usage.memory if usage else record.peak_bytes,
        tags=record.tags,
        key=record.launch_key,
        pool=record.pool,
        host=record.host,
    )


def call_it(record: RunRecord) -> str:
    """How a sentence names a run."""
    return f"{record.flow} {record.name} ({record.id[:8]})"
