from __future__ import annotations

import pytest

from engine.backtests.results import sentence, verdict
from models.forecasting.comparison import Difference

CLEAR = Difference(0.0042, 0.0011, 0.0074, 0.01, 200)
OPEN = Difference(0.002, -0.001, 0.005, 0.1, 200)
FEW = Difference(0.3, None, None, None, 3)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (CLEAR, "LightGBM beats LSTM by 0.004 MASE (0.001 to 0.007)"),
        (OPEN, "LightGBM and LSTM: no difference that these days can tell"),
        # On the forecasts of both it can be the other way round, when one was asked for more.
        (
            Difference(-0.02, -0.03, -0.0001, 0.99, 200),
            "LSTM beats LightGBM by 0.020 MASE (0.0001 to 0.030)",
        ),
        (
            FEW,
            "LightGBM is ahead of LSTM by 0.300 MASE; 3 series are too few to tell whether by "
            "chance",
        ),
        (
            Difference(-0.3, None, None, None, 1),
            "LSTM is ahead of LightGBM by 0.300 MASE; 1 series is too few to tell whether by "
            "chance",
        ),
    ],
)
def test_a_comparison_is_said_in_a_sentence(found: Difference, said: str) -> None:
    assert sentence("LSTM", "LightGBM", found, "mase") == said


def test_a_backtest_comes_to_who_is_ahead_of_the_second() -> None:
    ranked = ["LightGBM", "LSTM", "GRU", "SeasonalNaive"]
    clear = dict.fromkeys(ranked[1:], CLEAR)

    assert verdict(ranked, clear, "rmsse") == "LightGBM beats LSTM by 0.004 RMSSE (0.001 to 0.007)"
    assert verdict(ranked, {**clear, "LSTM": OPEN}, "mase") == (
        "no difference that these days can tell between LightGBM and LSTM"
    )
    assert verdict(ranked, {**clear, "LSTM": OPEN, "GRU": OPEN}, "mase") == (
        "no difference that these days can tell between LightGBM, LSTM and GRU"
    )
    assert verdict(ranked, dict.fromkeys(ranked[1:], FEW), "mase").startswith("LightGBM is ahead")


@pytest.mark.parametrize("ranked", [[], ["LSTM"], ["LSTM", "SeasonalNaive"]])
def test_what_cannot_be_compared_is_not(ranked: list[str]) -> None:
    none = dict.fromkeys(ranked[1:])

    assert verdict(ranked, none, "mase") == (
        "no two contenders could be held against each other by MASE"
    )
