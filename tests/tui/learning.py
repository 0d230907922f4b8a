"""What the learning side tells of searches, backtests, reasons, stock and odd days.

Small, but of the shapes that the engine's commands print.
"""

from __future__ import annotations

from typing import Any

from tests.tui.rows import NOW

TYPES = ("LightGBM", "GRU", "Theta", "LSTM", "BiLSTM", "Conv1D-BiLSTM", "ETS")


def trial(number: int, model_type: str, score: float | None, **changes: Any) -> dict[str, Any]:
    """A row of a search's leaderboard."""
    row: dict[str, Any] = {
        "member": number,
        "model_type": model_type,
        "hyperparameters": {},
        "seed": 7 + number,
        "score": score,
        "low": None if score is None else score - 0.014,
        "high": None if score is None else score + 0.015,
        "weight": 0.0,
        "seconds": 6.5 + 4 * number,
        "status": "done",
    }
    return row | changes


def leaderboard() -> list[dict[str, Any]]:
    """What a search of nine trials found: three members, one that failed."""
    gain = {"value": 0.016, "low": 0.009, "high": 0.024}
    blend = trial(0, "auto", 0.776, member=None, weight=None, seconds=211.0, gain=gain)
    params = {"rounds": 612, "learning_rate": 0.031, "num_leaves": 47}
    failed = trial(6, "Conv1D-BiLSTM", None, weight=None,
                   status="failed", why="training diverged in epoch 3")  # fmt: skip
    return [
        blend,
        trial(3, "LightGBM", 0.789, weight=0.46, hyperparameters=params),
        trial(1, "GRU", 0.793, weight=0.33, hyperparameters={"units": 64, "init_lr": 0.004}),
        trial(0, "LightGBM", 0.795),
        trial(5, "LSTM", 0.801),
        trial(2, "BiLSTM", 0.807),
        trial(4, "Theta", 0.829, weight=0.21, seconds=0.4),
        trial(7, "ETS", 0.838, seconds=0.6),
        trial(8, "SeasonalNaive", 1.012, seconds=0.0),
        failed,
    ]


def searched(training: dict[str, Any]) -> dict[str, Any]:
    """The training of a story, as that of a search."""
    model = training["model"] | {
        "model_type": "auto",
        "objective": "median",
        "covariates": ["promo", "price"],
        "hyperparameters": {"trials": 9, "time_budget": 600.0, "members": 6},
    }
    curve = [
        {"round": at, "validation_loss": score, "best": min(0.795, score)}
        for at, score in enumerate((0.795, 0.793, 0.807, 0.789, 0.829, 0.801), 1)
    ]
    fit = training["fit"] | {"rounds": 9, "best_round": 4, "curve": curve, "seconds": 214.0}
    refit = {"seconds": 41.2, "rounds": 3, "importance": {}}
    return training | {"model": model, "fit": fit | {"leaderboard": leaderboard()}, "refit": refit}


def boosted(training: dict[str, Any]) -> dict[str, Any]:
    """The training of a story, as that of boosted trees that tell what they look at."""
    parts = (("lag_7", 0.312), ("same_weekday_mean", 0.254), ("lag_1", 0.121), ("mean_7", 0.098),
             ("lag_14", 0.071), ("weekday", 0.052), ("std_28", 0.041), ("promo", 0.031),
             ("zeros_28", 0.02))  # fmt: skip
    model = training["model"] | {"objective": "stock", "covariates": ["promo"]}
    importance = {"importance": dict(reversed(parts)), "seconds": 2.2}
    return training | {"model": model, "refit": importance}


def contender(place: int, name: str, mase: float, **changes: Any) -> dict[str, Any]:
    """A contender of a backtest, as `list` tells it."""
    scores = {
        "mase": mase, "rmsse": mase * 0.93, "wape": mase / 2, "bias": -0.02 * place,
        "mae": mase * 8, "coverage": 0.83 - 0.01 * place, "width": 22.0 + place, "series": 800,
        "scored": 796,
    }  # fmt: skip
    found: dict[str, Any] = {
        "rank": place, "name": name, "kind": "type", "model_type": name, "version": None,
        "problem": "", "scores": scores, "interval": [mase - 0.016, mase + 0.017],
        "seconds": 12.4 * place,
    }  # fmt: skip
    return found | changes


def _contenders() -> list[dict[str, Any]]:
    nothing = dict.fromkeys(("mase", "rmsse", "wape", "bias", "mae", "coverage", "width"))
    return [
        contender(1, "LightGBM", 0.791),
        contender(2, "GRU", 0.795),
        contender(3, "champion", 0.806, kind="version", model_type="LSTM",
                  version="lstm-aaaaaaaaaaaa", seconds=None),
        contender(4, "Theta", 0.837, seconds=0.7),
        contender(5, "SeasonalNaive", 1.059, kind="baseline", seconds=None),
        contender(6, "Conv1D-BiLSTM", 0.0, rank=None, scores=nothing | {"series": 0, "scored": 0},
                  interval=None, seconds=None, problem="training diverged in epoch 3"),
    ]  # fmt: skip


def backtest(**changes: Any) -> dict[str, Any]:
    """A finished backtest, as `engine backtest list --json` tells it."""
    found: dict[str, Any] = {
        "id": "3f9c2a1b",
        "name": "",
        "state": "finished",
        "created": NOW - 900.0,
        "process": None,
        "done": 24,
        "total": 24,
        "dataset": "4fe966f3a84294d3",
        "dataset_name": "demo",
        "options": {
            "folds": 4, "step_days": 7, "horizon": 7, "window": 30, "level": 80.0, "season": 7,
            "seed": 7, "objective": "median", "retrain": False, "refit": True, "threads": 0,
            "validation_days": 28,
        },
        "metric": "mase",
        "verdict": "LightGBM beats GRU by 0.004 MASE (0.001 to 0.007)",
        "contenders": _contenders(),
    }  # fmt: skip
    return found | changes


def running() -> dict[str, Any]:
    """A backtest that is measured now."""
    types = ("LSTM", "LightGBM", "auto")
    open_ = contender(1, "", 0.0)["scores"]
    nothing = dict.fromkeys(open_) | {"series": 0, "scored": 0}
    waiting = [
        contender(1, name, 0.0, rank=None, scores=nothing, interval=None, seconds=None)
        for name in types
    ]
    return backtest(id="77aa01c2", name="all types", state="running", process=4711, done=5,
                    total=12, verdict="", contenders=waiting, created=NOW - 60.0)  # fmt: skip


def unfinished() -> dict[str, Any]:
    """One that was left."""
    return running() | {"id": "0b5e4d13", "name": "", "state": "unfinished", "process": None,
                        "done": 7, "created": NOW - 90000.0}  # fmt: skip


def backtests() -> list[dict[str, Any]]:
    """What `engine backtest list --json` tells."""
    return [running(), backtest(), unfinished()]


def whole_backtest(**changes: Any) -> dict[str, Any]:
    """What `engine backtest show --json` tells of the finished one."""
    found = backtest(**changes)
    best = found["contenders"][0]
    found["contenders"] = [one | _more(one, best) for one in found["contenders"]]
    return found | {
        "verdict": found["contenders"][1]["comparison"]["verdict"],
        "format": 1,
        "origins": ["2017-12-04", "2017-12-11", "2017-12-18", "2017-12-25"],
        "last_day_seen": "2017-12-03",
        "series": ["BREAD", "MILK"],
        "notes": ["champion lstm-aaaaaaaaaaaa was trained on days up to 2017-12-03"],
        "environment": {"mlops-tui": "0.1.0"},
    }


def _more(one: dict[str, Any], best: dict[str, Any]) -> dict[str, Any]:
    mase = one["scores"]["mase"]
    if mase is None:
        return {"hyperparameters": {}, "ahead": [], "folds": [], "comparison": None}
    ahead = [
        {"day": day, "mase": mase * (0.86 + day / 30), "rmsse": mase * 0.9, "wape": mase / 2,
         "bias": 0.0, "mae": mase * 8, "coverage": 0.81, "width": 20.0 + day}
        for day in range(1, 8)
    ]  # fmt: skip
    comparison = None
    if one is not best:
        difference = mase - best["scores"]["mase"]
        lower = difference - 0.005
        ends = f"({lower:.3f} to {difference + 0.003:.3f})"
        verdict = f"{best['name']} beats {one['name']} by {difference:.3f} MASE {ends}"
        if lower < 0:
            verdict = f"{best['name']} and {one['name']}: no difference that these days can tell"
        comparison = {
            "with": best["name"], "difference": difference, "lower": lower,
            "upper": difference + 0.003, "probability_better": 0.01, "series": 200,
            "verdict": verdict,
        }  # fmt: skip
    return {"hyperparameters": {}, "ahead": ahead, "folds": [], "comparison": comparison}


# A forecast: why, and what it means for the stock


def explained(said: dict[str, Any]) -> dict[str, Any]:
    """An answer of `engine predict --json`, with what `--explain` adds."""
    window = said["history"][-said["window"] :]
    forecast = [point["value"] for point in said["forecast"]]
    days, rows = [], []
    for at, point in enumerate(window):
        same = [one["value"] for one in window[at % 7 :: 7]]
        usual = sum(same) / len(same)
        days.append({"day": point["day"], "weekday": at % 7, "value": point["value"],
                     "usual": usual})  # fmt: skip
        # The same weekday counts most, and a day counts the less the longer ago it is.
        off = (point["value"] - usual) * (at + 4) / 120
        rows.append(
            [off * (2.2 if (at + ahead) % 7 == 2 else 0.5) for ahead in range(len(forecast))]
        )
    moved = [sum(row[ahead] for row in rows) for ahead in range(len(forecast))]
    explanation = {
        "day": None,
        "level": sum(point["value"] for point in window) / len(window),
        "baseline": [value - by for value, by in zip(forecast, moved, strict=True)],
        "forecast": forecast,
        "days": days,
        "contributions": rows,
        "standard_error": [0.2] * len(forecast),
        "importance": {"lag_7": 0.31, "same_weekday_mean": 0.25, "lag_1": 0.12, "weekday": 0.05},
    }
    return said | {"explanation": explanation}


def stocked(said: dict[str, Any], on_hand: float = 620.0, **changes: Any) -> dict[str, Any]:
    """An answer of `engine predict --json`, with what is known of the stock."""
    risks = (0.0002, 0.001, 0.006, 0.031, 0.12, 0.44, 0.86, 0.95, 0.98, 0.99)
    days, expected = [], 0.0
    for ahead, point in enumerate(said["forecast"], 1):
        expected += point["value"]
        risk = risks[min(ahead, len(risks)) - 1]
        days.append({"ahead": ahead, "day": point["day"], "expected": expected,
                     "available": on_hand, "stockout": risk, "stockout_by": risk})  # fmt: skip
    within = days[-1]["stockout_by"]
    inventory = {
        "target": "demand",
        "on_hand": on_hand,
        "on_hand_from": "option",
        "on_order": [],
        "threshold": 0.0,
        "days": days,
        "stockout_within": {"at_least": within, "at_most": within},
        "first_days": [{"probability": 0.05, "ahead": 5, "day": days[4]["day"]}],
        "cover_days": 5.2,
        "lead_time": 5,
        "review": 0,
        "service_level": 95.0,
        "reorder_point": 742.4,
        "order_quantity": 122.4,
        "advice": "The stock of 620 lasts about 5.2 days at the expected demand. Order 123 now.",
    }
    return said | {"inventory": inventory | changes}


# Odd days


def anomaly(series: str, kind: str, day: str, actual: float, **changes: Any) -> dict[str, Any]:
    """A day on which a series was not as expected: 100, or 70 to 130."""
    found: dict[str, Any] = {
        "series": series, "kind": kind, "first_day": day, "last_day": day, "days": 1,
        "actual": actual, "expected": 100.0, "lower": 70.0, "upper": 130.0,
        "score": (max(actual - 130, 70 - actual)) / 60,
    }  # fmt: skip
    return found | changes


def anomalies(**changes: Any) -> dict[str, Any]:
    """What `engine data anomalies --json` prints."""
    week = {"first_day": "2017-12-25", "last_day": "2017-12-31", "days": 7, "expected": 560.0,
            "lower": 430.0, "upper": 690.0}  # fmt: skip
    found: dict[str, Any] = {
        "dataset": "4fe966f3a84294d3",
        "first_day": "2017-12-18",
        "last_day": "2017-12-31",
        "days": 14,
        "level": 99.0,
        "version": "lightgbm-0f503f238d07",
        "model_type": "LightGBM",
        "series": 200,
        "skipped": 3,
        "checked": 2800,
        "outside": 41,
        "expected": 28.0,
        "common_days": [{"day": "2017-12-25", "outside": 24}],
        "stretches": {"days": 7, "checked": 400, "outside": 6, "expected": 4.0},
        "notes": ["lightgbm-0f503f238d07 has learnt from days up to 2017-12-03"],
        "anomalies": [
            anomaly("FLUID MILK WHITE ONLY", "drop", "2017-12-25", 0.0, expected=143.0, lower=69.0,
                    upper=212.0),
            anomaly("YOGURT NOT MULTI-PACKS", "shift_up", "", 940.0, **week, score=1.9),
            anomaly("BANANAS", "spike", "2017-12-23", 214.0),
            anomaly("SHREDDED CHEESE", "stopped", "", 0.0, **week, score=1.2),
            anomaly("BAGELS", "shift_down", "", 310.0, **week, score=0.5),
        ],
    }  # fmt: skip
    return found | changes
