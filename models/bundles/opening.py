"""Opening a serving bundle of whatever kind it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from models.bundles.checks import (
    GOLDEN_FILE,
    MANIFEST_FILE,
    MODEL_FILE,
    BundleProblem,
    data_type_of,
    read_manifest,
)
from models.data_types import IMAGE
from models.errors import ModelProblem
from models.forecasting import bundle as forecasters
from models.forecasting.bundle_checks import KIND as FORECASTERS
from models.forecasting.serving_model import ServingModel
from models.imaging import bundle as classifiers
from models.imaging.bundle import KIND as CLASSIFIERS
from models.imaging.serving_classifier import ServingClassifier

__all__ = [
    "GOLDEN_FILE",
    "MANIFEST_FILE",
    "MODEL_FILE",
    "OPTIONAL_FILES",
    "SIZE_LIMITS",
    "BundleProblem",
    "data_type_of",
    "open_bundle",
    "verify_bundle",
]

SIZE_LIMITS = {**FORECASTERS.size_limits, **CLASSIFIERS.size_limits}
"""Every file that a bundle of some kind may have, and its largest size in bytes."""
OPTIONAL_FILES = FORECASTERS.optional_files | CLASSIFIERS.optional_files
"""Files that a bundle may lack; its manifest says whether they belong to it."""


def open_bundle(folder: Path) -> ServingModel | ServingClassifier:
    """Verify a bundle, load it, and let it answer its golden example.

    Raises:
        ModelProblem: A check failed, or the answer is not the golden one.
    """
    if _data_type(folder) == IMAGE:
        return classifiers.open_bundle(folder)
    return forecasters.open_bundle(folder)


def verify_bundle(folder: Path) -> dict[str, Any]:
    """Check everything about a bundle that can be checked without running it.

    Returns:
        The manifest.

    Raises:
        BundleProblem: Says which check failed.
    """
    if _data_type(folder) == IMAGE:
        return classifiers.verify_bundle(folder)
    return forecasters.verify_bundle(folder)


def _data_type(folder: Path) -> str:
    manifest = read_manifest(folder)
    try:
        return data_type_of(manifest)
    except ModelProblem as problem:
        raise BundleProblem(folder, problem.what) from problem
