"""What is checked of a serving bundle before anything in it is run."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.base import INTERVALS_FILE
from models.errors import ModelProblem
from models.forecasting.intervals import Calibration

BUNDLE_FORMAT = 3
MODEL_FILE = "model.onnx"
GOLDEN_FILE = "golden.json"
MANIFEST_FILE = "manifest.json"

# What each format that can be read lists in its manifest: always, and in some bundles.
_ALWAYS = frozenset({MODEL_FILE, GOLDEN_FILE})
_SOMETIMES = {1: frozenset[str](), 2: frozenset({INTERVALS_FILE}), 3: frozenset({INTERVALS_FILE})}
SIZE_LIMITS = {
    MODEL_FILE: 1 << 30,
    GOLDEN_FILE: 16 << 20,
    INTERVALS_FILE: 16 << 20,
    MANIFEST_FILE: 1 << 20,
}
OPTIONAL_FILES = frozenset({INTERVALS_FILE})
"""Files that a bundle may lack."""
_FORMAT_WITH_COVARIATES = 3
_OPERATOR_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
_FIX = "Deploy another version, or train and write this one again."


class BundleProblem(ModelProblem):
    """A bundle that must not be served."""

    def __init__(self, folder: Path, what: str) -> None:
        super().__init__(f"{folder}: {what}", _FIX)


def fingerprint(content: bytes) -> dict[str, Any]:
    """Size and sha256 of a file, as the manifest lists them."""
    return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def verified(folder: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The manifest of a bundle and the contents of its files, checked as far as can be unrun.

    Raises:
        BundleProblem: Says which check failed.
    """
    try:
        if folder.is_symlink():
            raise BundleProblem(folder, "the folder is a link")
        manifest = parse(folder, MANIFEST_FILE, _read(folder, MANIFEST_FILE))
        _check_manifest(folder, manifest)
        listed = manifest["files"]
        present = sorted(path.name for path in folder.iterdir())
        if unknown := [name for name in present if name not in {*listed, MANIFEST_FILE}]:
            raise BundleProblem(folder, f"file {unknown[0]!r} does not belong in a bundle")
        contents = {name: _read(folder, name) for name in sorted(listed)}
    except OSError as error:
        raise BundleProblem(folder, f"cannot be read: {error}") from error
    for name, content in contents.items():
        if fingerprint(content) != listed[name]:
            raise BundleProblem(folder, f"{name} is not the file that was written (sha256)")
    _check_graph(folder, contents[MODEL_FILE])
    return manifest, contents


def _read(folder: Path, name: str) -> bytes:
    path = folder / name
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise BundleProblem(folder, f"{name} is a link or not a plain file")
    if status.st_size > SIZE_LIMITS[name]:
        raise BundleProblem(folder, f"{name} has {status.st_size} bytes, more than is allowed")
    return path.read_bytes()


def parse(folder: Path, name: str, content: bytes) -> dict[str, Any]:
    """A JSON object of a bundle.

    Raises:
        BundleProblem: It is something else.
    """
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BundleProblem(folder, f"{name} is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise BundleProblem(folder, f"{name} is not an object")
    return parsed


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


def _check_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    match manifest:
        case {
            "format": int(format_version),
            "model_type": str(),
            "signature": {"window": int(window), "horizon": int(horizon), "season": int(), **more},
            "files": dict(files),
            "model": dict(),
        } if window > 0 and horizon > 0:
            if format_version not in _SOMETIMES:
                raise BundleProblem(
                    folder,
                    f"the bundle has format {format_version}; this version reads 1 to "
                    f"{BUNDLE_FORMAT}",
                )
            if not _ALWAYS <= files.keys() <= _ALWAYS | _SOMETIMES[format_version]:
                raise BundleProblem(folder, f"{MANIFEST_FILE} lists other files than a bundle has")
            if not _is_rest_of_signature(more, format_version):
                raise BundleProblem(folder, f"{MANIFEST_FILE} has another signature than a bundle")
        case _:
            raise BundleProblem(
                folder, f"{MANIFEST_FILE} lacks something or has it in another form"
            )


def _is_rest_of_signature(more: Mapping[Any, Any], format_version: int) -> bool:
    if format_version < _FORMAT_WITH_COVARIATES:
        return not more
    match more:
        case {"covariates": list(names), "nonnegative": bool(), **extra}:
            return not extra and all(isinstance(name, str) for name in names)
    return False


def _check_graph(folder: Path, content: bytes) -> None:
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from onnx import ModelProto

    try:
        model = ModelProto.FromString(content)
    except DecodeError as error:
        raise BundleProblem(folder, f"{MODEL_FILE} is not an ONNX file: {error}") from error
    if model.functions:
        raise BundleProblem(folder, f"{MODEL_FILE} defines functions of its own")
    domains = {entry.domain for entry in model.opset_import}
    graphs = [model.graph]
    while graphs:
        graph = graphs.pop()
        tensors = [*graph.initializer]
        for sparse in graph.sparse_initializer:
            tensors += [sparse.values, sparse.indices]
        for node in graph.node:
            domains.add(node.domain)
            for attribute in node.attribute:
                graphs += [attribute.g, *attribute.graphs]
                tensors += [attribute.t, *attribute.tensors]
                for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                    tensors += [sparse.values, sparse.indices]
        if any(tensor.external_data or tensor.data_location for tensor in tensors):
            raise BundleProblem(folder, f"{MODEL_FILE} wants data from outside the file")
    if custom := domains - _OPERATOR_DOMAINS:
        raise BundleProblem(folder, f"{MODEL_FILE} uses operators of {sorted(custom)[0]!r}")
