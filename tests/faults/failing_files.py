"""Faults of the file system, below everything that writes: see failing_files.c."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

Kind = Literal["kill", "eio", "enospc"]

_SOURCE = Path(__file__).with_suffix(".c")


@dataclass(frozen=True)
class FailingFiles:
    """Which change of a file fails, for processes that were started with `environment`.

    Args:
        library: What is loaded before the C library.
        scratch: Folder for the plan and the log; not the one that is watched.
        root: Folder whose changes are counted.
        process: Text that the command line of a process must contain.
    """

    library: Path
    scratch: Path
    root: Path
    process: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(self.library),
            "FAULT_PLAN": str(self._plan),
            "FAULT_ROOT": str(self.root),
            "FAULT_PROCESS": self.process,
            "FAULT_LOG": str(self._log),
        }

    @property
    def _plan(self) -> Path:
        return self.scratch / "plan"

    @property
    def _log(self) -> Path:
        return self.scratch / "failed"

    def let_fail(self, number: int, kind: Kind) -> None:
        """Processes that begin from now on meet a fault at their `number`-th change."""
        self._log.unlink(missing_ok=True)
        self._plan.write_text(f"{number} {kind}")

    def let_be(self) -> None:
        """Nothing fails any more."""
        self._plan.unlink(missing_ok=True)

    def failed(self) -> str | None:
        """The change that failed first, as `call path`; None when none did."""
        if not self._log.exists():
            return None
        return self._log.read_text().splitlines()[0]


def compile_library(folder: Path) -> Path:
    """Make the library; without a C compiler the test is skipped."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("injecting faults below the C library needs a C compiler")
    library = folder / "failing_files.so"
    subprocess.run(
        [compiler, "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, _SOURCE, "-ldl"],
        check=True,
    )
    return library
