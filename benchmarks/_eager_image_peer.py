"""The peer for pictures: the same network behind FastAPI, answered by torch itself.

The form is read by python-multipart, the picture by Pillow.

python _eager_image_peer.py MODEL_FOLDER PORT
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import uvicorn
from fastapi import FastAPI, File
from PIL import Image

from models import registry


def main() -> None:
    """Serve until ended."""
    torch.set_num_threads(1)
    model = registry.load_classifier(Path(sys.argv[1]))
    app = FastAPI()

    @app.post("/predict_image")
    def predict(file: Annotated[bytes, File()]) -> dict[str, object]:
        picture = Image.open(io.BytesIO(file)).convert("RGB")
        pixels = np.asarray(picture.resize((model.width, model.height)))
        shares = model.predict(pixels[np.newaxis])[0]
        best = int(shares.argmax())
        return {
            "prediction": model.classes[best],
            "probabilities": dict(zip(model.classes, shares.tolist(), strict=True)),
        }

    uvicorn.run(app, port=int(sys.argv[2]), log_level="error", access_log=False)


if __name__ == "__main__":
    main()
