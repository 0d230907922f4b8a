"""Ways to change a serving bundle that must be noticed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import onnx

from models.bundles.checks import MANIFEST_FILE, MODEL_FILE


def reseal(folder: Path, **changes: object) -> None:
    """Make the manifest fit the files again, as someone who wants to deceive would."""
    manifest = json.loads((folder / MANIFEST_FILE).read_text())
    for name in manifest["files"]:
        content = (folder / name).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        manifest["files"][name] = {"size": len(content), "sha256": digest}
    (folder / MANIFEST_FILE).write_text(json.dumps({**manifest, **changes}))


def rewrite_model(folder: Path, change: Callable[[onnx.ModelProto], None]) -> None:
    model = onnx.load(folder / MODEL_FILE)
    change(model)
    (folder / MODEL_FILE).write_bytes(model.SerializeToString())
    reseal(folder)


def use_external_data(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")


def use_custom_operator(model: onnx.ModelProto) -> None:
    model.graph.node[0].domain = "com.example"


def use_custom_operator_in_a_branch(model: onnx.ModelProto) -> None:
    inner = onnx.helper.make_node("Anything", [], ["x"], domain="com.example")
    branch = onnx.helper.make_graph([inner], "branch", [], [])
    model.graph.node[0].attribute.append(onnx.helper.make_attribute("body", branch))


def define_a_function(model: onnx.ModelProto) -> None:
    model.functions.add(name="Gather", domain="")


def give_a_second_output(model: onnx.ModelProto) -> None:
    model.graph.output.append(model.graph.input[0])
