"""The models that serve: which ones they are, how good in the test, and how good now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.charts.sparkline import sparkline
from engine.errors import EngineError
from tui import told, verbs
from tui.data.drift_checks import Check, newest_of, read_checks, verdict_spans
from tui.language import tr
from tui.models.facts import IMAGES, SERIES
from tui.models.pictures import BASELINE, PictureMeasures, measures_of
from tui.models.table import between, part
from tui.paint import Line, clean, clip, width_of
from tui.panels import Block, Item, Target, one, spread
from tui.states import moment

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

_NOT_FOUND = 5
# Flows after which another model may serve, or values have come that forecasts are held against.
# Another program may move the aliases: that is seen after so many seconds at most.
_LOOK_SECONDS = 5
_DEPLOYING = ("deploy_flow", "full_flow")
_FEEDING = ("data_flow", "full_flow")
_LEAST_WIDTH = 56
_LEAST_TREND = 5
_LEAST_REASON = 12
_CHECK_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Model:
    """A version that serves; measures that nobody could take are None.

    Attributes:
        version: Its id.
        model_type: What learned it.
        created: When it was stored, in seconds since the epoch.
        mase: Error in the test, in units of seasonal naive on the training data.
        naive: The same of the seasonal naive forecast.
        seen: How often it is right about pictures; None of a forecaster.
        mean_picture: The same of the mean picture of each class.
    """

    version: str
    model_type: str
    created: float | None
    mase: float | None
    naive: float | None
    seen: PictureMeasures | None = None
    mean_picture: PictureMeasures | None = None

    @property
    def data_type(self) -> str:
        """What it learned from."""
        return SERIES if self.seen is None else IMAGES


@dataclass(frozen=True, slots=True)
class LiveError:
    """How good the forecasts turned out that a version served.

    Attributes:
        days: Forecast days whose value is known by now; 0: nothing could be measured.
        why: Why nothing could be, as a sentence.
        trend: Mean absolute error day by day.
    """

    days: int = 0
    mae: float | None = None
    wape: float | None = None
    mase: float | None = None
    trend: tuple[float, ...] = ()
    why: str = ""


class ModelInService:
    """What is known of the models that serve; asks anew when something has changed.

    Attributes:
        asked: Whether an answer has come yet.
        models: One a data type, that of series first; () where none serves.
        live: None before it was asked.
        problem: Why the last question failed, "" if it did not.
        checks: What the checks of drift found, the newest first.
    """

    def __init__(self, app: ControlCenter) -> None:
        self._app = app
        self.asked = False
        self.models: tuple[Model, ...] = ()
        self.live: LiveError | None = None
        self.problem = ""
        self.checks: tuple[Check, ...] = ()
        self._seen_checks: tuple[Any, ...] | None = None
        self._seen: tuple[Any, ...] | None = None
        self._seen_live: tuple[Any, ...] | None = None
        self._looked: tuple[int, float] | None = None

    def of(self, data_type: str) -> Model | None:
        """The one that serves a data type."""
        return next((one for one in self.models if one.data_type == data_type), None)

    def forget(self) -> None:
        """Ask anew at the next look."""
        self._seen = self._seen_live = self._seen_checks = self._looked = None

    def look(self) -> None:
        """Ask, in the background, if another model may serve or new values may have come.

        Each question is a process of the `engine` command, so it is not asked for nothing.
        """
        # Called each second: most of them, nothing can have changed.
        now = (self._app.board.revision, self._app.now() // _LOOK_SECONDS)
        if now == self._looked:
            return
        self._looked = now
        aliases = self._app.workspace.central_storage / "aliases.db"
        try:
            changed = aliases.stat().st_mtime_ns
        except OSError:
            changed = 0
        seen = (changed, self._last_ended(_DEPLOYING))
        if seen != self._seen:
            self._seen = seen
            self._app.link.look("model in service", self._ask_model)
        seen = (changed, self._last_ended(_FEEDING))
        if seen != self._seen_live:
            self._seen_live = seen
            self._app.link.look("live error", self._ask_quality)
        seen = _checked_at(self._app.workspace.drift_lock, self._app.now())
        if seen != self._seen_checks:
            self._seen_checks = seen
            self._app.link.look("checks of drift", self._ask_checks)

    def _last_ended(self, flows: tuple[str, ...]) -> float:
        ended = (run.ended or 0.0 for run in self._app.board.recent.values() if run.flow in flows)
        return max(ended, default=0.0)

    async def _ask_model(self) -> None:
        found: dict[str, Model] = {}
        problem = ""
        # Without a data type, that of series is meant, or the only one that serves.
        for of_type in ((), ("--data-type", IMAGES)):
            arguments = ("models", "show", "champion", *of_type)
            answer = await verbs.ask(self._app.workspace, *arguments)
            problem = problem or ("" if answer.code in (0, _NOT_FOUND) else answer.problem)
            model = model_of(answer.data) if answer.code == 0 else None
            if model is not None:
                found.setdefault(model.version, model)
        self.asked = True
        self.problem = problem
        if not problem:
            self.models = tuple(found.values())

    async def _ask_checks(self) -> None:
        answer = await verbs.ask(self._app.workspace, "drift", "--checks")
        self.checks = read_checks(answer.data)

    async def _ask_quality(self) -> None:
        try:
            self.live = live_error_of(await self._app.engine("quality"))
        except EngineError as error:
            self.live = LiveError(why=error.what)


def _checked_at(lock: Path, now: float) -> tuple[Any, ...]:
    """When a check began, and whether it has had the time to end."""
    try:
        began = lock.stat().st_mtime
    except OSError:
        return (0.0, True)
    return (began, now - began > _CHECK_SECONDS)


def model_of(data: Any) -> Model | None:
    """The version that `engine models show champion --json` tells of."""
    if not isinstance(data, dict):
        return None
    scores = _at(data, "lineage", "evaluation", "scores")
    of_pictures = IMAGES in (data.get("data_type"), _at(data, "lineage", "training", "data_type"))
    own, simplest = _at(scores, "candidate", "overall"), _at(scores, BASELINE, "overall")
    return Model(
        version=str(data.get("id", "")),
        model_type=str(data.get("model_type", "")),
        created=_number(data.get("created")),
        mase=_number(_at(scores, "candidate", "overall", "mase")),
        naive=_number(_at(scores, "SeasonalNaive", "overall", "mase")),
        seen=measures_of(told.mapping(own)) if of_pictures else None,
        mean_picture=measures_of(told.mapping(simplest)) if of_pictures else None,
    )


def live_error_of(data: Any) -> LiveError:
    """The error of the champion that `engine quality --json` tells of."""
    versions = _at(data, "versions")
    for found in versions if isinstance(versions, list) else []:
        if _at(found, "alias") == "champion" and _at(found, "matched"):
            days = _at(found, "days")
            trend = [_number(_at(day, "mae")) for day in days] if isinstance(days, list) else []
            return LiveError(
                days=int(_number(_at(found, "matched")) or 0),
                mae=_number(_at(found, "mae")),
                wape=_number(_at(found, "wape")),
                mase=_number(_at(found, "mase")),
                trend=tuple(value for value in trend if value is not None),
            )
    return LiveError(why=str(_at(data, "message") or ""))


def model_block(
    app: ControlCenter, service: ModelInService, width: int, *, brief: bool = False
) -> Block:
    """The models in a few lines each; brief: several of them in two."""
    title = tr("Model in service")
    if not service.models:
        if service.problem:
            problem: Line = [(clip(f" {service.problem}", width), "bad")]
            return Block(title, [Item((problem,), Target("model", SERIES))])
        if not service.asked:
            return Block(title, [one((f" {tr('asking')}", "dim"))])
        nothing = one((clip(f" {tr('none: full_flow trains and deploys one')}", width), "dim"))
        return Block(title, [nothing])
    if len(service.models) > 1:
        title = tr("Models in service")
    brief = brief and len(service.models) > 1
    return Block(title, [_item(app, service, one, width, brief=brief) for one in service.models])


def _item(
    app: ControlCenter, service: ModelInService, model: Model, width: int, *, brief: bool
) -> Item:
    when = moment(model.created, app.time_mode, app.now(), app.zone)
    said = when if width < _LEAST_WIDTH else tr("deployed {when}", when=when)
    deployed: Line = [(said, "dim"), (" ", "")]
    head: Line = [(" ◆ ", "good"), (clean(model.version), "strong")]
    lines = [spread([*head, (f"  {clean(model.model_type)}", "accent")], deployed, width)]
    check = newest_of(service.checks, model.version)
    if model.seen is not None:
        lines.append(_picture_line(model, model.seen, width))
        lines += [] if brief or check is None else [_drift_line(check, width)]
    else:
        lines.append(_test_line(model, width))
        lines += [] if brief else [*_live_lines(service.live, width), _drift_line(check, width)]
    return Item(tuple(lines), Target("model", model.data_type))


def _picture_line(model: Model, seen: PictureMeasures, width: int) -> Line:
    """How often it was right in the test, and how much less often wrong than the simplest."""
    line: Line = [(f"   {tr('accuracy')} ", "dim"), (part(seen.accuracy), "strong")]
    error, simplest = seen.error, model.mean_picture.error if model.mean_picture else None
    parts: list[tuple[str, str]] = [(f"  {between(seen)}", "dim")]
    if error is not None and simplest:
        gain = 1 - error / simplest
        fewer = tr("{share} fewer mistakes", share=f"{gain:.0%}")
        more = tr("{share} more mistakes", share=f"{-gain:.0%}")
        parts.append((f"  {fewer if gain >= 0 else more}", "good" if gain >= 0 else "bad"))
    for span in reversed(parts) if width < _LEAST_WIDTH else parts:
        if width_of([*line, span]) <= width:
            line.append(span)
    return line


def _test_line(model: Model, width: int) -> Line:
    line: Line = [("   MASE ", "dim"), (_text(model.mase), "strong")]
    line += [(f"  {tr('naive')} ", "dim"), (_text(model.naive), "")]
    if model.mase is not None and model.naive:
        gain = 1 - model.mase / model.naive
        if gain >= 0:
            line.append(("  " + tr("{share} better", share=f"{gain:.0%}"), "good"))
        else:
            line.append(("  " + tr("{share} worse", share=f"{-gain:.0%}"), "bad"))
    return line


def _live_lines(live: LiveError | None, width: int) -> list[Line]:
    first: Line = [(f"   {tr('live')} ", "dim")]
    if live is None:
        first.append((tr("asking"), "dim"))
    elif not live.days:
        first.append((tr("not measured yet"), "dim"))
    else:
        first += [("MASE ", "dim"), (_text(live.mase), "strong"), ("  MAE ", "dim")]
        first.append((_text(live.mae), ""))
        if width >= _LEAST_WIDTH and live.wape is not None:
            first += [("  WAPE ", "dim"), (f"{live.wape:.1%}", "")]
        room = min(20, width - width_of(first) - 3)
        if room >= _LEAST_TREND:
            first.append((f"  {sparkline(live.trend, room)}", "accent"))
    return [first]


def _drift_line(check: Check | None, width: int) -> Line:
    """What the last check of drift found, and the first reason."""
    line: Line = [(f"   {tr('drift')} ", "dim")]
    if check is None:
        return [*line, (tr("not measured yet"), "dim")]
    line += verdict_spans(check.verdict)
    room = width - width_of(line) - 2
    if check.reasons and room >= _LEAST_REASON:
        line.append((f"  {clip(clean(check.reasons[0]), room)}", "dim"))
    return line


def _at(data: Any, *names: str) -> Any:
    """What lies under these names, None where there is no such thing."""
    for name in names:
        data = data.get(name) if isinstance(data, dict) else None
    return data


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
