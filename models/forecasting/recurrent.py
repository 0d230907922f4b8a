"""LSTM: a recurrent network over the scaled window."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from models.arrays import FloatArray, Panel, Windows
from models.base import FitReport, Forecaster, Hyperparameters, Progress, bounded
from models.errors import ModelProblem
from models.registry import register

if TYPE_CHECKING:
    from models.forecasting.networks import LSTMNetwork

_WEIGHTS = "weights.npz"


@dataclass(frozen=True)
class LSTMHyperparameters(Hyperparameters):
    """Defaults fit some hundred series of a year in well under a minute on one core."""

    epochs: int = bounded(20, low=1, high=10_000)
    """Most passes over the sampled windows; early stopping may end sooner."""
    batch_size: int = bounded(256, low=1, high=65_536)
    """Windows a gradient step."""
    init_lr: float = bounded(0.005, low=1e-7, high=1.0)
    """Highest learning rate of the one-cycle schedule."""
    lstm_units: int = bounded(32, low=1, high=2048)
    """Size of the LSTM's state."""
    lstm_layers: int = bounded(1, low=1, high=8)
    """LSTM layers on top of each other."""
    dropout_rate: float = bounded(0.1, low=0.0, high=0.9)
    """Part of the activations dropped while training."""
    weight_decay: float = bounded(0.0001, low=0.0, high=1.0)
    """Decoupled weight decay (AdamW)."""
    patience: int = bounded(6, low=1, high=10_000)
    """Epochs without a better validation loss before training stops."""
    samples_per_epoch: int = bounded(12_000, low=1, high=10_000_000)
    """Most windows drawn for an epoch, so that an epoch is bounded on large panels."""
    unknown_weekday_rate: float = bounded(0.1, low=0.0, high=1.0)
    """Part of the windows trained without their weekday, so that it may be unknown in use."""
    ema_decay: float = bounded(0.99, low=0.0, high=0.99999)
    """How slowly the averaged weights, which are the ones kept, follow the trained ones."""


@register("LSTM")
class LSTM(Forecaster):
    """Predicts each day's distance from the mean of its weekday; see `networks.LSTMNetwork`."""

    Hyperparameters = LSTMHyperparameters
    _network: LSTMNetwork | None = None

    def fit(self, history: Panel, *, validation_days: int, progress: Progress) -> FitReport:
        """Train; see the base class."""
        from models.forecasting.training import TrainingPlan, limited_threads, seeded, train_network

        self.remember(history)
        own = self._own()
        plan = TrainingPlan(
            epochs=own.epochs,
            batch_size=own.batch_size,
            init_lr=own.init_lr,
            weight_decay=own.weight_decay,
            patience=own.patience,
            samples_per_epoch=own.samples_per_epoch,
            unknown_weekday_rate=own.unknown_weekday_rate,
            ema_decay=own.ema_decay,
            objective=self.objective,
            seed=self.seed,
        )
        with seeded(self.seed), limited_threads(self.threads):
            network = self._build()
            report = train_network(
                network,
                history,
                window=self.window,
                horizon=self.horizon,
                validation_days=validation_days,
                plan=plan,
                progress=progress,
            )
        self._network = network
        return report

    def answer(self, windows: Windows) -> FloatArray:
        """The next `horizon` days."""
        import torch

        from models.forecasting.training import limited_threads, predict_in_parts

        values, weekday = torch.tensor(windows.values), torch.tensor(windows.weekday)
        with limited_threads(self.threads):
            forecast = predict_in_parts(self._fitted(), values, weekday)
        return cast(FloatArray, forecast.numpy())

    def save_state(self, folder: Path) -> None:
        """Write the weights as plain arrays."""
        from models.forecasting.weights import save_weights

        save_weights(self._fitted(), folder / _WEIGHTS)

    def load_state(self, folder: Path) -> None:
        """Read the weights; their names, shapes and finiteness are checked."""
        from models.forecasting.weights import load_weights

        network = self._build()
        load_weights(network, folder / _WEIGHTS)
        self._network = network.eval()

    def export_onnx(self, path: Path) -> None:
        """Trace the network."""
        from models.forecasting.onnx_files import export_network

        export_network(self._fitted(), path, window=self.window)

    def _own(self) -> LSTMHyperparameters:
        assert isinstance(self.hyperparameters, LSTMHyperparameters)
        return self.hyperparameters

    def _build(self) -> LSTMNetwork:
        from models.forecasting.networks import LSTMNetwork

        own = self._own()
        return LSTMNetwork(
            window=self.window,
            horizon=self.horizon,
            units=own.lstm_units,
            layers=own.lstm_layers,
            dropout=own.dropout_rate,
        )

    def _fitted(self) -> LSTMNetwork:
        if self._network is None:
            raise ModelProblem("this LSTM has not been fitted", "Call fit or load first.")
        return self._network
