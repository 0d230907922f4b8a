"""What the pictures that were learnt from, and the answers about others, look like in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.arrays import FloatArray
from models.data_types import IMAGE
from models.drift.kept import Kept


@dataclass(frozen=True, eq=False)
class PictureReference:
    """What was learnt from, in numbers.

    Args:
        pictures: How many there were.
        features: Distribution of each feature over them.
        answers: How many pictures, not learnt from, the next two are of.
        classes: Share of each class among the answers about them.
        confidence: How sure the answers were; None where there were none.
    """

    pictures: int
    features: Mapping[str, Kept]
    answers: int
    classes: Mapping[str, float]
    confidence: Kept | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-able data."""
        return {
            "data_type": IMAGE,
            "pictures": self.pictures,
            "features": {name: kept.to_dict() for name, kept in self.features.items()},
            "answers": self.answers,
            "classes": dict(self.classes),
            "confidence": None if self.confidence is None else self.confidence.to_dict(),
        }

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> PictureReference:
        """What `to_dict` told.

        Raises:
            KeyError, TypeError, ValueError: It is something else.
        """
        confidence = saved["confidence"]
        return cls(
            pictures=int(saved["pictures"]),
            features={str(name): Kept.from_dict(one) for name, one in saved["features"].items()},
            answers=int(saved["answers"]),
            classes={str(name): float(share) for name, share in saved["classes"].items()},
            confidence=None if confidence is None else Kept.from_dict(confidence),
        )


def picture_reference(
    features: Mapping[str, FloatArray], probabilities: FloatArray, classes: tuple[str, ...]
) -> PictureReference:
    """Put what was learnt from, and answers about other pictures, into numbers.

    Args:
        features: Values of each feature over the pictures that were learnt from.
        probabilities: float64 (n, classes), of pictures that were not; n may be 0.
        classes: Their names.
    """
    pictures = max((len(values) for values in features.values()), default=0)
    answers = len(probabilities)
    told = probabilities.argmax(axis=1)
    return PictureReference(
        pictures=pictures,
        features={name: Kept.of(values, len(values)) for name, values in features.items()},
        answers=answers,
        classes={
            name: float((told == place).mean()) if answers else 0.0
            for place, name in enumerate(classes)
        },
        confidence=Kept.of(probabilities.max(axis=1), answers) if answers else None,
    )
