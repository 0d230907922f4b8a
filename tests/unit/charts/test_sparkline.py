from __future__ import annotations

import math

import pytest

from engine.charts.sparkline import sparkline


@pytest.mark.parametrize(
    ("values", "width", "expected"),
    [
        ([0, 1, 2, 3, 4, 5, 6], 7, "▁▂▃▄▅▆▇"),
        ([0, 0, 7, 7], 2, "▁▇"),
        ([-5, 5], 10, "▁▇"),
        ([3, 3, 3], 3, "▄▄▄"),
        ([1, math.nan, 2], 3, "▁ ▇"),
        ([math.inf, 1, 2], 3, " ▁▇"),
        ([math.nan], 3, " "),
        ([-1.7e308, 1.7e308], 2, "▁▇"),
        ([], 5, ""),
        ([1, 2], 0, ""),
    ],
)
def test_height_follows_value(values: list[float], width: int, expected: str) -> None:
    assert sparkline(values, width) == expected


def test_ascii_means_ascii() -> None:
    assert sparkline([0, 1, 2, 3], 4, ascii=True) == "_-+#"
