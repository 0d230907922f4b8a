"""Training of networks that map windows to forecasts."""

from __future__ import annotations

import contextlib
import copy
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from models.arrays import UNKNOWN_WEEKDAY, FloatArray, Panel
from models.base import MEDIAN, FitReport, Progress
from models.errors import ModelProblem
from models.forecasting.windows import SampleIndex, Samples, loss_scales, split_samples

_PREDICT_ROWS = 4096
_VALIDATION_SAMPLES = 20_000
_GRADIENT_NORM = 1.0
_WARM_UP = 0.2


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
    ema_decay: float
    objective: str
    seed: int


@contextlib.contextmanager
def limited_threads(threads: int) -> Iterator[None]:
    """Give torch so many threads; afterwards it has as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch; afterwards its generator is where it was before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def train_network(
    network: nn.Module,
    history: Panel,
    *,
    window: int,
    horizon: int,
    validation_days: int,
    plan: TrainingPlan,
    progress: Progress,
) -> FitReport:
    """Train in place with AdamW, a one-cycle learning rate and an average of the weights.

    The average of the weights over the last steps is what is validated and kept: the weights of
    the best epoch with validation, of the last one without.

    Raises:
        ModelProblem: Series too short, or a loss that is not a number.
    """
    started = time.monotonic()
    training, validation = split_samples(history, window, horizon, validation_days)
    scales = loss_scales(history, validation_days)
    checks = validation.spread(_VALIDATION_SAMPLES) if validation else None
    rng = np.random.default_rng(plan.seed)
    trainer = _Trainer(network, plan, len(training), scales)
    best_epoch, best_loss, best_state = 0, math.inf, trainer.averaged_state()
    curve: list[dict[str, float]] = []
    for epoch in range(1, plan.epochs + 1):
        losses = {"loss": trainer.epoch(training, rng)}
        if checks is not None:
            losses["validation_loss"] = trainer.validate(checks)
        if not all(math.isfinite(loss) for loss in losses.values()):
            raise ModelProblem(
                f"training diverged: the loss of epoch {epoch} is not a finite number",
                "Lower init_lr, or look for extreme values in the data.",
            )
        curve.append({"round": epoch, **losses})
        progress("epoch", epoch, plan.epochs, **losses)
        if checks is None or losses["validation_loss"] < best_loss:
            best_epoch, best_state = epoch, trainer.averaged_state()
            best_loss = losses.get("validation_loss", math.inf)
        elif epoch - best_epoch >= plan.patience:
            break
    network.load_state_dict(best_state)
    network.eval()
    return FitReport(
        samples=len(training),
        validation_samples=len(validation) if validation else 0,
        rounds=len(curve),
        best_round=best_epoch,
        best_loss=best_loss if checks is not None else None,
        seconds=time.monotonic() - started,
        curve=curve,
    )


class _Trainer:
    def __init__(
        self, network: nn.Module, plan: TrainingPlan, samples: int, scales: FloatArray
    ) -> None:
        self._network = network
        self._average = copy.deepcopy(network)
        self._plan = plan
        self._scales = scales
        per_epoch = math.ceil(min(samples, plan.samples_per_epoch) / plan.batch_size)
        self._optimizer = torch.optim.AdamW(
            network.parameters(), lr=plan.init_lr, weight_decay=plan.weight_decay
        )
        # The warm-up needs whole steps on both sides of its end, however short the training.
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer,
            max_lr=plan.init_lr,
            total_steps=max(per_epoch * plan.epochs, 10),
            pct_start=_WARM_UP,
        )
        self._steps = 0

    def averaged_state(self) -> dict[str, Tensor]:
        return {name: tensor.clone() for name, tensor in self._average.state_dict().items()}

    def epoch(self, index: SampleIndex, rng: np.random.Generator) -> float:
        samples = index.draw(self._plan.samples_per_epoch, rng)
        values, weekday, targets, scale = self._tensors(samples)
        hidden = rng.random(len(samples.windows)) < self._plan.unknown_weekday_rate
        weekday = weekday.masked_fill(torch.from_numpy(hidden), UNKNOWN_WEEKDAY)
        self._network.train()
        total = 0.0
        for begin in range(0, len(values), self._plan.batch_size):
            part = slice(begin, begin + self._plan.batch_size)
            forecast = self._network(values[part], weekday[part])
            loss = self._loss(forecast, targets[part], scale[part])
            self._optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self._network.parameters(), _GRADIENT_NORM)
            self._optimizer.step()
            self._schedule.step()
            self._follow()
            total += loss.item() * len(forecast)
        return total / len(values)

    def validate(self, samples: Samples) -> float:
        values, weekday, targets, scale = self._tensors(samples)
        forecast = predict_in_parts(self._average, values, weekday)
        return self._loss(forecast, targets, scale).item()

    def _loss(self, forecast: Tensor, targets: Tensor, scale: Tensor) -> Tensor:
        error = (forecast - targets) / scale
        return (error.abs() if self._plan.objective == MEDIAN else error.square()).mean()

    def _tensors(self, samples: Samples) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        scale = self._scales[samples.rows][:, None]
        arrays = (samples.windows.values, samples.windows.weekday, samples.targets, scale)
        values, weekday, targets, scales = (torch.from_numpy(array) for array in arrays)
        return values, weekday, targets, scales

    def _follow(self) -> None:
        # Early on the average must not remember the initial weights for long.
        self._steps += 1
        decay = min(self._plan.ema_decay, self._steps / (self._steps + 10))
        with torch.no_grad():
            pairs = zip(self._average.parameters(), self._network.parameters(), strict=True)
            for mean, current in pairs:
                mean.lerp_(current, 1 - decay)


def predict_in_parts(network: nn.Module, values: Tensor, weekday: Tensor) -> Tensor:
    """Forecast in evaluation mode, a bounded number of windows at a time."""
    network.eval()
    with torch.inference_mode():
        starts = range(0, len(values), _PREDICT_ROWS)
        parts = (slice(start, start + _PREDICT_ROWS) for start in starts)
        return torch.cat([network(values[part], weekday[part]) for part in parts])
