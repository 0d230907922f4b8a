"""What rules on rows and on pictures share: their settings, what is wrong, what they changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Generic, Protocol, TypeVar

from engine.config.series_settings import DatasetRules
from engine.data.problems import Problems, Spot
from engine.data.report import Change
from engine.plurals import counted


class _Rules(Protocol):
    @property
    def max_errors_listed(self) -> int: ...


RulesT = TypeVar("RulesT", bound=_Rules)


@dataclass
class RuleWork(Generic[RulesT]):
    """The settings of the rules, and what they have done so far."""

    rules: RulesT
    problems: Problems
    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def changed(
        self, rule: str, action: str, count: int, spots: Iterable[Spot], *, about: str = ""
    ) -> None:
        """Record what a rule did; `action` is a template for `counted`."""
        if count:
            first = tuple(islice(spots, self.rules.max_errors_listed))
            done = counted(action, count)
            self.changes.append(Change(rule, f"{about}: {done}" if about else done, count, first))


RowWork = RuleWork[DatasetRules]
"""Of the rules on rows."""
