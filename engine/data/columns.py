"""Which columns of a source are needed, and what they become."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.config.series_settings import DatasetSettings
from engine.data.problems import did_you_mean, shown
from engine.errors import DataError

RESERVED = ("row", "unique_id", "ds", "y")
"""Names that the long frame gives to its own columns."""


@dataclass(frozen=True)
class Columns:
    """Names of the needed columns as they stand in the source.

    Args:
        date: Column of the day.
        targets: Columns to forecast; more than one in a wide source.
        series: Column that tells series apart, or None.
        covariates: Further columns known in advance.
        stock: Column of the stock on hand, where it is not the target itself.
        only_series: Name of the series where there is one target and no series column.
        is_wide: Whether each target column is a series of its own.
    """

    date: str
    targets: tuple[str, ...]
    series: str | None
    covariates: tuple[str, ...]
    only_series: str
    is_wide: bool
    stock: str | None = None

    @classmethod
    def of(cls, settings: DatasetSettings) -> Columns:
        """Take the columns from the settings.

        Raises:
            DataError: A covariate or the stock has a name that the long frame needs for itself.
        """
        targets = settings.target_col
        for column in settings.beside:
            if column in RESERVED:
                is_covariate = column in settings.covariate_cols
                what = "covariate" if is_covariate else "stock column"
                raise DataError(
                    f"the {what} {column!r} has a name that prepared data needs for itself",
                    where="dataset.covariate_cols" if is_covariate else "dataset.stock_col",
                    fix=f"Rename the column in the source; {', '.join(RESERVED)} are taken",
                )
        stock = [name for name in settings.beside if name not in settings.covariate_cols]
        return cls(
            date=settings.date_col,
            targets=(targets,) if isinstance(targets, str) else tuple(targets),
            series=settings.series_col,
            covariates=tuple(settings.covariate_cols),
            only_series=settings.ds_name,
            is_wide=not isinstance(targets, str),
            stock=stock[0] if stock else None,
        )

    @property
    def roles(self) -> dict[str, str]:
        """The setting that names each needed column, by column."""
        roles = {self.date: "dataset.date_col"}
        roles.update((target, "dataset.target_col") for target in self.targets)
        if self.series is not None:
            roles[self.series] = "dataset.series_col"
        roles.update((covariate, "dataset.covariate_cols") for covariate in self.covariates)
        if self.stock is not None:
            roles[self.stock] = "dataset.stock_col"
        return roles

    @property
    def beside(self) -> tuple[str, ...]:
        """The needed columns of numbers that are not forecast: covariates, then the stock."""
        return self.covariates if self.stock is None else (*self.covariates, self.stock)

    @property
    def needed(self) -> tuple[str, ...]:
        """All needed columns."""
        return tuple(self.roles)

    @property
    def numbers(self) -> tuple[str, ...]:
        """The needed columns that hold numbers."""
        return (*self.targets, *self.beside)

    def locate(self, found: Sequence[str], where: str) -> dict[str, int]:
        """Find the needed columns among those of a source.

        Args:
            found: Names of the columns of the source, in order.
            where: Name of the source, for messages.

        Returns:
            Position (from 0) of each needed column.

        Raises:
            DataError: Columns are missing, or one that is needed stands there twice.
        """
        missing = [name for name in self.needed if name not in found]
        if missing:
            raise DataError(
                "; ".join(
                    f"column {shown(name)} ({self.roles[name]}) is missing" for name in missing
                ),
                where=where,
                fix=self._advice_on_missing(missing, found),
            )
        for name in self.needed:
            places = [str(at + 1) for at, column in enumerate(found) if column == name]
            if len(places) > 1:
                raise DataError(
                    f"column {shown(name)} stands there {len(places)} times "
                    f"(columns {', '.join(places)})",
                    where=where,
                    fix=f"Rename or remove all but one, or choose another in {self.roles[name]}",
                )
        return {name: found.index(name) for name in self.needed}

    def _advice_on_missing(self, missing: Sequence[str], found: Sequence[str]) -> str:
        advice = [did_you_mean(missing[0], found)]
        advice += [did_you_mean(name, found) for name in missing[1:]]
        unique = list(dict.fromkeys(advice))
        if any(character.isdigit() for character in "".join(found)) and _looks_like_data(found):
            unique.append("The first line looks like data: put a line with the column names above")
        if self.series in missing and len(missing) == 1:
            unique.append("Set dataset.series_col: null if all rows are one series")
        return ". ".join(text.rstrip(".") for text in unique).replace("?.", "?")


def _looks_like_data(names: Sequence[str]) -> bool:
    with_digits = sum(name[:1].isdigit() or name[:1] == "-" for name in names)
    return with_digits * 2 > len(names)
