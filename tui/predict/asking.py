"""What is asked of a model, and what it answered: plain values."""

from __future__ import annotations

import datetime as dt
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tui import told
from tui.predict.stock import Inventory, OnHand, inventory_of, plain


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be forecast.

    Attributes:
        series: A series of the newest data set; "" for values of one's own.
        values: Those values, oldest first.
        last_day: Day of the last of them; None: not known.
        version: Which version is to answer; "": the one that serves.
        steps: Days ahead; 0: as many as the model was trained for.
        level: Of the interval, in percent; 0: no interval.
        explains: Whether it asks why.
        stock: What is on hand, where it asks when that runs out.
    """

    series: str = ""
    values: tuple[float, ...] = ()
    last_day: dt.date | None = None
    version: str = ""
    steps: int = 0
    level: float = 0.0
    explains: bool = False
    stock: OnHand | None = None

    def arguments(self) -> list[str]:
        """Of the `engine` command that asks the same."""
        found = ["predict"]
        if self.series:
            found += ["--series", self.series]
        else:
            found += ["--values", ",".join(map(plain, self.values))]
            if self.last_day is not None:
                found += ["--last-date", self.last_day.isoformat()]
        if self.steps:
            found += ["--steps", str(self.steps)]
        if self.version:
            found += ["--version", self.version]
        if self.level:
            found += ["--level", f"{self.level:g}"]
        if self.explains:
            found.append("--explain")
        if self.stock is not None:
            found += self.stock.arguments()
        return found

    def why(self) -> Question:
        """Why the answer is what it is."""
        return replace(self, level=0.0, explains=True, stock=None)

    def with_stock(self, stock: OnHand) -> Question:
        """What the answer means for the stock."""
        return replace(self, level=0.0, explains=False, stock=stock)

    def without_level(self) -> Question:
        """The same without an interval."""
        return replace(self, level=0.0)


@dataclass(frozen=True, slots=True)
class Forecast:
    """An answer.

    Attributes:
        series: Which series; "" for values of one's own.
        version: Which version answered.
        model_type: What kind of model it is.
        window: How many values it looks at.
        horizon: How many days it was trained for.
        last_day: Day of the last known value; None: not known.
        history: The last known values, oldest first.
        values: The forecast, a day each.
        lower: Lower end of each day's interval; () without.
        upper: Upper end of it.
        level: Of the interval in percent; 0 where the version has none.
        latency_ms: How long the answer took.
        address: Of the predictor that answered; "" for a process of its own.
        known_days: Of the days that the model looks at, how many are known; None: all of them.
        covariates: What it knows beside the values: name, days known, days to come known.
    """

    series: str
    version: str
    model_type: str
    window: int
    horizon: int
    last_day: dt.date | None
    history: tuple[float, ...]
    values: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    level: float
    latency_ms: float
    address: str
    known_days: int | None = None
    covariates: tuple[tuple[str, int, int], ...] = ()

    def day(self, offset: int) -> dt.date | None:
        """The day so many days after the last known one; None: not known."""
        return None if self.last_day is None else self.last_day + dt.timedelta(days=offset)

    def points(self) -> list[dict[str, Any]]:
        """The forecast, a record a day."""
        found: list[dict[str, Any]] = []
        for ahead, value in enumerate(self.values, 1):
            day = self.day(ahead)
            point = {"day": day.isoformat() if day else None, "ahead": ahead, "value": value}
            if self.lower:
                point |= {"lower": self.lower[ahead - 1], "upper": self.upper[ahead - 1]}
            found.append(point)
        return found

    def as_data(self) -> dict[str, Any]:
        """All of it as JSON-able values."""
        return {
            "series": self.series or None,
            "version": self.version,
            "model_type": self.model_type,
            "window": self.window,
            "horizon": self.horizon,
            "last_day": self.last_day.isoformat() if self.last_day else None,
            "level": self.level or None,
            "answered_by": self.address or "engine predict",
            "latency_ms": round(self.latency_ms, 3),
            "forecast": self.points(),
        }

    def as_csv(self) -> str:
        """A line a day, with a heading."""
        rows = ["day,value,lower,upper" if self.lower else "day,value"]
        for point in self.points():
            numbers = [point[name] for name in ("value", "lower", "upper") if name in point]
            rows.append(",".join([str(point["day"] or point["ahead"]), *map(plain, numbers)]))
        return "\n".join(rows) + "\n"

    def as_curl(self, address: str) -> str:
        """The request that asks a predictor the same."""
        body: dict[str, Any] = {
            "input_data": list(self.history[-self.window :]),
            "prediction_step": len(self.values),
        }
        if self.last_day is not None:
            body["last_date"] = self.last_day.isoformat()
        if self.level:
            body["level"] = self.level
        if self.known_days is not None:
            body["extend"] = True
        return shlex.join(
            [
                *("curl", "-sS", f"{address}/predict_timeseries"),
                *("-H", "Content-Type: application/json", "-d", json.dumps(body)),
            ]
        )


def forecast_of(said: Mapping[str, Any]) -> Forecast:
    """What `engine predict --json` printed."""
    points = said["forecast"]
    level = said["level"] or 0.0
    last_day = said["last_day"]
    return Forecast(
        series=said["series"] or "",
        version=said["version"],
        model_type=said["model_type"],
        window=said["window"],
        horizon=said["horizon"],
        last_day=dt.date.fromisoformat(last_day) if last_day else None,
        history=tuple(point["value"] for point in said["history"]),
        values=tuple(point["value"] for point in points),
        lower=tuple(point["lower"] for point in points) if level else (),
        upper=tuple(point["upper"] for point in points) if level else (),
        level=level,
        latency_ms=said["latency_ms"],
        address="",
        known_days=told.whole(said.get("known_days")) if said.get("extended") else None,
        covariates=tuple(
            (
                told.text(one.get("name")),
                told.whole(one.get("days")) or 0,
                told.whole(one.get("days_to_come")) or 0,
            )
            for one in told.mappings(said.get("covariates"))
        ),
    )


def stock_of(said: Mapping[str, Any]) -> Inventory | None:
    """What `engine predict --json` printed of the stock; None where it knows of none."""
    return inventory_of(said.get("inventory"))
