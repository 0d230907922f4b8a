"""What training a LightGBM booster takes beside LightGBM: text, watching, importance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from models.base import Progress
from models.errors import ModelProblem


def booster_from(text: str) -> Any:
    """The booster in LightGBM's text format.

    Raises:
        ModelProblem: It cannot be read.
    """
    import lightgbm

    try:
        return lightgbm.Booster(model_str=text)
    except lightgbm.basic.LightGBMError as error:
        raise ModelProblem(f"the saved trees cannot be read: {error}") from error


def importance(booster: Any, names: tuple[str, ...]) -> dict[str, float]:
    """Part of each feature in what all splits gained, the largest first; empty without a split."""
    gains = np.asarray(booster.feature_importance("gain"), dtype=np.float64)
    total = float(gains.sum())
    if total <= 0:
        return {}
    order = np.argsort(-gains, kind="stable")
    return {names[place]: float(gains[place]) / total for place in order}


class Watch:
    """A callback of LightGBM: curve, progress, early stopping, the end of a diverged training.

    Args:
        rounds: Trees at most.
        patience: Trees without a better loss.
        unit: Turns LightGBM's weighted mean into the mean error in units of each series' scale,
            which is the loss that the networks report too.
        progress: Told after every tree.
    """

    # Attributes that LightGBM reads: called after each round, in this order.
    order = 30
    before_iteration = False

    def __init__(self, rounds: int, patience: int, unit: float, progress: Progress) -> None:
        self._rounds = rounds
        self._unit = unit
        self._patience = patience
        self._progress = progress
        self.best_round = 0
        self.best_loss = math.inf
        self.curve: list[dict[str, float]] = []

    def __call__(self, env: Any) -> None:
        """One more round is done."""
        import lightgbm

        done = env.iteration + 1
        results = env.evaluation_result_list or ()
        losses = {}
        if results:
            losses["validation_loss"] = float(results[0][2]) * self._unit
        self.curve.append({"round": done, **losses})
        self._progress("round", done, self._rounds, **losses)
        if not losses:
            return
        loss = losses["validation_loss"]
        if not math.isfinite(loss):
            raise ModelProblem(
                f"training diverged: the loss of round {done} is not a finite number",
                "Lower learning_rate, or look for extreme values in the data.",
            )
        if loss < self.best_loss:
            self.best_round, self.best_loss = done, loss
        elif done - self.best_round >= self._patience:
            raise lightgbm.callback.EarlyStopException(self.best_round - 1, [])
