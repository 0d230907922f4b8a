"""One trial of a search: fit a model, forecast the validation days, keep both on disk.

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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from models import registry
from models.arrays import FloatArray, Panel, Windows
from models.base import FitReport, Forecaster, no_progress
from models.errors import ModelProblem
from models.forecasting.windows import Samples, split_samples

DONE, FAILED = "done", "failed"

_MOST_WINDOWS = 6_000
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


@dataclass(frozen=True)
class Course:
    """What all trials of a search have in common; it is sent once to each process that helps.

    Args:
        history: What is learnt from.
        window: Values that the models see.
        horizon: Days that they answer at a time.
        validation_days: Last days of the history that pick members and weights.
        threads: Processor threads of one training.
        objective: One of `models.base.OBJECTIVES`.
    """

    history: Panel
    window: int
    horizon: int
    validation_days: int
    threads: int
    objective: str

    def validation(self) -> Samples:
        """The windows that members are compared on: all of the validation days, or evenly many."""
        _, validation = split_samples(self.history, self.window, self.horizon, self.validation_days)
        assert validation is not None, "a search always has validation days"
        return validation.spread(_MOST_WINDOWS)

    def fit(self, trial: Trial, folder: Path) -> FitReport:
        """Fit a trial's model; write it and its validation forecasts into a new folder.

        Raises:
            ModelProblem: It cannot be fitted to this history, or does not answer with numbers.
        """
        cls = registry.get(trial.model_type)
        model = cls(
            window=self.window,
            horizon=self.horizon,
            seed=trial.seed,
            threads=self.threads,
            objective=self.objective,
            hyperparameters=cls.Hyperparameters.parse(trial.hyperparameters),
        )
        report = model.fit(self.history, validation_days=self.validation_days, progress=no_progress)
        windows = self.validation().windows
        answers = model.answer(as_known(model, windows, self.history.covariate_names))
        if answers.shape != (len(windows), self.horizon) or not np.isfinite(answers).all():
            raise ModelProblem(f"{trial.model_type} does not answer every validation window")
        model.save(folder / _MODEL_FOLDER)
        np.save(folder / _ANSWERS_FILE, answers, allow_pickle=False)
        return report


def as_known(model: Forecaster, windows: Windows, names: tuple[str, ...]) -> Windows:
    """Windows with those covariates, of these names, that a model learnt from."""
    if windows.covariates is None or model.covariates == names:
        return windows
    if not model.covariates:
        return replace(windows, covariates=None)
    places = [names.index(name) for name in model.covariates]
    return replace(windows, covariates=windows.covariates[:, :, places])


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
        """Forecasts of the validation windows by a finished trial: float64 (n, horizon)."""
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
    history = course.history
    described = {
        "window": course.window,
        "horizon": course.horizon,
        "validation_days": course.validation_days,
        "threads": course.threads,
        "objective": course.objective,
        "ids": history.ids,
        "start": history.start.isoformat(),
        "covariates": history.covariate_names,
        "python": sys.version,
        "libraries": {name: importlib.metadata.version(name) for name in _LIBRARIES},
    }
    digest.update(json.dumps(described, sort_keys=True).encode(errors="backslashreplace"))
    for array in (history.values, history.covariates):
        if array is not None:
            digest.update(str(array.shape).encode())
            digest.update(np.ascontiguousarray(array).tobytes())
    for path in [*sorted(Path(__file__).parents[1].rglob("*.py")), *registry.plugin_files()]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def timed(course: Course, trial: Trial, folder: Path) -> tuple[FitReport | None, str, float]:
    """Do a trial, whatever comes of it.

    Returns:
        Its report or None, why it failed or "", and the seconds it took.
    """
    started = time.monotonic()
    try:
        report, why = course.fit(trial, folder), ""
    except ModelProblem as problem:
        report, why = None, str(problem)
    except Exception as error:  # noqa: BLE001  a type of the user's own may raise anything
        report, why = None, f"{type(error).__name__}: {error}"
    return report, why, time.monotonic() - started
