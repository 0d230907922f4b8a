"""The chronological split: train | validation | test, with the same borders for all series."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True)
class Split:
    """Parts of a calendar; every series has the same borders.

    Args:
        first_day: First day of any series.
        last_day: Last day of any series.
        validation_days: Days before the test part.
        test_days: Last days.
    """

    first_day: dt.date
    last_day: dt.date
    validation_days: int
    test_days: int

    @property
    def days(self) -> int:
        """Days of the calendar."""
        return (self.last_day - self.first_day).days + 1

    @property
    def train_days(self) -> int:
        """Days of the training part."""
        return self.days - self.validation_days - self.test_days

    @property
    def validation_end(self) -> dt.date:
        """Last day of the validation part."""
        return self.last_day - dt.timedelta(days=self.test_days)

    @property
    def train_end(self) -> dt.date:
        """Last day of the training part."""
        return self.validation_end - dt.timedelta(days=self.validation_days)
