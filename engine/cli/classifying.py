"""Who tells the classes of pictures: a version in this process, or the running predictor."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from engine.errors import DataError, NotFoundError

if TYPE_CHECKING:
    from engine.predictor_client import PredictorClient
    from engine.store import Version
    from models.arrays import FloatArray
    from models.imaging.pictures import PixelArray


@dataclass(frozen=True, eq=False)
class Told:
    """The class of a picture.

    Attributes:
        version: Which version told it.
        prediction: Its name.
        probabilities: Of the most likely classes or of all, the likeliest first.
        latency_ms: How long that took.
        picture: As it is drawn: uint8 (height, width, 1 or 3), its longer side at most 512.
        heat: Where the class is seen, from 0 to 1 and shaped as the picture; None: not asked for.
    """

    version: str
    prediction: str
    probabilities: dict[str, float]
    latency_ms: float
    picture: PixelArray
    heat: FloatArray | None

    @property
    def confidence(self) -> float:
        """Probability of the class."""
        return self.probabilities[self.prediction]


class PictureTeller(Protocol):
    """Who answers."""

    version: str
    model_type: str
    classes: tuple[str, ...]
    answered_by: str

    def tell(self, path: Path, *, heat_map: bool) -> Told:
        """Tell the class of a file, and where it is seen when that is asked for.

        Raises:
            NotFoundError: There is no such file.
            DataError: It cannot be used.
        """


class InProcess:
    """A stored version, loaded into this process.

    Raises:
        ModelError: It does not verify, or forecasts series.
    """

    answered_by = "this process"

    def __init__(self, version: Version) -> None:
        from engine.predictor.serving import load_classifier

        self._served = load_classifier(version)
        self.version = version.id
        self.model_type = version.model_type
        self.classes = self._served.model.signature.classes

    def tell(self, path: Path, *, heat_map: bool) -> Told:
        """Tell the class of a file; the time is that of the model alone."""
        import numpy as np

        from engine.pictures import fitted
        from engine.predictor.heat_maps import heat_over
        from models.errors import ModelProblem

        _, decoded = _decoded(path)
        height, width, channels = self._served.model.signature.shape
        seen = fitted(decoded, height, width, channels, fit=self._served.fit)
        begin = time.perf_counter()
        try:
            answer = self._served.model.classify(seen[np.newaxis])
        except ModelProblem as problem:
            raise DataError(str(problem), where=f"version {self.version}") from problem
        milliseconds = (time.perf_counter() - begin) * 1000
        # Of two that are equally likely, the first counts, as everywhere.
        likeliest = np.argsort(-answer.probabilities[0], kind="stable").tolist()
        picture, heat = _drawn(decoded), None
        if heat_map:
            evidence = answer.evidence[0, likeliest[0]]
            heat = heat_over(evidence, picture.shape[:2], (height, width), self._served.fit)
        return Told(
            self.version,
            self.classes[likeliest[0]],
            {self.classes[at]: float(answer.probabilities[0, at]) for at in likeliest},
            milliseconds,
            picture,
            heat,
        )


class ThroughPredictor:
    """The running predictor; what it answers with is its own choice.

    Raises:
        NotFoundError: It serves no model of images.
        ServerError: It does not answer.
    """

    def __init__(self, client: PredictorClient) -> None:
        self._client = client
        serving = client.serving_classifier()
        self.version = serving.version
        self.model_type = serving.model_type
        self.classes = serving.classes
        self.answered_by = client.address

    def tell(self, path: Path, *, heat_map: bool) -> Told:
        """Tell the class of a file; the time is that from the request to the answer."""
        from engine.pictures import decode
        from engine.predictor.heat_maps import heat_of

        # Looked at here, too: there is something to draw, and no time goes into what is no picture.
        content, decoded = _decoded(path)
        answer = self._client.classify(content, name=path.name, heat_map=heat_map)
        heat = None
        if answer.heat_map_png is not None:
            heat = heat_of(decode(answer.heat_map_png, where=self.answered_by))
        return Told(
            answer.version,
            answer.prediction,
            answer.probabilities,
            answer.latency_ms,
            _drawn(decoded),
            heat,
        )


def _decoded(path: Path) -> tuple[bytes, PixelArray]:
    from engine.pictures import PictureProblem, bytes_of, decode

    if not path.exists():
        raise NotFoundError("there is no such file", where=str(path))
    if not path.is_file():
        what = "this is a folder" if path.is_dir() else "this is no ordinary file"
        raise PictureProblem("format", what, where=str(path), fix="Name the files of pictures")
    content = bytes_of(path, where=str(path))
    return content, decode(content, where=str(path))


def _drawn(decoded: PixelArray) -> PixelArray:
    """A picture in the size in which it is drawn."""
    from engine.pictures import fitted
    from engine.predictor.heat_maps import drawn_size

    return fitted(decoded, *drawn_size(*decoded.shape[:2]), decoded.shape[2], fit="stretch")
