"""Training of networks that map windows to forecasts."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from models.arrays import FloatArray, Panel
from models.base import MEDIAN, FitReport, Progress
from models.forecasting.network_inputs import NetworkInputs
from models.forecasting.networks import WindowNetwork
from models.forecasting.windows import (
    SampleIndex,
    Samples,
    loss_scales,
    partly_unknown,
    split_samples,
)
from models.networks.epochs import run_epochs
from models.networks.optimizer import OneCycleAdamW, as_vector

_PREDICT_ROWS = 1024
_VALIDATION_SAMPLES = 3_000
_SAMPLES_FOR_SIZES = 3_000
_SMALLEST_UNIT = 1e-6


@dataclass(frozen=True)
class TrainingPlan:
    """How to train; the hyperparameters of the same names say what each means."""

    epochs: int
    batch_size: int
    init_lr: float
    weight_decay: float
    patience: int
    samples_per_epoch: int
    unknown_weekday_rate: float
    unknown_covariates_rate: float
    unknown_days_rate: float
    ema_decay: float
    objective: str
    seed: int


def train_network(
    network: WindowNetwork,
    history: Panel,
    *,
    validation_days: int,
    plan: TrainingPlan,
    progress: Progress,
    stop_after: int | None = None,
) -> FitReport:
    """Train in place with AdamW, a one-cycle learning rate and an average of the weights.

    The average of the weights over the last steps is what is validated and kept: the weights of
    the best epoch with validation, of the last one without.

    Args:
        network: Untrained.
        history: What to learn from.
        validation_days: Days at its end that only decide which epoch is kept.
        plan: How to train.
        progress: Told after every epoch.
        stop_after: Epochs to run of those that the plan lays its learning rates out for; None
            runs all.

    Raises:
        ModelProblem: Series too short, or a loss that is not a number.
    """
    window, horizon = network.inputs.window, network.inputs.horizon
    training, validation = split_samples(history, window, horizon, validation_days)
    scales = loss_scales(history, validation_days, plan.objective)
    usual = training.spread(_SAMPLES_FOR_SIZES).windows
    network.inputs.learn_sizes(torch.from_numpy(usual.values))
    if network.inputs.covariates and history.covariates is not None:
        seen = history.covariates[:, : history.days - validation_days]
        network.inputs.learn_covariates(torch.tensor(seen))
    trainer = _Trainer(network, plan, training, scales)
    checks = None
    if validation is not None:
        checks = _lessons(network, validation.spread(_VALIDATION_SAMPLES), scales)
    return run_epochs(
        trainer,
        network,
        epochs=plan.epochs if stop_after is None else min(stop_after, plan.epochs),
        patience=plan.patience,
        validate=None if checks is None else partial(trainer.validate, checks),
        samples=len(training),
        validation_samples=len(validation) if validation else 0,
        progress=progress,
        advice="Lower init_lr, or look for extreme values in the data.",
    )


class _Lessons(NamedTuple):
    """Windows as the network sees them, and what it should say; all float32.

    The error of a forecast in units of its series' scale is `answer * unit - goal`, so that a
    training step has nothing to do but what is learnt.
    """

    inputs: NetworkInputs
    unit: Tensor
    """(n, 1): spread of the window in units of the series' scale."""
    goal: Tensor
    """(n, horizon): distance of the targets from their weekday means, in that scale."""
    series: Tensor
    """int64 (n,): which series each window is from, from 0 on without gaps."""

    def parts(self, rows: int) -> Iterator[_Lessons]:
        """The lessons in order, so many at a time."""
        for begin in range(0, len(self.goal), rows):
            part = slice(begin, begin + rows)
            inputs = NetworkInputs(*(tensor[part] for tensor in self.inputs))
            yield _Lessons(inputs, self.unit[part], self.goal[part], self.series[part])


def _lessons(network: WindowNetwork, samples: Samples, scales: FloatArray) -> _Lessons:
    windows = samples.windows
    covariates = None
    if count := network.inputs.covariates:
        covariates = torch.from_numpy(windows.known_covariates(count, network.inputs.horizon))
    scale = torch.from_numpy(scales[samples.rows][:, None])
    with torch.no_grad():
        inputs, scaled = network.inputs(
            torch.from_numpy(windows.values), torch.from_numpy(windows.weekday), covariates
        )
        usual = scaled.restore(scaled.same_weekday)
        goal = (torch.from_numpy(samples.targets) - usual) / scale
    series = torch.from_numpy(np.unique(samples.rows, return_inverse=True)[1])
    return _Lessons(inputs, (scaled.spread / scale).float(), goal.float(), series)


class _Trainer:
    def __init__(
        self, network: WindowNetwork, plan: TrainingPlan, index: SampleIndex, scales: FloatArray
    ) -> None:
        self._network = network
        self._plan = plan
        self._index = index
        self._scales = scales
        self._rng = np.random.default_rng(plan.seed)
        self._average = copy.deepcopy(network).eval()
        self._averages = as_vector(self._average)
        per_epoch = math.ceil(min(len(index), plan.samples_per_epoch) / plan.batch_size)
        self._optimizer = OneCycleAdamW(
            network,
            top_rate=plan.init_lr,
            weight_decay=plan.weight_decay,
            steps=per_epoch * plan.epochs,
        )

    def averaged_state(self) -> dict[str, Tensor]:
        return {name: tensor.clone() for name, tensor in self._average.state_dict().items()}

    def epoch(self) -> float:
        samples = self._index.draw(self._plan.samples_per_epoch, self._rng)
        lessons = _lessons(self._network, self._forgetful(samples), self._scales)
        self._network.train()
        errors = []
        for part in lessons.parts(self._plan.batch_size):
            error = self._error(self._network, part)
            self._optimizer.step(self._lesson(error, part.unit))
            self._follow()
            errors.append(error.detach())
        return self._loss(torch.cat(errors), lessons.series)

    def validate(self, checks: _Lessons) -> dict[str, float]:
        with torch.inference_mode():
            errors = [self._error(self._average, part) for part in checks.parts(_PREDICT_ROWS)]
            return {"validation_loss": self._loss(torch.cat(errors), checks.series)}

    def _error(self, network: WindowNetwork, part: _Lessons) -> Tensor:
        """How far the forecasts are off, in units of each series' scale."""
        return network.residual(part.inputs) * part.unit - part.goal

    def _loss(self, error: Tensor, series: Tensor) -> float:
        """What is reported, and decides which epoch is kept: roughly MASE or RMSSE."""
        if self._plan.objective == MEDIAN:
            return error.abs().mean().item()
        squares = error.square().mean(dim=1)
        count = torch.bincount(series)
        return (torch.bincount(series, weights=squares) / count).sqrt().mean().item()

    def _lesson(self, error: Tensor, unit: Tensor) -> Tensor:
        """What is made small.

        A window that is wild for its series tends to be followed by less, a calm one by more, and
        the network cannot see which it is: it knows how much a window moves, not how much its
        series does. The squares alone pull a wild window's answer harder, in proportion to that
        spread, and the mean of all forecasts ends up too low. Divided by it, each pulls as hard as
        it is off, so that the errors of all forecasts add up to nothing.
        """
        if self._plan.objective == MEDIAN:
            return error.abs().mean()
        return (error.square() / unit.clamp_min(_SMALLEST_UNIT)).mean()

    def _forgetful(self, samples: Samples) -> Samples:
        """The samples, some without what may be unknown in use."""
        plan = self._plan
        windows = partly_unknown(
            samples.windows,
            weekday_rate=plan.unknown_weekday_rate,
            covariates_rate=plan.unknown_covariates_rate,
            days_rate=plan.unknown_days_rate,
            rng=self._rng,
        )
        return Samples(windows, samples.targets, samples.rows)

    def _follow(self) -> None:
        # Early on the average must not remember the initial weights for long.
        done = self._optimizer.done
        decay = min(self._plan.ema_decay, done / (done + 10))
        self._averages.lerp_(self._optimizer.weights, 1 - decay)


def predict_in_parts(
    network: WindowNetwork, values: Tensor, weekday: Tensor, covariates: Tensor | None = None
) -> Tensor:
    """Forecast in evaluation mode, a bounded number of windows at a time."""
    network.eval()
    with torch.inference_mode():
        starts = range(0, len(values), _PREDICT_ROWS)
        parts = (slice(start, start + _PREDICT_ROWS) for start in starts)
        return torch.cat(
            [
                network(
                    values[part],
                    weekday[part],
                    None if covariates is None else covariates[part],
                )
                for part in parts
            ]
        )
