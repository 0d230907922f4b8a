"""What the process of a worker needs, told without importing Prefect."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from pathlib import Path

from engine.workspace import ENVIRONMENT_VARIABLE

LOCK_VARIABLE = "MLOPS_WORKER_LOCK"
_POLL_SECONDS = "2"


def default_name(root: Path) -> str:
    """What a worker calls itself: after its machine, and its workspace if there are several."""
    digest = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:6]
    return f"{platform.node() or 'worker'}-{digest}"


def environment(root: Path, lock: int) -> dict[str, str]:
    """The worker's environment besides the address of the server."""
    # Runs are started as `python`: it is to be this one.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {
        ENVIRONMENT_VARIABLE: str(root),
        LOCK_VARIABLE: str(lock),
        "PATH": path,
        "PREFECT_WORKER_QUERY_SECONDS": _POLL_SECONDS,
    }
