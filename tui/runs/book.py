"""The list of runs as a screen sees it: any row of a hundred thousand, a few hundred in memory.

Rows are asked for by pages as they are looked at. Nothing here speaks to the engine: what is
missing is told by `wanted`, and what comes is put in by `put`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

import msgspec

from engine.schema import RunInfo, RunPage

PAGE = 100
_PAGES_KEPT = 12


class RunBook:
    """Runs that fit a filter, newest first.

    Attributes:
        filter: The filter text that the rows fit.
        total: How many rows there are; None before the first answer.
    """

    def __init__(self) -> None:
        self.filter = ""
        self.total: int | None = None
        self._pages: OrderedDict[int, tuple[RunInfo, ...]] = OrderedDict()
        self._asked: set[int] = set()
        self._stale: set[int] = set()
        self._looked_at: set[int] = set()

    def __len__(self) -> int:
        return self.total or 0

    def use_filter(self, text: str) -> None:
        """Start anew with another filter."""
        if text != self.filter:
            self.filter = text
            self.total = None
            self._pages.clear()
        self.forget_order()

    def row(self, index: int) -> RunInfo | None:
        """The run at a place; None while it is not known, and then it is wanted."""
        number, offset = divmod(index, PAGE)
        self._looked_at.add(number)
        page = self._pages.get(number)
        if page is None or offset >= len(page):
            return None
        self._pages.move_to_end(number)
        return page[offset]

    def get(self, run_id: str) -> RunInfo | None:
        """A run by its id, if it is in memory."""
        return next((run for run in self.known() if run.id == run_id), None)

    def index_of(self, run_id: str) -> int | None:
        """At which place a run is, if it is in memory."""
        for number, page in self._pages.items():
            for offset, run in enumerate(page):
                if run.id == run_id:
                    return number * PAGE + offset
        return None

    def known(self) -> Iterator[RunInfo]:
        """The runs in memory, newest first."""
        for number in sorted(self._pages):
            yield from self._pages[number]

    def wanted(self) -> list[int]:
        """Which pages are missing or old, of those that were looked at since the last call."""
        looked_at, self._looked_at = self._looked_at or {0}, set()
        if self.total is None:
            looked_at = {0}
        missing = [
            number
            for number in sorted(looked_at)
            if number not in self._asked
            and (number not in self._pages or number in self._stale)
            and (self.total is None or number * PAGE < max(self.total, 1))
        ]
        self._asked.update(missing)
        return missing

    def put(self, number: int, filter: str, page: RunPage) -> None:
        """Take in an answer; one to an earlier filter is dropped."""
        self._asked.discard(number)
        if filter != self.filter:
            return
        self._stale.discard(number)
        self._pages[number] = page.runs
        self._pages.move_to_end(number)
        if page.total is not None:
            self.total = page.total
        while len(self._pages) > _PAGES_KEPT:
            self._pages.popitem(last=False)

    def failed(self, number: int) -> None:
        """A page could not be had; it may be asked for again."""
        self._asked.discard(number)

    def change(self, run: RunInfo) -> bool:
        """A run was accepted or changed; returns whether a list must be asked for anew."""
        for number, page in self._pages.items():
            for offset, known in enumerate(page):
                if known.id == run.id:
                    self._pages[number] = (*page[:offset], run, *page[offset + 1 :])
                    if self.filter and known.state != run.state:
                        self.forget_order()
                        return True
                    return False
        # Old runs that are not in memory change too; only what is new moves the list.
        newest = next(iter(self._pages.get(0, ())), None)
        if newest is None or self.filter or run.created >= newest.created:
            self.forget_order()
            return True
        return False

    def remove(self, run_id: str) -> None:
        """A run was deleted."""
        at = self.index_of(run_id)
        if at is not None:
            number, offset = divmod(at, PAGE)
            page = self._pages[number]
            self._pages[number] = (*page[:offset], *page[offset + 1 :])
            if self.total is not None:
                self.total -= 1
        self.forget_order()

    def forget_order(self) -> None:
        """What is known is shown on, and asked for again as it is looked at."""
        self._stale.update(self._pages)
        self._asked.clear()

    def as_data(self) -> list[dict[str, object]]:
        """The runs in memory as plain values."""
        return [msgspec.to_builtins(run) for run in self.known()]
