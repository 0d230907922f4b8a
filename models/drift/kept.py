"""A distribution together with how far it strays by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.arrays import FloatArray
from models.drift.distribution import Distribution
from models.drift.windows import rounded

LEAST_PARTS = 8
"""From so few weeks or other parts nothing can be said of what is ordinary."""


@dataclass(frozen=True, eq=False)
class Kept:
    """One feature of what was learnt from.

    Args:
        distribution: Of all its values.
        effective: As how many independent values they count.
        ordinary_psi: PSI that single weeks of what was learnt from themselves reach beside all of
            it: seasons, holidays and promotions are no drift. 0 where that is not known.
        ordinary_distance: Their Wasserstein distance, likewise; None where it is not known.
    """

    distribution: Distribution
    effective: int
    ordinary_psi: float = 0.0
    ordinary_distance: float | None = None

    @classmethod
    def of(cls, values: FloatArray, effective: int, parts: Iterable[FloatArray] = ()) -> Kept:
        """Keep what is known of some values.

        Args:
            values: One or more, without NaN.
            effective: As how many independent ones they count.
            parts: Those of each single week, without NaN; empty ones are passed over.
        """
        distribution = Distribution.of(values)
        whole = [part for part in parts if part.size]
        if len(whole) < LEAST_PARTS:
            return cls(distribution, effective)
        distances = [found for part in whole if (found := distribution.distance(part)) is not None]
        return cls(
            distribution,
            effective,
            max(distribution.psi(part) for part in whole),
            max(distances, default=None),
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-able data, in few digits."""
        kept = self.distribution
        return {
            "quantiles": rounded(kept.quantiles).tolist(),
            # Borders stay as they are: a value that fills a range by itself lies between two that
            # differ in their last digit.
            "edges": kept.edges.tolist(),
            "shares": rounded(kept.shares).tolist(),
            "mean": kept.mean,
            "std": kept.std,
            "effective": self.effective,
            "ordinary_psi": self.ordinary_psi,
            "ordinary_distance": self.ordinary_distance,
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Kept:
        """What `to_dict` told.

        Raises:
            KeyError, TypeError, ValueError: It is something else.
        """
        distribution = Distribution.from_dict(saved)
        arrays = (distribution.quantiles, distribution.edges, distribution.shares)
        if not all(np.isfinite(one).all() and one.ndim == 1 for one in arrays):
            raise ValueError("a distribution holds what is no number")
        if len(distribution.shares) != len(distribution.edges) + 1:
            raise ValueError("a distribution has other shares than ranges")
        ordinary = saved.get("ordinary_distance")
        return cls(
            distribution,
            int(saved["effective"]),
            float(saved.get("ordinary_psi", 0.0)),
            None if ordinary is None else float(ordinary),
        )
