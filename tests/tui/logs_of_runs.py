"""Logs as runs would have written them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from engine.runs.log import segment_path


def entry(second: int, text: str, level: str = "INFO", source: str = "train_model") -> str:
    """An entry of a log, that many seconds after noon UTC."""
    clock = f"{12 + second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
    return f"2026-01-31 {clock}.250 +0000 {level:<7} {source}: {text}"


def write(folder: Path, lines: Iterable[str], segment: int = 0) -> Path:
    """Append lines to a segment of the log of a run; its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with segment_path(folder, segment).open("a", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
    return folder
