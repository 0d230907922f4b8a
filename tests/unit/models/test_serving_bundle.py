from __future__ import annotations

import datetime as dt
import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from models import registry
from models.arrays import Panel, Windows
from models.errors import ModelProblem
from models.forecasting.bundle import (
    GOLDEN_FILE,
    INTERVALS_FILE,
    MANIFEST_FILE,
    MODEL_FILE,
    open_bundle,
    verify_bundle,
    write_bundle,
)
from tests.unit.models.tampering import (
    define_a_function,
    give_a_second_output,
    reseal,
    rewrite_model,
    use_custom_operator,
    use_custom_operator_in_a_branch,
    use_external_data,
)

WINDOWS = Windows(np.arange(42.0).reshape(3, 14) ** 1.5, np.array([0, 6, 7]))
SIGNATURE = {
    "window": 14,
    "horizon": 7,
    "season": 7,
    "covariates": [],
    "nonnegative": True,
}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    model = registry.create("SeasonalNaive", window=14, horizon=7, seed=0, threads=0, hparams={})
    model.nonnegative = True
    write_bundle(model, tmp_path / "bundle", WINDOWS)
    return tmp_path / "bundle"


@pytest.fixture
def with_intervals(tmp_path: Path) -> Path:
    """A bundle that brings a calibration."""
    values = np.random.default_rng(0).normal(50, 5, (2, 90))
    panel = Panel(("a", "b"), dt.date(2026, 1, 1), values)
    model = registry.create("SeasonalNaive", window=14, horizon=7, seed=0, threads=0, hparams={})
    model.calibrate(panel, validation_days=28)
    write_bundle(model, tmp_path / "bundle", WINDOWS)
    return tmp_path / "bundle"


def test_an_untouched_bundle_is_served(bundle: Path) -> None:
    served = open_bundle(bundle)
    assert (served.window, served.horizon, served.signature.season) == (14, 7, 7)
    assert served.manifest["model_type"] == "SeasonalNaive"
    np.testing.assert_array_equal(served.forecast(WINDOWS, 3), WINDOWS.values[:, 7:10])


def test_a_bundle_is_served_where_no_training_library_is_installed(bundle: Path) -> None:
    code = (
        "import sys\n"
        "for name in ('torch', 'lightgbm', 'pandas', 'scipy'): sys.modules[name] = None\n"
        "import numpy as np\n"
        "from pathlib import Path\n"
        "from models.arrays import Windows\n"
        "from models.forecasting.bundle import open_bundle\n"
        "windows = Windows(np.ones((1, 14)), np.array([7]))\n"
        "print(open_bundle(Path(sys.argv[1])).forecast(windows, 9).shape)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, bundle], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("(1, 9)", "")


def test_windows_of_another_length_are_refused(bundle: Path) -> None:
    with pytest.raises(ModelProblem, match="needs windows of 14 values, not 13"):
        open_bundle(bundle).forecast(Windows(np.ones((1, 13)), np.array([0])))


def test_a_folder_that_holds_something_is_not_written_to(bundle: Path) -> None:
    model = registry.create("SeasonalNaive", window=14, horizon=7, seed=0, threads=0, hparams={})
    with pytest.raises(ModelProblem, match="is not empty"):
        write_bundle(model, bundle, WINDOWS)


@pytest.mark.parametrize("name", [MODEL_FILE, GOLDEN_FILE])
@pytest.mark.parametrize("at", [0, 0.5, -1])
def test_a_flipped_bit_is_found(bundle: Path, name: str, at: float) -> None:
    content = bytearray((bundle / name).read_bytes())
    content[int(at * len(content)) if at > 0 else int(at)] ^= 1
    (bundle / name).write_bytes(content)
    with pytest.raises(ModelProblem, match=f"{name} is not the file that was written"):
        verify_bundle(bundle)


@pytest.mark.parametrize("name", [MODEL_FILE, GOLDEN_FILE, MANIFEST_FILE])
@pytest.mark.parametrize("how", ["truncated", "empty", "missing", "link", "folder"])
def test_a_damaged_file_is_found(bundle: Path, name: str, how: str, tmp_path: Path) -> None:
    path = bundle / name
    content = path.read_bytes()
    path.unlink()
    match how:
        case "truncated":
            path.write_bytes(content[:-10])
        case "empty":
            path.touch()
        case "link":
            (tmp_path / "elsewhere").write_bytes(content)
            path.symlink_to(tmp_path / "elsewhere")
        case "folder":
            path.mkdir()
    with pytest.raises(ModelProblem, match="Deploy another version"):
        open_bundle(bundle)


def test_a_file_that_does_not_belong_is_found_and_never_unpickled(bundle: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return pytest.fail, ("the file was unpickled",)

    (bundle / "model.pt").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ModelProblem, match=r"'model\.pt' does not belong"):
        open_bundle(bundle)


@pytest.mark.parametrize(
    "manifest",
    [
        "[]",
        "{}",
        "[" * 100_000,
        '{"format": NaN',
        '{"format": 1, "model_type": "x", "signature": {}, "files": {}, "model": {}}',
    ],
    ids=["list", "nothing", "deep", "broken", "no signature"],
)
def test_a_manifest_of_another_form_is_refused(bundle: Path, manifest: str) -> None:
    (bundle / MANIFEST_FILE).write_text(manifest)
    with pytest.raises(ModelProblem, match=MANIFEST_FILE):
        verify_bundle(bundle)


def test_a_bundle_of_a_newer_format_is_refused(bundle: Path) -> None:
    reseal(bundle, format=5)
    with pytest.raises(ModelProblem, match="has format 5; this version reads 1 to 4"):
        verify_bundle(bundle)


def test_a_signature_that_the_model_does_not_keep_is_refused(bundle: Path) -> None:
    reseal(bundle, signature={**SIGNATURE, "horizon": 8})
    with pytest.raises(ModelProblem, match="golden example cannot be run"):
        open_bundle(bundle)


def test_a_calibration_goes_with_the_bundle(with_intervals: Path) -> None:
    manifest = verify_bundle(with_intervals)
    assert manifest["format"] == 4
    assert manifest["files"].keys() == {MODEL_FILE, GOLDEN_FILE, INTERVALS_FILE}
    served = open_bundle(with_intervals)
    assert served.calibration is not None
    point = served.forecast(WINDOWS, 10)
    lower, upper = served.interval(point, WINDOWS, 0.8)
    assert lower.shape == upper.shape == point.shape
    assert (lower < point).all()
    assert (point < upper).all()


def as_format(number: int, folder: Path) -> None:
    """Make a bundle what an earlier version wrote."""
    reseal(folder, format=number, signature={"window": 14, "horizon": 7, "season": 7})


@pytest.mark.parametrize("number", [1, 2])
def test_a_bundle_of_a_format_before_covariates_has_no_floor(bundle: Path, number: int) -> None:
    assert open_bundle(bundle).signature.nonnegative
    as_format(number, bundle)
    signature = open_bundle(bundle).signature
    assert (signature.covariates, signature.nonnegative) == ((), False)


@pytest.mark.parametrize(
    "change", [{"covariates": "promo"}, {"covariates": [1]}, {"nonnegative": 1}, {"more": 1}]
)
def test_a_signature_of_another_form_is_refused(bundle: Path, change: dict[str, object]) -> None:
    reseal(bundle, signature={**SIGNATURE, **change})
    with pytest.raises(ModelProblem, match="another signature"):
        verify_bundle(bundle)


def test_a_bundle_of_the_format_before_intervals_is_served_without_them(bundle: Path) -> None:
    as_format(1, bundle)
    assert verify_bundle(bundle)["format"] == 1
    served = open_bundle(bundle)
    np.testing.assert_array_equal(served.forecast(WINDOWS, 3), WINDOWS.values[:, 7:10])
    assert served.calibration is None
    with pytest.raises(ModelProblem, match="no prediction intervals"):
        served.interval(served.forecast(WINDOWS), WINDOWS, 0.8)


def test_a_calibration_that_the_format_does_not_know_is_refused(with_intervals: Path) -> None:
    as_format(1, with_intervals)
    with pytest.raises(ModelProblem, match="lists other files"):
        open_bundle(with_intervals)


def test_a_calibration_that_the_manifest_does_not_list_is_refused(
    bundle: Path, tmp_path: Path
) -> None:
    (bundle / INTERVALS_FILE).write_text("{}")
    with pytest.raises(ModelProblem, match=r"'intervals\.json' does not belong"):
        open_bundle(bundle)


@pytest.mark.parametrize("how", ["flip", "missing", "link"])
def test_a_damaged_calibration_is_found(with_intervals: Path, how: str, tmp_path: Path) -> None:
    path = with_intervals / INTERVALS_FILE
    content = bytearray(path.read_bytes())
    path.unlink()
    if how == "flip":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif how == "link":
        (tmp_path / "elsewhere").write_bytes(content)
        path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelProblem, match="Deploy another version"):
        verify_bundle(with_intervals)


@pytest.mark.parametrize("how", ["another horizon", "another form", "no JSON"])
def test_a_calibration_that_does_not_fit_is_refused(with_intervals: Path, how: str) -> None:
    path = with_intervals / INTERVALS_FILE
    data = json.loads(path.read_text())
    if how == "another horizon":
        data["quantiles"].pop()
    else:
        data["more"] = 1
    path.write_text("{" if how == "no JSON" else json.dumps(data))
    reseal(with_intervals)
    for check in (verify_bundle, open_bundle):
        with pytest.raises(ModelProblem, match=INTERVALS_FILE):
            check(with_intervals)


def test_another_golden_forecast_is_refused(bundle: Path) -> None:
    golden = json.loads((bundle / GOLDEN_FILE).read_text())
    golden["forecast"][0][0] += 0.1
    (bundle / GOLDEN_FILE).write_text(json.dumps(golden))
    reseal(bundle)
    with pytest.raises(ModelProblem, match="does not give the golden forecast"):
        open_bundle(bundle)


def rename_the_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].name = "numbers"
    model.graph.node[0].input[0] = "numbers"


def answer_nan(model: onnx.ModelProto) -> None:
    graph = model.graph
    graph.node[0].output[0] = "clean"
    graph.initializer.append(onnx.numpy_helper.from_array(np.array(np.nan), "poison"))
    graph.node.append(onnx.helper.make_node("Add", ["clean", "poison"], ["forecast"]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (use_external_data, "data from outside the file"),
        (use_custom_operator, "operators of 'com.example'"),
        (use_custom_operator_in_a_branch, "operators of 'com.example'"),
        (define_a_function, "functions of its own"),
        (give_a_second_output, "not one forecast"),
        (rename_the_input, "the model takes"),
        (answer_nan, "not finite"),
    ],
)
def test_a_model_that_does_what_it_must_not_is_refused(
    bundle: Path, change: Callable[[onnx.ModelProto], None], message: str
) -> None:
    rewrite_model(bundle, change)
    with pytest.raises(ModelProblem, match=message):
        open_bundle(bundle)


def test_bytes_that_are_no_model_are_refused(bundle: Path) -> None:
    (bundle / MODEL_FILE).write_bytes(b"\xff" * 100)
    reseal(bundle)
    with pytest.raises(ModelProblem, match="is not an ONNX file"):
        verify_bundle(bundle)
