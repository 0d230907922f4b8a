"""Asks which class a picture belongs to, and where that is seen; remembers what was answered."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import DataError, EngineError, NotFoundError, ServerError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from engine.predictor_client import PredictedClass, ServingClassifier
    from engine.workspace import Workspace

    Pixels = npt.NDArray[np.uint8]
    Heat = npt.NDArray[np.floating[Any]]

MOST_KEPT = 50
# No terminal has more pixels than that in one picture.
_LONGEST_SIDE = 512


@dataclass(frozen=True, slots=True)
class Classified:
    """An answer.

    Attributes:
        version: Which version answered.
        model_type: What kind of model it is.
        prediction: Name of the class.
        probabilities: Of the likeliest classes, the likeliest first.
        classes: How many classes there are.
        sees: Height, width and channels of what the model sees.
        latency_ms: From the request to the whole answer.
        address: Of the predictor that answered.
    """

    version: str
    model_type: str
    prediction: str
    probabilities: tuple[tuple[str, float], ...]
    classes: int
    sees: tuple[int, int, int]
    latency_ms: float
    address: str

    @property
    def confidence(self) -> float:
        """Probability of the class."""
        return next((share for name, share in self.probabilities if name == self.prediction), 0.0)


@dataclass(eq=False, slots=True)
class Asked:
    """A picture that somebody asked about.

    Attributes:
        path: Of its file.
        size: Height, width and channels of what is in it; None before it was read.
        bytes: Of the file.
        pixels: The picture, made smaller where it is larger than any terminal.
        answer: None before there is one.
        heat: Where the class is seen, 0 to 1; None before somebody wanted to know.
        problem: Why there is no answer.
        heat_problem: Why it is not known where the class is seen.
        is_new: Whether somebody named it and waits for its answer, wherever the cursor stands.
    """

    path: str
    size: tuple[int, int, int] | None = None
    bytes: int = 0
    pixels: Pixels | None = field(default=None, repr=False)
    answer: Classified | None = None
    heat: Heat | None = field(default=None, repr=False)
    problem: EngineError | None = None
    heat_problem: EngineError | None = None
    is_new: bool = False

    @property
    def name(self) -> str:
        """Of the file."""
        return Path(self.path).name

    @property
    def is_known(self) -> bool:
        """Whether it was answered, or why it cannot be."""
        return self.answer is not None or self.problem is not None

    def forget(self) -> None:
        """It is to be asked about anew."""
        self.answer = self.heat = self.problem = self.heat_problem = None


class Classifying:
    """Asks the predictor.

    Args:
        workspace: Whose predictor.

    Attributes:
        pictures: What was asked about, the newest first.
        serving: Id of the version that answered last; "" while none has.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.pictures: list[Asked] = []
        self.serving = ""

    def add(self, path: str) -> Asked:
        """Put a picture in front; one that is there already is asked about anew."""
        known = next((one for one in self.pictures if one.path == path), None)
        if known is not None:
            self.pictures.remove(known)
            known.forget()
        self.pictures.insert(0, known or Asked(path))
        self.pictures[0].is_new = True
        del self.pictures[MOST_KEPT:]
        return self.pictures[0]

    def forget(self) -> None:
        """Ask everything anew."""
        for one in self.pictures:
            one.forget()

    async def look_at_predictor(self) -> None:
        """See which version answers: what another one said is outdated."""
        serving = await asyncio.to_thread(_serving, self._workspace)
        if serving is not None and serving.version != self.serving:
            if self.serving:
                self.forget()
            self.serving = serving.version

    async def ask(self, one: Asked) -> None:
        """Answer which class a picture belongs to."""
        try:
            answer = await asyncio.to_thread(_classify, self._workspace, one)
        except EngineError as error:
            one.problem = error
            return
        self.serving = answer.version
        one.answer = answer

    async def ask_where(self, one: Asked) -> None:
        """Answer where in a picture its class is seen."""
        try:
            one.heat = await asyncio.to_thread(_heat, self._workspace, one)
        except EngineError as error:
            one.heat_problem = error


def _content(path: str) -> bytes:
    """What is in a file.

    Raises:
        DataError: It cannot be read, or is larger than any picture that is taken.
    """
    from engine.pictures import Limits

    try:
        with Path(path).open("rb") as file:
            content = file.read(Limits().max_bytes + 1)
    except IsADirectoryError as error:
        raise DataError("that is a folder", where=path, fix="Name a picture in it") from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise DataError(f"it cannot be read: {why}", where=path) from error
    if len(content) > Limits().max_bytes:
        raise DataError("it is larger than any picture that is taken", where=path)
    return content


def _classify(workspace: Workspace, one: Asked) -> Classified:
    """Read a picture, keep what is to be seen of it, and ask the predictor."""
    from engine.pictures import decode
    from engine.predictor_client import PredictorClient

    content = _content(one.path)
    pixels = decode(content, where=one.path)
    one.bytes = len(content)
    height, width, channels = pixels.shape
    one.size = height, width, channels
    step = -(-max(height, width) // _LONGEST_SIDE)
    one.pixels = pixels[::step, ::step].copy() if step > 1 else pixels
    with PredictorClient(workspace) as client:
        # Asked first, so that the time that is measured is not that of connecting.
        serving = client.serving_classifier()
        said = client.classify(content, name=one.name)
        return _answer(serving, said, client.address)


def _answer(serving: ServingClassifier, said: PredictedClass, address: str) -> Classified:
    return Classified(
        version=said.version,
        model_type=serving.model_type,
        prediction=said.prediction,
        probabilities=tuple(said.probabilities.items()),
        classes=len(serving.classes),
        sees=(serving.height, serving.width, serving.channels),
        latency_ms=said.latency_ms,
        address=address,
    )


def _heat(workspace: Workspace, one: Asked) -> Heat:
    """Where the class is seen, from the heat map that the predictor draws.

    Raises:
        ServerError: It drew none.
    """
    import numpy as np

    from engine.pictures import decode
    from engine.predictor.heat_maps import COLOURS
    from engine.predictor_client import PredictorClient

    with PredictorClient(workspace) as client:
        drawn = client.classify(_content(one.path), name=one.name, heat_map=True).heat_map_png
    if drawn is None:
        raise ServerError("the predictor drew no heat map", where=one.path)
    # Its colours get brighter all the way, so that brightness tells the heat.
    brightness = COLOURS.sum(axis=1, dtype=np.int64)
    shown = decode(drawn, where=one.path).sum(axis=2, dtype=np.int64)
    heat: Heat = np.searchsorted(brightness, shown).clip(0, 255) / 255.0
    return heat


def _serving(workspace: Workspace) -> ServingClassifier | None:
    """What classifies pictures; None where no predictor is running or ready."""
    from engine.predictor_client import PredictorClient

    try:
        with PredictorClient(workspace) as client:
            return client.serving_classifier()
    except (ServerError, NotFoundError):
        return None
