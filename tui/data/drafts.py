"""Drafts of the workspace's settings files: edited beside the file, put in its place when right.

A draft says by its name whose it is and what it began from, so that one that a killed terminal left
can be taken up, and one that is older than the file never replaces what somebody else wrote.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.atomic import write_bytes
from engine.errors import ConflictError, StorageError
from tui.data.settings import ENGINE, flow_of, prefix_of, show_arguments

FULL_FLOW = "full_flow"
DAY_SECONDS = 86400.0
_NOTHING = "new"
_NAME = re.compile(
    r"\.draft-(?P<pid>[0-9]{1,9})-(?P<base>[0-9a-f]{16}|new)-(?P<file>[a-z_]+\.yaml)"
)
_OWNERS = {
    "data_type": "data_flow",
    "dataset": "data_flow",
    "model": "train_flow",
    "train": "train_flow",
    "evaluate": "eval_flow",
    "deploy": "deploy_flow",
}


@dataclass(frozen=True)
class Draft:
    """A copy of a settings file that is being edited.

    Attributes:
        path: Where it lies, beside the file.
        target: The file that it is to replace.
        base: Fingerprint of the file as the draft began.
        pid: The terminal that made it.
        changed: When it was last written, in seconds since the epoch.
    """

    path: Path
    target: Path
    base: str
    pid: int
    changed: float


def file_of(owner: str) -> str:
    """The name of the file of a flow, or of the engine."""
    return "engine.yaml" if owner == ENGINE else f"{owner}_config.yaml"


def owner_of(shown: str, key: str) -> str:
    """In whose file a setting belongs that is looked at among those of a flow or the engine."""
    if flow_of(shown) in (ENGINE, FULL_FLOW):
        return shown
    home = _OWNERS.get(key.partition(".")[0])
    return shown if home is None else f"{prefix_of(shown)}{home}"


def template(owner: str, key: str, value: Any) -> bytes:
    """What a new file begins with: what it is for, and one setting at its present value."""
    name, command = file_of(owner), " ".join(("engine", *show_arguments(owner)))
    reference = "engine config reference" + (" --data-type image" if prefix_of(owner) else "")
    lines = [
        f"# Laid over the shipped configs/{name}, key by key: only what differs stands here.",
        f"# All settings: {reference}; this file: {command}",
    ]
    if owner != ENGINE:
        lines.append(f"flow_module: {flow_of(owner)}")
    parts = key.split(".") if key and key != "flow_module" else []
    for depth, part in enumerate(parts):
        text = json.dumps(value, ensure_ascii=False) if depth == len(parts) - 1 else ""
        lines.append(f"{'  ' * depth}{part}: {text}".rstrip())
    return ("\n".join(lines) + "\n").encode()


def fingerprint(path: Path) -> str:
    """What tells one content of a file from another; of no file, a word of its own."""
    content = content_of(path)
    return _NOTHING if content is None else _digest(content)


def content_of(path: Path) -> bytes | None:
    """The bytes of a file; None where there is none.

    Raises:
        StorageError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(
            f"cannot be read: {error.strerror or error}", where=str(path), fix="Check its rights"
        ) from error


def begin(configs: Path, name: str, new: bytes) -> Draft:
    """Make a draft of a settings file, or of a new one.

    Args:
        configs: The folder of the workspace's settings.
        name: The file.
        new: What a file that is not there yet begins with.

    Raises:
        StorageError: The folder or the file refuses.
    """
    target = configs / name
    before = content_of(target)
    base = _NOTHING if before is None else _digest(before)
    path = configs / f".draft-{os.getpid()}-{base}-{name}"
    try:
        configs.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot be made: {error.strerror}", where=str(configs)) from error
    write_bytes(path, new if before is None else before)
    return Draft(path, target, base, os.getpid(), path.stat().st_mtime)


def rebase(draft: Draft) -> Draft:
    """The same draft, begun from what the file holds now: whoever does that has seen both.

    Raises:
        StorageError: The disk refuses.
    """
    base = fingerprint(draft.target)
    path = draft.path.with_name(f".draft-{os.getpid()}-{base}-{draft.target.name}")
    _rename(draft.path, path)
    return Draft(path, draft.target, base, os.getpid(), draft.changed)


def take_over(draft: Draft) -> Draft:
    """A draft that another terminal left, as one of this terminal's.

    Raises:
        StorageError: The disk refuses.
    """
    path = draft.path.with_name(f".draft-{os.getpid()}-{draft.base}-{draft.target.name}")
    _rename(draft.path, path)
    return Draft(path, draft.target, draft.base, os.getpid(), draft.changed)


def publish(draft: Draft) -> bytes | None:
    """Put a draft in the place of its file, whole or not at all.

    Returns:
        What the file held before; None where there was none.

    Raises:
        ConflictError: The file was changed since the draft began; it is as it was.
        StorageError: The disk refuses; the file is as it was.
    """
    content = content_of(draft.path)
    if content is None:
        raise StorageError("the draft is gone", where=str(draft.path))
    before = content_of(draft.target)
    if (_NOTHING if before is None else _digest(before)) != draft.base:
        raise ConflictError(
            "somebody else has changed it meanwhile; nothing is overwritten",
            where=str(draft.target),
            fix=f"The draft is kept: {draft.path}",
        )
    _write(draft.target, content)
    draft.path.unlink(missing_ok=True)
    return before


def put_back(target: Path, before: bytes | None, written: bytes) -> None:
    """Undo a change of a file, if it still holds what was written then.

    Args:
        target: The file.
        before: What it held before; None: it was not there.
        written: What was written.

    Raises:
        ConflictError: It has changed since.
        StorageError: The disk refuses.
    """
    if content_of(target) != written:
        raise ConflictError(
            "it has changed since, so that the change cannot be undone", where=str(target)
        )
    if before is None:
        target.unlink()
    else:
        _write(target, before)


def leftovers(configs: Path, editing: Draft | None = None) -> list[Draft]:
    """The drafts that nobody edits, the newest first: kept ones, and those of killed terminals."""
    found: list[Draft] = []
    try:
        paths = list(configs.iterdir())
    except OSError:
        return []
    for path in paths:
        match = _NAME.fullmatch(path.name)
        if match is None or (editing is not None and path == editing.path):
            continue
        pid = int(match["pid"])
        if pid != os.getpid() and _lives(pid):
            continue
        try:
            changed = path.stat().st_mtime
        except OSError:
            continue  # it was removed in between
        found.append(Draft(path, configs / match["file"], match["base"], pid, changed))
    return sorted(found, key=lambda draft: draft.changed, reverse=True)


def sweep(configs: Path, now: float, editing: Draft | None = None) -> list[Draft]:
    """Remove the drafts that nobody edits and nobody has touched for a day; returns the others.

    Args:
        configs: The folder.
        now: The present, in seconds since the epoch.
        editing: The draft that is being edited; it stays.
    """
    kept: list[Draft] = []
    for draft in leftovers(configs, editing):
        if now - draft.changed > DAY_SECONDS:
            discard(draft)
        else:
            kept.append(draft)
    return kept


def discard(draft: Draft) -> None:
    """Throw a draft away."""
    draft.path.unlink(missing_ok=True)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _write(target: Path, content: bytes) -> None:
    # A link stays one, and whoever may read the file may still read it.
    path = target.resolve()
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    write_bytes(path, content, mode=mode)


def _rename(old: Path, new: Path) -> None:
    try:
        old.rename(new)
    except OSError as error:
        raise StorageError(
            f"the draft cannot be moved: {error.strerror or error}", where=str(old)
        ) from error


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
