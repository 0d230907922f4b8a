"""What every network type shares: training, answers, files, the exported graph."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, cast

from models.arrays import FloatArray, Panel, Windows
from models.base import FitReport, Forecaster, Hyperparameters, Progress, bounded
from models.errors import ModelProblem

if TYPE_CHECKING:
    from models.forecasting.networks import Encoder, WindowNetwork

_WEIGHTS = "weights.npz"


@dataclass(frozen=True)
class NetworkHyperparameters(Hyperparameters):
    """Defaults fit some hundred series of a year in well under a minute on one core."""

    epochs: int = bounded(20, low=1, high=10_000)
    """Most passes over the sampled windows; early stopping may end sooner."""
    batch_size: int = bounded(256, low=1, high=65_536)
    """Windows a gradient step."""
    init_lr: float = bounded(0.005, low=1e-7, high=1.0)
    """Highest learning rate of the one-cycle schedule."""
    dropout_rate: float = bounded(0.1, low=0.0, high=0.9)
    """Part of the activations dropped while training."""
    weight_decay: float = bounded(0.0001, low=0.0, high=1.0)
    """Decoupled weight decay (AdamW)."""
    patience: int = bounded(6, low=1, high=10_000)
    """Epochs without a better validation loss before training stops."""
    samples_per_epoch: int = bounded(8_000, low=1, high=10_000_000)
    """Most windows drawn for an epoch, so that an epoch is bounded on large panels."""
    unknown_weekday_rate: float = bounded(0.1, low=0.0, high=1.0)
    """Part of the windows trained without their weekday, so that it may be unknown in use."""
    unknown_covariates_rate: float = bounded(0.1, low=0.0, high=0.5)
    """Part of the windows trained without covariates, so that they may be unknown in use.

    As many again are trained without those of the days to come.
    """
    unknown_days_rate: float = bounded(0.05, low=0.0, high=1.0)
    """Part of the windows trained with their last days only, so that series may be short in use."""
    ema_decay: float = bounded(0.99, low=0.0, high=0.99999)
    """How slowly the averaged weights, which are the ones kept, follow the trained ones."""


class NetworkForecaster(Forecaster):
    """Predicts each day's distance from the mean of its weekday; see `networks.WindowNetwork`.

    A type says by its `Hyperparameters`, a subclass of `NetworkHyperparameters`, and by `encoder`
    what reads the window; the rest is here.
    """

    _network: WindowNetwork | None = None

    @abstractmethod
    def encoder(self, features: int) -> Encoder:
        """The untrained encoder of days of so many numbers."""

    def fit(self, history: Panel, *, validation_days: int, progress: Progress) -> FitReport:
        """Train; see the base class."""
        return self._train(history, validation_days, progress)

    def refit(self, history: Panel, report: FitReport, *, progress: Progress) -> FitReport:
        """Train anew on all days, up to the same point of the same learning rates."""
        return self._train(history, 0, progress, stop_after=report.best_round)

    def _train(
        self,
        history: Panel,
        validation_days: int,
        progress: Progress,
        stop_after: int | None = None,
    ) -> FitReport:
        from models.forecasting.training import TrainingPlan, train_network
        from models.networks.seeding import limited_threads, seeded

        self.remember(history)
        own = self._own()
        shared = {field.name: getattr(own, field.name) for field in fields(NetworkHyperparameters)}
        del shared["dropout_rate"]
        plan = TrainingPlan(**shared, objective=self.objective, seed=self.seed)
        with seeded(self.seed), limited_threads(self.threads):
            network = self._build()
            report = train_network(
                network,
                history,
                validation_days=validation_days,
                plan=plan,
                progress=progress,
                stop_after=stop_after,
            )
        self._network = network
        return report

    def answer(self, windows: Windows) -> FloatArray:
        """The next `horizon` days."""
        import torch

        from models.forecasting.training import predict_in_parts
        from models.networks.seeding import limited_threads

        covariates = None
        if count := len(self.covariates):
            covariates = torch.tensor(windows.known_covariates(count, self.horizon))
        values, weekday = torch.tensor(windows.values), torch.tensor(windows.weekday)
        with limited_threads(self.threads):
            forecast = predict_in_parts(self._fitted(), values, weekday, covariates)
        return cast(FloatArray, forecast.numpy())

    def save_state(self, folder: Path) -> None:
        """Write the weights as plain arrays."""
        from models.networks.weights import save_weights

        save_weights(self._fitted(), folder / _WEIGHTS)

    def load_state(self, folder: Path) -> None:
        """Read the weights; their names, shapes and finiteness are checked."""
        from models.networks.weights import load_weights

        network = self._build()
        load_weights(network, folder / _WEIGHTS)
        self._network = network.eval()

    def export_onnx(self, path: Path) -> None:
        """Trace the network."""
        from models.forecasting.onnx_files import export_network

        export_network(
            self._fitted(),
            path,
            window=self.window,
            horizon=self.horizon,
            covariates=len(self.covariates),
        )

    def _own(self) -> NetworkHyperparameters:
        assert isinstance(self.hyperparameters, NetworkHyperparameters)
        return self.hyperparameters

    def _build(self) -> WindowNetwork:
        from models.forecasting.networks import WindowNetwork

        return WindowNetwork(
            window=self.window,
            horizon=self.horizon,
            covariates=len(self.covariates),
            encoder=self.encoder,
            dropout=self._own().dropout_rate,
        )

    def _fitted(self) -> WindowNetwork:
        if self._network is None:
            raise ModelProblem(
                f"this {self.model_type} has not been fitted", "Call fit or load first."
            )
        return self._network
