"""A version of ours as a folder that MLflow takes for a model: MLmodel beside the bundle.

MLmodel names the flavours python_function and onnx, the signature and an input example, which is a
real window or a real picture. In `model/` lie the serving bundle, as it is, and about.json: what
the bundle does not say of itself.
"""

from __future__ import annotations

import datetime as dt
import json
import platform
import shutil
from importlib.metadata import version as version_of
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.store import Version
from engine.tracking.served import (
    ABOUT,
    BUNDLE,
    DAY,
    FORECAST,
    LOWER,
    PICTURE,
    SERIES,
    UPPER,
    VALUE,
)
from models.bundles.checks import GOLDEN_FILE, MODEL_FILE
from models.data_types import IMAGE

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.models import ModelSignature

_MODEL = "model"
_LOADER = "engine.tracking.served"
_ENVIRONMENT = "python_env.yaml"


def write_model_folder(version: Version, folder: Path) -> None:
    """Write a version as an MLflow model into an empty folder.

    Raises:
        ModelError: The bundle does not verify.
        StorageError: It has to be fetched, and cannot be.
    """
    from mlflow.models import Model
    from mlflow.models.utils import _save_example

    opened = version.open()
    shutil.copytree(version.bundle, folder / _MODEL / BUNDLE)
    fit = version.lineage.get("training", {}).get("picture_fit", "pad")
    (folder / _MODEL / ABOUT).write_text(
        json.dumps({"version": version.id, "data_type": version.data_type, "fit": fit}) + "\n",
        encoding="utf-8",
    )
    program = f"mlops-tui=={version_of('mlops-tui')}"
    (folder / "requirements.txt").write_text(f"{program}\n", encoding="utf-8")
    needs = f"python: {platform.python_version()}\ndependencies:\n- -r requirements.txt\n"
    (folder / _ENVIRONMENT).write_text(needs, encoding="utf-8")
    golden = json.loads((version.bundle / GOLDEN_FILE).read_text(encoding="utf-8"))
    model = Model(
        metadata={
            "version": version.id,
            "model_type": version.model_type,
            "data_type": version.data_type,
        }
    )
    if version.data_type == IMAGE:
        model.signature, example = _of_pictures(opened, golden)
    else:
        model.signature, example = _of_series(version, opened, golden)
    model.add_flavor(
        "python_function",
        loader_module=_LOADER,
        python_version=platform.python_version(),
        data=_MODEL,
        env={"virtualenv": _ENVIRONMENT},
    )
    model.add_flavor(
        "onnx",
        onnx_version=version_of("onnx"),
        data=f"{_MODEL}/{BUNDLE}/{MODEL_FILE}",
        providers=["CPUExecutionProvider"],
        onnx_session_options=None,
    )
    _save_example(model, example, str(folder))
    model.save(str(folder / "MLmodel"))


def _of_series(
    version: Version, model: Any, golden: dict[str, Any]
) -> tuple[ModelSignature, pd.DataFrame]:
    import pandas as pd
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec

    covariates = model.signature.covariates
    takes: list[ColSpec | TensorSpec] = [
        ColSpec(DataType.string, SERIES, required=False),
        ColSpec(DataType.datetime, DAY),
        ColSpec(DataType.double, VALUE),
        *(ColSpec(DataType.double, name, required=False) for name in covariates),
    ]
    gives: list[ColSpec | TensorSpec] = [
        ColSpec(DataType.string, SERIES),
        ColSpec(DataType.datetime, DAY),
        ColSpec(DataType.double, FORECAST),
        ColSpec(DataType.double, LOWER, required=False),
        ColSpec(DataType.double, UPPER, required=False),
    ]
    params = ParamSchema(
        [
            ParamSpec("steps", DataType.long, model.horizon),
            ParamSpec("level", DataType.double, 0.0),
        ]
    )
    values = golden["values"][0]
    last = _day_before(version.last_day_seen, golden["weekday"][0])
    days = [last - dt.timedelta(days=ago) for ago in reversed(range(len(values)))]
    frame = pd.DataFrame({SERIES: "example", DAY: pd.to_datetime(days), VALUE: values})
    for place, name in enumerate(covariates):
        known = golden["covariates"][0]
        frame[name] = [float("nan") if row[place] is None else row[place] for row in known][
            : len(values)
        ]
    return ModelSignature(Schema(takes), Schema(gives), params), frame


def _day_before(last_day: str, weekday: int) -> dt.date:
    """The last day up to `last_day` that is such a weekday."""
    day = dt.date.fromisoformat(last_day)
    return day - dt.timedelta(days=(day.weekday() - weekday) % 7)


def _of_pictures(model: Any, golden: dict[str, Any]) -> tuple[ModelSignature, pd.DataFrame]:
    import pandas as pd
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import AnyType, Map

    from engine.pictures.encoding import encode_png
    from models.imaging.bundle import golden_pixels

    signature = ModelSignature(
        # Bytes, base64 of them, or an array: one type of MLflow takes all of these.
        Schema([ColSpec(AnyType(), PICTURE)]),  # type: ignore[no-untyped-call]
        Schema(
            [
                ColSpec(DataType.string, "class"),
                ColSpec(DataType.double, "probability"),
                ColSpec(Map(DataType.double), "probabilities"),
            ]
        ),
    )
    pixels = golden_pixels(golden, model.signature)
    return signature, pd.DataFrame({PICTURE: [encode_png(pixels[0])]})
