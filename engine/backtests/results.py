"""From the forecasts of all contenders to numbers, ranks and verdicts."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.backtests.forecasts import OriginForecasts, file_of
from engine.backtests.request import FORMAT, Contender, Request
from engine.backtests.store import FINISHED, FORECASTS_FOLDER
from engine.plurals import counted
from models.arrays import FloatArray
from models.forecasting.backtest import Backtest, score_fold
from models.forecasting.comparison import Difference, difference, mean_interval
from models.metrics import metric_of

_NOTHING_MEASURED: dict[str, Any] = {
    "scores": {
        **dict.fromkeys(("mase", "rmsse", "wape", "bias", "mae", "coverage", "width")),
        "series": 0,
        "scored": 0,
    },
    "interval": None,
    "seconds": None,
    "forecast_seconds": None,
    "folds": [],
    "ahead": [],
    "series": {"mase": [], "rmsse": [], "mae": [], "bias": []},
    "comparison": None,
}


def description(request: Request) -> dict[str, Any]:
    """What is known of a backtest before anything is measured, as JSON-able data."""
    return {
        "format": FORMAT,
        "name": request.name,
        "total": len(request.contenders) * len(request.origins),
        "dataset": request.dataset.id,
        "dataset_name": request.dataset.name,
        "options": asdict(request.options),
        "metric": metric_of(request.options.objective),
        "verdict": "",
        "contenders": [
            {**_who(request, contender), "rank": None, "problem": "", **_NOTHING_MEASURED}
            for contender in request.contenders
        ],
    }


def result(request: Request, folder: Path, problems: Mapping[str, str]) -> dict[str, Any]:
    """The result of a backtest whose forecasts are all there, as JSON-able data.

    Args:
        request: What was compared.
        folder: The backtest's own.
        problems: Name of each contender that could not be measured, and why.

    Raises:
        StorageError: A file of forecasts cannot be read.
    """
    metric = metric_of(request.options.objective)
    measured = {
        contender.name: _measured(request, contender, folder)
        for contender in request.contenders
        if contender.name not in problems
    }
    overall = {name: found.backtest.overall() for name, found in measured.items()}
    errors = {name: found.backtest.errors(metric) for name, found in measured.items()}

    def order(contender: Contender) -> tuple[bool, float]:
        value = getattr(overall.get(contender.name), metric, None)
        return value is None, math.inf if value is None else value

    ranked = sorted(request.contenders, key=order)
    best = ranked[0].name
    apart = {
        name: difference(errors[name], errors[best], seed=request.options.seed)
        for name in measured
        if name != best and best in measured
    }
    entries = []
    for rank, contender in enumerate(ranked, start=1):
        name = contender.name
        entry = {**_who(request, contender), "rank": rank, "problem": problems.get(name, "")}
        if name in measured:
            entry |= measured[name].to_dict()
            entry["interval"] = _interval(errors[name], request.options.seed)
            entry["comparison"] = _comparison(name, best, apart.get(name), metric)
        else:
            entry |= {**_NOTHING_MEASURED, "rank": None}
        entries.append(entry)
    origins = [request.dataset.day(origin).isoformat() for origin in request.origins]
    return {
        **description(request),
        "id": request.id,
        "state": FINISHED,
        "created": time.time(),
        "process": None,
        "done": len(measured) * len(request.origins),
        "verdict": verdict([one.name for one in ranked if one.name in measured], apart, metric),
        "origins": origins,
        "last_day_seen": request.dataset.day(request.first_origin - 1).isoformat(),
        "series": list(request.dataset.ids),
        "notes": list(request.notes),
        "environment": request.environment,
        "contenders": entries,
    }


def _who(request: Request, contender: Contender) -> dict[str, Any]:
    return {**asdict(contender), "key": request.key(contender)}


@dataclass(frozen=True, eq=False)
class _Measured:
    """A contender's forecasts held against what came."""

    backtest: Backtest
    training_seconds: float
    forecast_seconds: float

    def to_dict(self) -> dict[str, Any]:
        summary = self.backtest.summary()
        trained = not math.isnan(self.training_seconds)
        return {
            "scores": summary["overall"],
            "seconds": round(self.training_seconds, 3) if trained else None,
            "forecast_seconds": round(self.forecast_seconds, 4),
            "folds": summary["folds"],
            "ahead": summary["ahead"],
            "series": {
                name: _numbers(values) for name, values in self.backtest.series_scores().items()
            },
        }


def _measured(request: Request, contender: Contender, folder: Path) -> _Measured:
    panel = request.dataset.panel()
    key = request.key(contender)
    folds, training, forecasting = [], [], []
    for origin in request.origins:
        name = file_of(key, request.dataset.day(origin))
        found = OriginForecasts.read(folder / FORECASTS_FOLDER / name)
        folds.append(
            score_fold(
                panel,
                origin,
                found.rows,
                found.forecast,
                interval=found.interval,
                season=request.options.season,
            )
        )
        training.append(found.training_seconds)
        forecasting.append(found.forecast_seconds)
    # Without --retrain they all come from one training.
    seconds = sum(training) if request.options.retrain else training[0]
    return _Measured(
        Backtest(panel, request.options.horizon, tuple(folds)), seconds, sum(forecasting)
    )


def _numbers(values: FloatArray) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values.tolist()]


def _interval(errors: FloatArray, seed: int) -> list[float] | None:
    found = mean_interval(errors, seed=seed)
    return None if found is None else list(found)


def _comparison(
    name: str, best: str, found: Difference | None, metric: str
) -> dict[str, Any] | None:
    """A contender beside the best one; None for the best one, and where nothing was scored."""
    if found is None:
        return None
    return {
        "with": best,
        "difference": found.value,
        "lower": found.lower,
        "upper": found.upper,
        "probability_better": found.probability_better,
        "series": found.series,
        "verdict": sentence(name, best, found, metric),
    }


def sentence(name: str, best: str, found: Difference, metric: str) -> str:
    """Say what a comparison of two contenders comes to.

    Args:
        name: The one whose difference it is.
        best: The one that it was held against.
        found: The difference.
        metric: What differs.
    """
    winner, loser, sign = (best, name, 1) if found.value >= 0 else (name, best, -1)
    ahead = f"{_short(sign * found.value)} {metric.upper()}"
    if found.lower is None or found.upper is None:
        few = counted("{count} series [is|are]", found.series)
        return f"{winner} is ahead of {loser} by {ahead}; {few} too few to tell whether by chance"
    if not found.is_clear:
        return f"{best} and {name}: no difference that these days can tell"
    ends = sorted((sign * found.lower, sign * found.upper))
    return f"{winner} beats {loser} by {ahead} ({_short(ends[0])} to {_short(ends[1])})"


def verdict(ranked: Sequence[str], apart: Mapping[str, Difference | None], metric: str) -> str:
    """Say what a whole backtest comes to.

    Args:
        ranked: Names of the contenders that were measured, the best first.
        apart: Name of each but the best to its difference from the best; None where there is none.
        metric: What they are ranked by.
    """
    scored = [name for name in ranked[1:] if apart.get(name) is not None]
    if not scored:
        return f"no two contenders could be held against each other by {metric.upper()}"
    best, second = ranked[0], scored[0]
    found = apart[second]
    assert found is not None, "only those that could be compared are in the list"
    if found.lower is None or found.is_clear:
        return sentence(second, best, found, metric)
    level = [name for name in scored if (one := apart[name]) is not None and not one.is_clear]
    names = ", ".join([best, *level[:-1]])
    return f"no difference that these days can tell between {names} and {level[-1]}"


def _short(value: float) -> str:
    """Three decimals, or more where they would all be zero."""
    return f"{value:.3f}" if abs(value) >= 0.0005 or value == 0 else f"{value:.1g}"
