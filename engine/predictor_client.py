"""Asking the running predictor, as its clients do: by HTTP, at the address that it wrote down.

Small on purpose: who asks for a forecast needs neither the engine nor what runs a model.
"""

from __future__ import annotations

import base64
import http.client
import json
import math
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import TracebackType
from typing import Any

from engine.errors import DataError, NotFoundError, ServerError
from engine.processes import is_alive
from engine.workspace import Workspace

_TIMEOUT_SECONDS = 10.0
_LOG = "predictor/log"


@dataclass(frozen=True)
class ServingModel:
    """What answers: its id and model, the days that it sees and gives, what else it can do."""

    version: str
    model_type: str
    window: int
    horizon: int
    intervals: bool
    covariates: tuple[str, ...] = ()


@dataclass(frozen=True)
class PredictorAnswer:
    """A forecast as it was served.

    Attributes:
        version: Which version answered.
        forecast: Its days.
        latency_ms: From the request to the whole answer, on a connection that was there.
        interval: Lower and upper ends of its days, None when no level was asked for.
    """

    version: str
    forecast: list[float]
    latency_ms: float
    interval: tuple[list[float], list[float]] | None = None


@dataclass(frozen=True)
class ServingClassifier:
    """What classifies pictures: its id and model, its classes, the size of what it sees."""

    version: str
    model_type: str
    classes: tuple[str, ...]
    height: int
    width: int
    channels: int


@dataclass(frozen=True)
class PredictedClass:
    """The class of a picture as it was served.

    Attributes:
        version: Which version answered.
        prediction: Name of the class.
        probabilities: Of the most likely classes, the likeliest first.
        latency_ms: From the request to the whole answer, on a connection that was there.
        overlaid_png: Where the class is seen, drawn over the picture; None when not asked for.
        heat_map_png: The same without the picture.
    """

    version: str
    prediction: str
    probabilities: dict[str, float]
    latency_ms: float
    overlaid_png: bytes | None = None
    heat_map_png: bytes | None = None

    @property
    def confidence(self) -> float:
        """Probability of the class."""
        return self.probabilities[self.prediction]


def predictor_address(workspace: Workspace) -> tuple[str, int]:
    """Host and port where the predictor of a workspace answers.

    Raises:
        ServerError: None is running.
    """
    for path in sorted(workspace.predictor.glob("worker-*.json")):
        try:
            record = json.loads(path.read_bytes())
        except (OSError, ValueError):
            continue  # being replaced, or of a worker that died while it wrote
        if isinstance(record, dict) and is_alive(record.get("pid"), record.get("mark")):
            return str(record["host"]), int(record["port"])
    raise ServerError(
        "no predictor is running", where=str(workspace.root), fix="Start it: engine up"
    )


class PredictorClient:
    """One connection to the predictor; use it as a context manager.

    Args:
        workspace: Whose predictor.

    Raises:
        ServerError: None is running.
    """

    def __init__(self, workspace: Workspace) -> None:
        host, port = predictor_address(workspace)
        self.address = f"http://{host}:{port}"
        self._log = str(workspace.root / _LOG)
        self._connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS)

    def __enter__(self) -> PredictorClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def serving(self) -> ServingModel:
        """What answers now.

        Raises:
            NotFoundError: No version is deployed.
            ServerError: The predictor does not answer.
        """
        said = self._ask("GET", "/models")
        serving = said["serving"]
        if serving is None:
            raise NotFoundError(
                said["problem"] or "no model is deployed yet",
                where=self.address,
                fix="Deploy one: engine run full_flow",
            )
        return ServingModel(
            str(serving["model_name"]),
            str(serving["model_type"]),
            int(serving["window"]),
            int(serving["horizon"]),
            # One that runs since before an upgrade does not tell.
            bool(serving.get("intervals", False)),
            tuple(serving.get("covariates", ())),
        )

    def forecast(
        self,
        values: Sequence[float],
        steps: int,
        *,
        last_day: date | None = None,
        series_id: str | None = None,
        level: float | None = None,
        covariates: Mapping[str, Sequence[float]] | None = None,
        extend: bool = False,
    ) -> PredictorAnswer:
        """Ask for the days after some values.

        Args:
            values: Oldest first; at least the window of what serves, unless `extend`.
            steps: Days wanted.
            last_day: Day of the last value; None: not known.
            series_id: Which series it is; the forecast is then kept, to be held against what comes.
            level: Of the interval of each day, in percent; None: no interval.
            covariates: By name, a number for each value and for days to come; NaN is unknown.
            extend: Let the predictor fill the older days where there are fewer than it sees.

        Raises:
            DataError: The predictor cannot forecast this; says why.
            ServerError: The predictor does not answer.
        """
        series: dict[str, Any] = {"input_data": list(values)}
        if last_day is not None:
            series["last_date"] = last_day.isoformat()
        asked: dict[str, Any] = {"prediction_step": steps}
        if level is not None:
            asked["level"] = level
        if covariates:
            series["covariates"] = {
                name: [None if math.isnan(number) else number for number in numbers]
                for name, numbers in covariates.items()
            }
        if extend:
            # Left out otherwise: a predictor that runs since before an upgrade does not know it.
            asked["extend"] = True
        begin = time.perf_counter()
        if series_id is None:
            said = self._ask("POST", "/predict_timeseries", series | asked)
            one = said
        else:
            series["series_id"] = series_id
            said = self._ask("POST", "/forecast", {"series": [series], **asked})
            one = said["forecasts"][0]
        milliseconds = (time.perf_counter() - begin) * 1000
        interval = None if level is None else (list(one["lower"]), list(one["upper"]))
        version = str(said["model_name"])
        return PredictorAnswer(version, list(one["prediction"]), milliseconds, interval)

    def serving_classifier(self) -> ServingClassifier:
        """What classifies pictures now.

        Raises:
            NotFoundError: No version is deployed.
            ServerError: The predictor does not answer.
        """
        # One that runs since before an upgrade knows of no images.
        said = self._ask("GET", "/models").get("image", {"serving": None, "problem": ""})
        serving = said["serving"]
        if serving is None:
            raise NotFoundError(
                said["problem"] or "no model of images is deployed yet",
                where=self.address,
                fix="Deploy one: engine run full_flow, with data_type: image",
            )
        return ServingClassifier(
            str(serving["model_name"]),
            str(serving["model_type"]),
            tuple(serving["classes"]),
            int(serving["height"]),
            int(serving["width"]),
            int(serving["channels"]),
        )

    def classify(self, content: bytes, *, name: str = "", heat_map: bool = False) -> PredictedClass:
        """Ask which class a picture belongs to.

        Args:
            content: A PNG or JPEG file.
            name: What it is called, for messages.
            heat_map: Whether to draw where the class is seen.

        Raises:
            DataError: The predictor cannot use this file; says why.
            ServerError: The predictor does not answer, or has no model of images.
        """
        form, kind = _form(content, name)
        begin = time.perf_counter()
        path = f"/predict_image?heat_map={'true' if heat_map else 'false'}"
        said = self._send("POST", path, form, kind)
        milliseconds = (time.perf_counter() - begin) * 1000
        return PredictedClass(
            str(said["model_name"]),
            str(said["prediction"]),
            {str(label): float(share) for label, share in said["probabilities"].items()},
            milliseconds,
            _picture(said["overlaid_img"]),
            _picture(said["raw_hm_img"]),
        )

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        content = None if body is None else json.dumps(body).encode()
        return self._send(method, path, content, "application/json")

    def _send(self, method: str, path: str, content: bytes | None, kind: str) -> dict[str, Any]:
        try:
            headers = {"Content-Type": kind} if content is not None else {}
            self._connection.request(method, path, content, headers)
            response = self._connection.getresponse()
            said = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ServerError(
                f"the predictor does not answer: {error}",
                where=self.address,
                fix=f"See {self._log}",
            ) from error
        if response.status == 200:
            return dict(said)
        message = str(said.get("message", said))
        if response.status in (400, 413, 422):
            raise DataError(message, where=self.address)
        raise ServerError(
            f"the predictor refuses ({response.status}): {message}", where=self.address
        )


def _form(content: bytes, name: str) -> tuple[bytes, str]:
    """A form with one file, and its Content-Type."""
    boundary = secrets.token_hex(16)  # stands in no picture but by a chance of 1 in 2^128
    called = "".join(" " if ord(letter) < 32 else letter for letter in name)
    called = called.encode(errors="replace").decode().replace('"', "%22")
    head = (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="file"; filename="{called}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    return body, f"multipart/form-data; boundary={boundary}"


def _picture(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
