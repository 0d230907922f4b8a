"""Deployed versions as the terminal knows them: what `engine models --json` tells, made small.

What it tells of a version may be old, imported or damaged: what is missing is None or "", and a
measure that nobody could take is None.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tui import told
from tui.models.pictures import PictureEvaluation, picture_evaluation_of
from tui.models.training import Training, training_of

SERIES, IMAGES = "timeseries", "image"
MEASURES = ("mase", "rmsse", "wape", "bias", "mae", "coverage", "width")
_HARDEST_KEPT = 8
# Fewer letters are looked for in ids.
_LEAST_TYPE = 3


@dataclass(frozen=True, slots=True)
class Measures:
    """Accuracy on the days of the test; `models.metrics` has the formulas."""

    mase: float | None = None
    rmsse: float | None = None
    wape: float | None = None
    bias: float | None = None
    mae: float | None = None
    coverage: float | None = None
    width: float | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How a version was measured, and what came out.

    Attributes:
        own: Of the version itself.
        naive: Of seasonal naive on the same days.
        rival: Of the version that served then, None where there was none to compare.
        rival_id: Which version that was.
        folds: First day and MASE of each fold.
        horizon: Days that were forecast in each.
        level: Of the prediction intervals.
        series: How many series were measured.
        hardest: The series with the largest MASE, the largest first.
        notes: What was said about the comparison.
    """

    own: Measures
    naive: Measures
    rival: Measures | None
    rival_id: str
    folds: tuple[tuple[str, float | None], ...]
    horizon: int | None
    level: float | None
    series: int
    hardest: tuple[tuple[str, float], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """One deployed version.

    Attributes:
        id: `<model type>-<content hash>`.
        model_type: What learned it.
        created: When it was stored, in seconds since the epoch.
        folder: Where it lies.
        gate: What the deploy gate held against it: whether it passed, and the sentence.
        forced: Why it was deployed although the gate refused; "" where it did not.
        deployed_by: Id of the run that deployed it.
        imported: From which file, and by whom; "" where it was made here.
        pictures: How it was measured, where it classifies pictures; None of a forecaster.
    """

    id: str
    model_type: str
    created: float | None
    folder: str
    evaluation: Evaluation
    training: Training
    gate: tuple[tuple[bool, str], ...]
    forced: str
    deployed_by: str
    imported: str
    pictures: PictureEvaluation | None = None

    @property
    def data_type(self) -> str:
        """What it learned from: `SERIES` or `IMAGES`."""
        return SERIES if self.pictures is None else IMAGES

    @property
    def gain(self) -> float | None:
        """By which part it is less wrong than the simplest model there is: 0.2 is a fifth.

        Of a forecaster that is its MASE beside that of seasonal naive, of a classifier the part of
        the pictures that it is wrong about beside that of the mean picture of each class.
        """
        if self.pictures is not None:
            own, naive = self.pictures.own.error, self.pictures.naive.error
        else:
            own, naive = self.evaluation.own.mase, self.evaluation.naive.mase
        return None if own is None or not naive else 1.0 - own / naive

    @property
    def hash(self) -> str:
        """The part of the id that tells it from others of its type."""
        return self.id.rpartition("-")[2]


@dataclass(frozen=True, slots=True)
class Move:
    """One entry of the log: who let which version of a data type serve, when and why."""

    at: float | None
    who: str
    action: str
    champion: str
    previous: str
    reason: str
    data_type: str = SERIES


def models_of(data: Any) -> tuple[tuple[Model, ...], dict[str, str]]:
    """The versions that `engine models --json` tells of, and the alias of each that has one.

    Each data type has a champion of its own.
    """
    entries = [entry for entry in told.mappings(data) if entry.get("id")]
    aliases = {
        str(entry["id"]): str(entry["alias"])
        for entry in entries
        if entry.get("alias") in ("champion", "previous")
    }
    return tuple(_model(entry) for entry in entries), aliases


def moves_of(data: Any) -> tuple[Move, ...]:
    """The entries that `engine models log --json` tells of, the newest first."""
    return tuple(
        Move(
            at=told.number(entry.get("at")),
            who=told.text(entry.get("who")),
            action=told.text(entry.get("action")),
            champion=told.text(entry.get("champion")),
            previous=told.text(entry.get("previous")),
            reason=told.text(entry.get("reason")),
            data_type=told.text(entry.get("data_type")) or SERIES,
        )
        for entry in told.mappings(data)
    )


def fits(model: Model, alias: str, text: str) -> bool:
    """Whether a version fits every word: letter by letter in its id, type or alias; ! turns.

    The first letters of "image" or "timeseries" are the versions of that data type.
    """
    fields = (model.id.casefold(), model.model_type.casefold(), alias)
    for word in text.casefold().split():
        wanted = word.removeprefix("!")
        if not wanted:
            continue
        is_of_type = len(wanted) >= _LEAST_TYPE and model.data_type.startswith(wanted)
        if (is_of_type or any(_has_letters(field, wanted) for field in fields)) == (wanted != word):
            return False
    return True


def _has_letters(text: str, wanted: str) -> bool:
    letters = iter(text)
    return all(letter in letters for letter in wanted)


# From plain values


def _model(entry: dict[str, Any]) -> Model:
    lineage = told.mapping(entry.get("lineage"))
    training = told.mapping(lineage.get("training"))
    evaluation = told.mapping(lineage.get("evaluation"))
    of_pictures = IMAGES in (training.get("data_type"), entry.get("data_type"))
    return Model(
        id=told.text(entry["id"]),
        model_type=told.text(entry.get("model_type")),
        created=told.number(entry.get("created")),
        folder=told.text(entry.get("folder")),
        evaluation=_evaluation({} if of_pictures else evaluation),
        training=training_of(training),
        gate=tuple(
            (bool(check.get("passed")), told.text(check.get("sentence")))
            for check in told.mappings(lineage.get("gate"))
        ),
        forced=told.text(lineage.get("forced")),
        deployed_by=told.text(lineage.get("deployed_by_run")),
        imported=_imported(told.mapping(lineage.get("imported"))),
        pictures=picture_evaluation_of(evaluation) if of_pictures else None,
    )


def _imported(said: dict[str, Any]) -> str:
    parts = (told.text(said.get("file")), told.text(said.get("who")))
    return ", ".join(part for part in parts if part)


def _evaluation(said: dict[str, Any]) -> Evaluation:
    scores = told.mapping(said.get("scores"))
    own = told.mapping(scores.get("candidate"))
    by_series = {
        name: value
        for name, found in told.mapping(own.get("series_mase")).items()
        if (value := told.number(found)) is not None
    }
    rival = told.mapping(scores.get("champion"))
    return Evaluation(
        own=_measures(own),
        naive=_measures(told.mapping(scores.get("SeasonalNaive"))),
        rival=_measures(rival) if rival else None,
        rival_id=told.text(said.get("champion")),
        folds=tuple(
            (told.text(fold.get("origin")), told.number(fold.get("mase")))
            for fold in told.mappings(own.get("folds"))
        ),
        horizon=told.whole(said.get("horizon")),
        level=told.number(said.get("level")),
        series=len(by_series),
        hardest=tuple(sorted(by_series.items(), key=lambda one: -one[1])[:_HARDEST_KEPT]),
        notes=tuple(told.text(note) for note in told.entries(said.get("notes"))),
    )


def _measures(summary: dict[str, Any]) -> Measures:
    overall = told.mapping(summary.get("overall"))
    return Measures(**{name: told.number(overall.get(name)) for name in MEASURES})
