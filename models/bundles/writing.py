"""Writing a serving bundle, whatever it serves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.bundles.checks import MANIFEST_FILE, REFERENCE_FILE, fingerprint
from models.errors import ModelProblem


def make_empty(folder: Path) -> None:
    """Make the folder of a bundle, which may exist when nothing is in it.

    Raises:
        ModelProblem: Something is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ModelProblem(f"{folder} is not empty", "Write every bundle into a folder of its own.")


def write_reference(folder: Path, reference: Mapping[str, Any] | None) -> None:
    """Write what was learnt from, in numbers, where anybody gave it."""
    if reference is not None:
        text = json.dumps(dict(reference), allow_nan=False)
        (folder / REFERENCE_FILE).write_text(text, encoding="utf-8")


def seal(folder: Path, head: Mapping[str, Any], model: Mapping[str, Any]) -> dict[str, Any]:
    """Write the manifest over all files that are in the folder of a bundle.

    Args:
        folder: Holds every file of the bundle but the manifest.
        head: What the manifest says before it lists the files.
        model: Description of the model.

    Returns:
        The manifest.
    """
    manifest = {
        **head,
        "files": {path.name: fingerprint(path.read_bytes()) for path in sorted(folder.iterdir())},
        "model": dict(model),
    }
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest, indent=2), encoding="utf-8")
    return manifest
