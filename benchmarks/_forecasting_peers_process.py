"""The process that answers for the peers: `_forecasting_peers.py` under an interpreter of its own.

Answers may be kept in a file while a benchmark is being worked on. What comes from there was not
measured in this run, and says so.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from _forecasting_protocol import HORIZON, LEVEL, SEASON, SEED, WINDOW, Comparison

from models.arrays import FloatArray

SCRIPT = Path(__file__).parent / "_forecasting_peers.py"
DEFAULT_PYTHON = Path(sys.prefix) / "peers" / "bin" / "python"
KEPT = " (kept, not fresh)"
_TOLD_LINES = 15


class PeersProblem(Exception):
    """The peers did not answer; the text says what they said."""


class Peers:
    """Asks the peers; use it as a context manager.

    Args:
        python: Interpreter that has their libraries.
        kept: File of answers: what is asked again is taken from it, what is new is added. None
            asks afresh each time.

    Raises:
        PeersProblem: No such interpreter.
    """

    def __init__(self, python: Path, kept: Path | None = None) -> None:
        if not python.exists():
            raise PeersProblem(
                f"there is no {python}: `make bench` installs the peers, --peers names another "
                "interpreter that has them, --skip-peers measures without"
            )
        self._python = python
        self._file = kept
        self._kept: dict[str, dict[str, Any]] = {}
        if kept is not None and kept.exists():
            self._kept = json.loads(kept.read_text(encoding="utf-8"))
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        self._process: subprocess.Popen[str] | None = None
        self.mark = KEPT if self._kept else ""
        """What names of peers end with: that their numbers are not of this run, or nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            if self._process.stdin is not None:
                self._process.stdin.close()
            if error is not None:
                self._process.terminate()
            self._process.wait(60)
        self._log.close()

    def ask(self, task: str, *, number: int = 0, **request: Any) -> dict[str, Any]:
        """What the peers answer.

        Args:
            task: A task of `_forecasting_peers.py`.
            number: Which of several equal requests this is.
            request: What the task needs.

        Raises:
            PeersProblem: They failed; with the end of what they wrote.
        """
        question = json.dumps({"task": task, **request})
        key = hashlib.sha256(f"{number} {question}".encode()).hexdigest()
        if key not in self._kept:
            answer = self._asked(question)
            if self._file is None:
                return answer
            self._kept[key] = answer
            self._file.write_text(json.dumps(self._kept), encoding="utf-8")
        return self._kept[key]

    def _asked(self, question: str) -> dict[str, Any]:
        if self._process is None:
            self._process = subprocess.Popen(
                [str(self._python), str(SCRIPT)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                text=True,
            )
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(question + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise PeersProblem(self._last_words()) from None
        line = self._process.stdout.readline()
        if not line:
            raise PeersProblem(self._last_words())
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _last_words(self) -> str:
        assert self._process is not None
        self._process.wait(60)
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").splitlines()
        return "\n".join(["the peers ended:", *lines[-_TOLD_LINES:]])


def about(comparison: Comparison) -> dict[str, Any]:
    """What every request to the peers says of the data and the origins."""
    # JSON has no NaN.
    values = comparison.panel.values.astype(object)
    values[np.isnan(comparison.panel.values)] = None
    return {
        "values": values.tolist(),
        "start": comparison.panel.start.isoformat(),
        "origins": comparison.origins,
        "rows": [comparison.rows_at(origin).tolist() for origin in comparison.origins],
        "horizon": HORIZON,
        "window": WINDOW,
        "season": SEASON,
        "level": round(LEVEL * 100),
        "seed": SEED,
    }


def arrays(answer: dict[str, Any], part: str) -> Sequence[FloatArray]:
    """One array an origin out of an answer; () when it does not have this part."""
    return [np.array(rows, dtype=np.float64) for rows in answer.get(part, ())]
