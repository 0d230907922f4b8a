"""What every network type for pictures shares: training, answers, files, the exported graph."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from models.arrays import FloatArray
from models.errors import ModelProblem
from models.hyperparameters import Hyperparameters, bounded
from models.imaging.classifier import Classifier
from models.imaging.pictures import Pictures, PixelArray
from models.learner import FitReport, Progress

if TYPE_CHECKING:
    from torch import nn

    from models.imaging.networks import PictureNetwork
    from models.imaging.training import TrainingPlan

WEIGHTS_FILE = "weights.npz"
# What belongs to the pictures, not to what was learnt from them.
_COLOURS = frozenset({"mean", "spread"})


@dataclass(frozen=True)
class AugmentationHyperparameters(Hyperparameters):
    """How pictures are changed while training; the defaults suit digits as well as photographs."""

    rotate_degrees: float = bounded(10.0, low=0.0, high=180.0)
    """Most degrees that a picture is turned by while training, either way."""
    shift: float = bounded(0.1, low=0.0, high=0.5)
    """Most that a picture is moved by while training, as a part of its height and width."""
    zoom: float = bounded(0.1, low=0.0, high=0.5)
    """Most that a picture is made larger, smaller, longer or slanted by while training."""
    flip: bool = False
    """Whether half of the pictures are mirrored while training; never with digits or text."""
    brightness: float = bounded(0.1, low=0.0, high=1.0)
    """Most that brightness and contrast are changed by while training, in units of the spread."""
    erase: float = bounded(0.0, low=0.0, high=0.9)
    """Longest side of a grey rectangle over each picture while training, as a part of its side."""


@dataclass(frozen=True)
class ImageNetworkHyperparameters(AugmentationHyperparameters):
    """Defaults fit a few thousand small pictures in seconds on one core."""

    epochs: int = bounded(20, low=1, high=10_000)
    """Most passes over the training pictures; early stopping may end sooner."""
    batch_size: int = bounded(64, low=1, high=65_536)
    """Pictures a gradient step."""
    min_samples_per_epoch: int = bounded(1_000, low=1, high=10_000_000)
    """Pictures seen in an epoch at least: fewer are seen several times, each time changed anew."""
    init_lr: float = bounded(0.01, low=1e-7, high=1.0)
    """Highest learning rate of the one-cycle schedule."""
    dropout_rate: float = bounded(0.1, low=0.0, high=0.9)
    """Part of the last maps dropped while training."""
    weight_decay: float = bounded(0.05, low=0.0, high=1.0)
    """Decoupled weight decay (AdamW)."""
    patience: int = bounded(8, low=1, high=10_000)
    """Epochs without a better validation loss before training stops."""
    ema_decay: float = bounded(0.98, low=0.0, high=0.99999)
    """How slowly the averaged weights, which are the ones kept, follow the trained ones."""
    label_smoothing: float = bounded(0.1, low=0.0, high=0.9)
    """Part of each label that is shared out among all classes, so that none gets too sure."""
    class_balance: float = bounded(0.0, low=0.0, high=1.0)
    """How much rare classes count: 0 every picture the same, 1 every class the same."""
    bf16: bool = False
    """Whether convolutions train in bfloat16: faster on processors with bf16 instructions only."""
    conv_filters: int = bounded(32, low=4, high=1024)
    """Maps of the first stage; each further stage has twice as many."""


class NetworkClassifier(Classifier):
    """A convolutional network; see `networks.PictureNetwork`.

    A type says by its `Hyperparameters`, a subclass of `ImageNetworkHyperparameters`, and by
    `body` what reads the picture; the rest is here.
    """

    # One thread. A second one took a fifth off training steps at 8 x 8 pixels and two fifths at
    # 32 x 32 while both cores were idle. But threads wait for each other after every layer, and
    # spin while they do: with another process on the cores, two took three times as long as one.
    default_threads: ClassVar[int] = 1
    _network: PictureNetwork | None = None

    @abstractmethod
    def body(self) -> tuple[nn.Module, int]:
        """The untrained body, and how many maps it makes."""

    def fit(self, training: Pictures, validation: Pictures, *, progress: Progress) -> FitReport:
        """Train; see the base class."""
        return self._train(training, validation, progress)

    def refit(
        self, training: Pictures, validation: Pictures, report: FitReport, *, progress: Progress
    ) -> FitReport:
        """Train anew on all pictures, up to the same point of the same learning rates."""
        everything = training.followed_by(validation)
        return self._train(
            everything, everything.take(slice(0)), progress, stop_after=report.best_round
        )

    def _train(
        self,
        training: Pictures,
        validation: Pictures,
        progress: Progress,
        stop_after: int | None = None,
    ) -> FitReport:
        from models.imaging.training import train_network
        from models.networks.seeding import limited_threads, seeded

        for pictures in (training, validation):
            self.check_examples(pictures)
        self._check_something_to_learn(training)
        with seeded(self.seed), limited_threads(self.threads):
            network = self._build()
            transferred = self._transfer(network)
            report = train_network(
                network,
                training,
                validation,
                plan=self._plan(),
                progress=progress,
                stop_after=stop_after,
            )
        self._network = network
        return replace(report, transferred=transferred)

    def answer(self, pixels: PixelArray) -> FloatArray:
        """Logits."""
        from models.imaging.training import logits_in_parts
        from models.networks.seeding import limited_threads

        with limited_threads(self.threads):
            logits = logits_in_parts(self._fitted(), pixels)
        return cast(FloatArray, logits.double().numpy())

    def save_state(self, folder: Path) -> None:
        """Write the weights as plain arrays."""
        from models.networks.weights import save_weights

        save_weights(self._fitted(), folder / WEIGHTS_FILE)

    def load_state(self, folder: Path) -> None:
        """Read the weights; their names, shapes and finiteness are checked."""
        from models.networks.weights import load_weights

        network = self._build()
        load_weights(network, folder / WEIGHTS_FILE)
        self._network = network.eval()

    def export_onnx(self, path: Path) -> None:
        """Trace the network."""
        from models.imaging.onnx_files import export_network

        export_network(
            self._fitted(),
            path,
            height=self.height,
            width=self.width,
            channels=self.channels,
            temperature=self.temperature or 1.0,
        )

    def _own(self) -> ImageNetworkHyperparameters:
        assert isinstance(self.hyperparameters, ImageNetworkHyperparameters)
        return self.hyperparameters

    def _plan(self) -> TrainingPlan:
        from models.imaging.augmentation import Augmentation
        from models.imaging.training import TrainingPlan

        own = self._own()
        changes = Augmentation(
            **{field.name: getattr(own, field.name) for field in fields(Augmentation)}
        )
        shared = {
            field.name: getattr(own, field.name)
            for field in fields(TrainingPlan)
            if field.name != "augmentation"
        }
        return TrainingPlan(**shared, augmentation=changes)

    def _build(self) -> PictureNetwork:
        from models.imaging.networks import PictureNetwork

        body, features = self.body()
        return PictureNetwork(
            body,
            features,
            channels=self.channels,
            classes=len(self.classes),
            dropout=self._own().dropout_rate,
        )

    def _transfer(self, network: PictureNetwork) -> int:
        """Begin with what another model learnt; returns how many of its tensors fitted."""
        from models.networks.weights import adopt_weights

        if self.pretrained is None:
            return 0
        path = self.pretrained
        file = path / WEIGHTS_FILE if path.is_dir() else path
        return adopt_weights(network, file, without=_COLOURS)

    def _check_something_to_learn(self, training: Pictures) -> None:
        seen = int((training.counts > 0).sum())
        if seen < 2:
            raise ModelProblem(
                f"there are training pictures of {seen} of {len(self.classes)} classes",
                "Give pictures of two classes at least.",
            )

    def _fitted(self) -> PictureNetwork:
        if self._network is None:
            raise ModelProblem(
                f"this {self.model_type} has not been fitted", "Call fit or load first."
            )
        return self._network
