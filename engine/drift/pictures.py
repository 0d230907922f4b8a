"""Pictures and the classes that they were given beside what a version learnt from."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from engine.drift.report import Columns, DayDrift, Limits
from engine.drift.series import Judged
from engine.predictor.feedback import ServedClassification
from models.arrays import FloatArray
from models.drift.judging import FeatureVerdict, judge, psi_of_counts
from models.drift.kept import Kept
from models.drift.picture_reference import PictureReference

CONFIDENCE, CLASSES = "confidence", "classes"


def judge_pictures(
    reference: PictureReference, answers: Iterable[ServedClassification], limits: Limits
) -> Judged:
    """Hold pictures and answers against what was learnt from; of a picture the last one counts."""
    kept = list({one.sha256: one for one in answers}.values())
    if len(kept) < limits.least:
        note = f"{len(kept):,} pictures are too few to tell by: {limits.least:,} are needed"
        return Judged((), 0, (note,))
    columns: Columns = {}
    for name, distribution in reference.features.items():
        values = [one.features[name] for one in kept if name in one.features]
        if len(values) == len(kept):
            columns[name] = (distribution, np.array(values, dtype=np.float64))
    if reference.confidence is not None:
        sure = np.array([one.confidence for one in kept], dtype=np.float64)
        columns[CONFIDENCE] = (reference.confidence, sure)
    features = [
        judge(name, distribution, values, effective=len(values), much=limits.psi)
        for name, (distribution, values) in columns.items()
    ]
    watched = max(features, key=lambda one: one.distance or 0.0).name if features else ""
    by_day: tuple[DayDrift, ...] = ()
    if watched:
        days = [dt.datetime.fromtimestamp(one.at, dt.UTC).date() for one in kept]
        by_day = tuple(_by_day(*columns[watched], days))
    if reference.answers:
        features.append(_classes(reference, [one.prediction for one in kept], limits))
    return Judged(tuple(features), 0, (), watched, by_day, columns)


def _classes(reference: PictureReference, told: Sequence[str], limits: Limits) -> FeatureVerdict:
    """The classes that were told, beside those of the test; of names there is no mean."""
    counts = Counter(told)
    psi, bar, verdict = psi_of_counts(
        dict(reference.classes), dict(counts), effective=reference.answers, much=limits.psi
    )
    then = max(reference.classes.values(), default=0.0)
    largest = max(reference.classes, key=lambda name: reference.classes[name], default="")
    gaps = [abs(share - counts[name] / len(told)) for name, share in reference.classes.items()]
    return FeatureVerdict(
        name=CLASSES,
        verdict=verdict,
        count=len(told),
        effective=len(told),
        mean=counts[largest] / len(told),
        mean_then=then,
        psi=psi,
        bar=bar,
        # Of names there is no order: the largest gap between two shares instead.
        ks=max(gaps, default=0.0),
        p_value=_chance(reference, counts, len(told)),
        distance=None,
        ordinary_distance=None,
    )


def _chance(reference: PictureReference, counts: Counter[str], total: int) -> float:
    """How often chance alone brings about such shares: a chi-squared test of two samples."""
    from scipy import stats

    then = {name: share * reference.answers for name, share in reference.classes.items()}
    names = [name for name in {*then, *counts} if then.get(name, 0.0) + counts[name] > 0]
    if len(names) < 2:
        return 1.0
    table = [[then.get(name, 0.0) for name in names], [float(counts[name]) for name in names]]
    return float(stats.chi2_contingency(table).pvalue)


def _by_day(kept: Kept, values: FloatArray, days: Sequence[dt.date]) -> Iterable[DayDrift]:
    every = np.array([day.toordinal() for day in days])
    for ordinal in np.unique(every).tolist():
        some = values[every == ordinal]
        distance = kept.distribution.distance(some)
        yield DayDrift(dt.date.fromordinal(ordinal), len(some), distance, float(some.mean()))
