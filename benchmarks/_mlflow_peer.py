"""The peer of the predictor: the same ONNX graph behind `mlflow models serve`.

python _mlflow_peer.py MODEL.onnx FOLDER PORT
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import mlflow.onnx
import onnx


def main() -> None:
    """Write the graph as a model of MLflow, and become its server."""
    model, folder, port = sys.argv[1:]
    mlflow.onnx.save_model(onnx.load(model), folder)
    command = Path(sys.executable).with_name("mlflow")
    arguments = ["models", "serve", "-m", folder, "--env-manager", "local", "--port", port]
    # It starts the server by name.
    os.environ["PATH"] = f"{command.parent}{os.pathsep}{os.environ['PATH']}"
    os.execv(command, [str(command), *arguments, "--host", "127.0.0.1"])


if __name__ == "__main__":
    main()
