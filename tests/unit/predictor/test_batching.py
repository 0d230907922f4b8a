from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.predictor.batching import MOST_AT_ONCE, Batcher, Forecast, Series
from engine.predictor.serving import Served
from engine.refusal import RefusalError
from models.arrays import UNKNOWN_WEEKDAY, FloatArray, Windows
from models.errors import ModelProblem
from models.forecasting.bundle import open_bundle
from tests.unit.daemon.loop import in_event_loop
from tests.unit.predictor.conftest import WINDOW

WEEK = [float(value) for value in range(7)]


@pytest.fixture
def served(bundles: list[Path]) -> Served:
    return Served("naive-1", "SeasonalNaive", open_bundle(bundles[0]))


@pytest.fixture
def with_intervals(calibrated: Path) -> Served:
    return Served("naive-2", "SeasonalNaive", open_bundle(calibrated))


def ask(
    batcher: Batcher,
    served: Served,
    number: float = 0.0,
    steps: int = 7,
    level: float | None = None,
) -> asyncio.Future[Forecast]:
    values = [value + number for value in WEEK * 2]
    assert len(values) == WINDOW
    return batcher.ask(served, Series(values, UNKNOWN_WEEKDAY), steps, level)


def week_from(number: float) -> list[float]:
    return [value + number for value in WEEK]


@in_event_loop
async def test_what_arrives_together_is_asked_together_and_everybody_gets_his_own(
    served: Served,
) -> None:
    batcher = Batcher()

    answers = await asyncio.gather(*(ask(batcher, served, number) for number in range(40)))

    assert batcher.batches == 1
    assert answers == [Forecast(week_from(number)) for number in range(40)]


@in_event_loop
async def test_no_more_than_fit_are_asked_at_once(served: Served) -> None:
    batcher = Batcher()

    await asyncio.gather(*(ask(batcher, served) for _ in range(MOST_AT_ONCE * 3)))

    assert batcher.batches == 3


@in_event_loop
async def test_different_steps_are_each_answered_with_theirs(served: Served) -> None:
    batcher = Batcher()

    answers = await asyncio.gather(*(ask(batcher, served, steps=steps) for steps in (1, 5, 7, 20)))

    assert [len(answer.prediction) for answer in answers] == [1, 5, 7, 20]
    assert batcher.batches == 2  # one round, and three


@in_event_loop
async def test_of_what_is_asked_together_each_gets_the_interval_of_his_level(
    with_intervals: Served,
) -> None:
    batcher = Batcher()
    wanted = [(0.0, 7, None), (1.0, 7, 0.8), (2.0, 3, 0.5), (3.0, 7, 0.8)]

    answers = await asyncio.gather(
        *(ask(batcher, with_intervals, number, steps, level) for number, steps, level in wanted)
    )

    assert batcher.batches == 1
    assert answers == [
        Forecast(WEEK),
        Forecast(week_from(1), week_from(1), week_from(8)),
        Forecast(week_from(2)[:3], week_from(2)[:3], week_from(9)[:3]),
        Forecast(week_from(3), week_from(3), week_from(10)),
    ]


@in_event_loop
async def test_short_forecasts_do_not_wait_for_all_long_ones(served: Served) -> None:
    batcher = Batcher()
    order: list[str] = []
    long = [ask(batcher, served, steps=365) for _ in range(20)]
    short = ask(batcher, served)
    long[-1].add_done_callback(lambda _: order.append("long"))
    short.add_done_callback(lambda _: order.append("short"))

    await asyncio.gather(*long, short)

    assert order == ["short", "long"]


@in_event_loop
async def test_too_many_that_wait_are_refused_and_told_when_to_come_again(served: Served) -> None:
    batcher = Batcher(most_waiting=3)
    waiting = [ask(batcher, served) for _ in range(3)]

    with pytest.raises(RefusalError) as refused:
        ask(batcher, served)
    await asyncio.gather(*waiting)

    assert (refused.value.status, refused.value.headers) == (503, {b"retry-after": b"1"})
    assert batcher.waiting == 0
    assert await ask(batcher, served) == Forecast(WEEK)


@in_event_loop
async def test_one_that_the_model_cannot_answer_does_not_spoil_the_others(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = served.model.forecast

    def forecast(windows: Windows, steps: int | None = None) -> FloatArray:
        if (windows.values >= 1000).any():
            raise ModelProblem("the model answered with a value that is not finite")
        return real(windows, steps)

    monkeypatch.setattr(served.model, "forecast", forecast)
    batcher = Batcher()

    answers = await asyncio.gather(
        *(ask(batcher, served, number) for number in (1, 1000, 2)), return_exceptions=True
    )

    assert (answers[0], answers[2]) == (Forecast(week_from(1)), Forecast(week_from(2)))
    assert isinstance(answers[1], RefusalError)
    assert answers[1].status == 500


@in_event_loop
async def test_who_does_not_wait_any_more_is_not_asked_for(served: Served) -> None:
    batcher = Batcher()
    gone, stays = ask(batcher, served), ask(batcher, served)
    gone.cancel()

    assert await stays == Forecast(WEEK)
    assert batcher.waiting == 0
