"""What is said about a run that ended."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from engine.masking import Masker
from engine.tables.runs import RunRecord
from engine.text import printable

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_LONGEST_MESSAGE = 2000


def title_of(run: RunRecord) -> str:
    """One line: which run, and how it ended."""
    return f"{run.flow} {run.name} ({run.id[:8]}): {run.state}"


def body_of(run: RunRecord) -> str:
    """Why, when there is a reason."""
    return Masker().mask("\n".join(map(printable, run.message.splitlines())))[:_LONGEST_MESSAGE]


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
