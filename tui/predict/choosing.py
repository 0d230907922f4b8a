"""What is chosen about a forecast: values of one's own, days, level of the interval, version."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from engine.errors import DataError
from tui.language import tr
from tui.listing import Listing
from tui.overlays.menu import Choice, Menu
from tui.predict.asking import Question
from tui.predict.forecasts import Forecasts
from tui.predict.pasted import Pasted, read_values
from tui.predict.stock import OnHand, read_on_hand
from tui.prompt import Prompt

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

MOST_STEPS = 365
_LEVELS = (("8", 80.0), ("9", 90.0), ("5", 95.0))


class Choosing:
    """The actions that change the question. The view says what is asked then.

    Attributes:
        explains: Whether it is shown why.
        on_hand: What is on hand by series, "" for values of one's own; None: it is not asked for.
        usual: What is asked of a series of which only the data set knows the stock.
    """

    app: ControlCenter
    forecasts: Forecasts
    listing: Listing
    pasted: Pasted | None
    steps: int
    level: float
    version: str
    day: int | None
    explains: bool
    on_hand: dict[str, OnHand | None]
    usual: OnHand
    _typed = ""

    def question(self) -> Question | None:
        """What is asked here and now."""
        raise NotImplementedError

    def stock_of(self, question: Question) -> OnHand | None:
        """What is known of the stock of a series."""
        raise NotImplementedError

    def want(self, seconds: float = 0.0) -> None:
        """Ask anew."""
        raise NotImplementedError

    def do_paste(self) -> None:
        """Type or paste values."""
        self.app.ask(
            Prompt(
                tr("Values"),
                self._take_values,
                text=self._typed,
                changed=self._check_values,
                hint=tr("43, 56.5, -2 … oldest first; a day such as 2026-01-31 at the end"),
            )
        )

    def _check_values(self, text: str) -> str:
        """What is wrong with what was typed so far; that it may go on is not wrong."""
        if not text.strip():
            return ""
        try:
            read_values(text if text[-1] in " ,;" else text.rpartition(" ")[0] or "0")
        except DataError as error:
            return error.what
        return ""

    def _take_values(self, text: str) -> str:
        try:
            self.use_values(read_values(text))
        except DataError as error:
            return error.what
        self._typed = text
        return ""

    def use_values(self, pasted: Pasted) -> None:
        """Forecast these values."""
        self.pasted = pasted
        self.listing.cursor = self.listing.first = 0
        self.day = None
        self.want()

    def do_steps(self) -> None:
        """How many days ahead."""
        self.app.ask(
            Prompt(
                tr("Days ahead"),
                self._take_steps,
                text=str(self.steps or ""),
                hint=tr(
                    "1 to {most}; nothing: as many as the model was trained for", most=MOST_STEPS
                ),
            )
        )

    def _take_steps(self, text: str) -> str:
        text = text.strip()
        if text and not (text.isdecimal() and len(text) < 5 and 1 <= int(text) <= MOST_STEPS):
            return tr("a whole number from 1 to {most}", most=MOST_STEPS)
        self.steps = int(text or 0)
        self.day = None
        self.want()
        return ""

    def do_level(self) -> None:
        """Which interval."""
        choices = [
            Choice(f"{level:g} %", self._level_detail(level), partial(self._use_level, level), key)
            for key, level in _LEVELS
        ]
        choices.append(Choice(tr("off"), "", partial(self._use_level, 0.0), "o"))
        choices.append(Choice(tr("type it"), "", self._type_level, "t"))
        title = tr("Interval that holds the day with")
        self.app.open_overlay(Menu(self.app, title, choices, quick=True))

    def _level_detail(self, level: float) -> str:
        return tr("as now") if level == self.level else f"--level {level:g}"

    def _type_level(self) -> None:
        text = f"{self.level:g}" if self.level else ""
        hint = tr("percent: 1 to below 100")
        self.app.ask(Prompt(tr("Level of the interval"), self._take_level, text=text, hint=hint))

    def _take_level(self, text: str) -> str:
        level = self.read_level(text)
        if level is None:
            return tr("percent: 1 to below 100")
        self._use_level(level)
        return ""

    @staticmethod
    def read_level(text: str) -> float | None:
        """A level in percent as it is typed: "80", "97.5 %"; 0 for none; None: it is no level."""
        text = text.strip().removesuffix("%").strip().casefold()
        if text in ("", "0", "off", tr("off").casefold()):
            return 0.0
        try:
            level = float(text)
        except ValueError:
            return None
        return level if 1 <= level < 100 else None

    def _use_level(self, level: float) -> None:
        self.level = level
        self.want()

    def do_version(self) -> None:
        """Which version is to answer."""
        versions = self.forecasts.versions
        if not versions:
            self.app.say(
                tr("asking…") if versions is None else tr("No model is deployed yet."), "warn"
            )
            return
        serving = tr("the one that serves")
        choices = [Choice(serving, self.forecasts.serving, partial(self._use_version, ""), "")]
        for one in versions:
            error = f"MASE {one.mase:.3f}" if one.mase is not None else ""
            detail = " · ".join(part for part in (one.model_type, error, one.alias) if part)
            mark = "●" if one.id == self.version else ""
            choices.append(Choice(one.id, detail, partial(self._use_version, one.id), mark))
        self.app.open_overlay(Menu(self.app, tr("Which version answers"), choices))

    def _use_version(self, version: str) -> None:
        self.version = version
        self.want()

    # Why, and the stock

    def do_explain(self) -> None:
        """Show why the forecast is what it is, or its numbers again."""
        self.explains = not self.explains
        self.want()

    def do_stock(self) -> None:
        """Say what is on hand, and how long an order takes."""
        question = self.question()
        if question is None:
            return
        known = self.stock_of(question)
        self.app.ask(
            Prompt(
                tr("On hand, lead time, service level"),
                self._take_stock,
                text=known.as_text() if known is not None else "",
                changed=self._check_stock,
                hint=self._stock_hint(),
            )
        )

    def _stock_hint(self) -> str:
        if self.forecasts.has_stock:
            return tr("120, 5, 95, 40@3 on its way; - as in the data; nothing: off")
        return tr("120, 5, 95, 40@3 on its way in 3 days; nothing: off")

    def _check_stock(self, text: str) -> str:
        try:
            # What is typed at the moment may go on.
            read_on_hand(text.rpartition(",")[0] if text.strip() else "")
        except DataError as error:
            return error.what
        return ""

    def _take_stock(self, text: str) -> str:
        question = self.question()
        if question is None:
            return ""
        if not text.strip():
            self.on_hand[question.series] = None
            self.want()
            return ""
        try:
            found = read_on_hand(text, self.usual)
        except DataError as error:
            return error.what
        if found.quantity is None and not (self.forecasts.has_stock and question.series):
            return tr("say how much is on hand: the data set does not know it")
        self.on_hand[question.series] = found
        self.usual = OnHand(lead_time=found.lead_time, service_level=found.service_level)
        self.want()
        return ""
