"""Predictions: of a series of the newest data, or which class a picture belongs to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tui import memory
from tui.language import tr
from tui.paint import Line, text_of, width_of
from tui.predict.forecasts import ClassifierFacts, Forecasts
from tui.predict.picture_tab import PictureTab
from tui.predict.series_tab import SeriesTab
from tui.view import View

if TYPE_CHECKING:
    from tui.actions import Action
    from tui.control_center import ControlCenter

_SERIES, _PICTURES = "series", "pictures"
_TITLES = {_SERIES: "Series", _PICTURES: "Pictures"}


class PredictView(View):
    """Series and pictures, each on a tab of its own.

    The tabs are there once a classifier was deployed. Which one is seen first follows from what
    is deployed, until somebody chooses. What is not said here, the tab that is seen says.
    """

    name = "predict"

    def __init__(self, app: ControlCenter) -> None:
        super().__init__(app)
        self._chosen = ""
        self._tab_places: list[tuple[int, int, str]] = []
        self._asks = Forecasts(app.workspace, app.engine)
        self._tabs: dict[str, SeriesTab | PictureTab] = {
            _SERIES: SeriesTab(app, self._asks, lambda: self._sees(_SERIES)),
            _PICTURES: PictureTab(app, lambda: self._sees(_PICTURES), self._classifiers),
        }

    def __getattr__(self, name: str) -> Any:
        """What actions and others want of the tab that is seen."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.seen, name)

    # Tabs

    @property
    def tab(self) -> str:
        """Which one is seen: what somebody chose, or else what can be asked."""
        if self._chosen and (self._chosen == _SERIES or self.has_tabs()):
            return self._chosen
        only_pictures = self._asks.versions == [] and bool(self._asks.classifiers)
        return _PICTURES if only_pictures else _SERIES

    @property
    def seen(self) -> SeriesTab | PictureTab:
        """The tab that is seen."""
        return self._tabs[self.tab]

    def has_tabs(self) -> bool:
        """Whether there is anything to be asked about pictures."""
        pictures = self._tabs[_PICTURES]
        return bool(self._asks.classifiers) or pictures.count() > 0

    def _classifiers(self) -> Sequence[ClassifierFacts]:
        return self._asks.classifiers or ()

    def _sees(self, tab: str) -> bool:
        return self.app.view is self and self.tab == tab

    def _turn(self) -> None:
        self._choose(_SERIES if self.tab == _PICTURES else _PICTURES)

    def _choose(self, tab: str) -> None:
        self.seen.left()
        self._chosen = tab
        self.seen.entered()

    @property
    def do_next_tab(self) -> Callable[[], None] | None:
        """The other tab, where there is one."""
        return self._turn if self.has_tabs() else None

    do_previous_tab = do_next_tab

    def open_series(self, name: str) -> None:
        """Put the cursor on a series, also before the data set is known."""
        self._chosen = _SERIES
        series = self._tabs[_SERIES]
        assert isinstance(series, SeriesTab)
        series.open_series(name)

    # Drawing

    def lines(self, width: int, height: int) -> list[Line]:
        """The tabs, where there are several, and the one that is seen."""
        if not self.has_tabs():
            return self.seen.lines(width, height)
        return [self._tab_bar(), *self.seen.lines(width, height - 1)]

    def _tab_bar(self) -> Line:
        line: Line = [(" ", "")]
        self._tab_places = []
        for name, title in _TITLES.items():
            at = width_of(line)
            line += [(f" {tr(title)} ", "tab" if name == self.tab else "dim"), (" ", "")]
            self._tab_places.append((at, width_of(line) - 1, name))
        return line

    def title(self) -> str:
        """What the tab says of itself."""
        return self.seen.title()

    def title_of(self, action: Action) -> str:
        """Some keys do the like on both tabs."""
        return self.seen.title_of(action)

    def command_of(self, action: Action) -> str:
        """The command of an action, on the tab that is seen."""
        return self.seen.command_of(action)

    # Life

    def entered(self) -> None:
        """Look for data and versions; then ask."""
        self._tabs[_SERIES].entered()
        if self.tab == _PICTURES:
            self.seen.entered()

    def left(self) -> None:
        """Nothing more is asked."""
        self.seen.left()

    def tick(self) -> None:
        """Each tab knows what there may be news of."""
        for tab in self._tabs.values():
            tab.tick()

    def is_lively(self) -> bool:
        """Whether what is seen changes by itself."""
        return self.seen.is_lively()

    def refreshed(self) -> None:
        """Ask anew."""
        self.seen.refreshed()

    # Input and output

    def paste(self, text: str) -> None:
        """Values, or paths of pictures."""
        self.seen.paste(text)

    def subject(self) -> dict[str, str]:
        """What is selected."""
        return self.seen.subject()

    def filter_text(self) -> str:
        """The filter in force."""
        return self.seen.filter_text()

    def use_filter(self, text: str) -> str:
        """Filter the list."""
        return self.seen.use_filter(text)

    def click(self, x: int, y: int, *, double: bool) -> None:
        """A tab, or what stands on it."""
        if not self.has_tabs():
            self.seen.click(x, y, double=double)
            return
        if y > 0:
            self.seen.click(x, y - 1, double=double)
            return
        for start, end, name in self._tab_places:
            if start <= x < end and name != self.tab:
                self._choose(name)

    def scroll(self, lines: int) -> None:
        """The wheel."""
        self.seen.scroll(lines)

    def yanks(self) -> list[tuple[str, str]]:
        """What can be copied."""
        return self.seen.yanks()

    def as_text(self) -> str:
        """What is seen, and below it the whole answer."""
        self.seen.size = self.size
        bar = text_of(self._tab_bar()).rstrip() + "\n" if self.has_tabs() else ""
        return bar + self.seen.as_text()

    def as_data(self) -> Any:
        """The answer."""
        return self.seen.as_data()

    def remember(self) -> dict[str, Any]:
        """The tab, and what each keeps."""
        series = self._tabs[_SERIES].remember()
        return series | {"tab": self._chosen, _PICTURES: self._tabs[_PICTURES].remember()}

    def restore(self, kept: dict[str, Any]) -> None:
        """Take that up again."""
        self._tabs[_SERIES].restore(kept)
        self._tabs[_PICTURES].restore(memory.part(kept, _PICTURES))
        tab = memory.text(kept, "tab")
        self._chosen = tab if tab in self._tabs else ""
