"""How the values of one feature are spread, kept in a few hundred numbers.

Later values are compared by the population stability index (PSI, over ranges that the values then
fill alike), by the Kolmogorov-Smirnov distance (KS, the largest gap between the two cumulated
distributions) and by the Wasserstein distance (how far the values have moved, in standard
deviations of those then).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.arrays import FloatArray

_BINS, _QUANTILES = 10, 101
_LEAST_SHARE = 1e-4
"""An empty range counts as this much, so that the PSI stays finite."""


@dataclass(frozen=True, eq=False)
class Distribution:
    """How the values of one feature are spread.

    Args:
        quantiles: float64 (101,): the least, each hundredth, and the greatest.
        edges: float64 (k,), ascending: borders between the ranges of the PSI; a value on a border
            belongs to the range above it.
        shares: float64 (k + 1,): of the values in each range.
        mean: Of all.
        std: Of all.
    """

    quantiles: FloatArray
    edges: FloatArray
    shares: FloatArray
    mean: float
    std: float

    @classmethod
    def of(cls, values: FloatArray) -> Distribution:
        """The distribution of one value or more."""
        quantiles = np.quantile(values, np.linspace(0, 1, _QUANTILES))
        borders, counts = np.unique(
            np.quantile(values, np.linspace(0, 1, _BINS + 1)[1:-1]), return_counts=True
        )
        # A value that fills a whole range by itself gets one of its own: what lies above it must
        # not be counted with it.
        heaps = borders[counts > 1]
        edges = np.union1d(borders, np.nextafter(heaps, np.inf))
        shares = shares_of(values, edges)
        return cls(quantiles, edges, shares, float(values.mean()), float(values.std()))

    def psi(self, values: FloatArray) -> float:
        """Population stability index of other values: 0 when they are spread alike."""
        return float(self.psi_of_shares(self.shares, shares_of(values, self.edges)))

    @staticmethod
    def psi_of_shares(kept: FloatArray, found: FloatArray) -> FloatArray:
        """Population stability index of two lists of shares, along their last axis."""
        kept, found = np.maximum(kept, _LEAST_SHARE), np.maximum(found, _LEAST_SHARE)
        return np.asarray(np.sum((found - kept) * np.log(found / kept), axis=-1))

    def ks(self, values: FloatArray) -> float:
        """Kolmogorov-Smirnov distance of other values, 0 to 1; exact to a hundredth."""
        ordered = np.sort(values)
        levels = np.linspace(0, 1, _QUANTILES)
        # Both sides of each step: of the kept distribution only hundredths are known.
        above = np.searchsorted(ordered, self.quantiles, side="right") / len(ordered)
        below = np.searchsorted(ordered, self.quantiles, side="left") / len(ordered)
        gaps = np.maximum(below - levels, levels - above)
        return float(np.clip(gaps.max(), 0.0, 1.0))

    def distance(self, values: FloatArray) -> float | None:
        """Wasserstein distance of other values in standard deviations of those that are kept.

        The area between the two inverse cumulated distributions, at the hundredths that are kept.

        Returns:
            None where the kept values are all the same, so that there is no such unit.
        """
        if not self.std > 1e-12 * max(abs(self.mean), 1e-300):
            return None
        gaps = np.abs(np.quantile(values, np.linspace(0, 1, _QUANTILES)) - self.quantiles)
        area = (gaps[0] + gaps[-1]) / 2 + gaps[1:-1].sum()
        return float(area / (_QUANTILES - 1) / self.std)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able data."""
        return {
            "quantiles": self.quantiles.tolist(),
            "edges": self.edges.tolist(),
            "shares": self.shares.tolist(),
            "mean": self.mean,
            "std": self.std,
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Distribution:
        """What `to_dict` told."""
        arrays = [np.array(saved[name], dtype=np.float64) for name in ("quantiles", "edges")]
        shares = np.array(saved["shares"], dtype=np.float64)
        return cls(arrays[0], arrays[1], shares, float(saved["mean"]), float(saved["std"]))


def shares_of(values: FloatArray, edges: FloatArray) -> FloatArray:
    """Which part of the values lies in each range between ascending borders."""
    places = np.searchsorted(edges, values, side="right")
    counts: FloatArray = np.bincount(places, minlength=len(edges) + 1) / len(values)
    return counts
