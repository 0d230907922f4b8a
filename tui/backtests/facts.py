"""Backtests as the terminal knows them: what `engine backtest list | show --json` tell."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from tui import told
from tui.models.facts import MEASURES, Measures

FINISHED, RUNNING = "finished", "running"
BASELINE = "baseline"


@dataclass(frozen=True, slots=True)
class Options:
    """How it is measured; None where that is not told.

    Attributes:
        folds: Origins.
        step_days: Days from one to the next.
        horizon: Days that are forecast at each.
        window: Days that a type sees.
        level: Of the intervals, in percent.
        seed: Of all that is random.
        objective: What the types aim at: "median" or "stock".
        retrain: Whether each is trained again before each origin.
        refit: Whether each learns once more from all days before that.
    """

    folds: int | None
    step_days: int | None
    horizon: int | None
    window: int | None
    level: float | None
    seed: int | None
    objective: str
    retrain: bool
    refit: bool


@dataclass(frozen=True, slots=True)
class Ahead:
    """Errors of one day ahead, counted from 1."""

    day: int
    mase: float | None
    rmsse: float | None


@dataclass(frozen=True, slots=True)
class Contender:
    """One of those that are held against each other.

    Attributes:
        rank: From 1; None where it was not measured, or is not yet.
        name: What it is called.
        kind: "type", "version" or "baseline".
        model_type: What learned it.
        version: Id of a stored version, "" for a type.
        problem: Why it could not be measured, "" where it was.
        scores: Over all origins and series.
        low: From where on the metric lies, with 95 % confidence; None with too few series.
        high: Up to where.
        seconds: Of training; None for a version.
        ahead: Errors by day ahead; () in a list.
        verdict: What holding it against the best one came to, "" for the best one and in a list.
        is_certain: Whether that is more than chance.
    """

    rank: int | None
    name: str
    kind: str
    model_type: str
    version: str
    problem: str
    scores: Measures
    low: float | None
    high: float | None
    seconds: float | None
    ahead: tuple[Ahead, ...]
    verdict: str
    is_certain: bool

    @property
    def label(self) -> str:
        """Its name, and which version that is."""
        return self.name if self.version in ("", self.name) else f"{self.name} {self.version}"

    def metric(self, name: str) -> float | None:
        """One of its measures."""
        found: float | None = getattr(self.scores, name, None)
        return found


@dataclass(frozen=True, slots=True)
class Backtest:
    """Types and versions side by side.

    Attributes:
        id: Its id.
        name: What its user called it, "" without.
        state: "finished", "running" or "unfinished".
        created: When it ended, or began, in seconds since the epoch.
        process: Which process measures it, None for none.
        done: Pairs of contender and origin that are measured.
        total: Of how many.
        dataset: Id of the data set.
        dataset_name: Its name.
        options: How it is measured.
        metric: What is ranked by: "mase" or "rmsse".
        verdict: What it came to, "" while it is not finished.
        contenders: By their rank.
        origins: First forecast days; () in a list.
        last_day: The last day that training saw; "" in a list.
        notes: What was said about it.
    """

    id: str
    name: str
    state: str
    created: float | None
    process: int | None
    done: int
    total: int
    dataset: str
    dataset_name: str
    options: Options
    metric: str
    verdict: str
    contenders: tuple[Contender, ...]
    origins: tuple[str, ...]
    last_day: str
    notes: tuple[str, ...]

    @property
    def is_finished(self) -> bool:
        """Whether everything is measured."""
        return self.state == FINISHED

    @property
    def best(self) -> Contender | None:
        """The best of the contenders; None while there is none."""
        return next((one for one in self.contenders if one.rank == 1), None)

    @property
    def share(self) -> float:
        """How much of it is measured, 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    def command(self) -> str:
        """The command that measures the same, or goes on with it."""
        options = self.options
        asked = [one.version or one.model_type for one in self.contenders if one.kind != BASELINE]
        parts = ["engine", "backtest", "run", *(asked or ["TYPE"]), "--dataset", self.dataset]
        for flag, value in (
            ("--folds", options.folds),
            ("--step-days", options.step_days),
            ("--horizon", options.horizon),
            ("--window", options.window),
            ("--level", options.level),
            ("--seed", options.seed),
            ("--objective", options.objective or None),
            ("--name", self.name or None),
        ):
            if value is not None:
                parts += [flag, f"{value:g}" if isinstance(value, float) else str(value)]
        parts += ["--retrain"] if options.retrain else []
        return shlex.join(parts)


def backtests_of(data: Any) -> list[Backtest]:
    """What `engine backtest list --json` tells, in its order."""
    return [backtest_of(one) for one in told.mappings(data) if one.get("id")]


def backtest_of(entry: dict[str, Any]) -> Backtest:
    """One of a list, or what `engine backtest show --json` tells."""
    return Backtest(
        id=told.text(entry.get("id")),
        name=told.text(entry.get("name")),
        state=told.text(entry.get("state")),
        created=told.number(entry.get("created")),
        process=told.whole(entry.get("process")),
        done=told.whole(entry.get("done")) or 0,
        total=told.whole(entry.get("total")) or 0,
        dataset=told.text(entry.get("dataset")),
        dataset_name=told.text(entry.get("dataset_name")),
        options=_options(told.mapping(entry.get("options"))),
        metric=told.text(entry.get("metric")) or "mase",
        verdict=told.text(entry.get("verdict")),
        contenders=tuple(_contender(one) for one in told.mappings(entry.get("contenders"))),
        origins=tuple(told.text(day) for day in told.entries(entry.get("origins"))),
        last_day=told.text(entry.get("last_day_seen")),
        notes=tuple(told.text(note) for note in told.entries(entry.get("notes"))),
    )


def _options(said: dict[str, Any]) -> Options:
    return Options(
        folds=told.whole(said.get("folds")),
        step_days=told.whole(said.get("step_days")),
        horizon=told.whole(said.get("horizon")),
        window=told.whole(said.get("window")),
        level=told.number(said.get("level")),
        seed=told.whole(said.get("seed")),
        objective=told.text(said.get("objective")),
        retrain=said.get("retrain") is True,
        refit=said.get("refit") is True,
    )


def _contender(said: dict[str, Any]) -> Contender:
    scores, comparison = told.mapping(said.get("scores")), told.mapping(said.get("comparison"))
    low, high = (*told.numbers(said.get("interval")), None, None)[:2]
    lower = told.number(comparison.get("lower"))
    return Contender(
        rank=told.whole(said.get("rank")),
        name=told.text(said.get("name")),
        kind=told.text(said.get("kind")),
        model_type=told.text(said.get("model_type")),
        version=told.text(said.get("version")),
        problem=told.text(said.get("problem")),
        scores=Measures(**{name: told.number(scores.get(name)) for name in MEASURES}),
        low=low,
        high=high,
        seconds=told.number(said.get("seconds")),
        ahead=tuple(
            Ahead(day, told.number(one.get("mase")), told.number(one.get("rmsse")))
            for one in told.mappings(said.get("ahead"))
            if (day := told.whole(one.get("day"))) is not None
        ),
        verdict=told.text(comparison.get("verdict")),
        is_certain=lower is not None and lower > 0,
    )
