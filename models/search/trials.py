"""One trial of a search: fit a model, answer the validation examples, keep both on disk.

A trial lives in a folder of its own, whoever did it: a process beside this one, this one, or one
that was killed yesterday.

    FOLDER/key             what the trials were made from; another key makes all of them worthless
    FOLDER/trial-0003/     trial.json, answers.npy and the saved model in model/
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import json
import os
import shutil
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models import registry
from models.arrays import FloatArray
from models.errors import ModelProblem
from models.learner import FitReport, Learner

DONE, FAILED = "done", "failed"

_TRIAL_FILE, _ANSWERS_FILE, _MODEL_FOLDER = "trial.json", "answers.npy", "model"
_KEY_FILE, _LOCK_FILE = "key", "lock"
# What the numbers of a trained model depend on, beside this project's own code.
_LIBRARIES = ("numpy", "torch", "lightgbm", "optuna")


@dataclass(frozen=True)
class Trial:
    """What is tried.

    Args:
        number: From 0, in the order of the search.
        model_type: Registered name.
        hyperparameters: All values of the type.
        seed: Of everything random in it.
    """

    number: int
    model_type: str
    hyperparameters: dict[str, Any]
    seed: int


@dataclass(frozen=True)
class Outcome:
    """How a trial ended.

    Args:
        trial: What was tried.
        status: `DONE` or `FAILED`.
        why: Why it failed, else empty.
        seconds: It took.
        elapsed: Seconds that the whole search had taken when it ended.
        report: Of its fit; None when it failed.
    """

    trial: Trial
    status: str
    why: str
    seconds: float
    elapsed: float
    report: FitReport | None


class Course(ABC):
    """What all trials of a search have in common; it is sent once to each process that helps."""

    @abstractmethod
    def fit(self, trial: Trial) -> tuple[Learner, FitReport, FloatArray]:
        """Fit a trial's model.

        Returns:
            It, what its training did, and its answers to the validation examples.

        Raises:
            ModelProblem: It cannot be fitted, or does not answer every example with numbers.
        """

    @abstractmethod
    def described(self) -> dict[str, Any]:
        """All that the outcome of a trial depends on but arrays, as JSON-able data."""

    @abstractmethod
    def arrays(self) -> Sequence[npt.NDArray[Any]]:
        """The arrays that it depends on."""


class TrialStore:
    """Finished trials in a folder, which is made when it does not exist.

    Args:
        folder: Where they lie.
        key: From `key_of`; trials that were made from something else are deleted.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self._folder = folder
        path = folder / _KEY_FILE
        folder.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != key:
            for old in folder.glob("trial-*"):
                shutil.rmtree(old)
            path.write_text(key, encoding="utf-8")
        # Left by a process that was killed while it wrote.
        for half in folder.glob(".trial-*"):
            shutil.rmtree(half)

    def find(self, trial: Trial) -> Outcome | None:
        """How this very trial ended, when it was done already."""
        path = self._place(trial.number) / _TRIAL_FILE
        try:
            saved = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        if Trial(**saved["trial"]) != trial:
            return None
        report = saved["report"] and FitReport(**saved["report"])
        return Outcome(**{**saved, "trial": trial, "report": report})

    def unfinished(self, trial: Trial) -> Path:
        """A new folder for a trial to be written into, until `finish`."""
        folder = self._folder / f".{self._name(trial.number)}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def finish(self, outcome: Outcome) -> None:
        """Keep a trial that ended: from now on `find` finds it, whole."""
        half = self._folder / f".{self._name(outcome.trial.number)}"
        half.mkdir(exist_ok=True)
        (half / _TRIAL_FILE).write_text(json.dumps(asdict(outcome)), encoding="utf-8")
        place = self._place(outcome.trial.number)
        shutil.rmtree(place, ignore_errors=True)
        half.rename(place)

    def model_folder(self, number: int) -> Path:
        """Where the saved model of a finished trial is."""
        return self._place(number) / _MODEL_FOLDER

    def answers(self, number: int) -> FloatArray:
        """What a finished trial answers to the validation examples: float64 (n, ...)."""
        answers: FloatArray = np.load(self._place(number) / _ANSWERS_FILE, allow_pickle=False)
        return answers

    def _place(self, number: int) -> Path:
        return self._folder / self._name(number)

    @staticmethod
    def _name(number: int) -> str:
        return f"trial-{number:04d}"


@contextmanager
def held_alone(folder: Path) -> Iterator[bool]:
    """Hold a folder against other processes, as long as the block lasts and this process lives.

    Yields:
        False when another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def discard(folder: Path) -> None:
    """Delete a folder of trials, unless another process holds it."""
    if not folder.is_dir():
        return
    with held_alone(folder) as is_mine:
        if is_mine:
            shutil.rmtree(folder)


def key_of(course: Course) -> str:
    """A digest of all that the outcome of a trial depends on, beside the trial itself."""
    digest = hashlib.sha256()
    described = {
        **course.described(),
        "python": sys.version,
        "libraries": {name: importlib.metadata.version(name) for name in _LIBRARIES},
    }
    digest.update(json.dumps(described, sort_keys=True).encode(errors="backslashreplace"))
    for array in course.arrays():
        digest.update(str(array.shape).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    for path in [*sorted(Path(__file__).parents[1].rglob("*.py")), *registry.plugin_files()]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def timed(course: Course, trial: Trial, folder: Path) -> tuple[FitReport | None, str, float]:
    """Do a trial, whatever comes of it: a model and its answers are written into a new folder.

    Returns:
        Its report or None, why it failed or "", and the seconds it took.
    """
    started = time.monotonic()
    report, why = None, ""
    try:
        model, done, answers = course.fit(trial)
        model.save(folder / _MODEL_FOLDER)
        np.save(folder / _ANSWERS_FILE, answers, allow_pickle=False)
        report = done
    except ModelProblem as problem:
        why = str(problem)
    except Exception as error:  # noqa: BLE001  a type of the user's own may raise anything
        why = f"{type(error).__name__}: {error}"
    return report, why, time.monotonic() - started
