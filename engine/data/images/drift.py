"""Whether later pictures look like those that were learnt from, beyond what chance brings about."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from engine.data.images.reference import Reference, features_of
from models.arrays import FloatArray
from models.drift.distribution import Distribution
from models.imaging.pictures import PixelArray

Verdict = Literal["alike", "shifted", "drifted"]
VERDICTS: tuple[Verdict, ...] = ("alike", "shifted", "drifted")
"""From the best to the worst."""

LITTLE, MUCH = 0.1, 0.25
"""Population stability index above which pictures are called shifted, and drifted."""
_DRAWS, _SURE = 1000, 0.99


@dataclass(frozen=True)
class FeatureDrift:
    """One feature of later pictures beside those that were learnt from.

    Attributes:
        name: Of the feature; see `reference.feature_names`.
        mean: Of the later pictures.
        mean_then: Of those that were learnt from.
        psi: Population stability index.
        ks: Kolmogorov-Smirnov distance.
        chance: PSI that so few pictures exceed once in a hundred times when nothing has changed.
        verdict: alike, shifted or drifted; what chance may bring about is alike.
    """

    name: str
    mean: float
    mean_then: float
    psi: float
    ks: float
    chance: float
    verdict: Verdict

    def to_dict(self) -> dict[str, Any]:
        """JSON-able data."""
        return asdict(self)


def drift_of(reference: Reference, pixels: PixelArray) -> list[FeatureDrift]:
    """Compare later pictures with the reference, feature by feature.

    Args:
        reference: The training part in numbers.
        pixels: uint8 (n, height, width, channels), at least one.

    Raises:
        ModelProblem: None at all, or of another shape.
    """
    found = reference.drift(pixels)
    columns = features_of(pixels).T
    told = []
    for (name, kept), values in zip(reference.features.items(), columns, strict=True):
        drift = found[name]
        chance = psi_by_chance(kept, reference.pictures, len(values))
        told.append(
            FeatureDrift(
                name,
                float(values.mean()),
                kept.mean,
                drift.psi,
                drift.ks,
                chance,
                _verdict(drift.psi, chance),
            )
        )
    return told


def worst_of(drifts: list[FeatureDrift]) -> Verdict:
    """The verdict on all features: the worst of theirs."""
    return max((one.verdict for one in drifts), key=VERDICTS.index)


def psi_by_chance(kept: Distribution, then: int, now: int) -> float:
    """PSI that pictures of the same kind stay below in 99 of 100 cases.

    Found by drawing both times from the shares that are kept; the same numbers give the same.

    Args:
        kept: Distribution of the feature.
        then: Pictures that it was made from.
        now: Pictures that are compared with it.
    """
    random = np.random.default_rng(0)
    shares = kept.shares / kept.shares.sum()
    draws: list[FloatArray] = [
        random.multinomial(count, shares, _DRAWS) / count for count in (then, now)
    ]
    return float(np.quantile(kept.psi_of_shares(*draws), _SURE))


def _verdict(psi: float, chance: float) -> Verdict:
    if psi <= max(LITTLE, chance):
        return "alike"
    return "shifted" if psi <= MUCH else "drifted"
