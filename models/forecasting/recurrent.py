"""The network types: LSTM, GRU, BiLSTM, Conv1D-BiLSTM. Each says what reads the window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.base import bounded
from models.forecasting.network_forecaster import NetworkForecaster, NetworkHyperparameters
from models.registry import register

if TYPE_CHECKING:
    from models.forecasting.encoders import ConvolutionalEncoder, RecurrentEncoder


@dataclass(frozen=True)
class LSTMHyperparameters(NetworkHyperparameters):
    """Of every type that has an LSTM in it."""

    lstm_units: int = bounded(32, low=1, high=2048)
    """Size of the LSTM's state, in each direction that it reads in."""
    lstm_layers: int = bounded(1, low=1, high=8)
    """LSTM layers on top of each other."""


@register("LSTM")
class LSTM(NetworkForecaster):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997)."""

    Hyperparameters = LSTMHyperparameters

    def encoder(self, features: int) -> RecurrentEncoder:
        """An LSTM."""
        return _lstm(self.hyperparameters, features, bidirectional=False)


@register("BiLSTM")
class BiLSTM(NetworkForecaster):
    """Two LSTMs, of which one reads the window backwards (Graves and Schmidhuber, 2005)."""

    Hyperparameters = LSTMHyperparameters

    def encoder(self, features: int) -> RecurrentEncoder:
        """An LSTM in both directions."""
        return _lstm(self.hyperparameters, features, bidirectional=True)


@dataclass(frozen=True)
class GRUHyperparameters(NetworkHyperparameters):
    """Of the GRU."""

    gru_units: int = bounded(32, low=1, high=2048)
    """Size of the GRU's state."""
    gru_layers: int = bounded(1, low=1, high=8)
    """GRU layers on top of each other."""


@register("GRU")
class GRU(NetworkForecaster):
    """Gated recurrent units (Cho et al., 2014)."""

    Hyperparameters = GRUHyperparameters

    def encoder(self, features: int) -> RecurrentEncoder:
        """A GRU."""
        from models.forecasting.encoders import RecurrentEncoder

        own = self.hyperparameters
        assert isinstance(own, GRUHyperparameters)
        return RecurrentEncoder(
            features,
            cell="GRU",
            units=own.gru_units,
            layers=own.gru_layers,
            dropout=own.dropout_rate,
        )


@dataclass(frozen=True)
class ConvBiLSTMHyperparameters(LSTMHyperparameters):
    """Of the convolution, and of the LSTMs that read what it found."""

    conv_filters: int = bounded(32, low=1, high=2048)
    """Patterns that the convolution looks for."""
    kernel_size: int = bounded(3, low=1, high=31)
    """Days that a pattern is long."""


@register("Conv1D-BiLSTM")
class ConvBiLSTM(NetworkForecaster):
    """A convolution over the days and a max-pool of two, read by an LSTM in both directions."""

    Hyperparameters = ConvBiLSTMHyperparameters

    def encoder(self, features: int) -> ConvolutionalEncoder:
        """A convolution and an LSTM in both directions."""
        from models.forecasting.encoders import ConvolutionalEncoder

        own = self.hyperparameters
        assert isinstance(own, ConvBiLSTMHyperparameters)
        return ConvolutionalEncoder(
            features,
            filters=own.conv_filters,
            kernel_size=own.kernel_size,
            then=_lstm(own, own.conv_filters, bidirectional=True),
        )


def _lstm(own: object, features: int, *, bidirectional: bool) -> RecurrentEncoder:
    from models.forecasting.encoders import RecurrentEncoder

    assert isinstance(own, LSTMHyperparameters)
    return RecurrentEncoder(
        features,
        cell="LSTM",
        units=own.lstm_units,
        layers=own.lstm_layers,
        bidirectional=bidirectional,
        dropout=own.dropout_rate,
    )
