"""What an examination found, as data: the same for a table, a chart, a page and a rule."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from models.arrays import FloatArray
from models.drift.judging import FeatureVerdict, Verdict, worst_of
from models.drift.kept import Kept

Finding = Verdict | Literal["unknown"]
Source = Literal["served", "dataset"]
Columns = dict[str, tuple[Kept, FloatArray]]
"""Of each feature what was learnt from, and the values that came."""


@dataclass(frozen=True)
class Limits:
    """When something has drifted; see the section `drift` of engine.yaml.

    Attributes:
        psi: Population stability index above which a feature has.
        error_ratio: Live error over that of the test above which a version has.
        least: Answers below which nothing is said.
        days: Days that are looked at.
    """

    psi: float = 0.25
    error_ratio: float = 1.5
    least: int = 50
    days: int = 7


@dataclass(frozen=True)
class DayError:
    """The live error on one day."""

    day: dt.date
    count: int
    error: float


@dataclass(frozen=True)
class LiveError:
    """What a version turned out to be worth.

    Attributes:
        metric: What is measured: "MASE" of forecasts, "error rate" of classes.
        finding: alike, shifted, drifted, or unknown.
        live: The error since then, None when nothing is known.
        promised: What the test had led to expect of the same questions.
        matched: Answers whose truth is known.
        series: Series among them; of pictures 0.
        days: The error day by day, ascending.
        why: Why nothing is known, "" when it is.
    """

    metric: str
    finding: Finding = "unknown"
    live: float | None = None
    promised: float | None = None
    matched: int = 0
    series: int = 0
    days: tuple[DayError, ...] = ()
    why: str = ""

    @property
    def ratio(self) -> float | None:
        """Live error over the promised one."""
        if self.live is None or not self.promised:
            return None
        return self.live / self.promised

    def to_dict(self) -> dict[str, Any]:
        """JSON-able data."""
        days = [asdict(one) | {"day": one.day.isoformat()} for one in self.days]
        return asdict(self) | {"days": days, "ratio": self.ratio}


@dataclass(frozen=True)
class DayDrift:
    """How far the answers of one day are from what was learnt from.

    Attributes:
        day: The day on which was asked; of a data set the day itself.
        count: Answers.
        distance: Wasserstein distance of the feature that the report names; None without any.
        mean: Mean of that feature.
    """

    day: dt.date
    count: int
    distance: float | None
    mean: float | None


@dataclass(frozen=True)
class DriftReport:
    """What was found about one version.

    Attributes:
        at: When, seconds since the epoch.
        data_type: timeseries or image.
        version: Its id.
        source: Whether what was served was examined, or a data set.
        dataset: The data set that was, or that brought the values that came; None: there is none.
        days: Days that were looked at.
        answers: Answers, or windows of the data set, that were looked at.
        new: How many of them are about series that were not learnt from.
        features: Each feature that could be judged.
        live: What it turned out to be worth.
        reasons: Why it has shifted or drifted, as sentences, the worst first.
        notes: What is not known, and why, as sentences.
        watched: The feature that `by_day` is about, "" when there is none.
        by_day: The way of that feature over the days.
        columns: The values themselves, for whoever wants to look closer.
    """

    at: float
    data_type: str
    version: str
    source: Source
    dataset: str | None
    days: int
    answers: int
    features: tuple[FeatureVerdict, ...]
    live: LiveError
    reasons: tuple[str, ...]
    notes: tuple[str, ...] = ()
    new: int = 0
    watched: str = ""
    by_day: tuple[DayDrift, ...] = ()
    columns: Columns = field(default_factory=dict, repr=False, compare=False)

    @property
    def finding(self) -> Finding:
        """The verdict on all of it: the worst that is known."""
        known: list[Verdict] = [one.verdict for one in self.features]
        if self.live.finding != "unknown":
            known.append(self.live.finding)
        return worst_of(known) if known else "unknown"

    def to_dict(self) -> dict[str, Any]:
        """JSON-able data."""
        return {
            "at": self.at,
            "data_type": self.data_type,
            "version": self.version,
            "source": self.source,
            "dataset": self.dataset,
            "days": self.days,
            "answers": self.answers,
            "new": self.new,
            "verdict": self.finding,
            "reasons": list(self.reasons),
            "notes": list(self.notes),
            "features": [one.to_dict() for one in self.features],
            "live": self.live.to_dict(),
            "watched": self.watched,
            "by_day": [asdict(one) | {"day": one.day.isoformat()} for one in self.by_day],
        }
