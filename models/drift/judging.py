"""Verdicts on features: alike, shifted or drifted, beyond what chance and seasons bring about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from scipy import stats

from models.arrays import FloatArray
from models.drift.distribution import Distribution
from models.drift.kept import Kept

Verdict = Literal["alike", "shifted", "drifted"]
VERDICTS: tuple[Verdict, ...] = ("alike", "shifted", "drifted")
"""From the best to the worst."""

LITTLE, MUCH = 0.1, 0.25
"""Population stability index above which a feature is called shifted, and drifted."""
_FAR, _FARTHER = 1.5, 2.0
"""How many times as far as any single week of what was learnt from is drift: where that is more
than a standard deviation, and where it is not."""
_DRAWS, _SURE = 4000, 0.999
_CERTAIN = 1e-4
_MOST_DRAWN = 1_000_000


@dataclass(frozen=True)
class FeatureVerdict:
    """One feature of what came beside what was learnt from.

    Attributes:
        name: Of the feature.
        verdict: alike, shifted or drifted.
        count: Values that came.
        effective: As how many independent ones they count.
        mean: Of what came.
        mean_then: Of what was learnt from.
        psi: Population stability index.
        bar: What it has to exceed to mean anything: by chance so few values reach it once in a
            thousand times, or a single week of what was learnt from does. Where it is known how far
            such weeks stray, drift is also farther away than they are.
        ks: Kolmogorov-Smirnov distance.
        p_value: How often chance alone makes it as large.
        distance: Wasserstein distance in standard deviations of what was learnt from; None where
            that never varied.
        ordinary_distance: What a single week of what was learnt from reaches, where that is known.
    """

    name: str
    verdict: Verdict
    count: int
    effective: int
    mean: float
    mean_then: float
    psi: float
    bar: float
    ks: float
    p_value: float
    distance: float | None
    ordinary_distance: float | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-able data."""
        return asdict(self)


def judge(
    name: str, kept: Kept, values: FloatArray, *, effective: int, much: float = MUCH
) -> FeatureVerdict:
    """Hold the values of a feature against what was learnt from.

    Args:
        name: Of the feature.
        kept: What was learnt from.
        values: What came: one value or more, without NaN.
        effective: As how many independent values they count.
        much: PSI above which the feature has drifted.
    """
    distribution = kept.distribution
    effective = max(1, min(effective, len(values)))
    psi, ks = distribution.psi(values), distribution.ks(values)
    chance = psi_by_chance(distribution, kept.effective, effective)
    bar = max(chance, kept.ordinary_psi)
    distance = distribution.distance(values)
    p_value = ks_p_value(ks, kept.effective, effective)
    return FeatureVerdict(
        name=name,
        verdict=_verdict(psi, bar, much, distance, kept.ordinary_distance, p_value),
        count=len(values),
        effective=effective,
        mean=float(values.mean()),
        mean_then=distribution.mean,
        psi=psi,
        bar=bar,
        ks=ks,
        p_value=p_value,
        distance=distance,
        ordinary_distance=kept.ordinary_distance,
    )


def worst_of(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of some verdicts; of none it is alike."""
    return max(verdicts, key=VERDICTS.index, default="alike")


def ks_p_value(distance: float, then: int, now: int) -> float:
    """How often two samples of the same distribution are so far apart or further.

    The limit for large samples, as `scipy.stats.ks_2samp(method="asymp")` has it.
    """
    root = np.sqrt(then * now / (then + now))
    return float(stats.kstwo.sf(distance, max(1, round(root**2))))


def psi_by_chance(kept: Distribution, then: int, now: int) -> float:
    """PSI that values of the same kind stay below in 999 of 1000 cases.

    Found by drawing both times from the shares that are kept; the same numbers give the same.

    Args:
        kept: Distribution of the feature.
        then: Independent values that it was made from.
        now: Independent values that are compared with it.
    """
    shares = np.maximum(kept.shares, 0.0)
    key = tuple((shares / shares.sum()).tolist())
    return _psi_by_chance(key, min(then, _MOST_DRAWN), min(now, _MOST_DRAWN))


@lru_cache(maxsize=512)
def _psi_by_chance(shares: tuple[float, ...], then: int, now: int) -> float:
    random = np.random.default_rng(0)
    draws = [random.multinomial(count, shares, _DRAWS) / count for count in (then, now)]
    return float(np.quantile(Distribution.psi_of_shares(*draws), _SURE))


def psi_of_counts(
    then: dict[str, float], now: dict[str, int], *, effective: int, much: float = MUCH
) -> tuple[float, float, Verdict]:
    """PSI of shares of classes, what chance brings about, and the verdict.

    Args:
        then: Share of each class.
        now: How often each came; a class that was not there before counts as one of its own.
        effective: Values that the shares were made from.
        much: PSI above which they have drifted.
    """
    classes = [*then, *(one for one in now if one not in then)]
    shares = np.array([then.get(one, 0.0) for one in classes])
    counts = np.array([now.get(one, 0) for one in classes], dtype=np.float64)
    total = int(counts.sum())
    psi = float(Distribution.psi_of_shares(shares, counts / max(total, 1)))
    key = tuple((shares / shares.sum()).tolist())
    bar = _psi_by_chance(key, min(effective, _MOST_DRAWN), min(max(total, 1), _MOST_DRAWN))
    return psi, bar, _verdict(psi, bar, much)


def _verdict(
    psi: float,
    bar: float,
    much: float,
    distance: float | None = None,
    ordinary: float | None = None,
    p_value: float = 1.0,
) -> Verdict:
    is_beyond = psi > max(much, bar)
    if distance is None:
        has_drifted = is_beyond
    elif ordinary is None:
        # Ten ranges tell little of a few values; that all of them are far away, their order tells.
        has_drifted = is_beyond or (psi > much and distance > 1.0 and p_value < _CERTAIN)
    else:
        # The PSI sees which ranges are filled, not how far beyond the last one a value lies: where
        # weeks differ much by themselves, it cannot tell a busy one from one ten times as busy.
        # And of the weeks that are still to come, one is always further out than all before.
        is_far = distance > max(1.0, _FAR * ordinary)
        has_drifted = is_far or (is_beyond and distance > _FARTHER * ordinary)
    if has_drifted:
        return "drifted"
    return "alike" if psi <= max(LITTLE, bar) else "shifted"
