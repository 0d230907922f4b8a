"""Serving bundles: a fitted model as data-only files that any process can check and serve.

    model.onnx      values float64 (n, window), weekday int64 (n,) and, where it learnt from any,
                    covariates float64 (n, window + horizon, k) -> forecast float64 (n, horizon)
    golden.json     windows and the forecast that the model gave for them when it was written
    intervals.json  how far the model misses, for prediction intervals; absent without calibration
    reference.json  what was learnt from in numbers, to tell drift by; absent where nobody gave it
    manifest.json   format, signature, size and sha256 of the others, description of the model

Format 1 knew no intervals.json, format 2 no covariates and no floor at 0, format 3 no
reference.json; their bundles are served as ever, without these. Serving needs onnxruntime, not
the library that trained the model. Nothing is ever unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models.arrays import FloatArray, Windows
from models.base import INTERVALS_FILE, Forecaster
from models.bundles.checks import (
    GOLDEN_FILE,
    MANIFEST_FILE,
    MODEL_FILE,
    BundleProblem,
    parse,
    verified,
)
from models.bundles.writing import make_empty, seal, write_reference
from models.errors import ModelProblem
from models.forecasting.bundle_checks import BUNDLE_FORMAT, KIND, calibration_of
from models.forecasting.serving_model import ServingModel, Signature

__all__ = [
    "BUNDLE_FORMAT",
    "GOLDEN_FILE",
    "INTERVALS_FILE",
    "MANIFEST_FILE",
    "MODEL_FILE",
    "OPTIONAL_FILES",
    "SIZE_LIMITS",
    "BundleProblem",
    "ServingModel",
    "Signature",
    "golden_windows",
    "open_bundle",
    "rounding_slack",
    "verify_bundle",
    "write_bundle",
]

_TOLERANCE = 1e-5
SIZE_LIMITS, OPTIONAL_FILES = KIND.size_limits, KIND.optional_files


def write_bundle(
    forecaster: Forecaster,
    folder: Path,
    sample: Windows,
    reference: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write a fitted model as a bundle into a new or empty folder, and try it out.

    Args:
        forecaster: A fitted model; its calibration, where it has one, goes with it.
        folder: Made when it does not exist; may hold nothing yet.
        sample: A few real windows; they and their forecasts become the golden example.
        reference: What was learnt from in numbers, to tell drift by.

    Returns:
        The manifest.

    Raises:
        ModelProblem: A folder that holds something, no sample, or a model whose exported graph
            does not answer as the model itself does.
    """
    make_empty(folder)
    if not len(sample):
        raise ModelProblem("a bundle needs at least one sample window")
    golden = {
        "values": sample.values.tolist(),
        "weekday": sample.weekday.tolist(),
        "forecast": forecaster.predict(sample).tolist(),
    }
    if forecaster.covariates:
        known = sample.known_covariates(len(forecaster.covariates), forecaster.horizon)
        # JSON has no NaN: what is unknown is null.
        listed = known.astype(object)
        listed[np.isnan(known)] = None
        golden["covariates"] = listed.tolist()
    forecaster.export_onnx(folder / MODEL_FILE)
    (folder / GOLDEN_FILE).write_text(json.dumps(golden), encoding="utf-8")
    if forecaster.calibration is not None:
        text = json.dumps(forecaster.calibration.as_dict())
        (folder / INTERVALS_FILE).write_text(text, encoding="utf-8")
    write_reference(folder, reference)
    signature = Signature(
        forecaster.window,
        forecaster.horizon,
        covariates=forecaster.covariates,
        nonnegative=forecaster.nonnegative,
    )
    manifest = seal(
        folder,
        {
            "format": BUNDLE_FORMAT,
            "model_type": forecaster.model_type,
            "signature": vars(signature),
        },
        forecaster.describe(),
    )
    open_bundle(folder)
    return manifest


def verify_bundle(folder: Path) -> dict[str, Any]:
    """Check everything about a bundle that can be checked without running it.

    File names against the allowed ones, no links, sizes, sha256, no operators beyond ONNX's own,
    no data outside the file.

    Returns:
        The manifest.

    Raises:
        BundleProblem: Says which check failed.
    """
    manifest, contents = verified(folder, KIND)
    calibration_of(folder, manifest, contents)
    return manifest


def open_bundle(folder: Path) -> ServingModel:
    """Verify a bundle, load it, and let it answer its golden example.

    Raises:
        BundleProblem: A check failed, or the answer is not the golden one.
    """
    manifest, contents = verified(folder, KIND)
    calibration = calibration_of(folder, manifest, contents)
    model = ServingModel(folder, manifest, contents[MODEL_FILE], calibration)
    golden = parse(folder, GOLDEN_FILE, contents[GOLDEN_FILE])
    try:
        windows = golden_windows(golden)
        expected = np.array(golden["forecast"], dtype=np.float64)
        answer = model.forecast(windows)
    except (KeyError, TypeError, ValueError) as error:
        raise BundleProblem(folder, f"the golden example cannot be run: {error}") from error
    if (
        answer.shape != expected.shape
        or not (np.abs(answer - expected) <= rounding_slack(windows)).all()
    ):
        raise BundleProblem(folder, "the model does not give the golden forecast any more")
    return model


def golden_windows(golden: dict[str, Any]) -> Windows:
    """The windows of a golden example.

    Raises:
        KeyError, TypeError, ValueError: It is not one.
    """
    covariates = golden.get("covariates")
    return Windows(
        np.array(golden["values"]),
        np.array(golden["weekday"]),
        # null, an unknown number, becomes NaN.
        None if covariates is None else np.array(covariates, dtype=np.float64),
    )


def rounding_slack(windows: Windows) -> FloatArray:
    """Largest accepted difference between two runtimes, (n, 1).

    Relative to how much a window moves: models compute there in single precision, and a forecast
    that happens to be near zero has no precision of its own.
    """
    values = windows.values
    moved: FloatArray = np.ptp(values, axis=1, keepdims=True)
    rounding = 1e-12 * np.abs(values).max(axis=1, keepdims=True)
    return np.asarray(_TOLERANCE * moved + rounding)
