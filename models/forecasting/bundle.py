"""Serving bundles: a fitted model as data-only files that any process can check and serve.

    model.onnx      values float64 (n, window), weekday int64 (n,) and, where it learnt from any,
                    covariates float64 (n, window + horizon, k) -> forecast float64 (n, horizon)
    golden.json     windows and the forecast that the model gave for them when it was written
    intervals.json  how far the model misses, for prediction intervals; absent without calibration
    manifest.json   format, signature, size and sha256 of the others, description of the model

Format 1 knew no intervals.json, format 2 no covariates and no floor at 0; their bundles are
served as ever, without these. Serving needs onnxruntime, not the library that trained the model.
Nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.arrays import DAYS_A_WEEK, FloatArray, Windows, roll
from models.base import INTERVALS_FILE, Forecaster
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
_TOLERANCE = 1e-5
_FIX = "Deploy another version, or train and write this one again."


class BundleProblem(ModelProblem):
    """A bundle that must not be served."""

    def __init__(self, folder: Path, what: str) -> None:
        super().__init__(f"{folder}: {what}", _FIX)


@dataclass(frozen=True)
class Signature:
    """What a bundle takes and gives."""

    window: int
    horizon: int
    season: int = DAYS_A_WEEK
    covariates: tuple[str, ...] = ()
    """Names, in the order that windows have them."""
    nonnegative: bool = False
    """Whether it learnt from values that never were below 0; see `models.arrays.floored`."""

    @classmethod
    def of(cls, manifest: dict[str, Any]) -> Signature:
        """The signature in a checked manifest of any format."""
        said = dict(manifest["signature"])
        return cls(**{**said, "covariates": tuple(said.get("covariates", ()))})


def write_bundle(forecaster: Forecaster, folder: Path, sample: Windows) -> dict[str, Any]:
    """Write a fitted model as a bundle into a new or empty folder, and try it out.

    Args:
        forecaster: A fitted model; its calibration, where it has one, goes with it.
        folder: Made when it does not exist; may hold nothing yet.
        sample: A few real windows; they and their forecasts become the golden example.

    Returns:
        The manifest.

    Raises:
        ModelProblem: A folder that holds something, no sample, or a model whose exported graph
            does not answer as the model itself does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise ModelProblem(f"{folder} is not empty", "Write every bundle into a folder of its own.")
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
    manifest = {
        "format": BUNDLE_FORMAT,
        "model_type": forecaster.model_type,
        "signature": vars(
            Signature(
                forecaster.window,
                forecaster.horizon,
                covariates=forecaster.covariates,
                nonnegative=forecaster.nonnegative,
            )
        ),
        "files": {path.name: _fingerprint(path.read_bytes()) for path in sorted(folder.iterdir())},
        "model": forecaster.describe(),
    }
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest, indent=2), encoding="utf-8")
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
    manifest, contents = _verified(folder)
    _calibration(folder, manifest, contents)
    return manifest


def open_bundle(folder: Path) -> ServingModel:
    """Verify a bundle, load it, and let it answer its golden example.

    Raises:
        BundleProblem: A check failed, or the answer is not the golden one.
    """
    manifest, contents = _verified(folder)
    calibration = _calibration(folder, manifest, contents)
    model = ServingModel(folder, manifest, contents[MODEL_FILE], calibration)
    golden = _parse(folder, GOLDEN_FILE, contents[GOLDEN_FILE])
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


class ServingModel:
    """A verified bundle in memory. One thread a forecast: more collapse beside a training.

    Args:
        folder: Where it came from, for messages.
        manifest: Verified manifest.
        onnx_model: Contents of model.onnx.
        calibration: What intervals are made from, None where the bundle brings none.

    Raises:
        BundleProblem: onnxruntime cannot load it, or its inputs and outputs are not a
            forecaster's.
    """

    def __init__(
        self,
        folder: Path,
        manifest: dict[str, Any],
        onnx_model: bytes,
        calibration: Calibration | None = None,
    ) -> None:
        import onnxruntime

        self._folder = folder
        self.manifest = manifest
        self.calibration = calibration
        self.signature = Signature.of(manifest)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        # Its messages go to stderr past every handler; what matters arrives as an exception.
        options.log_severity_level = 4
        try:
            # From the bytes that were verified: the file is not read a second time.
            self._session = onnxruntime.InferenceSession(
                onnx_model, options, providers=["CPUExecutionProvider"]
            )
        except _runtime_errors() as error:
            raise BundleProblem(folder, f"onnxruntime cannot load the model: {error}") from error
        self._check_interface(folder)

    def _check_interface(self, folder: Path) -> None:
        inputs = {part.name: (part.type, len(part.shape)) for part in self._session.get_inputs()}
        outputs = {part.name: (part.type, len(part.shape)) for part in self._session.get_outputs()}
        # A graph that does not look at the weekday may leave it out.
        takes = {"values": ("tensor(double)", 2), "weekday": ("tensor(int64)", 1)}
        if self.signature.covariates:
            takes["covariates"] = ("tensor(double)", 3)
        if "values" not in inputs or not inputs.items() <= takes.items():
            raise BundleProblem(folder, f"the model takes {inputs}, not {takes}")
        if outputs != {"forecast": ("tensor(double)", 2)}:
            raise BundleProblem(folder, f"the model gives {outputs}, not one forecast")
        self._inputs = tuple(inputs)

    @property
    def window(self) -> int:
        """Values that the model sees."""
        return self.signature.window

    @property
    def horizon(self) -> int:
        """Days that the model answers at a time."""
        return self.signature.horizon

    def forecast(self, windows: Windows, steps: int | None = None) -> FloatArray:
        """Forecast `steps` days after each window (default: the horizon): float64 (n, steps).

        Raises:
            ModelProblem: Windows of another length, `steps` below 1, or an answer that is not
                finite.
        """
        if windows.window != self.window:
            raise ModelProblem(
                f"this model needs windows of {self.window} values, not {windows.window}"
            )
        steps = self.horizon if steps is None else steps
        return roll(self._answer, windows, steps, nonnegative=self.signature.nonnegative)

    def interval(
        self, point: FloatArray, windows: Windows, level: float
    ) -> tuple[FloatArray, FloatArray]:
        """Prediction interval around what `forecast` gave for these windows.

        Returns:
            Lower and upper ends, shaped like `point`; see `Calibration.interval`.

        Raises:
            ModelProblem: The bundle brings no calibration, or `level` is not between 0 and 1.
        """
        if self.calibration is None:
            raise ModelProblem(
                "this model has no prediction intervals",
                "Ask without a level, or train and deploy it again.",
            )
        return self.calibration.interval(point, windows, level)

    def _answer(self, windows: Windows) -> FloatArray:
        offered = {"values": windows.values, "weekday": windows.weekday}
        if self.signature.covariates:
            offered["covariates"] = windows.known_covariates(
                len(self.signature.covariates), self.horizon
            )
        asked = {name: offered[name] for name in self._inputs}
        try:
            (forecast,) = self._session.run(["forecast"], asked)
        except _runtime_errors() as error:
            raise BundleProblem(self._folder, f"the model cannot be run: {error}") from error
        if forecast.shape != (len(windows), self.horizon):
            raise ModelProblem(
                f"the model answered with shape {forecast.shape}, "
                f"not {(len(windows), self.horizon)}"
            )
        return np.asarray(forecast, dtype=np.float64)


def _runtime_errors() -> tuple[type[Exception], ...]:
    """What onnxruntime raises; its classes have no common base but Exception."""
    from onnxruntime.capi import onnxruntime_pybind11_state as raised

    return (
        raised.Fail,
        raised.InvalidArgument,
        raised.InvalidGraph,
        raised.InvalidProtobuf,
        raised.NotImplemented,
        raised.RuntimeException,
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


def _fingerprint(content: bytes) -> dict[str, Any]:
    return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _verified(folder: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    try:
        if folder.is_symlink():
            raise BundleProblem(folder, "the folder is a link")
        manifest = _parse(folder, MANIFEST_FILE, _read(folder, MANIFEST_FILE))
        _check_manifest(folder, manifest)
        listed = manifest["files"]
        present = sorted(path.name for path in folder.iterdir())
        if unknown := [name for name in present if name not in {*listed, MANIFEST_FILE}]:
            raise BundleProblem(folder, f"file {unknown[0]!r} does not belong in a bundle")
        contents = {name: _read(folder, name) for name in sorted(listed)}
    except OSError as error:
        raise BundleProblem(folder, f"cannot be read: {error}") from error
    for name, content in contents.items():
        if _fingerprint(content) != listed[name]:
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


def _parse(folder: Path, name: str, content: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BundleProblem(folder, f"{name} is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise BundleProblem(folder, f"{name} is not an object")
    return parsed


def _calibration(
    folder: Path, manifest: dict[str, Any], contents: dict[str, bytes]
) -> Calibration | None:
    if INTERVALS_FILE not in contents:
        return None
    parsed = _parse(folder, INTERVALS_FILE, contents[INTERVALS_FILE])
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
