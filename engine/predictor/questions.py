"""From a series in a request to what the model that answers is asked about it."""

from __future__ import annotations

import numpy as np

from engine.predictor.batching import Series
from engine.predictor.covariates import lay_out
from engine.predictor.messages import ForecastRequest, SeriesInput
from engine.predictor.parsing import check_length
from engine.predictor.serving import Served
from models.arrays import Windows, weekday_of
from models.forecasting.short import extended_windows


def series_of(
    asked: ForecastRequest | SeriesInput,
    served: Served,
    steps: int,
    *,
    extend: bool,
    where: str = "",
) -> Series:
    """Check what was said of a series against the model, and bring it into the model's form.

    Args:
        asked: What was said.
        served: The model.
        steps: Days to forecast.
        extend: Whether the older days may be filled where there are fewer than the model sees.
        where: Place of the series in the request, for messages, such as "series[3].".

    Raises:
        RefusalError: 422, with the place.
    """
    window, values = served.model.window, asked.input_data
    check_length(values, window, f"{where}input_data", extend)
    weekday = weekday_of(asked.last_date)
    covariates = None
    if asked.covariates:
        covariates = lay_out(
            asked.covariates,
            served.covariates,
            days=len(values),
            steps=steps,
            where=f"{where}covariates",
        )
    older = len(values) - window
    if older >= 0:
        return Series(values[older:], weekday, None if covariates is None else covariates[older:])
    known = Windows(
        np.array([values]),
        np.array([weekday]),
        None if covariates is None else covariates[None],
    )
    filled = extended_windows(known, window)
    return Series(
        filled.values[0].tolist(),
        weekday,
        None if filled.covariates is None else filled.covariates[0],
        len(values),
    )
