"""What a training stood on, as far as it can change its result."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import version
from pathlib import Path

from engine.packages import folder_of_package

_LIBRARIES = ("torch", "lightgbm", "numpy", "onnx")
_HASH_CHARACTERS = 12


def environment() -> dict[str, str]:
    """Name the machine, the libraries and the learning code of this process."""
    return {
        "mlops-tui": version("mlops-tui"),
        "code of models": _hash_of_models(),
        "python": platform.python_version(),
        **{name: version(name) for name in _LIBRARIES},
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
    }


def _hash_of_models() -> str:
    """A hash of the source of all learning code: a version number says nothing of a checkout."""
    root = folder_of_package("models")
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:_HASH_CHARACTERS]


def _processor() -> str:
    """The model of the processor: numeric libraries choose their code by it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"
