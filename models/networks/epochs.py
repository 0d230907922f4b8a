"""Epoch after epoch, until validation says that it was enough; the best one is kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from torch import Tensor, nn

from models.errors import ModelProblem
from models.learner import FitReport, Progress


class Trainer(Protocol):
    """What trains a network and keeps an average of its weights."""

    def epoch(self) -> float:
        """Train on everything once; the mean loss."""

    def averaged_state(self) -> dict[str, Tensor]:
        """A copy of the averaged weights."""


def run_epochs(
    trainer: Trainer,
    network: nn.Module,
    *,
    epochs: int,
    patience: int,
    validate: Callable[[], Mapping[str, float]] | None,
    samples: int,
    validation_samples: int,
    progress: Progress,
    advice: str,
) -> FitReport:
    """Train, and give the network the averaged weights of the best epoch.

    Without validation that is the last one.

    Args:
        trainer: Of the network.
        network: Gets the weights that are kept, in evaluation mode.
        epochs: To run at most.
        patience: Epochs without a better validation loss before it stops.
        validate: Measures the averaged weights: `validation_loss`, and others; None: there is
            nothing to measure them by.
        samples: What may be learnt from, for the report.
        validation_samples: What measures, likewise.
        progress: Told after every epoch.
        advice: What to do when the training diverges.

    Raises:
        ModelProblem: A loss that is not a number.
    """
    started = time.monotonic()
    best_epoch, best_loss, best_state = 0, math.inf, trainer.averaged_state()
    curve: list[dict[str, float]] = []
    for epoch in range(1, epochs + 1):
        losses = {"loss": trainer.epoch(), **(validate() if validate else {})}
        if not all(math.isfinite(loss) for loss in losses.values()):
            what = f"training diverged: the loss of epoch {epoch} is not a finite number"
            raise ModelProblem(what, advice)
        curve.append({"round": epoch, **losses})
        progress("epoch", epoch, epochs, **losses)
        if validate is None or losses["validation_loss"] < best_loss:
            best_epoch, best_state = epoch, trainer.averaged_state()
            best_loss = losses.get("validation_loss", math.inf)
        elif epoch - best_epoch >= patience:
            break
    network.load_state_dict(best_state)
    network.eval()
    return FitReport(
        samples=samples,
        validation_samples=validation_samples,
        rounds=len(curve),
        best_round=best_epoch,
        best_loss=None if validate is None else best_loss,
        seconds=time.monotonic() - started,
        curve=curve,
    )
