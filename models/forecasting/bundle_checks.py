"""What a serving bundle of a forecaster is, beside what every bundle is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.base import INTERVALS_FILE
from models.bundles.checks import REFERENCE_LIMIT, BundleKind, BundleProblem, parse
from models.data_types import TIMESERIES
from models.errors import ModelProblem
from models.forecasting.intervals import Calibration

BUNDLE_FORMAT = 4
_FORMAT_WITH_COVARIATES = 3
_INTERVALS = {INTERVALS_FILE: 16 << 20}


def _is_signature(signature: Mapping[str, Any], format_version: int) -> bool:
    match signature:
        case {"window": int(window), "horizon": int(horizon), "season": int(), **more}:
            if window < 1 or horizon < 1:
                return False
        case _:
            return False
    if format_version < _FORMAT_WITH_COVARIATES:
        return not more
    match more:
        case {"covariates": list(names), "nonnegative": bool(), **extra}:
            return not extra and all(isinstance(name, str) for name in names)
    return False


KIND = BundleKind(
    TIMESERIES,
    {1: {}, 2: _INTERVALS, 3: _INTERVALS, 4: _INTERVALS | REFERENCE_LIMIT},
    _is_signature,
)


def calibration_of(
    folder: Path, manifest: dict[str, Any], contents: dict[str, bytes]
) -> Calibration | None:
    """What a verified bundle makes intervals from; None where it brings nothing.

    Raises:
        BundleProblem: It is that of another model, or no calibration.
    """
    if INTERVALS_FILE not in contents:
        return None
    parsed = parse(folder, INTERVALS_FILE, contents[INTERVALS_FILE])
    try:
        calibration = Calibration.of_dict(parsed)
    except ModelProblem as problem:
        raise BundleProblem(folder, f"{INTERVALS_FILE} cannot be used: {problem}") from problem
    if calibration.horizon != manifest["signature"]["horizon"]:
        raise BundleProblem(folder, f"{INTERVALS_FILE} is that of a model of another horizon")
    return calibration
