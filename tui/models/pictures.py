"""How good a version is that classifies pictures, as its lineage tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tui import told

BASELINE = "MeanPicture"


@dataclass(frozen=True, slots=True)
class PictureMeasures:
    """How often it is right about the pictures of the test; `models.imaging` has the formulas.

    Attributes:
        accuracy: Part that is right, 0 to 1.
        low: From where on that lies, with 95 % confidence.
        high: Up to where.
        ece: Mean gap between how sure it was and how often it was right.
        count: Pictures of the test.
        errors: How many of them it was wrong about.
    """

    accuracy: float | None = None
    low: float | None = None
    high: float | None = None
    macro_f1: float | None = None
    balanced_accuracy: float | None = None
    log_loss: float | None = None
    ece: float | None = None
    count: int | None = None
    errors: int | None = None

    @property
    def error(self) -> float | None:
        """Part that is wrong."""
        return None if self.accuracy is None else 1.0 - self.accuracy


@dataclass(frozen=True, slots=True)
class ClassScores:
    """How good it is at one class, and how many pictures of it the test has."""

    name: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int


@dataclass(frozen=True, slots=True)
class WrongPicture:
    """A picture that was taken for another class, and how sure it was of that."""

    name: str
    actual: str
    predicted: str
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Believed:
    """Answers of about the same confidence, and how often they were right."""

    low: float
    high: float
    confidence: float
    accuracy: float
    count: int


@dataclass(frozen=True, slots=True)
class PictureEvaluation:
    """How a version was measured, and what came out.

    Attributes:
        own: Of the version itself.
        naive: Of the mean picture of each class on the same pictures.
        rival: Of the version that served then, None where there was none to compare.
        rival_id: Which version that was.
        classes: Each class, in their order.
        confusion: Counts, a row for each actual and a column for each predicted class; () where
            that is not told.
        reliability: By confidence, ascending.
        mistakes: Pictures that it was wrong about, the surest first.
        notes: What was said about the comparison.
    """

    own: PictureMeasures
    naive: PictureMeasures
    rival: PictureMeasures | None
    rival_id: str
    classes: tuple[ClassScores, ...]
    confusion: tuple[tuple[int, ...], ...]
    reliability: tuple[Believed, ...]
    mistakes: tuple[WrongPicture, ...]
    notes: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """The classes by name."""
        return [one.name for one in self.classes]


def picture_evaluation_of(said: dict[str, Any]) -> PictureEvaluation:
    """The part "evaluation" of the lineage of an image version."""
    scores = told.mapping(said.get("scores"))
    own, rival = told.mapping(scores.get("candidate")), told.mapping(scores.get("champion"))
    classes = tuple(
        ClassScores(
            name=told.text(one.get("name")),
            precision=told.number(one.get("precision")),
            recall=told.number(one.get("recall")),
            f1=told.number(one.get("f1")),
            support=told.whole(one.get("support")) or 0,
        )
        for one in told.mappings(own.get("classes"))
    )
    return PictureEvaluation(
        own=measures_of(told.mapping(own.get("overall"))),
        naive=measures_of(told.mapping(told.mapping(scores.get(BASELINE)).get("overall"))),
        rival=measures_of(told.mapping(rival.get("overall"))) if rival else None,
        rival_id=told.text(said.get("champion")),
        classes=classes,
        confusion=_confusion(own.get("confusion"), len(classes)),
        reliability=_reliability(own.get("reliability")),
        mistakes=tuple(
            WrongPicture(
                name=told.text(one.get("name")),
                actual=told.text(one.get("actual")),
                predicted=told.text(one.get("predicted")),
                confidence=told.number(one.get("confidence")),
            )
            for one in told.mappings(own.get("mistakes"))
        ),
        notes=tuple(told.text(note) for note in told.entries(said.get("notes"))),
    )


def measures_of(overall: dict[str, Any]) -> PictureMeasures:
    """The numbers that sum up how good something was in the test."""
    names = ("accuracy", "macro_f1", "balanced_accuracy", "log_loss", "ece")
    ends = told.numbers(overall.get("accuracy_interval"))
    low, high = ends if len(ends) == 2 else (None, None)
    return PictureMeasures(
        **{name: told.number(overall.get(name)) for name in names},
        low=low,
        high=high,
        count=told.whole(overall.get("count")),
        errors=told.whole(overall.get("errors")),
    )


def _confusion(said: Any, classes: int) -> tuple[tuple[int, ...], ...]:
    rows = tuple(
        tuple(told.whole(count) or 0 for count in told.entries(row)) for row in told.entries(said)
    )
    is_square = len(rows) == classes and all(len(row) == classes for row in rows)
    return rows if is_square else ()


def _reliability(said: Any) -> tuple[Believed, ...]:
    found = []
    for one in told.mappings(said):
        low, high = told.number(one.get("low")), told.number(one.get("high"))
        if low is None or high is None:
            continue
        found.append(
            Believed(
                low=low,
                high=high,
                confidence=told.number(one.get("confidence")) or 0.0,
                accuracy=told.number(one.get("accuracy")) or 0.0,
                count=told.whole(one.get("count")) or 0,
            )
        )
    return tuple(found)
