"""What commands and screens show of a version's lineage, and rely on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from models.data_types import IMAGE, TIMESERIES


class _ForecastErrors(msgspec.Struct):
    mase: float | None
    wape: float | None
    bias: float | None


class _ForecastScore(msgspec.Struct):
    overall: _ForecastErrors


class _ForecastScores(msgspec.Struct):
    candidate: _ForecastScore
    SeasonalNaive: _ForecastScore


class _ForecastEvaluation(msgspec.Struct):
    scores: _ForecastScores


class _ForecastTraining(msgspec.Struct):
    dataset: str
    last_day_seen: str


class _ForecasterStory(msgspec.Struct):
    training: _ForecastTraining
    evaluation: _ForecastEvaluation


class _ClassErrors(msgspec.Struct):
    accuracy: float
    macro_f1: float
    errors: int
    count: int


class _ClassScore(msgspec.Struct):
    overall: _ClassErrors


class _ClassScores(msgspec.Struct):
    candidate: _ClassScore
    MeanPicture: _ClassScore


class _ClassEvaluation(msgspec.Struct):
    scores: _ClassScores


class _ClassTraining(msgspec.Struct):
    dataset: str


class _ClassifierStory(msgspec.Struct):
    training: _ClassTraining
    evaluation: _ClassEvaluation


_STORIES: dict[object, type[msgspec.Struct]] = {
    TIMESERIES: _ForecasterStory,
    IMAGE: _ClassifierStory,
}


def check_story(story: Mapping[str, Any]) -> None:
    """Raise unless a lineage tells what there has to be of its kind of model.

    Raises:
        msgspec.ValidationError: It does not.
    """
    data_type = story.get("data_type", TIMESERIES)
    if data_type not in _STORIES:
        raise msgspec.ValidationError(f"there is no data type {data_type!r}")
    msgspec.convert(story, type=_STORIES[data_type])
