"""Requests that arrive in the same turn of the event loop are one question to the model.

No timer waits for more: under load the turns fill by themselves, and alone nobody waits.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.predictor.serving import Served
from engine.refusal import RefusalError
from models.arrays import FloatArray, IntArray, Windows
from models.errors import ModelProblem

MOST_AT_ONCE = 64
MOST_WAITING = 2048


@dataclass(frozen=True, slots=True)
class Forecast:
    """The answer to one question.

    Attributes:
        prediction: The days.
        lower: Lower end of each day's interval, None when no level was asked for.
        upper: Upper end, likewise.
    """

    prediction: list[float]
    lower: list[float] | None = None
    upper: list[float] | None = None

    def first(self, steps: int) -> Forecast:
        """The first so many days of it."""
        if self.lower is None or self.upper is None:
            return Forecast(self.prediction[:steps])
        return Forecast(self.prediction[:steps], self.lower[:steps], self.upper[:steps])


@dataclass(frozen=True, eq=False, slots=True)
class Series:
    """What is known of a series to be forecast.

    Attributes:
        values: As many as the model's window, oldest first.
        weekday: Of the last value, Monday=0, or 7 when it is not known.
        covariates: float64 (window + some days to come, covariates of the model), NaN where
            unknown; None: nothing is known.
        known_days: How many of the values are known, the others filled; None: all.
    """

    values: Sequence[float]
    weekday: int
    covariates: FloatArray | None = None
    known_days: int | None = None


@dataclass(frozen=True, eq=False, slots=True)
class _Question:
    series: Series
    steps: int
    level: float | None
    answer: asyncio.Future[Forecast]


class Batcher:
    """Collects questions and asks them together.

    Args:
        most_waiting: More questions are refused, so that whoever waits waits a bounded time.
        count: Told of the version and of how many series it has forecast at once.
    """

    def __init__(
        self,
        most_waiting: int = MOST_WAITING,
        count: Callable[[str, int], None] = lambda name, series: None,
    ) -> None:
        self._most_waiting = most_waiting
        self._count = count
        # Those of one model that need the same number of rounds: a long forecast must not hold
        # the short ones up that happened to arrive with it.
        self._groups: OrderedDict[tuple[Served, int], deque[_Question]] = OrderedDict()
        self._waiting = 0
        self._scheduled = False
        self.batches = 0

    @property
    def waiting(self) -> int:
        """How many questions have no answer yet."""
        return self._waiting

    def ask(
        self,
        served: Served,
        series: Series,
        steps: int,
        level: float | None = None,
    ) -> asyncio.Future[Forecast]:
        """Ask for a forecast.

        Args:
            served: The model.
            series: What it is to forecast.
            steps: Days to forecast.
            level: Of the interval, None for none; the model has a calibration otherwise.

        Returns:
            The forecast to be: so many days.

        Raises:
            RefusalError: Too many wait already.
        """
        if self._waiting >= self._most_waiting:
            raise RefusalError(
                503, f"{self._waiting} requests wait already: try again", {b"retry-after": b"1"}
            )
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Forecast] = loop.create_future()
        rounds = -(-steps // served.model.horizon)
        group = self._groups.setdefault((served, rounds), deque())
        group.append(_Question(series, steps, level, answer))
        self._waiting += 1
        if not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._answer_some)
        return answer

    async def ask_many(
        self,
        served: Served,
        series: Sequence[Series],
        steps: int,
        level: float | None = None,
    ) -> list[Forecast]:
        """Forecast many series that were asked for together.

        Args:
            served: The model.
            series: What it is to forecast.
            steps: Days to forecast.
            level: Of the intervals, None for none; the model has a calibration otherwise.

        Raises:
            RefusalError: The model gives no finite forecast for one of them.
        """
        most = max(1, MOST_AT_ONCE // -(-steps // served.model.horizon))
        answers: list[Forecast] = []
        for first in range(0, len(series), most):
            part = series[first : first + most]
            try:
                answers += _forecasts(served, _windows(part), steps, [level] * len(part))
            except ModelProblem as problem:
                what = f"series[{first}] to series[{first + len(part) - 1}]: {problem}"
                raise RefusalError(500, what) from problem
            self._count(served.name, len(part))
            await asyncio.sleep(0)  # the others' turn
        return answers

    def _answer_some(self) -> None:
        (served, rounds), group = self._groups.popitem(last=False)
        most = max(1, MOST_AT_ONCE // rounds)
        batch = [group.popleft() for _ in range(min(most, len(group)))]
        if group:
            self._groups[served, rounds] = group
        self._waiting -= len(batch)
        self._scheduled = bool(self._groups)
        if self._scheduled:
            # One batch a turn: in between, the loop reads and writes for everybody else.
            asyncio.get_running_loop().call_soon(self._answer_some)
        wanted = [question for question in batch if not question.answer.done()]
        if wanted:
            self.batches += 1
            _answer(served, wanted)
            self._count(served.name, len(wanted))


def _answer(served: Served, questions: list[_Question]) -> None:
    try:
        forecasts = _forecasts(
            served,
            _windows([question.series for question in questions]),
            max(question.steps for question in questions),
            [question.level for question in questions],
        )
    except ModelProblem as problem:
        if len(questions) > 1:
            # One of them is to blame: the others must not suffer.
            for question in questions:
                _answer(served, [question])
        else:
            questions[0].answer.set_exception(RefusalError(500, str(problem)))
        return
    for question, forecast in zip(questions, forecasts, strict=True):
        question.answer.set_result(forecast.first(question.steps))


def _forecasts(
    served: Served, windows: Windows, steps: int, levels: Sequence[float | None]
) -> list[Forecast]:
    """Forecast the windows together, and give those an interval that have a level."""
    points = served.model.forecast(windows, steps)
    answers = [Forecast(prediction) for prediction in points.tolist()]
    for level in {level for level in levels if level is not None}:
        rows = np.array([row for row, own in enumerate(levels) if own == level])
        ends = served.model.interval(points[rows], windows.take(rows), level)
        for row, lower, upper in zip(rows, *(end.tolist() for end in ends), strict=True):
            answers[row] = Forecast(answers[row].prediction, lower, upper)
    return answers


def _windows(series: Sequence[Series]) -> Windows:
    return Windows(
        np.array([one.values for one in series], dtype=np.float64),
        np.array([one.weekday for one in series], dtype=np.int64),
        _covariates([one.covariates for one in series]),
        _known_days(series),
    )


def _covariates(given: Sequence[FloatArray | None]) -> FloatArray | None:
    """Those of all series side by side: NaN where one has none, or knows fewer days to come."""
    present = [one for one in given if one is not None]
    if not present:
        return None
    days = max(len(one) for one in present)
    together = np.full((len(given), days, present[0].shape[1]), np.nan)
    for row, one in zip(together, given, strict=True):
        if one is not None:
            row[: len(one)] = one
    return together


def _known_days(series: Sequence[Series]) -> IntArray | None:
    if all(one.known_days is None for one in series):
        return None
    window = len(series[0].values)
    return np.array([one.known_days or window for one in series], dtype=np.int64)
