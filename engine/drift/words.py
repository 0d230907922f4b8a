"""Why a feature has shifted or drifted, as a sentence."""

from __future__ import annotations

from collections.abc import Iterable

from engine.drift.report import LiveError
from models.drift.judging import FeatureVerdict, Verdict
from models.drift.series_reference import NEW_SERIES

_ORDER: dict[Verdict, int] = {"drifted": 0, "shifted": 1, "alike": 2}


def reasons_of(
    features: Iterable[FeatureVerdict], live: LiveError, much: float, what: str, days: int
) -> tuple[str, ...]:
    """Why, the worst first; nothing when all is alike.

    Args:
        features: What was found of each feature.
        live: What was found of the error.
        much: PSI above which a feature has drifted.
        what: What was looked at, such as "forecasts".
        days: The days that it is from.
    """
    said = []
    if live.finding in ("shifted", "drifted"):
        said.append((_ORDER[live.finding], 0.0, error_sentence(live)))
    for one in features:
        if one.verdict != "alike":
            lately = "the last day" if days == 1 else f"the last {days} days"
            of = f"{one.count:,} {what} of {lately}"
            sentence = f"{_what(one)} ({_how_far(one, much)}, {of})"
            said.append((_ORDER[one.verdict], -one.psi, sentence))
    return tuple(sentence for _, _, sentence in sorted(said))


def error_sentence(live: LiveError) -> str:
    """How the live error is beside the promised one."""
    until = f", until {live.days[-1].day}" if live.days else ""
    ratio = "" if live.ratio is None else f"{live.ratio:.2f} times "
    promised = "-" if live.promised is None else f"{live.promised:.3f}"
    what = "answers" if live.metric == "error rate" else "forecast days"
    return (
        f"the live error is {ratio}what the test promised ({live.metric} {live.live:.3f} beside "
        f"{promised}, {live.matched:,} {what} that came{until})"
    )


def _how_far(one: FeatureVerdict, much: float) -> str:
    bar = max(much, one.bar)
    if one.verdict == "drifted" and one.psi <= bar and one.distance is not None:
        away = f"{one.distance:.1f} standard deviations away"
        if one.ordinary_distance is None:
            return f"{away}, KS p = {one.p_value:.1g}"
        return f"{away}, single weeks before {one.ordinary_distance:.1f}"
    if one.verdict == "drifted":
        return f"PSI {one.psi:.2f} over {bar:.2f}"
    return f"PSI {one.psi:.2f}"


def _what(one: FeatureVerdict) -> str:
    if one.name in _RATIOS and one.mean_then > 0 and one.mean > 0:
        return _RATIOS[one.name].format(f"{one.mean / one.mean_then:.2f}")
    if one.name in _POINTS:
        more, less = _POINTS[one.name]
        points = (one.mean - one.mean_then) * 100
        return (more if points >= 0 else less).format(f"{abs(points):.0f}")
    if one.name == NEW_SERIES:
        way = "larger" if one.mean > one.mean_then else "smaller"
        return f"series that were not learnt from are {way} than those that were"
    if one.name == "classes":
        return "the classes that pictures are given are others than in the test"
    return (
        f"the {one.name} of what is asked has a mean of {one.mean:.3g}, where {one.mean_then:.3g} "
        "was learnt from"
    )


_RATIOS = {
    "level": "the windows are at {} times the level that was learnt from",
    "spread": "the windows move {} times as much as what was learnt from",
    "forecast level": "the forecasts are at {} times the level of those about what was learnt from",
    "forecast spread": "the forecasts move {} times as much as those about what was learnt from",
    "confidence": "the answers are {} times as sure as in the test",
}
_POINTS = {
    "zeros": (
        "zeros are {} percentage points more of the windows than was learnt from",
        "zeros are {} percentage points less of the windows than was learnt from",
    ),
    "trend": (
        "the last week is {} % of the series' size higher than was learnt from",
        "the last week is {} % of the series' size lower than was learnt from",
    ),
    "week": (
        "weeks repeat themselves more than was learnt from (by {} points of correlation)",
        "weeks repeat themselves less than was learnt from (by {} points of correlation)",
    ),
}
