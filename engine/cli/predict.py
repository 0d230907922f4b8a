"""`engine predict`: forecasts of series; pictures are handed on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from engine.cli.explanation import WhyOptions, explanation_options
from engine.cli.inventory import StockOptions, inventory_options
from engine.cli.options import CommandLine, json_option, pass_command_line, workspace_option

if TYPE_CHECKING:
    from engine.cli.explanation import Why
    from engine.cli.forecasting import Answered, Forecaster, Question
    from engine.cli.shelf import Shelf
    from engine.data.dataset import Dataset

_HISTORY_DAYS_A_COLUMN = 0.75
_CHART_ROWS = 20
_OF_PICTURES = ("pictures", "heat_map", "version", "through_predictor")


def _day(_: click.Context, __: click.Parameter, value: str | None) -> dt.date | None:
    try:
        return None if value is None else dt.date.fromisoformat(value)
    except ValueError as error:
        raise click.BadParameter(f"write a day as 2026-01-31 ({error})") from None


def _percentage(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    if value is not None and not 1 <= value < 100:  # as NaN is not
        raise click.BadParameter(f"a percentage from 1 to below 100, such as 80, not {value:g}")
    return value


@click.command("predict")
@click.argument("pictures", metavar="[PICTURE...]", nargs=-1, type=click.Path(path_type=Path))
@click.option("--series", metavar="ID", help="Which series; default: the one with most volume.")
@click.option("--values", metavar="V1,V2,...", help="These values instead, oldest first.")
@click.option("--last-date", metavar="DAY", callback=_day, help="Day of the last of --values.")
@click.option("--steps", type=click.IntRange(1, 365), help="Days; default: the model's horizon.")
@click.option("--version", metavar="VERSION", help="An id or an alias; default: champion.")
@click.option(
    "--level",
    type=float,
    metavar="PERCENT",
    callback=_percentage,
    help="Draw the interval that holds so many of a hundred days, such as 80.",
)
@click.option(
    "--through-predictor", is_flag=True, help="Ask the running predictor by HTTP, as others do."
)
@click.option(
    "--covariates",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.csv",
    help="Covariates of the days to come: columns day and one a covariate, perhaps unique_id.",
)
@click.option("--heat-map", is_flag=True, help="Of pictures: draw where their class is seen.")
@inventory_options
@explanation_options
@json_option
@workspace_option
@pass_command_line
@click.pass_context
def predict(
    context: click.Context,
    line: CommandLine,
    pictures: tuple[Path, ...],
    series: str | None,
    values: str | None,
    last_date: dt.date | None,
    steps: int | None,
    version: str | None,
    level: float | None,
    through_predictor: bool,
    covariates: Path | None,
    heat_map: bool,
    stock: StockOptions,
    why: WhyOptions,
) -> int:
    """Forecast the days after the newest data with the deployed model, and draw them.

    With PICTURE, a PNG or JPEG file, or several: tell which class each belongs to, with the
    deployed model of images.

    Through the predictor, the forecast of a series is kept, to be held against what comes (`engine
    quality`).

    With the stock on hand it tells when that runs out, and with a lead time how much to order.

    The model gets the covariates that it knows, as far as the data set has them; --covariates
    adds to these and goes first. Of fewer days than the model sees the older ones are filled from
    the series' own week.
    """
    from engine.cli.explanation import why_of
    from engine.cli.forecasting import of_dataset, pasted
    from engine.cli.inventory import shelf_of
    from engine.cli.known_ahead import known_data, known_sentences, with_covariates
    from engine.cli.output import write_json, write_text

    if version is not None and through_predictor:
        raise click.UsageError("The predictor answers with the version that serves.")
    if pictures:
        from engine.cli.predict_pictures import predict_pictures

        _refuse_for_pictures(context)
        return predict_pictures(
            line,
            pictures,
            version=version,
            through_predictor=through_predictor,
            heat_map=heat_map,
        )
    _check_for_series(context)
    _refuse_without_forecaster(line, version)
    with _forecaster(line, version, through_predictor) as forecaster:
        dataset = None
        if values is None:
            dataset = _newest_dataset(line, forecaster)
            question = of_dataset(dataset, series, forecaster.window)
        else:
            question = pasted(values, last_date)
        _check_level(forecaster, level)
        days = steps or forecaster.horizon
        question = with_covariates(
            question, forecaster, steps=days, dataset=dataset, file=covariates
        )
        answer = forecaster.forecast(question, days, level)
        shelf = shelf_of(stock, forecaster, question, dataset, days)
        explanation = why_of(why, forecaster, question, days)
    if line.json:
        data = _data(forecaster, question, answer, level)
        data |= known_data(question, forecaster.window, days)
        data["inventory"] = None if shelf is None else shelf.to_dict()
        data["explanation"] = None if explanation is None else explanation.to_dict()
        write_json(data)
    else:
        _draw(question, answer, shelf)
        for sentence in known_sentences(question, forecaster.window, days):
            write_text(sentence)
        _tell(explanation)
    return 0


def _refuse_for_pictures(context: click.Context) -> None:
    """What is asked of series goes not with pictures."""
    given = [
        option.opts[0]
        for option in context.command.params
        if option.name not in _OF_PICTURES
        and option.name in context.params
        and context.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE
    ]
    if given:
        raise click.UsageError(f"{', '.join(given)}: for series only, not with pictures.")


def _check_for_series(context: click.Context) -> None:
    given = context.params
    if given["heat_map"]:
        raise click.UsageError("--heat-map goes with pictures: engine predict PICTURE --heat-map.")
    if given["values"] is not None and given["series"] is not None:
        raise click.UsageError("Give either --series or --values.")
    if given["last_date"] is not None and given["values"] is None:
        raise click.UsageError("--last-date goes with --values.")
    has_values_without_day = given["values"] is not None and given["last_date"] is None
    if given["covariates"] is not None and has_values_without_day:
        raise click.UsageError("With --values, --covariates needs --last-date.")


def _refuse_without_forecaster(line: CommandLine, version: str | None) -> None:
    """Say what to do where nothing but pictures can be answered."""
    from engine.cli.versions import alias_states, serving_types
    from models.data_types import IMAGE

    if version is None and serving_types(alias_states(line)) == [IMAGE]:
        raise click.UsageError(
            "Only a model of images is deployed: name the pictures to classify, such as "
            "engine predict photo.png; or deploy a forecaster: engine run full_flow "
            "--data-type timeseries."
        )


@contextmanager
def _forecaster(
    line: CommandLine, version: str | None, through_predictor: bool
) -> Iterator[Forecaster]:
    from engine.cli.forecasting import InProcess, ThroughPredictor

    if not through_predictor:
        from engine.cli.versions import resolve_version

        yield InProcess(resolve_version(line, version or "champion"))
        return
    from engine.predictor_client import PredictorClient

    with PredictorClient(line.workspace.create()) as client:
        yield ThroughPredictor(client)


def _check_level(forecaster: Forecaster, level: float | None) -> None:
    from engine.errors import ConflictError

    if level is not None and not forecaster.has_intervals:
        raise ConflictError(
            "the model has no prediction intervals",
            where=f"version {forecaster.version}",
            fix="Leave --level out, or train and deploy it again: engine run full_flow",
        )


def _newest_dataset(line: CommandLine, forecaster: Forecaster) -> Dataset:
    """The data set of the newest data_flow, or the version's own where there is no newer one."""
    from engine.data.dataset import open_dataset
    from engine.store import open_store
    from engine.tables.handoffs import Handoffs

    workspace = line.workspace
    newest = Handoffs(workspace.database).take("dataset")
    if newest is not None:
        return open_dataset(workspace.datasets, newest.value)
    lineage = open_store(workspace).get(forecaster.version).lineage
    return open_dataset(workspace.datasets, lineage["training"]["dataset"])


def _data(
    forecaster: Forecaster, question: Question, answer: Answered, level: float | None
) -> dict[str, Any]:
    from engine.cli.forecasting import days_after, days_until

    last_day = question.last_day
    forecast = _points(days_after(last_day, answer.forecast), answer.forecast)
    if answer.interval is not None:
        for point, lower, upper in zip(forecast, *answer.interval, strict=True):
            point |= {"lower": lower, "upper": upper}
    return {
        "series": question.series,
        "version": answer.version,
        "model_type": forecaster.model_type,
        "window": forecaster.window,
        "horizon": forecaster.horizon,
        "dataset": question.dataset,
        "last_day": None if last_day is None else last_day.isoformat(),
        "answered_by": forecaster.answered_by,
        "latency_ms": round(answer.latency_ms, 3),
        "history": _points(days_until(last_day, question.values), question.values),
        "has_intervals": forecaster.has_intervals,
        "level": level,
        "forecast": forecast,
    }


def _points(days: Sequence[dt.date | None], values: Sequence[float]) -> list[dict[str, Any]]:
    return [
        {"day": None if day is None else day.isoformat(), "value": value}
        for day, value in zip(days, values, strict=True)
    ]


def _draw(question: Question, answer: Answered, shelf: Shelf | None) -> None:
    from engine.charts.forecast import forecast_chart
    from engine.cli.forecasting import days_after, days_until
    from engine.cli.output import terminal_size, wants_ascii, wants_colour, write_text

    days = days_after(question.last_day, answer.forecast)
    if question.last_day is None:
        # A chart has days on its axis, and which ones they are is not known.
        for ahead, numbers in enumerate(_numbers(answer, shelf), start=1):
            write_text(f"{f'day {ahead}':<14} {numbers}")
        _advise(shelf)
        write_text(f"by {answer.version}, in {answer.latency_ms:.1f} ms")
        return
    width, height = terminal_size()
    history = question.values[-max(14, int(width * _HISTORY_DAYS_A_COLUMN)) :]
    name = question.series or "these values"
    lower, upper = answer.interval or (None, None)
    chart = forecast_chart(
        [day for day in days_until(question.last_day, history) if day],
        history,
        [day for day in days if day],
        answer.forecast,
        title=f"{name}: next {len(days)} days by {answer.version} ({answer.latency_ms:.1f} ms)",
        width=width,
        height=min(_CHART_ROWS, height - 2),
        colour=wants_colour(),
        ascii=wants_ascii(),
        lower=lower,
        upper=upper,
    )
    write_text(chart)
    for day, numbers in zip(days, _numbers(answer, shelf), strict=True):
        write_text(f"{day:%a %Y-%m-%d} {numbers}")
    _advise(shelf)


def _advise(shelf: Shelf | None) -> None:
    import textwrap

    from engine.cli.output import terminal_size, write_text

    for sentence in [] if shelf is None else shelf.sentences():
        write_text(textwrap.fill(sentence, terminal_size()[0]))


def _tell(why: Why | None) -> None:
    from engine.cli.output import terminal_size, wants_ascii, wants_colour, write_text

    if why is not None:
        width, _ = terminal_size()
        for line in why.lines(width, colour=wants_colour(), ascii=wants_ascii()):
            write_text(line)


def _numbers(answer: Answered, shelf: Shelf | None) -> list[str]:
    """The forecast of each day as text, behind it the ends of its interval and the stock-out."""
    numbers = [f"{value:12.2f}" for value in answer.forecast]
    if answer.interval is not None:
        ends = [
            f"{lower:12.2f} to {upper:.2f}" for lower, upper in zip(*answer.interval, strict=True)
        ]
        longest = max(map(len, ends)) if shelf is not None else 0
        numbers = [f"{value} {both:<{longest}}" for value, both in zip(numbers, ends, strict=True)]
    if shelf is None:
        return numbers
    return [f"{value}   {risk}" for value, risk in zip(numbers, shelf.columns(), strict=True)]
