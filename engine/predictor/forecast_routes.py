"""The paths at which series are forecast: one series, or many at once."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import UNSET, UnsetType

from engine.predictor.batching import Batcher
from engine.predictor.feedback import Feedback
from engine.predictor.http import Answer, Request, json_answer
from engine.predictor.messages import SUCCESS, BatchAnswer, ForecastAnswer, SeriesForecast
from engine.predictor.parsing import (
    check_content_type,
    check_intervals,
    read_batch_request,
    read_forecast_request,
)
from engine.predictor.questions import series_of
from engine.predictor.routes import NO_MODEL, Route
from engine.predictor.serving import Served, Slot
from engine.refusal import RefusalError
from models.forecasting.short import told

FORECAST_BYTES = 64 * 1024
BATCH_BYTES = 4 * 1024 * 1024

FORECAST_PATH = "/predict_timeseries"
BATCH_PATH = "/forecast"


class ForecastRoutes:
    """Answers with forecasts.

    Args:
        slot: Which version answers.
        feedback: Keeps forecasts, None when that is switched off.
        count: Told of the version and of how many series it has forecast at once.
    """

    def __init__(
        self, slot: Slot[Served], feedback: Feedback | None, count: Callable[[str, int], None]
    ) -> None:
        self._slot = slot
        self._feedback = feedback
        self.batcher = Batcher(count=count)

    def routes(self) -> dict[str, Route]:
        """The paths."""
        return {
            FORECAST_PATH: Route(FORECAST_PATH, "POST", self._forecast, _no_forecast),
            BATCH_PATH: Route(BATCH_PATH, "POST", self._batch, _no_batch),
        }

    def _served(self) -> Served:
        if self._slot.served is None:
            raise RefusalError(404, NO_MODEL)
        return self._slot.served

    async def _forecast(self, request: Request) -> Answer:
        check_content_type(request.header(b"content-type"), request.header(b"content-encoding"))
        asked = read_forecast_request(await request.body(FORECAST_BYTES))
        served = self._served()
        window = served.model.window
        check_intervals(asked.level, served.has_intervals)
        series = series_of(asked, served, asked.prediction_step, extend=asked.extend)
        if series.known_days is not None:
            check_intervals(asked.level, served.has_intervals, served.has_short_intervals)
        forecast = await self.batcher.ask(
            served, series, asked.prediction_step, _share(asked.level)
        )
        prediction = forecast.prediction
        if self._feedback is not None and asked.series_id is not None:
            self._feedback.keep(
                served.name,
                asked.series_id,
                asked.last_date,
                prediction,
                series.values,
                series.known_days,
            )
        message = SUCCESS
        if len(asked.input_data) > window:
            message += f" (the last {window} of {len(asked.input_data)} values count)"
        if series.known_days is not None:
            message += f" ({told(series.known_days, window)})"
        return json_answer(
            ForecastAnswer(
                model_name=served.name,
                prediction=prediction,
                message=message,
                lower=_if_asked(forecast.lower),
                upper=_if_asked(forecast.upper),
            )
        )

    async def _batch(self, request: Request) -> Answer:
        check_content_type(request.header(b"content-type"), request.header(b"content-encoding"))
        asked = read_batch_request(await request.body(BATCH_BYTES))
        served = self._served()
        check_intervals(asked.level, served.has_intervals)
        steps = asked.prediction_step
        everything = [
            series_of(one, served, steps, extend=asked.extend, where=f"series[{index}].")
            for index, one in enumerate(asked.series)
        ]
        short = sum(one.known_days is not None for one in everything)
        if short:
            check_intervals(asked.level, served.has_intervals, served.has_short_intervals)
        forecasts = await self.batcher.ask_many(served, everything, steps, _share(asked.level))
        answers = []
        for series, asked_with, forecast in zip(asked.series, everything, forecasts, strict=True):
            prediction = forecast.prediction
            answers.append(
                SeriesForecast(
                    series_id=series.series_id,
                    prediction=prediction,
                    lower=_if_asked(forecast.lower),
                    upper=_if_asked(forecast.upper),
                )
            )
            if self._feedback is not None:
                self._feedback.keep(
                    served.name,
                    series.series_id,
                    series.last_date,
                    prediction,
                    asked_with.values,
                    asked_with.known_days,
                )
        message = SUCCESS
        if short:
            message += (
                f" ({short} of {len(everything)} series have fewer than {served.model.window} "
                "days: the older ones are filled from their own)"
            )
        return json_answer(BatchAnswer(model_name=served.name, forecasts=answers, message=message))


def _no_forecast(message: str) -> ForecastAnswer:
    return ForecastAnswer(model_name=None, prediction=[], message=message)


def _no_batch(message: str) -> BatchAnswer:
    return BatchAnswer(model_name=None, forecasts=[], message=message)


def _share(level: float | None) -> float | None:
    """A level in percent as a probability."""
    return None if level is None else level / 100.0


def _if_asked(end: list[float] | None) -> list[float] | UnsetType:
    """One end of an interval; without a level the answer has no such field at all."""
    return UNSET if end is None else end
