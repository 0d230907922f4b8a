from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from models import metrics
from models.arrays import Panel
from models.errors import ModelProblem
from models.forecasting.judging import ForecastJudge
from models.forecasting.windows import Samples, loss_scales, split_samples
from models.metrics import MEDIAN
from models.search.ensemble import select

WINDOW, HORIZON, VALIDATION_DAYS = 14, 7, 28
RNG = np.random.default_rng(6)


def panel(series: int = 20, level: float = 50.0) -> Panel:
    values = level + RNG.normal(0, 3, (series, 90)) * RNG.uniform(0.5, 20, (series, 1))
    return Panel(tuple(map(str, range(series))), dt.date(2024, 1, 1), values)


def judged(
    history: Panel, objective: str = "median", nonnegative: bool = False
) -> tuple[Samples, ForecastJudge]:
    _, validation = split_samples(history, WINDOW, HORIZON, VALIDATION_DAYS)
    assert validation is not None
    samples = validation.spread(10_000)
    scales = loss_scales(history, VALIDATION_DAYS, MEDIAN)
    judge = ForecastJudge(samples, scales, objective=objective, nonnegative=nonnegative, seed=3)
    return samples, judge


def noise(samples: Samples, size: float = 1.0) -> np.ndarray:
    return RNG.normal(0, size, samples.targets.shape)


@pytest.mark.parametrize("objective", ["median", "stock"])
def test_a_score_is_the_metric_of_the_objective(objective: str) -> None:
    history = panel()
    samples, judge = judged(history, objective)
    answers = samples.targets + noise(samples, 5)
    known = history.values[:, :-VALIDATION_DAYS]
    errors = []
    for row in range(len(history.ids)):
        own = samples.rows == row
        scale = metrics.seasonal_scale(known[[row]], 7, power=1)[0]
        missed = (answers[own] - samples.targets[own]) / scale
        error = np.abs(missed).mean() if objective == "median" else np.sqrt((missed**2).mean())
        errors.append(error)
    score = judge.score(judge.residuals(answers))
    assert score.value == pytest.approx(np.mean(errors), rel=1e-5)
    assert score.low < score.value < score.high


def test_the_interval_of_a_score_is_as_wide_as_series_differ() -> None:
    samples, judge = judged(panel(series=40))
    score = judge.score(judge.residuals(samples.targets + noise(samples, 5)))
    losses = judge.losses(judge.residuals(samples.targets + noise(samples, 5))[None])[0]
    expected = 2 * 1.96 * losses.std() / np.sqrt(40)
    assert score.high - score.low == pytest.approx(expected, rel=0.3)


def test_weights_find_what_makes_the_smallest_error() -> None:
    # Errors that are independent: the best weights are as one over their variance.
    samples, judge = judged(panel(series=60), "stock")
    unit = loss_scales(panel(60), VALIDATION_DAYS, MEDIAN).mean()
    sizes = np.array([1.0, 1.0, 2.0])
    answers = [samples.targets + noise(samples, size * unit) for size in sizes]
    residuals = np.stack([judge.residuals(answer) for answer in answers])
    blend = select(judge, residuals, members=3)
    expected = (1 / sizes**2) / (1 / sizes**2).sum()
    np.testing.assert_allclose(blend.weights, expected, atol=0.06)
    assert blend.weights.sum() == pytest.approx(1)
    assert blend.gain.low > 0.2
    assert blend.score.value < judge.score(residuals[0]).value


def test_at_most_so_many_get_a_weight() -> None:
    samples, judge = judged(panel())
    residuals = np.stack([judge.residuals(samples.targets + noise(samples)) for _ in range(8)])
    assert np.count_nonzero(select(judge, residuals, members=8).weights) == 8
    assert np.count_nonzero(select(judge, residuals, members=3).weights) == 3


def test_what_is_not_better_beyond_noise_is_not_blended() -> None:
    samples, judge = judged(panel())
    good = judge.residuals(samples.targets + noise(samples, 3))
    # The same but for next to nothing.
    copies = [good + np.float32(1e-6) * RNG.normal(size=good.shape) for _ in range(3)]
    weights = select(judge, np.stack([good * 2, *copies]).astype(np.float32), members=4).weights
    assert sorted(weights) == [0, 0, 0, 1]
    assert weights[0] == 0


def test_one_candidate_is_the_blend() -> None:
    samples, judge = judged(panel())
    blend = select(judge, judge.residuals(samples.targets + noise(samples))[None], members=5)
    assert blend.weights.tolist() == [1.0]
    assert blend.gain.value == 0


def test_blends_are_floored_where_forecasts_are() -> None:
    history = panel(level=1000.0)
    samples, floored = judged(history, nonnegative=True)
    _, free = judged(history)
    far_below = samples.targets * 0 - 10.0
    at_zero = samples.targets * 0
    scores = [floored.score(floored.residuals(answers)).value for answers in (far_below, at_zero)]
    assert scores[0] == pytest.approx(scores[1])
    assert free.score(free.residuals(far_below)).value > scores[0]


def test_of_a_few_series_parts_are_resampled() -> None:
    samples, judge = judged(panel(series=1))
    assert judge.units == 4  # 22 windows in parts of 7
    score = judge.score(judge.residuals(samples.targets + noise(samples)))
    assert score.low < score.high


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e200])
def test_a_forecast_that_is_no_number_is_refused(value: float) -> None:
    samples, judge = judged(panel())
    answers = samples.targets.copy()
    answers[3, 2] = value
    with pytest.raises(ModelProblem, match="not finite, or too far"):
        judge.residuals(answers)
