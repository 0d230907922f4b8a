"""From the bytes of a request to a question that a model can be asked: strict, nothing coerced.

Of a key that stands twice in one object, the last counts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from engine.predictor.covariates import named, not_finite
from engine.predictor.messages import (
    DEFAULT_STEPS,
    LARGEST_VALUE,
    LONGEST_NAME,
    MOST_SERIES,
    MOST_STEPS,
    BatchRequest,
    ForecastRequest,
)
from engine.refusal import RefusalError

_BAD_REQUEST = 400
_UNPROCESSABLE = 422
_HTTP_JSON = b"application/json"

_Body = TypeVar("_Body")

_forecast_decoder = msgspec.json.Decoder(ForecastRequest)
_batch_decoder = msgspec.json.Decoder(BatchRequest)


def check_content_type(content_type: bytes | None, encoding: bytes | None) -> None:
    """Refuse what is not plain JSON: a form or text can be sent by any web page.

    Raises:
        RefusalError: 415.
    """
    kind, _, parameters = (content_type or b"").lower().partition(b";")
    charset = parameters.replace(b" ", b"").replace(b'"', b"")
    if kind.strip() != _HTTP_JSON or charset not in {b"", b"charset=utf-8"}:
        raise RefusalError(
            415, "send JSON in UTF-8, with the header Content-Type: application/json"
        )
    if encoding and encoding.lower() != b"identity":
        raise RefusalError(415, "send the body without Content-Encoding")


def read_forecast_request(body: bytes) -> ForecastRequest:
    """Parse and check the body of a forecast of one series.

    Raises:
        RefusalError: 400 for what is not JSON, 422 for JSON that says something impossible.
    """
    request = _decode(_forecast_decoder.decode, body)
    request.prediction_step = check_steps(request.prediction_step)
    check_values(request.input_data, "input_data")
    check_level(request.level)
    _check_name(request.series_id, "series_id")
    return request


def read_batch_request(body: bytes) -> BatchRequest:
    """Parse and check the body of a forecast of many series.

    Raises:
        RefusalError: As for one series.
    """
    request = _decode(_batch_decoder.decode, body)
    request.prediction_step = check_steps(request.prediction_step)
    check_level(request.level)
    if not 1 <= len(request.series) <= MOST_SERIES:
        raise RefusalError(
            _UNPROCESSABLE,
            f"series: 1 to {MOST_SERIES} are forecast at once, not {len(request.series)}",
        )
    for index, series in enumerate(request.series):
        check_values(series.input_data, f"series[{index}].input_data")
        _check_name(series.series_id, f"series[{index}].series_id")
    return request


def check_steps(steps: int) -> int:
    """Return how many days are asked for.

    Raises:
        RefusalError: 422.
    """
    if steps == 0:
        return DEFAULT_STEPS
    if not 1 <= steps <= MOST_STEPS:
        raise RefusalError(
            _UNPROCESSABLE, f"prediction_step: 1 to {MOST_STEPS} days can be forecast, not {steps}"
        )
    return steps


def check_level(level: float | None) -> None:
    """Refuse what is no level of an interval, in percent.

    Raises:
        RefusalError: 422.
    """
    if level is not None and not 1 <= level < 100:
        raise RefusalError(
            _UNPROCESSABLE, f"level: a percentage from 1 to below 100, such as 80, not {level:g}"
        )


def check_intervals(level: float | None, has_intervals: bool, knows_short: bool = True) -> None:
    """Refuse to be asked for an interval that the model cannot give.

    Args:
        level: What is asked for.
        has_intervals: Whether the model has any.
        knows_short: Whether it has them for what it is asked about, where that is short.

    Raises:
        RefusalError: 422.
    """
    if level is not None and not has_intervals:
        raise RefusalError(
            _UNPROCESSABLE,
            "level: the model has no prediction intervals; leave `level` out, or train and deploy "
            "the model again",
        )
    if level is not None and not knows_short:
        raise RefusalError(
            _UNPROCESSABLE,
            "level: the model does not know how far it misses where days are filled; leave `level` "
            "out, or train and deploy the model again",
        )


def check_values(values: Sequence[float], where: str) -> None:
    """Refuse numbers that no stock can have.

    Raises:
        RefusalError: 422, with the index.
    """
    if not values or (min(values) >= -LARGEST_VALUE and max(values) <= LARGEST_VALUE):
        return
    index = next(index for index, value in enumerate(values) if abs(value) > LARGEST_VALUE)
    raise RefusalError(
        _UNPROCESSABLE,
        f"{where}[{index}]: {values[index]:g} is beyond ±{LARGEST_VALUE:g}",
    )


def check_length(values: Sequence[float], window: int, where: str, extend: bool = False) -> None:
    """Refuse fewer values than a model needs, or, where the older ones may be filled, none.

    Raises:
        RefusalError: 422, with the number that is needed.
    """
    if len(values) >= window or (extend and values):
        return
    if extend:
        raise RefusalError(_UNPROCESSABLE, f"{where}: at least 1 day is needed, not 0")
    raise RefusalError(
        _UNPROCESSABLE, f"{where}: the model needs the last {window} days, not {len(values)}"
    )


def _check_name(name: str | None, where: str) -> None:
    if name is not None and not 1 <= len(name) <= LONGEST_NAME:
        raise RefusalError(_UNPROCESSABLE, f"{where}: 1 to {LONGEST_NAME} characters")


def _decode(decode: Callable[[bytes], _Body], body: bytes) -> _Body:
    try:
        return decode(body)
    except msgspec.ValidationError as error:
        raise RefusalError(_UNPROCESSABLE, _said(str(error), body)) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise _not_json(body, error) from error


def _said(message: str, body: bytes) -> str:
    """The library's sentence with the place first: `$.input_data[3]` becomes `input_data[3]`."""
    what, at, place = message.rpartition(" - at `$")
    if not at:
        return message
    return f"{named(place.rstrip('`').lstrip('.'), body)}: {what}"


def _not_json(body: bytes, error: Exception) -> RefusalError:
    # NaN and Infinity are no JSON, but many programs write them: those are told where they are.
    place = _where_not_finite(body)
    if place is not None:
        return RefusalError(_UNPROCESSABLE, f"{place}: not a finite number")
    if not body:
        return RefusalError(_BAD_REQUEST, "the body is empty; send a JSON object")
    return RefusalError(_BAD_REQUEST, f"the body is not JSON in UTF-8: {error}")


def _where_not_finite(body: bytes) -> str | None:
    if b"NaN" not in body and b"Infinity" not in body:
        return None
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    # Depth does not matter: what can be valid is flat.
    places = [("", parsed)] if isinstance(parsed, dict) else []
    if places and isinstance(parsed.get("series"), list):
        places += [
            (f"series[{index}].", series)
            for index, series in enumerate(parsed["series"])
            if isinstance(series, dict)
        ]
    for where, asked in places:
        values = asked.get("input_data")
        for index, value in enumerate(values if isinstance(values, list) else []):
            if isinstance(value, float) and not math.isfinite(value):
                return f"{where}input_data[{index}]"
        if place := not_finite(asked.get("covariates"), f"{where}covariates"):
            return place
    return None
