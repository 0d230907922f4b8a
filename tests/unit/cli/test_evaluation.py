from __future__ import annotations

from typing import Any

from engine.cli.evaluation import evaluation_lines

POINT = {"mase": 0.82, "rmsse": 0.756, "wape": 0.402, "bias": -0.056, "mae": 6.819}


def evaluation(**scores: dict[str, Any]) -> dict[str, Any]:
    return {
        "model_type": "LSTM",
        "folds": 4,
        "horizon": 7,
        "level": 0.8,
        "scores": scores,
        "notes": ["the champion is not compared"],
    }


def test_intervals_stand_below_the_errors_of_the_forecasts() -> None:
    lines = evaluation_lines(
        evaluation(
            candidate=POINT | {"coverage": 0.7932, "width": 21.4},
            SeasonalNaive=POINT | {"bias": None, "coverage": 0.81, "width": 28.25},
            champion=POINT | {"coverage": None, "width": None},
        )
    )

    assert lines == [
        "rolling origin, 4 folds x 7 days",
        "                     MASE    RMSSE     WAPE     BIAS      MAE",
        "LSTM (candidate)    0.820    0.756    0.402   -0.056    6.819",
        "SeasonalNaive       0.820    0.756    0.402        -    6.819",
        "champion            0.820    0.756    0.402   -0.056    6.819",
        "80 % interval    COVERAGE    WIDTH",
        "LSTM (candidate)    0.793   21.400",
        "SeasonalNaive       0.810   28.250",
        "note: the champion is not compared",
    ]


def test_an_evaluation_of_an_older_version_has_no_intervals() -> None:
    older = evaluation(candidate=POINT, SeasonalNaive=POINT)
    del older["level"]

    assert not [line for line in evaluation_lines(older) if "interval" in line]
