"""Answers as they were served, kept for the day on which the actual values are known.

A ring of two files: when the newer one is full it becomes the older one, whose content is lost.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import ClassVar

import msgspec
import numpy as np
from msgspec import Struct

from models.drift.windows import numbers_of, rounded

_WRITE_SECONDS = 1.0
_MOST_UNWRITTEN = 20_000
_AT_ONCE = 256

logger = logging.getLogger(__name__)


class ServedForecast(Struct, kw_only=True):
    """One forecast.

    Attributes:
        at: When it was given, seconds since the epoch.
        model_name: The version that gave it.
        series_id: What the caller calls the series.
        last_date: Day before the first forecast day, where the caller said so.
        prediction: The forecast days.
        window: What was asked with, in numbers: `models.drift.windows.NUMBERS`, None for NaN; None
            in what an earlier version of this program kept.
        known_days: How many values of the window were given, the others filled; None: all.
    """

    at: float
    model_name: str
    series_id: str
    last_date: dt.date | None
    prediction: list[float]
    window: list[float | None] | None = None
    known_days: int | None = None


class ServedClassification(Struct, kw_only=True):
    """The class that one picture was given.

    Attributes:
        at: When it was given, seconds since the epoch.
        model_name: The version that gave it.
        sha256: Of the file, which is not kept itself.
        prediction: The class.
        confidence: Its probability.
        features: What the picture looked like to the model in numbers, by name: the same as are
            kept of the pictures that were learnt from.
    """

    at: float
    model_name: str
    sha256: str
    prediction: str
    confidence: float
    features: dict[str, float]


class _Asked(Struct):
    """A forecast, and the window that it was made from until its numbers are worked out."""

    forecast: ServedForecast
    values: Sequence[float]


class Ring:
    """Keeps the newest answers within a size.

    Args:
        path: The newer file; the older one lies beside it as `<name>.1`.
        limit_bytes: Size of both together.
    """

    what: ClassVar[str] = "answers"

    def __init__(self, path: Path, limit_bytes: int) -> None:
        self._path = path
        self._limit = limit_bytes // 2
        self._unwritten: deque[Struct] = deque(maxlen=_MOST_UNWRITTEN)
        self._problem = ""

    def note(self, answer: Struct) -> None:
        """Note one answer; it is on disk about a second later."""
        self._unwritten.append(answer)

    async def write_regularly(self) -> None:
        """Write what was noted, until cancelled; the rest is written then."""
        try:
            while True:
                await asyncio.sleep(_WRITE_SECONDS)
                if self._unwritten:
                    await asyncio.to_thread(self.write)
        finally:
            self.write()

    def write(self) -> None:
        """Write what was noted; a full disk costs the answers that were to be kept, no more."""
        noted = []
        while self._unwritten:
            noted.append(self._unwritten.popleft())
        lines = [msgspec.json.encode(answer) for answer in self._completed(noted)]
        if not lines:
            return
        try:
            if self._path.exists() and self._path.stat().st_size > self._limit:
                self._path.replace(self._path.with_name(self._path.name + ".1"))
            with self._path.open("ab") as file:
                file.write(b"\n".join(lines) + b"\n")
            self._problem = ""
        except OSError as error:
            problem = f"{len(lines)} served {self.what} could not be kept: {error}"
            if str(error) != self._problem:
                logger.warning("%s", problem)
            self._problem = str(error)

    def _completed(self, noted: list[Struct]) -> Iterable[Struct]:
        """What is written of what was noted; this is done out of the way of those who ask."""
        return noted


class Feedback(Ring):
    """Keeps forecasts.

    Only those of a series that the caller named: others could never be joined with what came.
    """

    what = "forecasts"

    def keep(
        self,
        model_name: str,
        series_id: str,
        last_date: dt.date | None,
        prediction: Sequence[float],
        values: Sequence[float] = (),
        known_days: int | None = None,
    ) -> None:
        """Note one forecast.

        Args:
            model_name: The version that gave it.
            series_id: What the caller calls the series.
            last_date: Day before the first forecast day, where the caller said so.
            prediction: The forecast days.
            values: The window that it was made from; must not change afterwards.
            known_days: How many of these were given, the others filled; None: all.
        """
        forecast = ServedForecast(
            at=time.time(),
            model_name=model_name,
            series_id=series_id,
            last_date=last_date,
            prediction=list(prediction),
            known_days=known_days,
        )
        self.note(_Asked(forecast, values))

    def _completed(self, noted: list[Struct]) -> Iterator[Struct]:
        asked = [one for one in noted if isinstance(one, _Asked)]
        for _, some in groupby(asked, key=lambda one: len(one.values)):
            several = list(some)
            # Not all at once: in between, the loop has its turn.
            for first in range(0, len(several), _AT_ONCE):
                yield from _with_numbers(several[first : first + _AT_ONCE])


def _with_numbers(asked: list[_Asked]) -> Iterator[ServedForecast]:
    """Forecasts from windows of one length, which are put into numbers together."""
    if asked[0].values:
        values = np.array([one.values for one in asked], dtype=np.float64)
        numbers = rounded(numbers_of(values))
        for one, row in zip(asked, numbers.tolist(), strict=True):
            one.forecast.window = [None if number != number else number for number in row]
    for one in asked:
        yield one.forecast


class ClassificationFeedback(Ring):
    """Keeps the classes that pictures were given, and what the pictures looked like in numbers."""

    what = "classifications"
