"""Serving bundles of classifiers: data-only files that any process can check and serve.

    model.onnx      pixels uint8 (n, height, width, channels) -> probabilities float32 (n, classes),
                    evidence float32 (n, classes, rows, columns)
    golden.json     a few pictures, base64, and the probabilities that the model gave for them
    reference.json  what was learnt from in numbers, to tell drift by; absent where nobody gave it,
                    and in format 1
    manifest.json   data type, format, signature, size and sha256 of the others, description

Serving needs onnxruntime, not the library that trained the model. Nothing is ever unpickled.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models.arrays import FloatArray
from models.bundles.checks import (
    GOLDEN_FILE,
    MODEL_FILE,
    REFERENCE_LIMIT,
    BundleKind,
    BundleProblem,
    parse,
    verified,
)
from models.bundles.writing import make_empty, seal, write_reference
from models.data_types import IMAGE
from models.errors import ModelProblem
from models.imaging.classifier import LARGEST_SIDE, MOST_CLASSES, SMALLEST_SIDE, Classifier
from models.imaging.pictures import CHANNELS, PixelArray, spread
from models.imaging.serving_classifier import ImageSignature, ServingClassifier

BUNDLE_FORMAT = 2
TOLERANCE = 1e-4
"""Largest accepted difference of a probability between two runtimes: they compute in single
precision, and a low temperature makes the rounding of logits larger."""

_GOLDEN_PICTURES = 4
# What golden.json may hold of them: base64 makes a third more of it.
_GOLDEN_BYTES = 8 << 20


def _is_signature(signature: Mapping[str, Any], format_version: int) -> bool:
    match signature:
        case {
            "height": int(height),
            "width": int(width),
            "channels": int(channels),
            "classes": list(classes),
            **more,
        }:
            return (
                not more
                and all(SMALLEST_SIDE <= side <= LARGEST_SIDE for side in (height, width))
                # True is a whole number to Python.
                and type(channels) is int
                and channels in CHANNELS
                and 2 <= len(classes) <= MOST_CLASSES
                and all(isinstance(name, str) for name in classes)
                and len(set(classes)) == len(classes)
            )
    return False


KIND = BundleKind(IMAGE, {1: {}, BUNDLE_FORMAT: REFERENCE_LIMIT}, _is_signature)


def write_bundle(
    classifier: Classifier,
    folder: Path,
    sample: PixelArray,
    reference: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write a fitted model as a bundle into a new or empty folder, and try it out.

    Args:
        classifier: A fitted model; its temperature is inside the exported graph.
        folder: Made when it does not exist; may hold nothing yet.
        sample: Real pictures; up to four of them, as they are, and the probabilities that the
            model gives become the golden example.
        reference: What was learnt from in numbers, to tell drift by.

    Returns:
        The manifest.

    Raises:
        ModelProblem: A folder that holds something, no sample, or a model whose exported graph
            does not answer as the model itself does.
    """
    make_empty(folder)
    if not len(sample):
        raise ModelProblem("a bundle needs at least one sample picture")
    # As many as golden.json may hold.
    pictures = spread(sample, min(_GOLDEN_PICTURES, max(1, _GOLDEN_BYTES // sample[0].nbytes)))
    golden = {
        "pixels": [base64.b64encode(picture.tobytes()).decode("ascii") for picture in pictures],
        "probabilities": classifier.predict(pictures).tolist(),
    }
    classifier.export_onnx(folder / MODEL_FILE)
    (folder / GOLDEN_FILE).write_text(json.dumps(golden), encoding="utf-8")
    write_reference(folder, reference)
    manifest = seal(
        folder,
        {
            "data_type": IMAGE,
            "format": BUNDLE_FORMAT,
            "model_type": classifier.model_type,
            "signature": {
                "height": classifier.height,
                "width": classifier.width,
                "channels": classifier.channels,
                "classes": list(classifier.classes),
            },
        },
        classifier.describe(),
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
    return verified(folder, KIND)[0]


def open_bundle(folder: Path) -> ServingClassifier:
    """Verify a bundle, load it, and let it answer its golden example.

    Raises:
        ModelProblem: A check failed, or the answer is not the golden one.
    """
    manifest, contents = verified(folder, KIND)
    model = ServingClassifier(folder, manifest, contents[MODEL_FILE])
    golden = parse(folder, GOLDEN_FILE, contents[GOLDEN_FILE])
    try:
        pixels = golden_pixels(golden, model.signature)
        expected: FloatArray = np.array(golden["probabilities"], dtype=np.float64)
        answer = model.predict(pixels)
    except (KeyError, TypeError, ValueError) as error:
        raise BundleProblem(folder, f"the golden example cannot be run: {error}") from error
    if answer.shape != expected.shape or not (np.abs(answer - expected) <= TOLERANCE).all():
        raise BundleProblem(folder, "the model does not give the golden probabilities any more")
    return model


def golden_pixels(golden: Mapping[str, Any], signature: ImageSignature) -> PixelArray:
    """The pictures of a golden example.

    Raises:
        KeyError, TypeError, ValueError: It is not one.
    """
    pictures = [base64.b64decode(text, validate=True) for text in golden["pixels"]]
    if not pictures:
        raise ValueError("it has no pictures")
    flat = [np.frombuffer(picture, dtype=np.uint8) for picture in pictures]
    return np.stack([values.reshape(signature.shape) for values in flat])
