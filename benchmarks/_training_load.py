"""A training without end, as patient as the process of a run: what serving has to live beside.

python _training_load.py
"""

from __future__ import annotations

import datetime as dt
import os

import numpy as np

from models import registry
from models.arrays import Panel
from models.base import no_progress


def main() -> None:
    """Train until ended."""
    os.nice(5)
    values = np.random.default_rng(7).poisson(20.0, (50, 400)).astype(float)
    panel = Panel(tuple(str(number) for number in range(50)), dt.date(2025, 1, 1), values)
    model = registry.create(
        "LSTM",
        window=30,
        horizon=7,
        seed=7,
        threads=1,
        hparams={"epochs": 10_000, "patience": 10_000},
    )
    model.fit(panel, validation_days=28, progress=no_progress)


if __name__ == "__main__":
    main()
