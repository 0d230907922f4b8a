"""Training of networks that tell which class a picture belongs to."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from models.imaging.augmentation import Augmentation
from models.imaging.networks import PictureNetwork
from models.imaging.pictures import Pictures, PixelArray
from models.learner import FitReport, Progress
from models.networks.epochs import run_epochs
from models.networks.optimizer import OneCycleAdamW, as_vector

_PIXELS_AT_A_TIME = 2**20


@dataclass(frozen=True)
class TrainingPlan:
    """How to train; the hyperparameters of the same names say what each means."""

    epochs: int
    batch_size: int
    min_samples_per_epoch: int
    init_lr: float
    weight_decay: float
    patience: int
    ema_decay: float
    label_smoothing: float
    class_balance: float
    bf16: bool
    augmentation: Augmentation


def train_network(
    network: PictureNetwork,
    training: Pictures,
    validation: Pictures,
    *,
    plan: TrainingPlan,
    progress: Progress,
    stop_after: int | None = None,
) -> FitReport:
    """Train in place with AdamW, a one-cycle learning rate and an average of the weights.

    The average of the weights over the last steps is what is validated and kept: the weights of
    the best epoch with validation, of the last one without.

    Args:
        network: Untrained, or with weights that training starts from.
        training: What to learn from; at least one picture.
        validation: Only decides which epoch is kept; may be empty.
        plan: How to train.
        progress: Told after every epoch.
        stop_after: Epochs to run of those that the plan lays its learning rates out for; None
            runs all.

    Raises:
        ModelProblem: A loss that is not a number.
    """
    network.learn_colours(training.pixels)
    trainer = _Trainer(network, plan, training)
    return run_epochs(
        trainer,
        network,
        epochs=plan.epochs if stop_after is None else min(stop_after, plan.epochs),
        patience=plan.patience,
        validate=partial(trainer.validate, validation) if len(validation) else None,
        samples=len(training),
        validation_samples=len(validation),
        progress=progress,
        advice="Lower init_lr.",
    )


class _Trainer:
    def __init__(self, network: PictureNetwork, plan: TrainingPlan, training: Pictures) -> None:
        self._network = network
        self._plan = plan
        # Not as a tensor: what is mapped from a file stays there until a batch is drawn from it.
        self._pixels = training.pixels
        self._labels = torch.from_numpy(training.labels)
        self._class_weights = class_weights(training, plan.class_balance)
        self._average = copy.deepcopy(network).eval()
        self._averages = as_vector(self._average)
        self._repeats = math.ceil(plan.min_samples_per_epoch / len(training))
        self._batches = math.ceil(self._repeats * len(training) / plan.batch_size)
        self._optimizer = OneCycleAdamW(
            network,
            top_rate=plan.init_lr,
            weight_decay=plan.weight_decay,
            steps=self._batches * plan.epochs,
        )

    def averaged_state(self) -> dict[str, Tensor]:
        return {name: tensor.clone() for name, tensor in self._average.state_dict().items()}

    def epoch(self) -> float:
        self._network.train()
        total, count = 0.0, len(self._labels)
        order = torch.cat([torch.randperm(count) for _ in range(self._repeats)])
        # Parts of about the same size: one of a single picture would pull as hard as a whole one.
        for rows in order.tensor_split(self._batches):
            labels = self._labels[rows]
            with torch.no_grad():
                values = self._network.standardised(torch.from_numpy(self._pixels[rows.numpy()]))
                values = self._plan.augmentation(values)
            with torch.autocast("cpu", torch.bfloat16, enabled=self._plan.bf16):
                evidence = self._network.evidence(values)
            loss = self._loss(self._network.logits_of(evidence.float()), labels)
            self._optimizer.step(loss)
            self._follow()
            total += loss.item() * len(rows)
        return total / len(order)

    def validate(self, validation: Pictures) -> dict[str, float]:
        """The loss of the averaged network, and how many right classes it finds.

        It is the loss that is trained, with labels smoothed: without that, epochs would be told
        apart by how sure the network is, which a temperature decides anyway, and the best one
        would be long before the learning rate is low.
        """
        logits = logits_in_parts(self._average, validation.pixels)
        labels = torch.from_numpy(validation.labels)
        return {
            "validation_loss": self._loss(logits, labels).item(),
            "validation_accuracy": (logits.argmax(dim=1) == labels).double().mean().item(),
        }

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return functional.cross_entropy(
            logits,
            labels,
            weight=self._class_weights,
            label_smoothing=self._plan.label_smoothing,
        )

    def _follow(self) -> None:
        # Early on the average must not remember the initial weights for long.
        done = self._optimizer.done
        decay = min(self._plan.ema_decay, done / (done + 10))
        self._averages.lerp_(self._optimizer.weights, 1 - decay)
        # What batch normalisation knows belongs to the weights, and is averaged as they are.
        for mean, newest in zip(self._average.buffers(), self._network.buffers(), strict=True):
            if mean.is_floating_point():
                mean.lerp_(newest, 1 - decay)


def class_weights(training: Pictures, balance: float) -> Tensor | None:
    """How much a picture of each class counts: float32 (classes,), 1 on average over pictures.

    Args:
        training: What is learnt from.
        balance: 0 counts every picture the same, 1 every class.
    """
    if not balance:
        return None
    counts = training.counts
    # A class without a picture here may have some for validation: it counts as if it had one.
    weights = np.maximum(counts, 1.0) ** -balance
    return torch.from_numpy(weights * len(training) / (weights * counts).sum()).float()


def logits_in_parts(network: PictureNetwork, pixels: PixelArray) -> Tensor:
    """Logits in evaluation mode, a bounded number of pixels at a time."""
    network.eval()
    rows = max(_PIXELS_AT_A_TIME // (pixels.shape[1] * pixels.shape[2]), 1)
    starts = range(0, len(pixels), rows)
    with torch.inference_mode():
        # Copies: torch warns of arrays that may not be written to.
        parts = (torch.from_numpy(np.array(pixels[start : start + rows])) for start in starts)
        return torch.cat([network(part)[0] for part in parts])
