"""What the predictor is asked and what it answers.

The names are those of the API that users of the platform know; `last_date`, `level`, `series_id`,
`covariates` and `extend` are additions, and a request without them means what it always meant.
So are `confidence` and `probabilities` of a picture.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

DEFAULT_STEPS = 7
MOST_STEPS = 365
LARGEST_VALUE = 1e12
"""Larger values, either way, are taken for a mistake: a forecast of them would overflow."""

MOST_SERIES = 10_000
LONGEST_NAME = 200

MOST_CLASSES_LISTED = 10

# What the description of the interface says of a field; `parsing` checks it, in words for people.
_Value = Annotated[
    float, Meta(extra_json_schema={"minimum": -LARGEST_VALUE, "maximum": LARGEST_VALUE})
]
_Steps = Annotated[int, Meta(extra_json_schema={"minimum": 0, "maximum": MOST_STEPS})]
_Level = Annotated[float | None, Meta(extra_json_schema={"minimum": 1, "exclusiveMaximum": 100})]
_Covariates = dict[str, list[_Value | None]]
_Name = Annotated[str, Meta(extra_json_schema={"minLength": 1, "maxLength": LONGEST_NAME})]

SUCCESS = "예측 성공"
"""What a successful answer says, as it always did: "forecast succeeded"."""


class ForecastRequest(Struct, forbid_unknown_fields=True, kw_only=True):
    """One series to be forecast.

    Attributes:
        input_data: The last days, oldest first; may be negative.
        prediction_step: Days to forecast; 0 means the default.
        last_date: Day of the last value; without it the weekday is unknown, never guessed.
        level: How often the interval that is asked for holds the actual value, in percent, from 1
            to below 100, such as 80; without it the answer has no interval.
        series_id: What the caller calls the series; kept with the forecast.
        covariates: Numbers known in advance, such as a promotion, by name: one for each value of
            `input_data`, then those of the days to come as far as they are known, at most
            `prediction_step`. null is unknown; so is a covariate that is left out. Another name
            than the model knows is refused (`GET /models` lists them).
        extend: Accept fewer values than the model sees, 1 at least: the older days are filled
            from the series' own week, and the message says so.
    """

    input_data: list[_Value]
    prediction_step: _Steps = DEFAULT_STEPS
    last_date: dt.date | None = None
    level: _Level = None
    series_id: _Name | None = None
    covariates: _Covariates | None = None
    extend: bool = False


class ForecastAnswer(Struct, kw_only=True):
    """A forecast, or why there is none: `model_name` is then null and `prediction` empty.

    `lower` and `upper` are there when a level was asked for: the ends of each day's interval.
    """

    model_name: str | None
    prediction: list[float]
    message: str
    lower: list[float] | UnsetType = UNSET
    upper: list[float] | UnsetType = UNSET


class SeriesInput(Struct, forbid_unknown_fields=True, kw_only=True):
    """One of many series: the fields of `ForecastRequest` that differ between them."""

    series_id: _Name
    input_data: list[_Value]
    last_date: dt.date | None = None
    covariates: _Covariates | None = None


class BatchRequest(Struct, forbid_unknown_fields=True, kw_only=True):
    """Many series to be forecast by the same model."""

    series: Annotated[
        list[SeriesInput], Meta(extra_json_schema={"minItems": 1, "maxItems": MOST_SERIES})
    ]
    prediction_step: _Steps = DEFAULT_STEPS
    level: _Level = None
    extend: bool = False


class SeriesForecast(Struct, kw_only=True):
    """The forecast of one of many series, with its interval when a level was asked for."""

    series_id: str
    prediction: list[float]
    lower: list[float] | UnsetType = UNSET
    upper: list[float] | UnsetType = UNSET


class BatchAnswer(Struct, kw_only=True):
    """The forecasts of many series, in the order of the request, all by one model."""

    model_name: str | None
    forecasts: list[SeriesForecast]
    message: str


class PictureAnswer(Struct, kw_only=True):
    """The class of a picture, or why there is none: the other fields are then null or empty.

    Attributes:
        model_name: The version that answered.
        prediction: Name of the class.
        overlaid_img: Where in the picture the class is seen, drawn over it: a PNG in base64,
            shaped like the picture, its longer side at most 512; null without `heat_map`.
        raw_hm_img: The same without the picture.
        message: As a sentence.
        confidence: Probability of the class.
        probabilities: Of the most likely classes, the likeliest first: of all where there are ten
            at most, of ten otherwise.
    """

    model_name: str | None
    prediction: str | None
    overlaid_img: str | None
    raw_hm_img: str | None
    message: str
    confidence: float | None
    probabilities: dict[str, float]


class PictureClass(Struct, kw_only=True):
    """What one of many pictures is, or why that cannot be told: `error` is null or says it.

    Attributes:
        name: Of the file, as the request has it.
        prediction: Name of the class.
        confidence: Its probability.
        probabilities: As of one picture.
        error: What is wrong with this picture.
    """

    name: str
    prediction: str | None
    confidence: float | None
    probabilities: dict[str, float]
    error: str | None


class PicturesAnswer(Struct, kw_only=True):
    """The classes of many pictures, in the order of the request, all by one model."""

    model_name: str | None
    pictures: list[PictureClass]
    message: str


class Message(Struct, kw_only=True):
    """An answer that is only a sentence."""

    message: str


class Health(Struct, kw_only=True):
    """How the predictor is doing.

    Attributes:
        message: As a sentence.
        model_name: The version that forecasts, or else the one that classifies pictures; null when
            there is neither.
        problem: Why a newer version does not answer, "" when it does.
        models: The version of each data type, null when there is none.
    """

    message: str
    model_name: str | None
    problem: str
    models: dict[str, str | None]


class ModelInfo(Struct, kw_only=True):
    """The version that forecasts.

    Attributes:
        model_name: Its id.
        model_type: Registered name of the model.
        window: Values that it needs.
        horizon: Days that it answers at a time; more are rolled.
        intervals: Whether it answers with intervals when a level is asked for.
        covariates: Names of the covariates that it knows.
        since: When it began to answer, seconds since the epoch.
    """

    model_name: str
    model_type: str
    window: int
    horizon: int
    intervals: bool
    covariates: list[str]
    since: float


class ImageModelInfo(Struct, kw_only=True):
    """The version that classifies pictures.

    Attributes:
        model_name: Its id.
        model_type: Registered name of the model.
        height: Rows of the pictures that it sees; others are brought to this size.
        width: Columns, likewise.
        channels: 1 (gray) or 3 (red, green, blue).
        classes: Their names.
        since: When it began to answer, seconds since the epoch.
    """

    model_name: str
    model_type: str
    height: int
    width: int
    channels: int
    classes: list[str]
    since: float


class ImageModels(Struct, kw_only=True):
    """What classifies pictures now, and where the aliases of images point."""

    serving: ImageModelInfo | None
    champion: str | None
    previous: str | None
    problem: str


class Models(Struct, kw_only=True):
    """What answers now, and where the aliases point: those of series, and in `image` the others."""

    serving: ModelInfo | None
    champion: str | None
    previous: str | None
    problem: str
    image: ImageModels
