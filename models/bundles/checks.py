"""What is checked of a serving bundle before anything in it is run, whatever it serves."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from models.bundles.graphs import graph_problem
from models.data_types import DATA_TYPES, TIMESERIES
from models.errors import ModelProblem

MODEL_FILE = "model.onnx"
GOLDEN_FILE = "golden.json"
MANIFEST_FILE = "manifest.json"
REFERENCE_FILE = "reference.json"
REFERENCE_LIMIT = {REFERENCE_FILE: 16 << 20}

_ALWAYS = {MODEL_FILE: 1 << 30, GOLDEN_FILE: 16 << 20, MANIFEST_FILE: 1 << 20}
_LISTED = frozenset({MODEL_FILE, GOLDEN_FILE})
_FIX = "Deploy another version, or train and write this one again."


class BundleProblem(ModelProblem):
    """A bundle that must not be served."""

    def __init__(self, folder: Path, what: str) -> None:
        super().__init__(f"{folder}: {what}", _FIX)


@dataclass(frozen=True)
class BundleKind:
    """What the bundles of one data type look like.

    Attributes:
        data_type: One of `models.learner.DATA_TYPES`.
        optional: Every format that can be read, with the files that its bundles may have beside
            what all have, and the bytes that each of these may have.
        is_signature: Whether this is the signature of a bundle of this format.
    """

    data_type: str
    optional: Mapping[int, Mapping[str, int]]
    is_signature: Callable[[Mapping[str, Any], int], bool]

    @cached_property
    def size_limits(self) -> dict[str, int]:
        """Bytes that each file of a bundle may have, in any format."""
        limits = dict(_ALWAYS)
        for files in self.optional.values():
            limits |= files
        return limits

    @property
    def optional_files(self) -> frozenset[str]:
        """Files that a bundle may lack."""
        return frozenset(self.size_limits) - frozenset(_ALWAYS)


def fingerprint(content: bytes) -> dict[str, Any]:
    """Size and sha256 of a file, as the manifest lists them."""
    return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def data_type_of(manifest: Mapping[str, Any]) -> str:
    """What a bundle is for, one of `models.learner.DATA_TYPES`.

    The manifests of forecasters do not say it: they are older than the other kinds.

    Raises:
        ModelProblem: Something that this version does not know.
    """
    data_type = manifest.get("data_type", TIMESERIES)
    if data_type not in DATA_TYPES:
        raise ModelProblem(
            f"the bundle is for data_type {data_type!r}; this version serves "
            f"{' and '.join(DATA_TYPES)}",
            "Use the version that wrote it, or a newer one.",
        )
    return str(data_type)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a bundle, of which nothing is checked yet but that it is a JSON object.

    Raises:
        BundleProblem: There is none, or it is something else.
    """
    try:
        if folder.is_symlink():
            raise BundleProblem(folder, "the folder is a link")
        return parse(folder, MANIFEST_FILE, _read(folder, MANIFEST_FILE, _ALWAYS))
    except OSError as error:
        raise BundleProblem(folder, f"cannot be read: {error}") from error


def verified(folder: Path, kind: BundleKind) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The manifest of a bundle and the contents of its files, checked as far as can be unrun.

    Raises:
        BundleProblem: Says which check failed.
    """
    manifest = read_manifest(folder)
    _check_manifest(folder, manifest, kind)
    listed = manifest["files"]
    try:
        present = sorted(path.name for path in folder.iterdir())
        if unknown := [name for name in present if name not in {*listed, MANIFEST_FILE}]:
            raise BundleProblem(folder, f"file {unknown[0]!r} does not belong in a bundle")
        contents = {name: _read(folder, name, kind.size_limits) for name in sorted(listed)}
    except OSError as error:
        raise BundleProblem(folder, f"cannot be read: {error}") from error
    for name, content in contents.items():
        if fingerprint(content) != listed[name]:
            raise BundleProblem(folder, f"{name} is not the file that was written (sha256)")
    if problem := graph_problem(contents[MODEL_FILE]):
        raise BundleProblem(folder, f"{MODEL_FILE} {problem}")
    return manifest, contents


def read_reference(folder: Path) -> dict[str, Any] | None:
    """What the model of a bundle learnt from, in numbers; None where the bundle does not say it.

    Raises:
        BundleProblem: It was changed, or cannot be read.
    """
    listed = read_manifest(folder).get("files")
    if not isinstance(listed, dict) or REFERENCE_FILE not in listed:
        return None
    try:
        content = _read(folder, REFERENCE_FILE, REFERENCE_LIMIT)
    except OSError as error:
        raise BundleProblem(folder, f"cannot be read: {error}") from error
    if fingerprint(content) != listed[REFERENCE_FILE]:
        raise BundleProblem(folder, f"{REFERENCE_FILE} is not the file that was written (sha256)")
    return parse(folder, REFERENCE_FILE, content)


def _read(folder: Path, name: str, limits: Mapping[str, int]) -> bytes:
    path = folder / name
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise BundleProblem(folder, f"{name} is a link or not a plain file")
    if status.st_size > limits[name]:
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


def _check_manifest(folder: Path, manifest: dict[str, Any], kind: BundleKind) -> None:
    match manifest:
        case {
            "format": int(format_version),
            "model_type": str(),
            "signature": dict(signature),
            "files": dict(files),
            "model": dict(),
        }:
            pass
        case _:
            raise BundleProblem(
                folder, f"{MANIFEST_FILE} lacks something or has it in another form"
            )
    try:
        data_type = data_type_of(manifest)
    except ModelProblem as problem:
        raise BundleProblem(folder, problem.what) from problem
    if data_type != kind.data_type:
        raise BundleProblem(
            folder, f"the bundle is for data_type {data_type}, not {kind.data_type}"
        )
    if format_version not in kind.optional:
        known = " to ".join(
            str(number) for number in sorted({min(kind.optional), max(kind.optional)})
        )
        raise BundleProblem(
            folder, f"the bundle has format {format_version}; this version reads {known}"
        )
    if not files.keys() >= _LISTED or files.keys() - _LISTED - kind.optional[format_version].keys():
        raise BundleProblem(folder, f"{MANIFEST_FILE} lists other files than a bundle has")
    if not kind.is_signature(signature, format_version):
        raise BundleProblem(folder, f"{MANIFEST_FILE} has another signature than a bundle")
