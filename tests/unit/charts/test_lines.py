from __future__ import annotations

import math
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from rich.cells import cell_len
from rich.text import Text

from engine.charts.curves import Words, curve_chart
from engine.charts.forecast import forecast_chart

FIRST = date(2026, 1, 5)
SIZES = [(80, 24), (120, 40), (200, 60), (40, 8), (24, 5), (23, 24), (1, 1), (0, 0)]
NAN = math.nan

SERIES = {
    "weekly": [100.0 + 30 * math.sin(i * 2 * math.pi / 7) for i in range(90)],
    "constant": [7.0] * 30,
    "all zero": [0.0] * 30,
    "one point": [3.5],
    "gaps": [1.0, NAN, 3.0, NAN, NAN, 6.0, 7.0, NAN],
    "infinite": [1.0, math.inf, -math.inf, 4.0],
    "negative": [-11358.0, -9000.5, -10400.0],
    "huge": [1.7e308, -1.7e308, 0.0],
    "tiny": [5e-324, 1e-323, 0.0],
    "barely different": [1e16, 1e16 + 2, 1e16],
    "very long": [float(i % 97) for i in range(20_000)],
    "nothing": [],
    "nothing finite": [NAN, math.inf],
}


def days(number: int, first: date = FIRST) -> list[date]:
    return [first + timedelta(days=i) for i in range(number)]


def weekly(width: int = 80, height: int = 24, **options: object) -> str:
    history = SERIES["weekly"]
    ahead = [100.0 + i for i in range(7)]
    return forecast_chart(
        days(90),
        history,
        days(7, FIRST + timedelta(days=90)),
        ahead,
        title="SKU-1042",
        width=width,
        height=height,
        **options,  # type: ignore[arg-type]
    )


def as_forecast(values: list[float], width: int, height: int, **options: bool) -> str:
    cut = len(values) * 2 // 3
    every = days(len(values))
    return forecast_chart(
        every[:cut],
        values[:cut],
        every[cut:],
        values[cut:],
        title="재고 [red]\x1b[2J",
        width=width,
        height=height,
        actual=values[cut:],
        lower=values[cut:],
        upper=[value + 1 for value in values[cut:]],
        **options,
    )


def as_curve(values: list[float], width: int, height: int, **options: bool) -> str:
    points = list(enumerate(values))
    return curve_chart(
        {"train \x1b[31m 손실": points, "validation": points[::-1][:5]},
        title="재고 [red]\x1b[2J",
        width=width,
        height=height,
        **options,
    )


@pytest.mark.parametrize("draw", [as_forecast, as_curve])
@pytest.mark.parametrize("values", SERIES.values(), ids=SERIES.keys())
def test_any_series_fits_any_screen(
    draw: Callable[..., str], values: list[float], capfd: pytest.CaptureFixture[str]
) -> None:
    for width, height in SIZES:
        for colour, ascii in ((True, False), (False, False), (False, True)):
            text = draw(values, width, height, colour=colour, ascii=ascii)

            lines = text.split("\n")
            assert len(lines) <= max(1, height)
            assert all(cell_len(Text.from_ansi(line).plain) <= width for line in lines)
            assert not ascii or text.isascii()
            assert colour or "\x1b" not in text
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("draw", [as_forecast, as_curve])
@pytest.mark.parametrize("name", ["nothing", "nothing finite"])
def test_without_values_there_is_a_sentence(draw: Callable[..., str], name: str) -> None:
    assert draw(SERIES[name], 80, 24) == "No values to draw."


def test_history_and_forecast_differ_by_marker_and_the_forecast_is_on_the_right() -> None:
    lines = weekly(colour=False).split("\n")
    frame = [line for line in lines if "│" in line or "┤" in line]
    braille = [m.start() for line in frame for m in re.finditer("[⠁-⣿]", line)]
    dots = [m.start() for line in frame for m in re.finditer("●", line)]

    assert dots
    assert min(dots) > 70
    assert sum(column < min(dots) for column in braille) > 100


def test_the_legend_names_only_what_is_drawn() -> None:
    bare = weekly(colour=False).split("\n")[-1]
    full = weekly(colour=False, actual=[99.0], lower=[80.0] * 7, upper=[120.0] * 7).split("\n")[-1]

    assert bare == "⡠⠊ history   ● forecast, 7 days"
    assert full == "⡠⠊ history   ● forecast, 7 days   ░ interval   × actual"


def test_the_heading_has_title_and_days() -> None:
    heading = weekly(colour=False).split("\n")[0]

    assert heading.startswith("SKU-1042 ")
    assert heading.endswith(" 2026-01-05 – 2026-04-11")


def test_the_date_axis_has_mondays() -> None:
    labels = weekly(colour=False).split("\n")[-2]

    assert labels.split()[:4] == ["5", "Jan", "19", "Jan"]


def test_higher_values_are_drawn_higher() -> None:
    text = forecast_chart(
        days(3), [0, 50, 100], days(1, FIRST + timedelta(3)), [100], title="", width=60, height=16,
        colour=False, ascii=True,
    )  # fmt: skip
    rows = [line for line in text.split("\n") if re.search(r"[|+].*\*", line)]

    assert rows[0].rindex("*") > rows[-1].index("*")


def test_colour_is_only_added() -> None:
    plain, coloured = weekly(colour=False), weekly()

    assert "\x1b[" in coloured
    assert [line.rstrip() for line in Text.from_ansi(coloured).plain.split("\n")] == plain.split(
        "\n"
    )


def test_a_gap_is_not_bridged() -> None:
    values = [5.0] * 10 + [NAN] * 10 + [5.0] * 10
    text = curve_chart({"a": list(enumerate(values))}, title="", width=70, height=12, colour=False)
    row = next(line for line in text.split("\n")[1:-3] if re.search("[⠁-⣿]", line))

    assert re.search("[⠁-⣿] {15,}[⠁-⣿]", row)


def test_a_spike_among_many_points_is_not_lost() -> None:
    values = [0.0] * 50_000
    values[31_234] = 900.0
    text = curve_chart({"a": list(enumerate(values))}, title="", width=70, height=12, colour=False)

    assert re.search("[⠁-⣿]", "".join(text.split("\n")[1:3]))


def test_what_a_chart_of_curves_says_can_be_said_in_another_language() -> None:
    words = Words(by="{unit} 기준", lowest="최저 {value}, {at}에서", at="{at}에서")
    curves = {"loss": [(1.0, 0.9), (2.0, 0.25), (3.0, 0.5)]}

    chart = curve_chart(
        curves,
        title="",
        width=70,
        height=12,
        x_name="trial",
        mark=("최고", (2.0, 0.25)),
        words=words,
        colour=False,
    )

    assert "trial 기준" in chart
    assert "loss 0.5 (최저 0.25, 2에서)" in chart
    assert "최고 0.25 2에서" in chart


def test_the_legend_of_curves_gives_latest_and_lowest_value() -> None:
    text = curve_chart(
        {"loss": [(1, 0.9), (2, 0.25), (3, 0.5)]}, title="", width=70, height=12, colour=False
    )

    assert text.split("\n")[-1] == "⡠⠊ loss 0.5 (lowest 0.25 at 2)"


def test_a_point_of_a_curve_is_marked_over_it() -> None:
    curves = {"loss": [(1.0, 0.9), (2.0, 0.25), (3.0, 0.5)]}
    text = curve_chart(
        curves, title="", width=70, height=12, colour=False, mark=("best", (2.0, 0.25))
    )

    *chart, legend = text.split("\n")
    assert legend == "⡠⠊ loss 0.5 (lowest 0.25 at 2)   ◆ best 0.25 at 2"
    assert sum(line.count("◆") for line in chart) == 1
    unmarked = curve_chart(curves, title="", width=70, height=12, colour=False)
    assert "◆" not in unmarked


@pytest.mark.parametrize(
    "wrong",
    [
        {"history": [1.0]},
        {"forecast": [1.0] * 3},
        {"actual": [1.0] * 3},
        {"lower": [1.0] * 2},
        {"lower": [1.0] * 2, "upper": [1.0]},
    ],
    ids=str,
)
def test_values_without_a_day_of_their_own_are_refused(wrong: dict[str, list[float]]) -> None:
    given = {"history": [1.0, 2.0], "forecast": [3.0, 4.0], **wrong}
    with pytest.raises(ValueError, match=r"values|value for each"):
        forecast_chart(
            days(2),
            given.pop("history"),
            days(2, FIRST + timedelta(2)),
            given.pop("forecast"),
            title="",
            width=60,
            height=12,
            **given,  # type: ignore[arg-type]
        )


def test_drawing_in_several_threads_mixes_nothing_up() -> None:
    expected = {values: as_curve([float(values), 1.0], 60, 12) for values in range(4)}

    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(lambda i: as_curve([float(i % 4), 1.0], 60, 12), range(40)))

    assert drawn == [expected[i % 4] for i in range(40)]


def test_live_curves_grow_from_their_first_epoch_on() -> None:
    def drawn(epochs: int) -> list[str]:
        curves = {
            "train": [(float(i), 1 / (i + 1)) for i in range(epochs)],
            "validation": [(float(i), 1.5 / (i + 1)) for i in range(epochs - 1)],
            "fold 2": [],
        }
        return curve_chart(curves, title="loss", width=80, height=20, colour=False).split("\n")

    first, second, later = drawn(1), drawn(2), drawn(400)

    assert first[-1].startswith("⡠⠊ train 1 ")
    assert "validation" not in first[-1]
    assert "train 0.5 (lowest 0.5 at 1)" in second[-1]
    assert "● validation 1.5 " in second[-1]
    assert "fold 2" not in later[-1]
    assert len(later) == 20
    assert "300" in later[-2]


def test_days_that_are_not_known_are_numbered_from_the_last_value() -> None:
    lines = weekly(numbered=True, colour=False).split("\n")

    assert lines[0].strip() == "SKU-1042"
    labels = lines[-2].split()
    assert "0" in labels
    assert labels[0] == "-80"
    assert "Jan" not in lines[-2]


def test_the_legend_calls_the_history_what_it_is() -> None:
    chart = forecast_chart(
        days(9),
        [1.0] * 9,
        [],
        [],
        title="",
        width=60,
        height=12,
        colour=False,
        history_name="total",
    )

    assert "total" in chart
    assert "history" not in chart
