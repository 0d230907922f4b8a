"""Deployed versions: how good they are, which one serves, who let it, and types side by side."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tui import memory
from tui.actions import Action
from tui.backtests.tab import BacktestsTab
from tui.language import tr
from tui.listing import Listing, ListKeys
from tui.models import table as model_table
from tui.models.actions import ModelActions
from tui.models.book import ModelBook
from tui.models.detail import detail_lines, preview_lines
from tui.models.detail_page import DetailPage
from tui.models.facts import Model, fits
from tui.models.history import HistoryTab
from tui.models.moves import rollback_arguments
from tui.models.opening import Opening
from tui.models.orders import ORDERS, best, kind_of, order_for, ordered
from tui.models.tab import Tab
from tui.models.table import TITLES, Sorted
from tui.paint import Line, beside, clip, filled, pad, rule, width_of
from tui.prompt import Prompt
from tui.verbs import spell
from tui.view import View, fill

if TYPE_CHECKING:
    from tui.control_center import ControlCenter

_PANES_FROM = 140
_PREVIEW_LINES, _DETAIL_LINES = 7, 12
_TOP = 2


class ModelsView(ListKeys, ModelActions, View):
    """Leaderboard, history and backtests."""

    name = "models"

    def __init__(self, app: ControlCenter) -> None:
        super().__init__(app)
        self._opening = Opening(self, self._open_what_waited)
        self.book = ModelBook(app, self._opening.answered)
        self.tab = "leaderboard"
        self._order = Sorted("deployed", turned=False)
        self.marked = set()
        self.tabs: dict[str, Tab] = {
            tab.name: tab
            for tab in (
                HistoryTab(app, self.book),
                BacktestsTab(app, self.book, self._opening.answered),
            )
        }
        self._names = ("leaderboard", *self.tabs)
        self._listing = Listing()
        self._filter = ""
        self._selected = ""
        self._shown: tuple[object, list[Model], dict[tuple[str, str], float]] = (None, [], {})
        self._list_width = 80
        self._tab_places: list[tuple[int, int, str]] = []

    # What is selected

    @property
    def order(self) -> Sorted:
        """By what the leaderboard is sorted: what was chosen, or its like for what is there."""
        by = order_for(kind_of(self.book.models), self._order.by)
        return self._order if by == self._order.by else Sorted(by, turned=self._order.turned)

    @order.setter
    def order(self, order: Sorted) -> None:
        self._order = order

    @property
    def other(self) -> Tab | None:
        """The tab that is seen, where it is not the leaderboard."""
        return self.tabs.get(self.tab)

    @property
    def listing(self) -> Listing:  # type: ignore[override]  # one for each tab
        """Cursor of the tab that is seen."""
        return self.other.listing if self.other else self._listing

    def shown(self) -> list[Model]:
        """The versions that fit the filter, sorted."""
        key = (self.book.revision, self._filter, self.order)
        if self._shown[0] != key:
            alias = self.book.alias
            found = [one for one in self.book.models if fits(one, alias(one.id), self._filter)]
            rows = ordered(found, self.order.by, turned=self.order.turned)
            self._shown = (key, rows, best(rows))
        return self._shown[1]

    def is_known(self) -> bool:
        """Whether there was an answer to what the tab that is seen asked for."""
        return self.other.is_known() if self.other else self.book.asked

    def problem(self) -> str:
        """Why its last question failed."""
        return self.other.problem() if self.other else self.book.problem

    def count(self) -> int:
        """Rows of the tab that is seen."""
        return self.other.count() if self.other else len(self.shown())

    def selected(self) -> Model | None:
        """The version under the cursor, or that what is under it is about."""
        if self.other:
            return self.other.model()
        found, at = self.shown(), self.listing.cursor
        return found[at] if at < len(found) else None

    def chosen(self) -> list[Model]:
        """The marked versions, or else the one under the cursor."""
        marked = [model for model in self.shown() if model.id in self.marked]
        one = self.selected()
        if marked and self.tab == "leaderboard":
            return marked
        return [one] if one else []

    def moved(self) -> None:
        """Remember which version is meant: a new one or another order moves it."""
        if self.other:
            self.other.moved()
            return
        model = self.selected()
        self._selected = model.id if model else ""

    def subject(self) -> dict[str, str]:
        """The version and the run that made it, or the backtest."""
        if self.other and self.other.subject():
            return self.other.subject()
        model = self.selected()
        return {"version": model.id, "run": model.training.run[:8]} if model else {}

    def command_of(self, action: Action) -> str:
        """Some actions that other screens have too mean another command here."""
        if action.id == "compare":
            ids = [model.id for model in self.chosen()] if self.marked else []
            return f"engine models compare {' '.join(ids) or 'VERSION VERSION'}"
        if action.id == "rollback":
            return spell(rollback_arguments(self.moved_type()))
        own = {"delete": "engine models delete {version}", "open": "engine models show {version}"}
        if self.tab == "backtests":
            own = {"delete": "engine backtest delete {backtest}",
                   "open": "engine backtest show {backtest}"}  # fmt: skip
        return fill(own.get(action.id, action.command), self.subject())

    # Drawing

    def lines(self, width: int, height: int) -> list[Line]:
        """Tabs, list and preview: beside each other where there is room, else below."""
        self._keep_cursor()
        tabs = self._tab_bar(width)
        height -= 1
        if width >= _PANES_FROM:
            left = width * 3 // 5
            right = width - left - 1
            pane = self._preview(right, height, full=True)
            return [tabs, *beside(self._list(left, height), pane, left, right, height)]
        # What a short list leaves free goes to the preview.
        has_rows = height >= 15 and self.count()
        below = max(_PREVIEW_LINES, height - self.count() - 3) if has_rows else 0
        table = self._list(width, height - below)
        if not below:
            return [tabs, *table]
        preview = self._preview(width, below - 1, full=below >= _DETAIL_LINES)
        return [tabs, *table, rule(width, tr("Preview")), *preview]

    def _tab_bar(self, width: int) -> Line:
        line: Line = [(" ", "")]
        self._tab_places = []
        for name in self._names:
            at = width_of(line)
            line += [
                (f" {tr(name.capitalize())} ", "tab" if name == self.tab else "dim"),
                (" ", ""),
            ]
            self._tab_places.append((at, width_of(line) - 1, name))
        # Before the first answer it stands in the list.
        problem = self.problem() if self.is_known() else ""
        room = width - width_of(line) - 2
        said = clip(problem or (tr("asking") if self.book.asking else ""), max(0, room))
        line = pad(line, width - width_of([(said, "")]) - 1)
        return [*line, (said, "bad" if problem else "dim")]

    def _list(self, width: int, height: int) -> list[Line]:
        self._list_width = width
        if self.other:
            return filled(self.other.rows(width, height), height)
        if not self.count():
            return filled(model_table.nothing_lines(self.app, self.book, self.tab, width), height)
        found = self.shown()
        columns = model_table.columns_for(found, width)
        lines = [model_table.heading(columns, width, self.order)]
        for at in self.listing.window(len(found), height - 1):
            model = found[at]
            lines.append(
                model_table.row(
                    self.app,
                    model,
                    self.book.alias(model.id),
                    self._shown[2],
                    columns,
                    width,
                    marked=model.id in self.marked,
                    under="cursor" if at == self.listing.cursor else "",
                )
            )
        return filled(lines, height)

    def _preview(self, width: int, height: int, *, full: bool) -> list[Line]:
        if self.other:
            return self.other.preview(width, full=full)[:height]
        model = self.selected()
        if model is None:
            return []
        make = detail_lines if full else preview_lines
        return make(self.app, self.book, model, width)[:height]

    def _keep_cursor(self) -> None:
        if self.tab != "leaderboard":
            return
        ids = [model.id for model in self.shown()]
        if self._selected in ids:
            self.listing.cursor = ids.index(self._selected)
        elif ids and self.book.asked:
            self.listing.cursor = min(self.listing.cursor, len(ids) - 1)
            self.moved()

    def title(self) -> str:
        """Where the cursor stands, what is filtered, sorted and marked."""
        if not self.book.asked and self.tab != "backtests":
            return tr("asking for the versions") if self.app.connects else ""
        count = self.count()
        parts = [f"{min(self.listing.cursor + 1, count):,}/{count:,}"]
        if not self.other:
            name = tr(TITLES.get(self.order.by, self.order.by.capitalize()))
            parts.append(tr("sorted by {name}", name=f"{name} {self.order.arrow}"))
        if self.filter_text():
            parts.append(f"/{self.filter_text()}")
        if self.marked and self.tab != "backtests":
            parts.append(tr("{count} marked", count=len(self.marked)))
        return "   ".join(parts)

    # Life

    def entered(self) -> None:
        """Ask for what is seen."""
        self.book.wants_moves = self.tab == "history"
        if self.other:
            self.other.ask()
        else:
            self.book.ask()

    def tick(self) -> None:
        """Ask where there is a reason to."""
        if self.other:
            self.other.tick()
        else:
            self.book.look()

    # Moving between things

    def do_next_tab(self) -> None:
        """The next tab."""
        self._turn(1)

    def do_previous_tab(self) -> None:
        """The tab before."""
        self._turn(-1)

    def _turn(self, step: int) -> None:
        self._show_tab(self._names[(self._names.index(self.tab) + step) % len(self._names)])

    def _show_tab(self, name: str) -> None:
        if name != self.tab:
            self.tab = name
            self.entered()

    def do_open(self) -> None:
        """All about the version, and from there its run; or about what is under the cursor.

        What is not known yet is opened when the answer comes.
        """
        if self._opening.must_wait():
            return
        model = self.selected()
        if self.other:
            self.other.open()
        elif model is not None:
            self.app.open_overlay(DetailPage(self.app, self.book, model))

    def _open_what_waited(self) -> None:
        self._keep_cursor()
        self.do_open()

    def do_back(self) -> None:
        """What waits to be opened, the filter of another tab, the tab, marks, the filter."""
        if self._opening.drop():
            return
        if self.other and not self.other.filter:
            self._show_tab("leaderboard")
        elif self.marked and not self.other:
            self.marked.clear()
        elif self.filter_text():
            self.use_filter("")

    # Filtering, mouse, copying, memory

    def filter_text(self) -> str:
        """The filter in force."""
        return self.other.filter if self.other else self._filter

    def use_filter(self, text: str) -> str:
        """Show only what fits."""
        if self.other:
            self.other.filter = text.strip()
        else:
            self._filter = text.strip()
        self.app.changed()
        return ""

    def do_filter(self) -> None:
        """Type a filter; it is in force as it is typed, escape brings the old one back."""
        if self.other and not self.other.filter_hint:
            self._show_tab("leaderboard")
        before = self.filter_text()
        own = tr("letters of id, type or alias; !word for those without")
        self.app.ask(
            Prompt(
                "/",
                self.use_filter,
                text=before,
                changed=self.use_filter,
                cancelled=lambda: self._drop_filter(before),
                history=self.app.filter_history,
                hint=tr(self.other.filter_hint) if self.other else own,
            )
        )

    def _drop_filter(self, before: str) -> None:
        self.use_filter(before)

    def click(self, x: int, y: int, *, double: bool) -> None:
        """Select a tab or a row; a double click opens."""
        if y == 0:
            for start, end, name in self._tab_places:
                if start <= x < end:
                    self._show_tab(name)
            return
        at = self.listing.row_at(y - _TOP, self.count())
        if at is not None and x < self._list_width:
            self.listing.cursor = at
            self.moved()
            if double:
                self.do_open()

    def yanks(self) -> list[tuple[str, str]]:
        """Id, path, row, JSON, command; first what the tab is about."""
        found = self.other.yanks() if self.other else []
        model = self.selected()
        if model is None:
            return found
        return [
            ("id", model.id),
            ("path", model.folder),
            *(found or [("row", "\t".join(self._texts(model)))]),
            ("JSON", json.dumps(asdict(model), ensure_ascii=False)),
            ("command", f"engine models show {model.id}"),
        ]

    def _texts(self, model: Model) -> list[str]:
        return list(model_table.cells(self.app, model, self.book.alias(model.id)).values())

    def as_text(self) -> str:
        """The rows of the tab that is seen."""
        own = self.other.texts() if self.other else [self._texts(one) for one in self.shown()]
        return "\n".join("\t".join(texts) for texts in own) + "\n"

    def as_data(self) -> Any:
        """Versions, log and backtests, as far as they are known."""
        models = [{**asdict(one), "alias": self.book.alias(one.id)} for one in self.book.models]
        log, backtests = (tab.as_data() for tab in self.tabs.values())
        return {"versions": models, "log": log, "backtests": backtests}

    def remember(self) -> dict[str, Any]:
        """Tab, order, filter and place."""
        return {
            "tab": self.tab,
            "sorted": self._order.by,
            "turned": self._order.turned,
            "filter": self._filter,
            "version": self._selected,
        }

    def restore(self, kept: dict[str, Any]) -> None:
        """Tab, order, filter and place of last time."""
        tab, by = memory.text(kept, "tab"), memory.text(kept, "sorted")
        self.tab = tab if tab in self._names else self.tab
        if by in ORDERS:
            self.order = Sorted(by, turned=kept.get("turned") is True)
        self._filter = memory.text(kept, "filter")
        self._selected = memory.text(kept, "version")
