from __future__ import annotations

from typing import Any

from engine.cli.views.picking import view_of, view_of_record
from models.data_types import DATA_TYPES, IMAGE

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


def told(record: dict[str, Any]) -> list[str]:
    return view_of_record(record).evaluation_lines(record)


def test_intervals_stand_below_the_errors_of_the_forecasts() -> None:
    lines = told(
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

    assert not [line for line in told(older) if "interval" in line]


RIGHT = {
    "accuracy": 0.995,
    "accuracy_interval": [0.98, 0.9987],
    "macro_f1": 0.9945,
    "ece": 0.0123,
    "count": 400,
    "errors": 2,
}


def test_classifiers_stand_below_each_other_with_how_far_they_can_be_believed() -> None:
    lines = told(
        {
            "data_type": IMAGE,
            "model_type": "CNN",
            "classes": ["cat", "dog"],
            "scores": {
                "candidate": RIGHT,
                "MeanPicture": RIGHT | {"errors": 1234, "ece": None},
                "champion": RIGHT | {"accuracy": 1.0, "accuracy_interval": None},
            },
            "notes": ["1 of 2 classes has no test picture: not measured"],
        }
    )

    assert lines == [
        "400 test pictures of 2 classes",
        "                 ACCURACY     95 % INTERVAL  MACRO F1       ECE    ERRORS",
        "CNN (candidate)   99.50 %  98.00 to 99.87 %    0.9945    1.23 %         2",
        "MeanPicture       99.50 %  98.00 to 99.87 %    0.9945         -     1,234",
        "champion         100.00 %                 -    0.9945    1.23 %         2",
        "note: 1 of 2 classes has no test picture: not measured",
    ]


def test_there_is_a_view_of_every_kind_of_data() -> None:
    assert [view_of(data_type).data_type for data_type in DATA_TYPES] == list(DATA_TYPES)
