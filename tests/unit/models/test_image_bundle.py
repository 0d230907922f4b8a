from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from models import registry
from models.arrays import Windows
from models.bundles import opening
from models.bundles.checks import GOLDEN_FILE, MANIFEST_FILE, MODEL_FILE, BundleProblem
from models.errors import ModelProblem
from models.forecasting import bundle as forecasters
from models.forecasting.serving_model import ServingModel
from models.imaging import bundle as bundles
from models.imaging import serving_classifier
from models.imaging.bundle import KIND, golden_pixels, open_bundle, verify_bundle, write_bundle
from models.imaging.serving_classifier import ServingClassifier
from tests.unit.models.picture_sets import CLASSES, fitted, pictures
from tests.unit.models.tampering import (
    define_a_function,
    give_a_second_output,
    reseal,
    rewrite_model,
    use_custom_operator,
    use_custom_operator_in_a_branch,
    use_external_data,
)

SIGNATURE = {"height": 9, "width": 11, "channels": 3, "classes": list(CLASSES)}
SAMPLE = pictures(12, seed=2)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    write_bundle(fitted(), tmp_path / "bundle", SAMPLE.pixels)
    return tmp_path / "bundle"


def change_golden(folder: Path, change: Callable[[dict[str, object]], None]) -> None:
    golden = json.loads((folder / GOLDEN_FILE).read_text())
    change(golden)
    (folder / GOLDEN_FILE).write_text(json.dumps(golden))
    reseal(folder)


def test_a_bundle_answers_as_the_model_that_was_written(bundle: Path) -> None:
    served, model, pixels = open_bundle(bundle), fitted(), pictures(40, seed=3).pixels
    answer = served.classify(pixels)
    np.testing.assert_allclose(answer.probabilities, model.predict(pixels), atol=1e-6)
    np.testing.assert_array_equal(served.predict(pixels), answer.probabilities)
    np.testing.assert_allclose(answer.probabilities.sum(axis=1), 1, rtol=1e-12)
    assert (answer.probabilities.dtype, answer.evidence.dtype) == (np.float64, np.float32)
    assert answer.evidence.shape[:2] == (40, 3)
    assert (served.signature.shape, served.signature.classes) == ((9, 11, 3), CLASSES)


def test_the_manifest_says_what_the_bundle_is_for(bundle: Path) -> None:
    manifest = verify_bundle(bundle)
    assert manifest == json.loads((bundle / MANIFEST_FILE).read_text())
    assert (manifest["data_type"], manifest["format"]) == ("image", 2)
    assert manifest["model_type"] == "MeanPicture"
    assert manifest["signature"] == SIGNATURE
    assert manifest["files"].keys() == {MODEL_FILE, GOLDEN_FILE}
    assert manifest["model"] == fitted().describe()


def test_the_same_model_gives_the_same_files(bundle: Path, tmp_path: Path) -> None:
    write_bundle(fitted(), tmp_path / "again", SAMPLE.pixels)
    assert (tmp_path / "again" / MANIFEST_FILE).read_bytes() == (
        bundle / MANIFEST_FILE
    ).read_bytes()


def test_four_pictures_from_all_over_the_sample_are_kept_as_they_are(bundle: Path) -> None:
    golden = json.loads((bundle / GOLDEN_FILE).read_text())
    kept = golden_pixels(golden, open_bundle(bundle).signature)
    np.testing.assert_array_equal(kept, SAMPLE.pixels[[0, 3, 7, 11]])


def test_as_many_large_pictures_are_kept_as_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # base64 has four characters for three bytes.
    assert KIND.size_limits[GOLDEN_FILE] > bundles._GOLDEN_BYTES * 4 / 3
    for fitting, kept in ((2.5, 2), (0.5, 1)):
        monkeypatch.setattr(bundles, "_GOLDEN_BYTES", int(fitting * 9 * 11 * 3))
        write_bundle(fitted(), tmp_path / f"{kept}", SAMPLE.pixels)
        golden = json.loads((tmp_path / f"{kept}" / GOLDEN_FILE).read_text())
        assert len(golden["pixels"]) == kept


def test_a_bundle_is_served_where_no_training_library_is_installed(bundle: Path) -> None:
    code = (
        "import sys\n"
        "for name in ('torch', 'lightgbm', 'pandas', 'scipy', 'PIL'): sys.modules[name] = None\n"
        "import numpy as np\n"
        "from pathlib import Path\n"
        "from models.bundles.opening import open_bundle\n"
        "heavy = {'onnx', 'onnxruntime'} & set(sys.modules)\n"
        "pixels = np.zeros((2, 9, 11, 3), dtype=np.uint8)\n"
        "print(heavy, open_bundle(Path(sys.argv[1])).classify(pixels).probabilities.shape)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, bundle], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("set() (2, 3)", "")


def test_many_pictures_are_answered_a_few_at_a_time(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served, pixels = open_bundle(bundle), pictures(7).pixels
    whole = served.classify(pixels)
    sizes: list[int] = []
    run = served._session.run
    monkeypatch.setattr(serving_classifier, "_VALUES_AT_ONCE", 3 * 9 * 11 * 3)
    monkeypatch.setattr(
        served._session,
        "run",
        lambda outputs, asked: (sizes.append(len(asked["pixels"])), run(outputs, asked))[1],
    )
    parts = served.classify(pixels)
    assert sizes == [3, 3, 1]
    np.testing.assert_array_equal(parts.probabilities, whole.probabilities)
    np.testing.assert_array_equal(parts.evidence, whole.evidence)


def test_no_pictures_have_no_answers(bundle: Path) -> None:
    answer = open_bundle(bundle).classify(SAMPLE.pixels[:0])
    assert answer.probabilities.shape == (0, 3)
    assert answer.evidence.shape[:2] == (0, 3)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros((1, 9, 11, 3)), "pictures are uint8"),
        (np.zeros((9, 11, 3), dtype=np.uint8), "pictures are uint8"),
        (np.zeros((1, 11, 9, 3), dtype=np.uint8), r"shape \(9, 11, 3\), not \(11, 9, 3\)"),
        (np.zeros((1, 9, 11, 1), dtype=np.uint8), r"not \(9, 11, 1\)"),
    ],
    ids=["numbers", "one picture", "another size", "gray"],
)
def test_pictures_that_do_not_fit_are_refused(
    bundle: Path, pixels: np.ndarray, message: str
) -> None:
    served = open_bundle(bundle)
    for ask in (served.classify, served.predict):
        with pytest.raises(ModelProblem, match=message):
            ask(pixels)


def test_a_folder_that_holds_something_is_not_written_to(bundle: Path) -> None:
    with pytest.raises(ModelProblem, match="is not empty"):
        write_bundle(fitted(), bundle, SAMPLE.pixels)


def test_a_bundle_without_a_sample_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ModelProblem, match="at least one sample picture"):
        write_bundle(fitted(), tmp_path / "bundle", SAMPLE.pixels[:0])


def test_a_model_that_answers_otherwise_than_its_export_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = fitted()
    monkeypatch.setattr(type(model), "predict", lambda self, pixels: np.eye(3)[[0, 1, 2, 0]])
    with pytest.raises(ModelProblem, match="does not give the golden probabilities"):
        write_bundle(model, tmp_path / "bundle", SAMPLE.pixels)


@pytest.mark.parametrize("name", [MODEL_FILE, GOLDEN_FILE, MANIFEST_FILE])
@pytest.mark.parametrize("how", ["flipped", "truncated", "empty", "missing", "link", "folder"])
def test_a_damaged_file_is_found(bundle: Path, name: str, how: str, tmp_path: Path) -> None:
    path = bundle / name
    content = path.read_bytes()
    path.unlink()
    match how:
        case "flipped":
            # In the manifest this is no JSON any more, or another sha256.
            path.write_bytes(content[:-30] + bytes([content[-30] ^ 1]) + content[-29:])
            if name == MANIFEST_FILE:
                path.write_bytes(b"\xff" + content)
        case "truncated":
            path.write_bytes(content[:-10])
        case "empty":
            path.touch()
        case "link":
            (tmp_path / "elsewhere").write_bytes(content)
            path.symlink_to(tmp_path / "elsewhere")
        case "folder":
            path.mkdir()
    for check in (verify_bundle, open_bundle, opening.verify_bundle, opening.open_bundle):
        with pytest.raises(BundleProblem, match="Deploy another version"):
            check(bundle)


def test_a_link_to_a_bundle_is_none(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(bundle)
    with pytest.raises(ModelProblem, match="the folder is a link"):
        opening.verify_bundle(tmp_path / "link")


@pytest.mark.parametrize("name", ["intervals.json", "weights.npz", "golden.json.bak"])
def test_a_file_that_does_not_belong_is_found(bundle: Path, name: str) -> None:
    (bundle / name).write_text("{}")
    with pytest.raises(ModelProblem, match="does not belong"):
        verify_bundle(bundle)


def test_a_file_that_only_the_manifest_of_a_forecaster_may_list_is_refused(bundle: Path) -> None:
    (bundle / "intervals.json").write_text("{}")
    files = json.loads((bundle / MANIFEST_FILE).read_text())["files"]
    reseal(bundle, files={**files, "intervals.json": files[GOLDEN_FILE]})
    with pytest.raises(ModelProblem, match="lists other files"):
        verify_bundle(bundle)


@pytest.mark.parametrize("name", [MODEL_FILE, GOLDEN_FILE, MANIFEST_FILE])
def test_a_file_that_is_too_large_is_not_read(bundle: Path, name: str) -> None:
    with (bundle / name).open("r+b") as file:
        # A hole: as long as is said, and nothing on the disk.
        file.truncate(KIND.size_limits[name] + 1)
    with pytest.raises(ModelProblem, match=f"{name} has .* bytes, more than is allowed"):
        verify_bundle(bundle)


@pytest.mark.parametrize(
    "change",
    [
        {"height": 7},
        {"width": 1025},
        {"width": 11.0},
        {"channels": 2},
        {"channels": True},
        {"more": 1},
        {"classes": "abc"},
        {"classes": ["a"]},
        {"classes": ["a", "b", 3]},
        {"classes": ["a", "b", ["c"]]},
        {"classes": ["a", "b", "a"]},
    ],
    ids=str,
)
def test_a_signature_of_another_form_is_refused(bundle: Path, change: dict[str, object]) -> None:
    reseal(bundle, signature={**SIGNATURE, **change})
    with pytest.raises(ModelProblem, match="another signature"):
        verify_bundle(bundle)


@pytest.mark.parametrize("missing", SIGNATURE)
def test_a_signature_that_lacks_something_is_refused(bundle: Path, missing: str) -> None:
    reseal(bundle, signature={key: SIGNATURE[key] for key in SIGNATURE if key != missing})
    with pytest.raises(ModelProblem, match="another signature"):
        verify_bundle(bundle)


@pytest.mark.parametrize(
    "change", [{"height": 11, "width": 9}, {"channels": 1}, {"classes": ["a", "b"]}], ids=str
)
def test_a_signature_that_the_model_does_not_keep_is_refused(
    bundle: Path, change: dict[str, object]
) -> None:
    reseal(bundle, signature={**SIGNATURE, **change})
    with pytest.raises(ModelProblem, match="golden example cannot be run"):
        open_bundle(bundle)


def test_a_bundle_of_a_newer_format_is_refused(bundle: Path) -> None:
    reseal(bundle, format=3)
    with pytest.raises(ModelProblem, match="has format 3; this version reads 1 to 2"):
        verify_bundle(bundle)


@pytest.mark.parametrize(("difference", "is_served"), [(5e-5, True), (2e-4, False), (0.5, False)])
def test_answers_may_differ_from_the_golden_ones_by_rounding_only(
    bundle: Path, difference: float, is_served: bool
) -> None:
    def differ(golden: dict[str, object]) -> None:
        golden["probabilities"][1][2] += difference

    change_golden(bundle, differ)
    if is_served:
        open_bundle(bundle)
    else:
        with pytest.raises(ModelProblem, match="does not give the golden probabilities"):
            open_bundle(bundle)


@pytest.mark.parametrize(
    "probabilities", [[], [[0.5, 0.5, 0.0]], [[0.1]], [["a"]], [[None] * 3] * 4]
)
def test_golden_probabilities_of_another_form_are_refused(
    bundle: Path, probabilities: object
) -> None:
    change_golden(bundle, lambda golden: golden.update(probabilities=probabilities))
    with pytest.raises(ModelProblem, match="golden"):
        open_bundle(bundle)


@pytest.mark.parametrize(
    "pixels",
    [
        [],
        7,
        [7],
        ["no base64!"],
        [base64.b64encode(bytes(9 * 11 * 3 - 1)).decode()],
        ["🖼"],
        None,
    ],
    ids=["none", "number", "numbers", "no base64", "too short", "no ASCII", "null"],
)
def test_a_golden_example_of_another_form_is_refused(bundle: Path, pixels: object) -> None:
    change_golden(bundle, lambda golden: golden.update(pixels=pixels))
    with pytest.raises(ModelProblem, match="golden example cannot be run"):
        open_bundle(bundle)


def rename_the_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].name = "image"
    model.graph.node[0].input[0] = "image"


def leave_the_evidence_out(model: onnx.ModelProto) -> None:
    del model.graph.output[1]


def change_output(name: str, operator: str, constant: float) -> Callable[[onnx.ModelProto], None]:
    """Compute an output as before, and then something with it."""

    def change(model: onnx.ModelProto) -> None:
        graph = model.graph
        (maker,) = [node for node in graph.node if name in node.output]
        maker.output[0] = "before"
        value = np.array(constant, dtype=np.float32)
        graph.initializer.append(onnx.numpy_helper.from_array(value, "constant"))
        graph.node.append(onnx.helper.make_node(operator, ["before", "constant"], [name]))

    return change


def poison_the_weights(model: onnx.ModelProto) -> None:
    (means,) = [tensor for tensor in model.graph.initializer if tensor.name == "means"]
    values = onnx.numpy_helper.to_array(means).copy()
    values[0, 0, 0] = np.nan
    means.CopyFrom(onnx.numpy_helper.from_array(values, "means"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (use_external_data, "data from outside the file"),
        (use_custom_operator, "operators of 'com.example'"),
        (use_custom_operator_in_a_branch, "operators of 'com.example'"),
        (define_a_function, "functions of its own"),
        (give_a_second_output, "the model gives"),
        (leave_the_evidence_out, "the model gives"),
        (rename_the_input, "the model takes"),
        (poison_the_weights, "not finite"),
        (change_output("evidence", "Add", np.inf), "not finite"),
        (change_output("probabilities", "Mul", 1.01), "no probabilities"),
        (change_output("probabilities", "Mul", -1.0), "no probabilities"),
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


@pytest.fixture
def forecaster(tmp_path: Path) -> Path:
    model = registry.create("SeasonalNaive", window=14, horizon=7, seed=0, threads=0, hparams={})
    windows = Windows(np.arange(28.0).reshape(2, 14), np.array([0, 6]))
    forecasters.write_bundle(model, tmp_path / "forecaster", windows)
    return tmp_path / "forecaster"


def test_a_bundle_is_opened_as_what_it_is(bundle: Path, forecaster: Path) -> None:
    assert isinstance(opening.open_bundle(bundle), ServingClassifier)
    assert isinstance(opening.open_bundle(forecaster), ServingModel)
    for folder, data_type in ((bundle, "image"), (forecaster, "timeseries")):
        assert opening.data_type_of(opening.verify_bundle(folder)) == data_type


def test_a_bundle_of_one_kind_is_none_of_the_other(bundle: Path, forecaster: Path) -> None:
    with pytest.raises(ModelProblem, match="for data_type image, not timeseries"):
        forecasters.open_bundle(bundle)
    with pytest.raises(ModelProblem, match="for data_type timeseries, not image"):
        open_bundle(forecaster)


@pytest.mark.parametrize("data_type", ["sound", None, ["image"], 1])
def test_a_bundle_for_data_that_is_not_known_is_refused(bundle: Path, data_type: object) -> None:
    reseal(bundle, data_type=data_type)
    for check in (verify_bundle, opening.verify_bundle, opening.open_bundle):
        with pytest.raises(BundleProblem, match="serves timeseries and image"):
            check(bundle)


def test_the_files_of_all_kinds_are_known_with_their_limits() -> None:
    optional = {"intervals.json", "reference.json"}
    assert opening.SIZE_LIMITS.keys() == {MODEL_FILE, GOLDEN_FILE, MANIFEST_FILE} | optional
    assert set(opening.OPTIONAL_FILES) == optional
