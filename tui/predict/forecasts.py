"""Who answers: the running predictor by HTTP, else `engine predict`; and what is known so far."""

from __future__ import annotations

import asyncio
import datetime as dt
from array import array
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.errors import ConflictError, DataError, EngineError, NotFoundError, ServerError
from tui.models.facts import models_of
from tui.predict.asking import Forecast, Question, forecast_of, stock_of
from tui.predict.reasons import Reasons, reasons_of

if TYPE_CHECKING:
    from engine.predictor_client import PredictorAnswer, ServingModel
    from engine.workspace import Workspace
    from tui.predict.stock import Inventory

HISTORY_DAYS = 90
_ANSWERS_KEPT = 200
_SERIES_KEPT = 2000
_AT_ONCE = 40

Engine = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Series:
    """A series of the newest data set: its name, and what its values are like."""

    name: str
    days: int
    mean: float
    zero_share: float
    last_value: float
    last_day: str


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """A deployed forecaster: its id, kind of model, alias ("" for none) and error."""

    id: str
    model_type: str
    alias: str
    mase: float | None


@dataclass(frozen=True, slots=True)
class ClassifierFacts:
    """A deployed classifier: its id, kind of model, alias ("" for none) and accuracy."""

    id: str
    model_type: str
    alias: str
    accuracy: float | None


class Forecasts:
    """Asks, and keeps what was answered.

    Args:
        workspace: Whose predictor.
        engine: Runs an `engine` command and returns its data.

    Attributes:
        dataset: Id of the newest data set; "" while none is known.
        series: Its series, the largest first; None: not asked yet.
        versions: The deployed forecasters, the newest first; None: not asked yet.
        classifiers: The deployed classifiers of pictures, likewise.
        serving: Id of the version that serves; "" while none is known.
        address: Of the predictor when it last answered; "" when it did not.
        has_stock: Whether the data set knows what is on hand.
        answers: By question.
        reasons: Why, by question; see `Question.why`.
        stocks: What it means for the stock, by question; None where nothing is known of it.
        problems: Why a question was not answered, by question.
    """

    def __init__(self, workspace: Workspace, engine: Engine) -> None:
        self._workspace = workspace
        self._engine = engine
        self.dataset = ""
        self.series: list[Series] | None = None
        self.versions: list[VersionFacts] | None = None
        self.classifiers: list[ClassifierFacts] | None = None
        self.serving = ""
        self.address = ""
        self.has_stock = False
        self.trouble: EngineError | None = None
        self.answers: OrderedDict[Question, Forecast] = OrderedDict()
        self.reasons: OrderedDict[Question, Reasons] = OrderedDict()
        self.stocks: OrderedDict[Question, Inventory | None] = OrderedDict()
        self.problems: dict[Question, EngineError] = {}
        self._values: dict[str, tuple[dt.date, array[float]]] = {}
        self._plain: set[str] = set()

    def forget(self) -> None:
        """Ask everything anew."""
        for known in (self.answers, self.reasons, self.stocks, self.problems):
            known.clear()

    def is_known(self, question: Question) -> bool:
        """Whether a question was answered, or why it cannot be."""
        answered = (self.answers, self.reasons, self.stocks, self.problems)
        return any(question in known for known in answered)

    async def look_around(self) -> None:
        """Take in the newest data set and the deployed versions."""
        # A group waits for both, also where it is cancelled: each has a process to end.
        async with asyncio.TaskGroup() as both:
            both.create_task(self._look_at_data())
            both.create_task(self._look_at_versions())

    async def _look_at_data(self) -> None:
        try:
            said = await self._engine("data", "show", "--data-type", "timeseries")
        except NotFoundError:
            self._take_dataset("", [])
            return
        except EngineError as error:
            self.trouble = error
            return
        self.trouble = None
        found = [
            Series(
                one["id"],
                one["count"],
                one["mean"],
                one["zero_share"],
                one["last_value"],
                one["last_day"],
            )
            for one in said["series"]
        ]
        found.sort(key=lambda one: -abs(one.mean) * one.days)
        self.has_stock = bool(said.get("stock"))
        self._take_dataset(said["id"], found)

    def _take_dataset(self, dataset: str, series: list[Series]) -> None:
        if dataset != self.dataset:
            self._values.clear()
            self.forget()
        self.dataset, self.series = dataset, series

    async def _look_at_versions(self) -> None:
        try:
            said = await self._engine("models")
        except EngineError as error:
            self.trouble = error
            return
        models, aliases = models_of(said)
        self.versions = [
            VersionFacts(one.id, one.model_type, aliases.get(one.id, ""), one.evaluation.own.mase)
            for one in models
            if one.pictures is None
        ]
        self.classifiers = [
            ClassifierFacts(
                one.id, one.model_type, aliases.get(one.id, ""), one.pictures.own.accuracy
            )
            for one in models
            if one.pictures is not None
        ]
        champion = next((one.id for one in self.versions if one.alias == "champion"), "")
        await self.look_at_predictor(champion)

    async def look_at_predictor(self, otherwise: str = "") -> None:
        """See which version answers: a deploy or a rollback makes what is known outdated."""
        serving = await asyncio.to_thread(_serving, self._workspace)
        self._serves(serving.version if serving else otherwise)

    def _serves(self, version: str) -> None:
        if version and version != self.serving:
            for known in (self.answers, self.reasons, self.stocks):
                for question in [one for one in known if not one.version]:
                    del known[question]
            self.problems.clear()
            self.serving = version

    async def ask(self, question: Question, nearby: Sequence[str] = ()) -> None:
        """Answer a question, unless it is answered.

        Args:
            question: What is asked.
            nearby: Series that are likely to be asked for next: their values are fetched too.
        """
        try:
            if question.explains:
                said = await self._engine(*question.arguments())
                _keep(self.reasons, question, reasons_of(said))
            elif question.stock is not None:
                said = await self._engine(*question.arguments())
                _keep(self.stocks, question, stock_of(said))
            else:
                answer = await self._answer(question, nearby)
                _keep(self.answers, question, answer)
        except EngineError as error:
            self.problems[question] = error

    async def _answer(self, question: Question, nearby: Sequence[str]) -> Forecast:
        serving = None
        if not question.version:
            serving = await asyncio.to_thread(_serving, self._workspace)
        # What is known of the covariates stands in the data set, which the command opens.
        if serving is None or (serving.covariates and question.series):
            if not question.version:
                self.address = ""
            return await self._by_command(question)
        self._serves(serving.version)
        return await self._by_predictor(question, serving, nearby)

    async def _by_command(self, question: Question) -> Forecast:
        version = question.version or self.serving
        if version in self._plain:
            question = question.without_level()
        try:
            return forecast_of(await self._engine(*question.arguments()))
        except ConflictError:
            if not question.level:
                raise
        # The version has no intervals: the forecast alone is what can be had.
        answer = forecast_of(await self._engine(*question.without_level().arguments()))
        self._plain.add(answer.version)
        return answer

    async def _by_predictor(
        self, question: Question, serving: ServingModel, nearby: Sequence[str]
    ) -> Forecast:
        values, last_day = question.values, question.last_day
        if question.series:
            last_day, known = await self._values_of(question.series, serving.window, nearby)
            values = tuple(known)
        level = question.level if serving.intervals else 0.0
        steps = question.steps or serving.horizon
        asked = (self._workspace, values, steps, last_day)
        try:
            self.address, model, said = await asyncio.to_thread(_forecast, *asked, level)
        except DataError:
            if not level or len(values) >= serving.window:
                raise
            # Older versions know no intervals of series that are filled.
            level = 0.0
            self.address, model, said = await asyncio.to_thread(_forecast, *asked, level)
        lower, upper = said.interval or ((), ())
        return Forecast(
            series=question.series,
            version=said.version,
            model_type=model.model_type,
            window=model.window,
            horizon=model.horizon,
            last_day=last_day,
            history=values[-max(HISTORY_DAYS, model.window) :],
            values=tuple(said.forecast),
            lower=tuple(lower),
            upper=tuple(upper),
            level=level,
            latency_ms=said.latency_ms,
            address=self.address,
            known_days=len(values) if len(values) < model.window else None,
        )

    async def _values_of(
        self, name: str, window: int, nearby: Sequence[str]
    ) -> tuple[dt.date, array[float]]:
        known = self._values.get(name)
        # What is shorter than what is asked for is all there is.
        if known is not None and (len(known[1]) >= window or len(known[1]) < HISTORY_DAYS):
            return known
        if len(self._values) > _SERIES_KEPT:
            self._values.clear()
        names = [name, *(one for one in nearby if one not in self._values and one != name)]
        chosen = [part for one in names[:_AT_ONCE] for part in ("--series", one)]
        days = str(max(HISTORY_DAYS, window))
        said = await self._engine("data", "values", self.dataset, *chosen, "--days", days)
        for one in said["series"]:
            last_day = dt.date.fromisoformat(one["last_day"])
            self._values[one["series"]] = (last_day, array("d", one["values"]))
        return self._values[name]


def _keep(known: OrderedDict[Question, Any], question: Question, answer: Any) -> None:
    known[question] = answer
    while len(known) > _ANSWERS_KEPT:
        known.popitem(last=False)


def _serving(workspace: Workspace) -> ServingModel | None:
    """What the predictor answers with; None where none is running or ready."""
    from engine.predictor_client import PredictorClient

    try:
        with PredictorClient(workspace) as client:
            return client.serving()
    except (ServerError, NotFoundError):
        return None


def _forecast(
    workspace: Workspace,
    values: Sequence[float],
    steps: int,
    last_day: dt.date | None,
    level: float,
) -> tuple[str, ServingModel, PredictorAnswer]:
    """The predictor's address, model and answer.

    It is not told which series it is: what somebody looks at is no forecast to be held against
    what comes.
    """
    from engine.predictor_client import PredictorClient

    with PredictorClient(workspace) as client:
        # Asked first, so that the time that is measured is not that of connecting.
        serving = client.serving()
        said = client.forecast(
            values[-serving.window :],
            steps,
            last_day=last_day,
            level=level or None,
            extend=len(values) < serving.window,
        )
        return client.address, serving, said
