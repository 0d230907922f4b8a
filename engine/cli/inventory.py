"""What `engine predict` says about a shelf: when it runs out, and how much to order."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from engine.errors import ConflictError

if TYPE_CHECKING:
    from engine.cli.forecasting import Forecaster, InProcess, Question
    from engine.cli.shelf import Shelf, Target
    from engine.data.dataset import Dataset
    from models.arrays import FloatArray, Windows
    from models.forecasting.intervals import Calibration

_MOST_DAYS = 365
_TRAIN = "Train and deploy it again: engine run full_flow"


@dataclass(frozen=True)
class StockOptions:
    """What the command line says about stock; None and () where it says nothing."""

    on_hand: float | None
    on_order: tuple[tuple[float, int], ...]
    lead_time: int | None
    review: int | None
    service_level: float | None
    target_is: Target | None
    threshold: float | None

    @property
    def is_given(self) -> bool:
        """Whether anything was said."""
        return any(value not in (None, ()) for value in vars(self).values())


def _amount(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"a finite number, not {value:g}")
    return value


def _service_level(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    if value is not None and not 50 <= value < 100:  # as NaN is not
        raise click.BadParameter(f"a percentage from 50 to below 100, such as 95, not {value:g}")
    return value


def _deliveries(
    _: click.Context, __: click.Parameter, value: tuple[str, ...]
) -> tuple[tuple[float, int], ...]:
    return tuple(_delivery(text) for text in value)


def _delivery(text: str) -> tuple[float, int]:
    quantity, at, days = text.partition("@")
    try:
        amount, ahead = float(quantity), int(days) if at else 1
    except ValueError:
        amount, ahead = math.nan, 0
    if not (0 <= amount < math.inf and 1 <= ahead <= _MOST_DAYS):
        raise click.BadParameter(
            f"{text[:40]!r}: write what comes in how many days, such as 40@3 (1 is the first day "
            "that is forecast)"
        )
    return amount, ahead


def inventory_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options about stock, handed on as one `stock` argument."""

    @click.option(
        "--on-hand", type=float, metavar="Q", callback=_amount, help="Stock after the last day."
    )
    @click.option(
        "--on-order",
        multiple=True,
        metavar="Q@DAYS",
        callback=_deliveries,
        help="What is on its way, such as 40@3: to be had in 3 days. Repeatable.",
    )
    @click.option(
        "--lead-time",
        type=click.IntRange(1, _MOST_DAYS),
        metavar="DAYS",
        help="Days until what is ordered now can be had; says how much to order.",
    )
    @click.option(
        "--review",
        type=click.IntRange(0, _MOST_DAYS),
        metavar="DAYS",
        help="Days until the next occasion to order (default 0: every day is one).",
    )
    @click.option(
        "--service-level",
        type=float,
        metavar="PERCENT",
        callback=_service_level,
        help="So often an order is to be enough (default 95).",
    )
    @click.option(
        "--target-is",
        type=click.Choice(("demand", "stock")),
        help="What the series is; default: as dataset.stock_col tells, else demand.",
    )
    @click.option(
        "--threshold",
        type=float,
        metavar="Q",
        callback=_amount,
        help="With a series that is a stock: it is out at this or below (default 0).",
    )
    @wraps(function)
    def wrapped(
        *args: Any,
        on_hand: float | None,
        on_order: tuple[tuple[float, int], ...],
        lead_time: int | None,
        review: int | None,
        service_level: float | None,
        target_is: Target | None,
        threshold: float | None,
        **kwargs: Any,
    ) -> Any:
        said = StockOptions(
            on_hand, on_order, lead_time, review, service_level, target_is, threshold
        )
        _check(said)
        return function(*args, stock=said, **kwargs)

    return wrapped


def _check(said: StockOptions) -> None:
    if said.lead_time is None and (said.review, said.service_level) != (None, None):
        raise click.UsageError("--review and --service-level go with --lead-time.")
    if (said.lead_time or 0) + (said.review or 0) > _MOST_DAYS:
        raise click.UsageError(f"--lead-time and --review are at most {_MOST_DAYS} days together.")
    if said.target_is == "stock":
        _refuse_demand(said, "--target-is stock")
    elif said.target_is == "demand" and said.threshold is not None:
        raise click.UsageError("--threshold goes with a series that is a stock.")


def _refuse_demand(said: StockOptions, where: str) -> None:
    names = {"--on-hand": said.on_hand, "--lead-time": said.lead_time}
    given = [name for name, value in names.items() if value is not None]
    given += ["--on-order"] if said.on_order else []
    if given:
        raise click.UsageError(
            f"{given[0]} goes with a forecast of demand; this series is the stock itself "
            f"({where}). Say --target-is demand if it is not."
        )


def shelf_of(
    said: StockOptions,
    forecaster: Forecaster,
    question: Question,
    dataset: Dataset | None,
    steps: int,
) -> Shelf | None:
    """What the forecast of a question means for its shelf.

    Args:
        said: The command line.
        forecaster: Who forecasts.
        question: What is forecast.
        dataset: Where the series is from, None for pasted values.
        steps: Days that are told of.

    Returns:
        None when nothing was said about stock and the data set knows nothing about it.

    Raises:
        ConflictError: The version cannot tell, or the stock on hand is not known.
        click.UsageError: Options that do not go together.
    """
    from engine.cli.forecasting import InProcess

    stock = None if dataset is None or question.series is None else dataset.stock
    if not said.is_given and stock is None:
        return None
    if not isinstance(forecaster, InProcess):
        if not said.is_given:
            return None
        raise click.UsageError("Stock is worked out here: leave --through-predictor out.")
    target = said.target_is or ("stock" if stock is not None and stock.is_target else "demand")
    calibration = _calibration(forecaster, is_asked=said.is_given, with_totals=target == "demand")
    if calibration is None:
        return None
    if target == "stock":
        _refuse_demand(said, "dataset.stock_col")
        return _told(
            lambda: _stock_shelf(said, forecaster, question, calibration, steps),
            forecaster,
            is_asked=said.is_given,
        )
    if said.threshold is not None:
        raise click.UsageError("--threshold goes with a series that is a stock.")
    on_hand, source = said.on_hand, "option"
    if on_hand is None and dataset is not None and question.series is not None:
        on_hand, source = dataset.on_hand(question.series), "data"
    if on_hand is None:
        if not said.is_given:
            return None
        raise ConflictError(
            "how much is on hand is not known",
            where=question.series or "--values",
            fix="Give it: --on-hand Q; or name its column in dataset.stock_col",
        )
    return _told(
        lambda: _demand_shelf(said, forecaster, question, calibration, steps, (on_hand, source)),
        forecaster,
        is_asked=said.is_given,
    )


def _told(answer: Callable[[], Shelf], forecaster: InProcess, *, is_asked: bool) -> Shelf | None:
    """The answer; None where the version cannot give it and nobody asked for it."""
    from models.errors import ModelProblem

    try:
        return answer()
    except ModelProblem as problem:
        if not is_asked:
            return None
        raise ConflictError(str(problem), where=f"version {forecaster.version}") from problem


def _calibration(forecaster: InProcess, *, is_asked: bool, with_totals: bool) -> Calibration | None:
    """What probabilities are made from; None where there is none and nobody asked for it."""
    calibration = forecaster.model.calibration
    if calibration is not None and (calibration.totals is not None or not with_totals):
        return calibration
    if not is_asked:
        return None
    lacks = "how far its days miss" if calibration is None else "how the misses of days add up"
    raise ConflictError(
        f"the model cannot tell when stock runs out: it does not know {lacks}",
        where=f"version {forecaster.version}",
        fix=_TRAIN,
    )


def _stock_shelf(
    said: StockOptions,
    forecaster: InProcess,
    question: Question,
    calibration: Calibration,
    steps: int,
) -> Shelf:
    from engine.cli.shelf import Shelf
    from models.forecasting.inventory import stock_risk

    window, point = _forecast(forecaster, question, steps)
    threshold = said.threshold or 0.0
    risk = stock_risk(calibration, point, window, threshold)
    return Shelf(
        "stock", risk, question.last_day, threshold=threshold, is_whole=_is_whole(question.values)
    )


def _demand_shelf(
    said: StockOptions,
    forecaster: InProcess,
    question: Question,
    calibration: Calibration,
    steps: int,
    known: tuple[float, str],
) -> Shelf:
    from engine.cli.shelf import SERVICE_LEVEL, Shelf
    from models.forecasting.inventory import Delivery, cover_days, demand_risk, reorder

    lead_time, review = said.lead_time, said.review or 0
    protected = 0 if lead_time is None else lead_time + review
    window, point = _forecast(forecaster, question, max(steps, protected))
    on_hand, source = known
    deliveries = tuple(Delivery(*one) for one in said.on_order)
    whole = demand_risk(calibration, point, window, on_hand, deliveries)
    risk = demand_risk(calibration, point[:, :steps], window, on_hand, deliveries)
    level = said.service_level or SERVICE_LEVEL
    hint = before = None
    if lead_time is not None:
        hint = reorder(
            calibration,
            point,
            window,
            on_hand,
            deliveries,
            lead_time=lead_time,
            review=review,
            service_level=level / 100,
        )
        before = float(whole.by_day[lead_time - 2]) if lead_time > 1 else 0.0
    return Shelf(
        "demand",
        risk,
        question.last_day,
        on_hand=on_hand,
        on_hand_from=source,
        deliveries=deliveries,
        cover_days=cover_days(whole.expected, on_hand, deliveries),
        lead_time=lead_time,
        review=review,
        service_level=level,
        hint=hint,
        before_arrival=before,
        is_whole=_is_whole([*question.values, on_hand, *(one.quantity for one in deliveries)]),
    )


def _forecast(forecaster: InProcess, question: Question, steps: int) -> tuple[Windows, FloatArray]:
    window = forecaster.windows(question)
    return window, forecaster.model.forecast(window, steps)


def _is_whole(values: Sequence[float]) -> bool:
    return all(float(value).is_integer() for value in values)
