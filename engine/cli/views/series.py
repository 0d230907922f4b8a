"""Series: errors of forecasts beside those of the same weekday of the week before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from engine.cli.views.view import Column, View, names_of, number, score_table
from models.data_types import TIMESERIES

if TYPE_CHECKING:
    pass

_SCORES = ("mase", "rmsse", "wape", "bias", "mae", "coverage", "width")
_ERRORS = ("mase", "rmsse", "wape", "bias", "mae")
_INTERVAL = ("coverage", "width")
_WIDTH = 9


class SeriesView(View):
    """Forecasters and series."""

    data_type = TIMESERIES
    examples = "days"
    columns = (Column("MASE", is_main=True), Column("naive"), Column("WAPE", True), Column("bias"))

    def cells(self, scores: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
        """The errors that are scaled, and their sign."""
        candidate, naive = scores["candidate"]["overall"], scores["SeasonalNaive"]["overall"]
        return (
            number(candidate["mase"]),
            number(naive["mase"]),
            number(candidate["wape"]),
            number(candidate["bias"], "+.3f"),
        )

    def measures(self, evaluation: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the candidate, and the one that the baseline is judged by."""
        scores = evaluation["scores"]
        candidate = scores["candidate"]["overall"]
        return {
            **{name: candidate.get(name) for name in _SCORES},
            "mase_of_seasonal_naive": scores["SeasonalNaive"]["overall"]["mase"],
        }

    def shape(self, training: Mapping[str, Any], evaluation: Mapping[str, Any]) -> dict[str, Any]:
        """Days that were learnt from and tested."""
        return {"last_day_seen": training["last_day_seen"], "folds": evaluation.get("folds")}

    def what(self, model: Mapping[str, Any]) -> Iterator[str]:
        """Objective, days and covariates."""
        if "objective" in model:
            yield f"objective {model['objective']}"
        yield from (f"{name} {model[name]} days" for name in ("window", "horizon") if name in model)
        if model.get("covariates"):
            yield f"covariates {', '.join(model['covariates'])}"

    def learnt_from(self, training: Mapping[str, Any]) -> str:
        """The data set up to a day."""
        return f"{training['dataset']}, days up to {training['last_day_seen']}"

    def evaluation_lines(self, evaluation: Mapping[str, Any]) -> list[str]:
        """Errors of the forecasts, below them what is known of their intervals."""
        scores: Mapping[str, Mapping[str, Any]] = evaluation["scores"]
        names = names_of(evaluation)
        folds, horizon = (evaluation.get(name, "?") for name in ("folds", "horizon"))
        lines = [f"rolling origin, {folds} folds x {horizon} days"]
        lines += _table("", _ERRORS, names, scores)
        measured = {
            label: values for label, values in scores.items() if values.get("coverage") is not None
        }
        if measured:
            heading = f"{evaluation['level'] * 100:g} % interval"
            lines += _table(heading, _INTERVAL, names, measured)
        return [*lines, *(f"note: {note}" for note in evaluation.get("notes", ()))]

    def detail_lines(self, evaluation: Mapping[str, Any]) -> Iterator[str]:
        """Nothing: the numbers are all."""
        yield from ()


def _table(
    heading: str,
    metrics: tuple[str, ...],
    names: Mapping[str, str],
    scores: Mapping[str, Mapping[str, Any]],
) -> list[str]:
    rows = {
        names[label]: [_cell(metric, values[metric]) for metric in metrics]
        for label, values in scores.items()
    }
    return score_table(heading, [metric.upper() for metric in metrics], rows, width=_WIDTH)


def _cell(metric: str, value: float | None) -> str:
    return number(value, "+.3f" if metric == "bias" else ".3f")
