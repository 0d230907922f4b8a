"""The search: trials in processes, told in order, until their number or the time is used up."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from models.errors import ModelProblem
from models.learner import Progress
from models.search.crew import Crew
from models.search.jobs import LostJob
from models.search.judging import Judge
from models.search.proposals import Judged, Proposals
from models.search.trials import DONE, FAILED, Course, Outcome, Trial, TrialStore, timed


@dataclass(frozen=True)
class _Try:
    """The job of one trial."""

    trial: Trial
    writes: Path
    reads: None = None

    def moved(self, reads: Path | None, writes: Path) -> _Try:
        """The same trial, written into another folder."""
        return dataclasses.replace(self, writes=writes)

    def __call__(self, course: Course) -> Outcome:
        report, why, seconds = timed(course, self.trial, self.writes)
        return Outcome(self.trial, FAILED if report is None else DONE, why, seconds, 0.0, report)


@dataclass(frozen=True)
class Limits:
    """When a search ends.

    Args:
        trials: Most trials.
        seconds: No trial begins after so many; the first one always does.
        lag: A variant is proposed after the outcomes of all defaults, and of all trials that are
            so many numbers older.
    """

    trials: int
    seconds: float
    lag: int


class Search:
    """One search; `run` does it.

    Args:
        proposals: What is tried.
        judge: Scores what comes of it.
        store: Where trials are kept, and found when they were done before.
        crew: Does the trials.
        limits: When it ends.
        progress: Told after each trial: its score, and the best so far.
    """

    def __init__(
        self,
        proposals: Proposals,
        judge: Judge,
        store: TrialStore,
        crew: Crew[Course],
        limits: Limits,
        progress: Progress,
    ) -> None:
        self._proposals = proposals
        self._judge = judge
        self._store = store
        self._crew = crew
        self._limits = limits
        self._progress = progress
        self._told: list[Judged] = []
        self._ended: dict[int, Outcome] = {}
        self._running: dict[int, Trial] = {}
        self._begun = 0
        self._is_over = False
        self._zero = monotonic()

    def run(self) -> list[Judged]:
        """Every trial that was made, in order.

        Raises:
            ModelProblem: None of them could be fitted; says why the last one could not.
        """
        while True:
            self._tell()
            while self._may_begin():
                self._begin()
                self._tell()
            if not self._running:
                break
            self._await_one()
        if not any(one.score for one in self._told):
            why = self._told[-1].outcome.why if self._told else "there is nothing to try"
            raise ModelProblem(f"none of {len(self._told)} models could be fitted: {why}")
        return self._told

    def _may_begin(self) -> bool:
        number = self._begun
        if self._is_over or number >= self._limits.trials or not self._crew.free:
            return False
        if number and self._elapsed() >= self._limits.seconds:
            return False
        return len(self._told) >= self._needed(number)

    def _needed(self, number: int) -> int:
        """How many outcomes the proposal of this number depends on."""
        defaults = self._proposals.defaults
        return 0 if number < defaults else max(number - self._limits.lag + 1, defaults)

    def _begin(self) -> None:
        number = self._begun
        trial = self._proposals.propose(number, self._told[: self._needed(number)])
        if trial is None:
            self._is_over = True
            return
        self._begun += 1
        known = self._store.find(trial)
        if known is not None:
            # What the search took before it was cut short counts.
            self._zero = min(self._zero, monotonic() - known.elapsed)
            self._ended[number] = known
            return
        self._running[number] = trial
        self._crew.start(number, _Try(trial, self._store.unfinished(trial)))

    def _await_one(self) -> None:
        try:
            number, outcome = self._crew.next_done()
            outcome = dataclasses.replace(outcome, elapsed=self._elapsed())
            self._store.finish(outcome)
        except LostJob as lost:
            # Somebody killed it, or there was no memory: that says nothing about the model, so it
            # is not kept, and whoever searches here next tries it again.
            number, trial = lost.number, self._running[lost.number]
            outcome = Outcome(trial, FAILED, str(lost), 0.0, self._elapsed(), None)
        del self._running[number]
        self._ended[number] = outcome

    def _tell(self) -> None:
        """Judge what ended, in the order of the numbers."""
        while (outcome := self._ended.pop(len(self._told), None)) is not None:
            self._told.append(self._judged(outcome))
            scores = [one.score.value for one in self._told if one.score is not None]
            values = {"best": min(scores)} if scores else {}
            if (score := self._told[-1].score) is not None:
                values["score"] = score.value
            self._progress("trial", len(self._told), self._limits.trials, **values)

    def _judged(self, outcome: Outcome) -> Judged:
        if outcome.status == FAILED:
            return Judged(outcome, None, None)
        try:
            residuals = self._judge.residuals(self._store.answers(outcome.trial.number))
        except ModelProblem as problem:
            failed = dataclasses.replace(outcome, status=FAILED, why=str(problem), report=None)
            return Judged(failed, None, None)
        return Judged(outcome, residuals, self._judge.score(residuals))

    def _elapsed(self) -> float:
        return monotonic() - self._zero
