"""What the fuzzer of the interface is told."""

from __future__ import annotations

from typing import Any

import schemathesis


@schemathesis.hook
def map_body(_context: Any, body: Any) -> Any:
    """Say what JSON Schema cannot: 7.0 is no integer here, and covariates are as long as the data.

    What is wrong in another way stays wrong.
    """
    if not isinstance(body, dict):
        return body
    steps = body.get("prediction_step")
    if isinstance(steps, float) and steps.is_integer():
        body = {**body, "prediction_step": int(steps)}
    if isinstance(body.get("series"), list):
        return {**body, "series": [_aligned(series) for series in body["series"]]}
    return _aligned(body)


def _aligned(series: Any) -> Any:
    if not isinstance(series, dict):
        return series
    values, covariates = series.get("input_data"), series.get("covariates")
    if not isinstance(values, list) or not isinstance(covariates, dict):
        return series
    days = len(values)
    cut = {
        name: (numbers + [None] * days)[:days] if isinstance(numbers, list) and numbers else numbers
        for name, numbers in covariates.items()
    }
    return {**series, "covariates": cut}
