"""Drift: what a check costs, how often it cries wolf, what it finds, what keeping costs a request.

The peer is the report of Evidently over the same columns (pip install 'mlops-tui[evidently]'),
with its own tests and thresholds. Made data: series of demand with a week, and with a season that
all of them share or without one, of which a good year is learnt from; each check looks at a week
that comes later. Where a season moves demand by half, a level 30 % higher has been there before.

    python benchmarks/drift.py [--checks 100] [--forecasts 100000] [--json]
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from _claims import Claim, at_least, at_most, beside, measured, parser_of, report

from engine.drift.report import Limits
from engine.drift.series import asked_of_panel, asked_of_served, judge_series
from engine.predictor.feedback import Feedback
from engine.quality.served import read_served
from engine.workspace import Workspace
from models.arrays import FloatArray, Panel, Windows
from models.drift.judging import worst_of
from models.drift.series_reference import SeriesReference, learn_reference

WINDOW, HORIZON = 30, 7
YEAR, WEEK = 365, 7
START = dt.date(2024, 1, 1)
EVIDENTLY = "Evidently's report"
VERSION = "benchmark-0"


def demand(series: int, days: int, seed: int, swing: float = 0.25) -> FloatArray:
    """Counts with a level of their own, a week, a season that all share, and busy days."""
    rng = np.random.default_rng(seed)
    base = np.exp(rng.normal(2, 1, series))[:, None]
    day = np.arange(days)
    week = 1 + 0.3 * np.sin(day * 2 * np.pi / 7)
    season = 1 + swing * np.sin(day * 2 * np.pi / 365)
    # What happens to a whole shop on a day: weather, holidays.
    common = np.exp(rng.normal(0, 0.08, days))
    return rng.poisson(base * week * season * common).astype(np.float64)


def naive(windows: Windows) -> FloatArray:
    """The last week again."""
    return np.asarray(windows.values[:, -HORIZON:])


def learnt(values: FloatArray) -> SeriesReference:
    """What a version keeps of the values that it learnt from."""
    panel = panel_of(values)
    return learn_reference(panel, window=WINDOW, horizon=HORIZON, predict=naive)


def panel_of(values: FloatArray) -> Panel:
    return Panel(tuple(f"s{row}" for row in range(len(values))), START, values)


def alarms(checks: int, series: int, factor: float, swing: float) -> float:
    """Share of checks that find drift, of weeks up to half a year after a year was learnt from."""
    found = 0
    for check in range(checks):
        later = WINDOW + WEEK + (check * 29) % 150
        values = demand(series, YEAR + 60 + later, seed=check, swing=swing)
        known = values.shape[1] - later
        reference = learnt(values[:, :known])
        values[:, known:] = np.round(values[:, known:] * factor)
        asked = asked_of_panel(panel_of(values), WINDOW, WEEK, reference.last_day)
        judged = judge_series(reference, asked, Limits())
        found += worst_of([one.verdict for one in judged.features]) == "drifted"
    return found / checks


def fill(workspace: Workspace, count: int, *, values: FloatArray) -> tuple[float, float]:
    """Keep forecasts as the predictor does; return microseconds a forecast: noting, and writing."""
    ring = Feedback(workspace.predictor / "forecasts-0.jsonl", 1 << 30)
    windows = [row[-WINDOW:].tolist() for row in values]
    noting = writing = 0.0
    for first in range(0, count, 10_000):
        some = range(first, min(first + 10_000, count))
        began = time.perf_counter()
        for number in some:
            window = windows[number % len(windows)]
            day = START + dt.timedelta(days=number // len(windows))
            ring.keep(VERSION, f"s{number % len(windows)}", day, window[:7], window)
        noted = time.perf_counter()
        ring.write()
        noting, writing = noting + noted - began, writing + time.perf_counter() - noted
    return noting / count * 1e6, writing / count * 1e6


def keeping_costs(values: FloatArray) -> list[Claim]:
    """What noting the window beside a forecast adds, of 20,000 forecasts."""
    windows = [row[-WINDOW:].tolist() for row in values]

    def cost(with_window: bool) -> float:
        best = float("inf")
        for _ in range(3):
            with tempfile.TemporaryDirectory() as folder:
                ring = Feedback(Path(folder) / "ring.jsonl", 1 << 30)
                began = time.perf_counter()
                for number in range(20_000):
                    window = windows[number % len(windows)]
                    ring.keep(VERSION, "s", START, window[:7], window if with_window else ())
                ring.write()
                best = min(best, (time.perf_counter() - began) / 20_000 * 1e6)
        return best

    without, with_it = cost(False), cost(True)
    return [
        at_most(
            "keeping the window in numbers adds a forecast", with_it - without, "us", 6, "", None
        )
    ]


def in_a_process(work: Callable[..., None], *given: Any) -> tuple[float, float]:
    """Seconds that some work takes in a fresh process, imports included, and its peak in MiB."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_measure, args=(queue, work, given))
    began = time.perf_counter()
    process.start()
    peak = queue.get()
    process.join()
    return time.perf_counter() - began, peak


def _measure(queue: Any, work: Callable[..., None], given: tuple[Any, ...]) -> None:
    work(*given)
    queue.put(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def check(root: str, saved: str) -> None:
    """What a check does: read everything that was kept, and hold it against what was learnt."""
    reference = SeriesReference.from_dict(json.loads(Path(saved).read_text()))
    forecasts = read_served(Workspace(Path(root)), VERSION).answers
    asked = asked_of_served(forecasts, reference.horizon)
    judge_series(reference, asked, Limits(days=200))


def check_by_evidently(table: str) -> None:
    """The report of Evidently over the same columns, which it is handed ready made."""
    os.environ["DO_NOT_TRACK"] = "1"
    import pandas as pd
    from evidently import Report
    from evidently.presets import DataDriftPreset

    arrays = np.load(table)
    tables = [pd.DataFrame(arrays[name]) for name in ("now", "then")]
    for one in tables:
        one.columns = [f"column {place}" for place in one.columns]
    Report([DataDriftPreset()]).run(*tables).get_html_str(as_iframe=False)


def costs(count: int) -> list[Claim]:
    """Time and memory of a check, beside Evidently's."""
    values = demand(1000, YEAR + WINDOW, seed=0)
    reference = learnt(values)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder) / "workspace").create()
        saved = Path(folder) / "reference.json"
        saved.write_text(json.dumps(reference.to_dict()))
        fill(workspace, count, values=values)
        seconds, peak = in_a_process(check, str(workspace.root), str(saved))
        name = f"a check of {count:,} served forecasts"
        size = saved.stat().st_size / 1024
        claims = [measured("what a version keeps of 1,000 series", size, "KiB")]
        if importlib.util.find_spec("evidently") is None:
            return [
                *claims,
                at_most(name, seconds, "s", 30, "", None),
                at_most(f"{name}: memory", peak, "MiB", 1024, "", None),
            ]
        table = Path(folder) / "table.npz"
        rng = np.random.default_rng(0)
        columns = len(reference.features)
        np.savez(
            table, now=rng.normal(size=(count, columns)), then=rng.normal(size=(count, columns))
        )
        theirs, their_peak = in_a_process(check_by_evidently, str(table))
        return [
            *claims,
            beside(name, seconds, "s", EVIDENTLY, theirs),
            beside(f"{name}: memory", peak, "MiB", EVIDENTLY, their_peak),
        ]


def main() -> int:
    parser = parser_of(__doc__)
    parser.add_argument("--checks", type=int, default=100)
    parser.add_argument("--forecasts", type=int, default=100_000)
    options = parser.parse_args()
    claims = costs(options.forecasts)
    claims += keeping_costs(demand(50, 60, seed=1))
    for series, swing in ((10, 0.0), (200, 0.0), (10, 0.25), (200, 0.25)):
        quiet = alarms(options.checks, series, 1.0, swing)
        found = alarms(options.checks, series, 1.3, swing)
        of = f"of {series} series {'with' if swing else 'without'} a season"
        claims.append(at_most(f"checks {of} that cry wolf", quiet * 100, "%", 2, "", None))
        name = f"checks {of} that find a level 30 % higher"
        claims.append(
            measured(name, found * 100, "%")
            if swing
            else at_least(name, found * 100, "%", 95, "", None)
        )
    return report(claims, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
