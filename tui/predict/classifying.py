"""Asks which class a picture belongs to, and where that is seen; remembers what was answered.

A running predictor answers by HTTP; another version, or where none runs, `engine predict`.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import DataError, EngineError, NotFoundError, ServerError, error_of_dict
from tui import told

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from engine.predictor_client import ServingClassifier
    from engine.workspace import Workspace

    Pixels = npt.NDArray[np.uint8]
    Heat = npt.NDArray[np.floating[Any]]

Engine = Callable[..., Awaitable[Any]]

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
        sees: Height, width and channels of what the model sees; None where that is not told.
        latency_ms: From the request to the whole answer.
        address: Of the predictor that answered; "" for a process of its own.
    """

    version: str
    model_type: str
    prediction: str
    probabilities: tuple[tuple[str, float], ...]
    classes: int
    sees: tuple[int, int, int] | None
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
        overlaid: That over the picture, where it was told so only.
        problem: Why there is no answer.
        heat_problem: Why it is not known where the class is seen.
        revision: Grows whenever there is something else to be seen.
        is_new: Whether somebody named it and waits for its answer, wherever the cursor stands.
    """

    path: str
    size: tuple[int, int, int] | None = None
    bytes: int = 0
    pixels: Pixels | None = field(default=None, repr=False)
    answer: Classified | None = None
    heat: Heat | None = field(default=None, repr=False)
    overlaid: Pixels | None = field(default=None, repr=False)
    problem: EngineError | None = None
    heat_problem: EngineError | None = None
    revision: int = 0
    is_new: bool = False

    @property
    def name(self) -> str:
        """Of the file."""
        return Path(self.path).name

    @property
    def is_known(self) -> bool:
        """Whether it was answered, or why it cannot be."""
        return self.answer is not None or self.problem is not None

    @property
    def is_located(self) -> bool:
        """Whether it is known where its class is seen, or why that cannot be."""
        return any(one is not None for one in (self.heat, self.overlaid, self.heat_problem))

    def forget(self) -> None:
        """It is to be asked about anew."""
        self.answer = self.heat = self.overlaid = self.problem = self.heat_problem = None
        self.revision += 1


class Classifying:
    """Asks the predictor, or `engine predict`.

    Args:
        workspace: Whose predictor.
        engine: Runs an `engine` command and returns its data.

    Attributes:
        pictures: What was asked about, the newest first.
        version: Which version is to answer; "": the one that serves.
        serving: Id of the version that answered last; "" while none has.
    """

    def __init__(self, workspace: Workspace, engine: Engine) -> None:
        self._workspace = workspace
        self._engine = engine
        self.pictures: list[Asked] = []
        self.version = ""
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

    def use_version(self, version: str) -> None:
        """Let another version answer; "": the one that serves."""
        if version != self.version:
            self.version = version
            self.forget()

    def arguments(self, one: Asked) -> list[str]:
        """Of the `engine` command that asks the same."""
        found = ["predict", one.path]
        return [*found, "--version", self.version] if self.version else found

    async def look_at_predictor(self) -> None:
        """See which version answers: what another one said is outdated."""
        serving = await asyncio.to_thread(_serving, self._workspace)
        if serving is None or self.version or serving.version == self.serving:
            return
        if self.serving:
            self.forget()
        self.serving = serving.version

    async def ask(self, one: Asked) -> None:
        """Answer which class a picture belongs to."""
        version = self.version
        try:
            content = await asyncio.to_thread(_read, one)
            answer = None
            if not version:
                answer = await asyncio.to_thread(_classify, self._workspace, content, one.name)
            if answer is None:
                said = await self._by_command(one)
                answer = answer_of(said, one.path)
        except EngineError as error:
            one.problem = error
            return
        if version != self.version:
            # Another one was chosen meanwhile.
            return
        if not version:
            self.serving = answer.version
        one.answer = answer

    async def ask_where(self, one: Asked) -> None:
        """Answer where in a picture its class is seen."""
        try:
            if one.answer is not None and one.answer.address:
                one.heat = await asyncio.to_thread(_heat, self._workspace, one)
            else:
                said = await self._by_command(one, "--heat-map")
                one.overlaid = await asyncio.to_thread(_overlaid, said, one.path)
        except EngineError as error:
            one.heat_problem = error

    async def _by_command(self, one: Asked, *options: str) -> Any:
        return await self._engine(*self.arguments(one), *options)


def answer_of(said: Any, path: str) -> Classified:
    """What `engine predict PICTURE --json` printed.

    Raises:
        EngineError: It says why there is no answer, or says nothing of this picture.
    """
    document = told.mapping(said)
    one = _of_picture(document, path)
    return Classified(
        version=told.text(document.get("version")),
        model_type=told.text(document.get("model_type")),
        prediction=told.text(one.get("prediction")),
        probabilities=tuple(
            (str(name), told.number(share) or 0.0)
            for name, share in told.mapping(one.get("probabilities")).items()
        ),
        classes=len(told.entries(document.get("classes"))),
        sees=None,
        latency_ms=told.number(one.get("latency_ms")) or 0.0,
        address="",
    )


def _of_picture(document: dict[str, Any], path: str) -> dict[str, Any]:
    one = next(iter(told.mappings(document.get("pictures"))), None)
    if one is None:
        raise DataError("the answer says nothing of this picture", where=path)
    if isinstance(one.get("error"), dict):
        raise error_of_dict(one["error"])
    return one


def _overlaid(said: Any, path: str) -> Pixels:
    from engine.pictures import decode

    drawn = told.text(_of_picture(told.mapping(said), path).get("overlaid_png"))
    if not drawn:
        raise DataError("no heat map was drawn", where=path)
    return decode(base64.b64decode(drawn), where=path)


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


def _read(one: Asked) -> bytes:
    """Read a picture, and keep what is to be seen of it.

    Raises:
        DataError: It is no picture that can be used.
    """
    from engine.pictures import decode

    content = _content(one.path)
    pixels = decode(content, where=one.path)
    one.bytes = len(content)
    height, width, channels = pixels.shape
    one.size = height, width, channels
    step = -(-max(height, width) // _LONGEST_SIDE)
    one.pixels = pixels[::step, ::step].copy() if step > 1 else pixels
    one.revision += 1
    return content


def _classify(workspace: Workspace, content: bytes, name: str) -> Classified | None:
    """Ask the predictor; None where none is running or ready."""
    from engine.predictor_client import PredictorClient

    try:
        client = PredictorClient(workspace)
    except ServerError:
        return None
    with client:
        try:
            # Asked first, so that the time that is measured is not that of connecting.
            serving = client.serving_classifier()
        except (ServerError, NotFoundError):
            return None
        said = client.classify(content, name=name)
        return Classified(
            version=said.version,
            model_type=serving.model_type,
            prediction=said.prediction,
            probabilities=tuple(said.probabilities.items()),
            classes=len(serving.classes),
            sees=(serving.height, serving.width, serving.channels),
            latency_ms=said.latency_ms,
            address=client.address,
        )


def _heat(workspace: Workspace, one: Asked) -> Heat:
    """Where the class is seen, from the heat map that the predictor draws.

    Raises:
        ServerError: It drew none.
    """
    from engine.pictures import decode
    from engine.predictor.heat_maps import heat_of
    from engine.predictor_client import PredictorClient

    with PredictorClient(workspace) as client:
        drawn = client.classify(_content(one.path), name=one.name, heat_map=True).heat_map_png
    if drawn is None:
        raise ServerError("the predictor drew no heat map", where=one.path)
    return heat_of(decode(drawn, where=one.path))


def _serving(workspace: Workspace) -> ServingClassifier | None:
    """What classifies pictures; None where no predictor is running or ready."""
    from engine.predictor_client import PredictorClient

    try:
        with PredictorClient(workspace) as client:
            return client.serving_classifier()
    except (ServerError, NotFoundError):
        return None
