"""A version loaded by MLflow: `mlflow.pyfunc.load_model("models:/mlops-tui-timeseries@champion")`.

MLflow imports this module by its name, wherever mlops-tui is installed. What answers is the serving
bundle, verified as everywhere: onnxruntime, no torch, and nothing is unpickled.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from engine.pictures import Fit
from engine.pictures.decoding import decode
from engine.pictures.fitting import fitted
from models.arrays import FloatArray, Windows, weekday_of
from models.bundles.opening import open_bundle
from models.errors import ModelProblem
from models.forecasting.serving_model import ServingModel
from models.forecasting.short import extended_windows
from models.imaging.pictures import PixelArray
from models.imaging.serving_classifier import ServingClassifier

BUNDLE = "bundle"
ABOUT = "about.json"
"""Beside the bundle: what it does not say of itself."""

SERIES, DAY, VALUE = "unique_id", "ds", "y"
FORECAST, LOWER, UPPER = "forecast", "lower", "upper"
PICTURE = "image"

_ONE_DAY = dt.timedelta(days=1)


def _load_pyfunc(path: str) -> Any:
    """What MLflow calls: the model in a folder with `bundle/` and about.json.

    Raises:
        ModelProblem: It does not verify.
    """
    folder = Path(path)
    model = open_bundle(folder / BUNDLE)
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    if isinstance(model, ServingModel):
        return ForecastFrames(model)
    return PictureFrames(model, about["fit"])


class ForecastFrames:
    """Frames of series in, frames of forecasts out.

    Args:
        model: What answers.
    """

    def __init__(self, model: ServingModel) -> None:
        self.model = model

    def predict(
        self, model_input: pd.DataFrame, params: Mapping[str, Any] | None = None
    ) -> pd.DataFrame:
        """Forecast the days after the last value of each series.

        Args:
            model_input: Rows of `unique_id` (may be left out for one series), `ds`, `y` and the
                covariates that the model knows. Rows at the end without `y` are days to come, of
                which covariates are known. Of fewer days than the model sees the older ones are
                filled, as the predictor does.
            params: `steps`, how many days (default: the horizon), and `level`, the percentage of
                the prediction interval (default 0: none).

        Returns:
            Rows of `unique_id`, `ds`, `forecast`, and with a level of `lower`, `upper`.

        Raises:
            ModelProblem: A series has gaps, duplicate days, no value, or values that are not
                finite.
        """
        asked = params or {}
        steps = int(asked.get("steps") or self.model.horizon)
        level = float(asked.get("level") or 0.0)
        frame = model_input
        if SERIES not in frame.columns:
            frame = frame.assign(**{SERIES: ""})
        parts = [
            self._of_one(str(name), rows, steps, level)
            for name, rows in frame.groupby(SERIES, sort=False)
        ]
        columns = [SERIES, DAY, FORECAST, *([LOWER, UPPER] if level else [])]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)

    def _of_one(self, name: str, rows: pd.DataFrame, steps: int, level: float) -> pd.DataFrame:
        rows = rows.sort_values(DAY)
        days = [moment.date() for moment in pd.to_datetime(rows[DAY])]
        values = rows[VALUE].to_numpy(dtype=np.float64)
        known = np.flatnonzero(~np.isnan(values))
        if not len(known):
            raise ModelProblem(f"series {name!r} has no value")
        for earlier, later in pairwise(days):
            if later - earlier != _ONE_DAY:
                what = "stands twice" if later == earlier else f"does not follow {earlier}"
                raise ModelProblem(f"series {name!r}: {later} {what}", "Give one row a day.")
        end = int(known[-1]) + 1
        begin = max(end - self.model.window, int(known[0]))
        windows = extended_windows(
            Windows(
                values[None, begin:end],
                np.array([weekday_of(days[end - 1])]),
                self._covariates(rows, begin),
            ),
            self.model.window,
        )
        forecast = self.model.forecast(windows, steps)
        answer: dict[str, Any] = {
            SERIES: name,
            DAY: pd.to_datetime([days[end - 1] + _ONE_DAY * step for step in range(1, steps + 1)]),
            FORECAST: forecast[0],
        }
        if level:
            lower, upper = self.model.interval(forecast, windows, level / 100)
            answer |= {LOWER: lower[0], UPPER: upper[0]}
        return pd.DataFrame(answer)

    def _covariates(self, rows: pd.DataFrame, begin: int) -> FloatArray | None:
        names = self.model.signature.covariates
        if not names:
            return None
        laid_out = np.full((1, len(rows) - begin, len(names)), np.nan)
        for place, name in enumerate(names):
            if name in rows.columns:
                laid_out[0, :, place] = rows[name].to_numpy(dtype=np.float64)[begin:]
        return laid_out


class PictureFrames:
    """Frames of pictures in, frames of classes out.

    Args:
        model: What answers.
        fit: How pictures of another size are brought to the model's, as it learnt them.
    """

    def __init__(self, model: ServingClassifier, fit: Fit) -> None:
        self.model = model
        self._fit = fit

    def predict(
        self, model_input: pd.DataFrame, params: Mapping[str, Any] | None = None
    ) -> pd.DataFrame:
        """Tell what pictures show.

        Args:
            model_input: A column `image`: the bytes of a PNG or JPEG file, these in base64, or
                uint8 (height, width, channels).
            params: None are known.

        Returns:
            A row a picture: `class`, its `probability`, and `probabilities` of all classes by name.

        Raises:
            PictureProblem: One cannot be decoded.
            ModelProblem: One is something else.
        """
        signature = self.model.signature
        pictures = [
            fitted(_pixels(one, f"image {row}"), *signature.shape, fit=self._fit)
            for row, one in enumerate(model_input[PICTURE])
        ]
        pixels = np.stack(pictures) if pictures else np.empty((0, *signature.shape), dtype=np.uint8)
        probabilities = self.model.predict(pixels)
        best = probabilities.argmax(axis=1)
        return pd.DataFrame(
            {
                "class": [signature.classes[one] for one in best],
                "probability": probabilities.max(axis=1),
                "probabilities": [
                    dict(zip(signature.classes, row.tolist(), strict=True)) for row in probabilities
                ],
            }
        )


def _pixels(given: Any, where: str) -> PixelArray:
    if isinstance(given, str):
        try:
            # MLflow's own examples break their lines.
            given = base64.b64decode("".join(given.split()), validate=True)
        except (ValueError, binascii.Error) as error:
            raise ModelProblem(f"{where}: text that is not base64") from error
    if isinstance(given, bytes | bytearray):
        return decode(bytes(given), where=where)
    array = np.asarray(given)
    if array.ndim == 2:
        array = array[:, :, np.newaxis]
    # Nested lists, as JSON has them, are of a wider type.
    whole = array.dtype != np.uint8 and array.size and np.issubdtype(array.dtype, np.integer)
    if whole and array.min() >= 0 and array.max() <= np.iinfo(np.uint8).max:
        array = array.astype(np.uint8)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] not in (1, 3):
        raise ModelProblem(
            f"{where}: neither the bytes of a picture nor uint8 (height, width, 1 or 3), but "
            f"{array.dtype} {array.shape}"
        )
    return array
