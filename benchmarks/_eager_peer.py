"""The peer of the predictor: the same network behind FastAPI, answered by torch itself.

python _eager_peer.py MODEL_FOLDER PORT
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from models import registry
from models.arrays import UNKNOWN_WEEKDAY, Windows


class Question(BaseModel):
    """The body of a request."""

    input_data: list[float]
    prediction_step: int = 7


def main() -> None:
    """Serve until ended."""
    torch.set_num_threads(1)
    model = registry.get("LSTM").load(Path(sys.argv[1]))
    app = FastAPI()

    @app.post("/predict_timeseries")
    def predict(question: Question) -> dict[str, object]:
        values = np.array([question.input_data])
        windows = Windows(values, np.array([UNKNOWN_WEEKDAY]))
        return {"prediction": model.predict(windows, question.prediction_step)[0].tolist()}

    uvicorn.run(app, port=int(sys.argv[2]), log_level="error", access_log=False)


if __name__ == "__main__":
    main()
