"""Examining a version of a workspace: what it was asked, what it answered, and what came."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.config.engine_settings import DriftSettings
from engine.drift.live import (
    ERROR_RATE,
    MASE,
    live_error_of_pictures,
    live_error_of_series,
)
from engine.drift.pictures import judge_pictures
from engine.drift.report import DriftReport, Limits, LiveError, Source
from engine.drift.series import Judged, asked_of_panel, asked_of_served, judge_series
from engine.drift.words import reasons_of
from engine.errors import DataError, ModelError, NotFoundError
from engine.quality.known import known_days, wanted_since
from engine.quality.served import read_seen, read_served
from engine.store import Version
from engine.tables.actuals import Actuals
from engine.tables.handoffs import Handoffs
from engine.workspace import Workspace
from models.arrays import Panel
from models.data_types import IMAGE, TIMESERIES
from models.drift.kept import Kept
from models.drift.picture_reference import PictureReference
from models.drift.series_reference import SeriesReference

_SECONDS_A_DAY = 86_400.0
_OLD = (
    "the version is older than drift detection and does not say what it learnt from: train again "
    "to compare its inputs"
)

_NOT_MEASURED = "its lineage does not say how it was measured"


@dataclass(frozen=True)
class Examination:
    """What is to be examined.

    Attributes:
        workspace: Where.
        version: What serves, or served.
        limits: When it has drifted.
        now: Seconds since the epoch.
    """

    workspace: Workspace
    version: Version
    limits: Limits
    now: float = field(default_factory=time.time)

    def of_served(self) -> DriftReport:
        """What the version was asked in the last days, and what came of it.

        Raises:
            ModelError: What it learnt from was changed, or cannot be understood.
            StorageError: Something cannot be read.
        """
        return self._of_pictures() if self.version.data_type == IMAGE else self._of_series()

    def _of_pictures(self) -> DriftReport:
        seen = [
            one
            for one in read_seen(self.workspace, self.version.id).answers
            if self._is_lately(one.at)
        ]
        reference = _picture_reference(self.workspace, self.version)
        judged = _old() if reference is None else judge_pictures(reference, seen, self.limits)
        evaluation = self.version.lineage.get("evaluation")
        live = LiveError(ERROR_RATE, why=_NOT_MEASURED)
        if evaluation is not None:
            labels = Actuals(self.workspace.actuals).labels()
            live = live_error_of_pictures(seen, labels, evaluation, self.limits)
        return self._report("served", None, judged, live, len(seen), "pictures")

    def _of_series(self) -> DriftReport:
        forecasts = read_served(self.workspace, self.version.id).answers
        lately = [one for one in forecasts if self._is_lately(one.at)]
        reference = series_reference(self.version)
        judged = _old()
        if reference is not None:
            asked = asked_of_served(lately, reference.horizon)
            judged = judge_series(reference, asked, self.limits)
        dataset, panel = self._newest()
        evaluation = self.version.lineage.get("evaluation")
        live = LiveError(MASE, why=_NOT_MEASURED)
        if evaluation is not None:
            told = Actuals(self.workspace.actuals).values(since=wanted_since(forecasts))
            # Days come later than they are asked about: all forecasts that are kept count.
            known = known_days(panel, told, {one.series_id for one in forecasts})
            live = live_error_of_series(forecasts, known, evaluation, reference, self.limits)
        return self._report("served", dataset, judged, live, len(lately), "forecasts")

    def _is_lately(self, at: float) -> bool:
        return self.now - self.limits.days * _SECONDS_A_DAY < at <= self.now

    def of_dataset(self, dataset_id: str) -> DriftReport:
        """The last days of a data set beside what the version learnt from.

        Raises:
            NotFoundError: There is no such data set.
            DataError: It holds no series, or no day that the version did not learn from.
            ModelError: The version says nothing of what it learnt from.
        """
        reference = series_reference(self.version) if self.version.data_type == TIMESERIES else None
        if reference is None:
            fix = "For pictures: engine data drift FOLDER"
            why = _OLD if self.version.data_type == TIMESERIES else "it tells classes of pictures"
            raise ModelError(why, where=f"version {self.version.id}", fix=fix)
        panel = _panel(self.workspace, dataset_id)
        asked = asked_of_panel(panel, reference.window, self.limits.days, reference.last_day)
        if not len(asked):
            raise DataError(
                f"it has no day after {reference.last_day}, the last one that the version learnt "
                "from",
                where=f"dataset {dataset_id}",
                fix="Prepare a newer one: engine run data_flow",
            )
        judged = judge_series(reference, asked, self.limits)
        live = LiveError(MASE, why="a data set tells nothing of answers")
        return self._report("dataset", dataset_id, judged, live, len(asked), "windows")

    def _newest(self) -> tuple[str | None, Panel | None]:
        """The newest data set; one that is gone or broken brings no values, and no more."""
        handoff = Handoffs(self.workspace.database).take("dataset", self.version.data_type)
        if handoff is None:
            return None, None
        try:
            return handoff.value, _panel(self.workspace, handoff.value)
        except (NotFoundError, DataError):
            return None, None

    def _report(
        self,
        source: Source,
        dataset: str | None,
        judged: Judged,
        live: LiveError,
        answers: int,
        what: str,
    ) -> DriftReport:
        reasons = reasons_of(judged.features, live, self.limits.psi, what, self.limits.days)
        notes = [*judged.notes]
        if judged.new:
            notes.append(f"{judged.new:,} of them are about series that were not learnt from")
        if live.why and source == "served":
            notes.append(f"live error: {live.why}")
        return DriftReport(
            at=self.now,
            data_type=self.version.data_type,
            version=self.version.id,
            source=source,
            dataset=dataset,
            days=self.limits.days,
            answers=answers,
            features=judged.features,
            live=live,
            reasons=reasons,
            notes=tuple(notes),
            new=judged.new,
            watched=judged.watched,
            by_day=judged.by_day,
            columns=judged.columns,
        )


def limits_of(settings: DriftSettings, days: int | None = None) -> Limits:
    """The limits that engine.yaml sets, over these days or over those that it says."""
    return Limits(
        psi=settings.psi,
        error_ratio=settings.error_ratio,
        least=settings.min_forecasts,
        days=settings.window_days if days is None else days,
    )


def series_reference(version: Version) -> SeriesReference | None:
    """What a forecaster learnt from; None of a version that is older than such.

    Raises:
        ModelError: It was changed, or cannot be understood.
    """
    saved = version.reference()
    if saved is None:
        return None
    try:
        return SeriesReference.from_dict(saved)
    except (KeyError, TypeError, ValueError) as error:
        raise _not_understood(version, error) from error


def _picture_reference(workspace: Workspace, version: Version) -> PictureReference | None:
    """What a classifier learnt from; of an older version what its data set says, if it is here."""
    saved = version.reference()
    if saved is not None:
        try:
            return PictureReference.from_dict(saved)
        except (KeyError, TypeError, ValueError) as error:
            raise _not_understood(version, error) from error
    from engine.data.images.dataset import open_image_dataset

    training: Mapping[str, Any] = version.lineage.get("training", {})
    try:
        reference = open_image_dataset(workspace.datasets, str(training.get("dataset"))).reference
    except (NotFoundError, DataError):
        return None
    features = {
        name: Kept(distribution, reference.pictures)
        for name, distribution in reference.features.items()
    }
    return PictureReference(reference.pictures, features, 0, {}, None)


def _panel(workspace: Workspace, dataset_id: str) -> Panel:
    from engine.data.dataset import open_dataset

    return open_dataset(workspace.datasets, dataset_id).panel()


def _old() -> Judged:
    return Judged((), 0, (_OLD,))


def _not_understood(version: Version, error: Exception) -> ModelError:
    return ModelError(
        f"what it learnt from cannot be understood: {error!r}",
        where=f"version {version.id}",
        fix="Deploy another version",
    )
