from __future__ import annotations

from typing import Any

import pytest
from rich.cells import cell_len
from rich.text import Text

from engine.charts.depth import Depth
from engine.cli.image_report import (
    class_lines,
    headline_lines,
    image_evaluation_lines,
    worst_lines,
)

OVERALL = {
    "accuracy": 0.98,
    "accuracy_interval": [0.9500, 0.9945],
    "macro_f1": 0.97123,
    "balanced_accuracy": 0.96,
    "log_loss": 0.0814,
    "ece": 0.0123,
    "count": 1200,
    "errors": 24,
}
CLASSES: list[dict[str, Any]] = [
    {"name": "고양이", "precision": 0.9, "recall": 1.0, "f1": 0.947, "support": 1000},
    {"name": "dog", "precision": 0.5, "recall": 0.25, "f1": 0.333, "support": 200},
    {"name": "new", "precision": None, "recall": None, "f1": None, "support": 0},
]
EVALUATION: dict[str, Any] = {
    "overall": OVERALL,
    "classes": CLASSES,
    "confusion": [[1000, 0, 0], [150, 50, 0], [0, 0, 0]],
    "reliability": [
        {"low": 0.0, "high": 0.5, "confidence": None, "accuracy": None, "count": 0},
        {"low": 0.5, "high": 1.0, "confidence": 0.99, "accuracy": 0.98, "count": 1200},
    ],
    "mistakes": [
        {"name": "a/long/way/to/dog_0001.png", "actual": "dog", "predicted": "고양이",
         "confidence": 0.991},
    ],
}  # fmt: skip


def test_the_headline_says_how_good_it_is_and_what_each_number_means() -> None:
    assert list(headline_lines(OVERALL, 80)) == [
        "1,200 pictures, 24 of them wrong",
        "accuracy           98.00 %  95 % interval 95.00 to 99.45 %",
        "macro F1            0.9712  mean over the classes",
        "balanced accuracy  96.00 %  every class counts the same",
        "log loss            0.0814  0 is sure and always right",
        "ECE                 1.23 %  gap of confidence and accuracy",
    ]
    single = {**OVERALL, "count": 1, "errors": 0, "accuracy_interval": None, "ece": None}
    first, accuracy, *_, ece = headline_lines(single, 80)
    assert first == "1 picture, none of them wrong"
    assert accuracy == "accuracy           98.00 %"
    assert ece.split()[:2] == ["ECE", "-"]


def test_classes_come_worst_first_and_those_without_a_measure_last() -> None:
    lines = list(class_lines(CLASSES, 60))

    assert lines[0] == "CLASS      F1  PRECISION  RECALL  PICTURES"
    assert [line.split()[0] for line in lines[1:]] == ["dog", "고양이", "new"]
    assert lines[3].split() == ["new", "-", "-", "-", "0"]
    ends = {cell_len(line.rstrip("█▏▎▍▌▋▊▉ ")) for line in lines}
    assert ends == {cell_len(lines[0])}
    assert lines[2].count("█") > 2 * lines[1].count("█")


def test_of_many_classes_the_worst_are_shown_and_the_others_counted() -> None:
    many = [
        {"name": f"class {n}", "precision": 1.0, "recall": 1.0, "f1": n / 100, "support": 5}
        for n in range(100)
    ]

    lines = list(class_lines(many, 80, most=3))

    assert len(lines) == 5
    assert lines[-1] == "and 97 more, from an F1 of 0.030 up"


def test_the_end_of_a_long_path_is_what_tells_a_picture() -> None:
    (head, line) = worst_lines(EVALUATION["mistakes"], 44)

    assert head.split() == ["SURE", "ACTUAL", "PREDICTED", "PICTURE"]
    assert line.startswith("99.1 %  dog ")
    assert line.endswith("dog_0001.png")
    assert "…" in line
    assert cell_len(line) <= 44
    assert list(worst_lines(EVALUATION["mistakes"] * 12, 80))[-1] == "and 2 more"


def test_the_parts_follow_each_other() -> None:
    lines = list(image_evaluation_lines(EVALUATION, 100))
    text = "\n".join(lines)

    titles = [
        "1,200 pictures",
        "classes, the worst first",
        "what is taken for what",
        "dog taken for 고양이: 150 times (of 200)",
        "how far its confidence can be believed",
        "pictures that it was surest of and wrong about",
    ]
    places = [text.index(title) for title in titles]
    assert places == sorted(places)
    assert "\x1b" not in text


def test_what_is_always_right_has_no_list_of_pictures() -> None:
    perfect = {**EVALUATION, "confusion": [[9, 0, 0], [0, 9, 0], [0, 0, 9]], "mistakes": []}

    lines = list(image_evaluation_lines(perfect, 100))

    assert "No mistakes." in lines
    assert not any("surest" in line for line in lines)


@pytest.mark.parametrize("colour", list(Depth))
@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_every_line_fits_and_names_stay_literal(width: int, colour: Depth) -> None:
    hostile = {**CLASSES[1], "name": "\x1b[2J[red]재고\n" * 9}
    evaluation = {
        **EVALUATION,
        "classes": [CLASSES[0], hostile, CLASSES[2]],
        "mistakes": [{**EVALUATION["mistakes"][0], "name": "사진" * 60 + "\x1b[2J"}],
    }
    for ascii in (False, True):
        for line in image_evaluation_lines(evaluation, width, colour=colour, ascii=ascii):
            plain = Text.from_ansi(line).plain if colour else line
            assert cell_len(plain) <= width
            assert all(char.isprintable() for char in plain)
            assert not ascii or line.isascii()
