"""What the terminal remembers from one start to the next, in `terminal.json` of the workspace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.atomic import write_bytes
from engine.errors import EngineError

FILE = "terminal.json"
_LARGEST = 1_000_000


def load(root: Path) -> dict[str, Any]:
    """What was kept; nothing where there is nothing, or nothing that can be read."""
    try:
        path = root / FILE
        if path.stat().st_size > _LARGEST:
            return {}
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def save(root: Path, memory: dict[str, Any]) -> str:
    """Keep it, whole or not at all; returns why it could not be kept, or ""."""
    try:
        write_bytes(root / FILE, json.dumps(memory, ensure_ascii=False).encode())
    except (OSError, EngineError) as error:
        return str(error)
    return ""


def part(memory: dict[str, Any], name: str) -> dict[str, Any]:
    """A dictionary in it; an empty one where there is something else."""
    found = memory.get(name)
    return found if isinstance(found, dict) else {}


def text(memory: dict[str, Any], name: str, default: str = "") -> str:
    """A text in it."""
    found = memory.get(name)
    return found if isinstance(found, str) else default


def number(memory: dict[str, Any], name: str, default: int = 0) -> int:
    """A whole number in it, never negative."""
    found = memory.get(name)
    is_number = isinstance(found, int) and not isinstance(found, bool)
    return max(0, found) if is_number and isinstance(found, int) else default


def texts(memory: dict[str, Any], name: str) -> list[str]:
    """A list of texts in it."""
    found = memory.get(name)
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
