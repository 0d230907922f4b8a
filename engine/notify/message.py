"""What is said about a run that ended, or about a version that has drifted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from engine.masking import Masker
from engine.tables.drift_checks import DriftCheck
from engine.tables.run_record import RunRecord
from engine.text import printable

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_LONGEST_MESSAGE = 2000


@dataclass(frozen=True)
class Said:
    """One message.

    Attributes:
        title: One line.
        body: Why, "" when there is no more to say.
        payload: The JSON of a webhook. `text` is what chat servers show of it.
    """

    title: str
    body: str
    payload: dict[str, Any]


def said_of_run(run: RunRecord, workspace: str) -> Said:
    """The message about a run that ended."""
    return Said(title_of(run), body_of(run), payload_of(run, workspace))


def said_of_drift(check: DriftCheck, workspace: str) -> Said:
    """The message about a version that has drifted: why, and what is done about it."""
    title = f"{check.version} ({check.data_type}) has drifted"
    lines = [*check.reasons, check.why, "More: engine drift"]
    body = _safe("\n".join(line for line in lines if line))
    payload = {
        "text": f"{title}\n{body}",
        "event": "drift.found",
        "workspace": workspace,
        "drift": check.summary(),
    }
    return Said(title, body, payload)


def title_of(run: RunRecord) -> str:
    """One line: which run, and how it ended."""
    return f"{run.flow} {run.name} ({run.id[:8]}): {run.state}"


def body_of(run: RunRecord) -> str:
    """Why, when there is a reason."""
    return _safe(run.message)


def _safe(text: str) -> str:
    return Masker().mask("\n".join(map(printable, text.splitlines())))[:_LONGEST_MESSAGE]


def payload_of(run: RunRecord, workspace: str) -> dict[str, Any]:
    """The JSON of a webhook. `text` is what chat servers show of it."""
    title, body = title_of(run), body_of(run)
    return {
        "text": f"{title}\n{body}" if body else title,
        "event": "run.ended",
        "workspace": workspace,
        "run": {
            "id": run.id,
            "flow": run.flow,
            "name": run.name,
            "state": run.state,
            "message": body,
            "error_kind": run.error_kind,
            "created": run.created,
            "started": run.started,
            "ended": run.ended,
            "origin": run.origin,
            "parameters": run.parameters,
        },
    }


def label_of(address: str) -> str:
    """An address as it may be shown: no more than its kind and host."""
    if "://" not in address:
        return address if _VARIABLE.fullmatch(address) else "***"
    try:
        parts = urlsplit(address)
        host = parts.hostname or "***"
    except ValueError:
        return "***"
    known_host = "." in host or host == "localhost"
    return f"{parts.scheme}://{host}/***" if known_host else f"{parts.scheme}://***"
