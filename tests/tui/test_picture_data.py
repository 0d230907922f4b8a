"""Pictures on the screens of data, pulse and runs: reports, drift, services, measurements."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from engine.errors import DataError
from engine.workspace import Workspace
from tests.tui.classifiers import (
    DATA_SET,
    IMAGE_IDS,
    drifted,
    listed_pictures,
    measured,
    shown_pictures,
    told_pictures,
)
from tests.tui.rows import NOW
from tests.tui.stage import Script, StagedTerminal, at_work, no, perform, recorded
from tui import verbs
from tui.data.data_sets import read_list
from tui.data.picture_drift import drift_lines, read_drift
from tui.data.picture_sets import class_columns, look_lines, read_picture_report
from tui.data.report import report_lines
from tui.paint import Line, text_of, width_of
from tui.pulse.model_in_service import model_of
from tui.run.artifacts import artifacts_lines
from tui.run.curves import Curves, metrics_lines
from tui.run.head import outcome_text
from tui.run.picture_scores import picture_scores

Scenario = Callable[[StagedTerminal], Awaitable[None]]


def with_pictures(workspace: Workspace, *, alone: bool = False) -> Script:
    """A workspace at work with a data set of pictures, and a classifier in service."""
    script = at_work(workspace)
    known = recorded("commands")
    row = listed_pictures(script.now - 60)
    sets = [row] if alone else [*known["data list"]["data"], row]
    champion = told_pictures(script.now)[0]
    answers: dict[str, Any] = {
        "data list": sets,
        f"data show {DATA_SET}": shown_pictures(),
        "models show champion --data-type image": champion,
    }
    if alone:
        answers["models show champion"] = champion
    script.commands |= {name: verbs.Answer(0, data, "") for name, data in answers.items()}
    return script


def texts(lines: list[Line]) -> str:
    return "\n".join(text_of(line).rstrip() for line in lines)


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40), (200, 60)])
def test_a_data_set_of_pictures_is_shown_by_class(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace, size: tuple[int, int]
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        terminal.app.show("data")
        await terminal.settled(lambda: "1/3" in terminal.text())
        await terminal.press("G")
        await terminal.settled(lambda: "brightness" in terminal.text())
        assert "1,200 pictures" in terminal.text()
        await terminal.press("tab")
        await terminal.settled(lambda: "Classes, the largest first" in terminal.text())
        dog = next(line for line in terminal.text().split("\n") if " dog " in line)
        assert "350" in dog and "500" in dog
        if size[0] >= 200:
            assert "broken: skipped ×3" in terminal.text()
            assert "32 × 32 colours, padded" in terminal.text()
        await terminal.press("slash")
        await terminal.type("bir")
        await terminal.press("enter")
        assert " bird " in terminal.text() and " dog " not in terminal.text()
        await terminal.press("shift+tab", "enter")
        assert "read from data/pets" in terminal.text()

    perform(monkeypatch, workspace, with_pictures(workspace), scenario, size=size)


def test_reports_and_columns_fit_whatever_the_width() -> None:
    (row,) = read_list([listed_pictures(NOW)])
    report = read_picture_report(shown_pictures())
    for width in range(34, 140):
        columns = class_columns(report.classes, width)
        assert 1 + sum(wide for _, wide, _ in columns.values()) + len(columns) <= width
        for line in (*report_lines(row, report, width), *look_lines(report.looks, width)):
            assert width_of(line) <= width
    assert "Class 'cat'" not in texts(report_lines(row, report, 100)), "the table tells that"


def test_what_is_missing_in_a_report_is_left_out() -> None:
    report = read_picture_report({"id": "x", "counts": {"a": None}, "report": [], "parts": 7})
    assert [one.total for one in report.classes] == [0] and not report.looks
    assert "not known" in texts(look_lines(report.looks, 60))


def drift_scenario(says: Scenario) -> Scenario:
    async def scenario(terminal: StagedTerminal) -> None:
        terminal.app.show("data")
        await terminal.settled(lambda: "pets" in terminal.text())
        await terminal.press("]")
        await terminal.settled(lambda: "Drift of the pictures" in terminal.text())
        assert "p Later pictures" in terminal.line(-1)
        await terminal.press("p")
        await terminal.type("/new")
        await terminal.press("enter")
        await terminal.settled()
        await says(terminal)

    return scenario


def test_later_pictures_are_held_against_what_was_learned_from(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    script = with_pictures(workspace)
    # That they have drifted ends the command badly.
    script.commands["data drift"] = verbs.Answer(1, drifted(), "")

    async def says(terminal: StagedTerminal) -> None:
        text = terminal.text()
        assert "They look different from what was learned from" in text
        brightness = next(line for line in text.split("\n") if "brightness" in line)
        assert "51.5" in brightness and "91.0" in brightness and "✗ drifted" in brightness
        assert "120 of 121 pictures beside the 840" in text
        assert "new/7.png: the PNG is cut off" in text
        await terminal.press("escape")
        assert "✗ drifted  120 pictures of /new" in terminal.text()
        await terminal.press("enter")
        assert "What they look like" in terminal.text()

    perform(monkeypatch, workspace, script, drift_scenario(says))


def test_why_nothing_was_found_out_is_told_in_place(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    script = with_pictures(workspace, alone=True)
    script.commands["data drift"] = no(DataError("there is no picture in it", where="/new"), 3)

    async def says(terminal: StagedTerminal) -> None:
        assert not terminal.app.overlays
        assert "there is no picture in it" in terminal.text()

    perform(monkeypatch, workspace, script, drift_scenario(says), size=(80, 24))


def test_without_pictures_the_key_means_nothing(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        terminal.app.show("data")
        await terminal.settled()
        await terminal.press("]")
        await terminal.settled()
        await terminal.press("p")
        assert terminal.said == "not possible here" and terminal.app.prompt is None

    perform(monkeypatch, workspace, at_work(workspace), scenario)


def test_few_pictures_are_said_to_tell_little() -> None:
    found = read_drift(drifted("alike") | {"pictures": 12}, "/new")
    assert found is not None
    text = texts(drift_lines(found, 80))
    assert "name 50 or more" in text and "They look like what was learned from." in text
    assert read_drift({"error": {}}, "/new") is None and read_drift(None, "/new") is None


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_both_models_in_service_are_told(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace, size: tuple[int, int]
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        terminal.app.show("pulse")
        terminal.app.view.tick()
        await terminal.settled(lambda: IMAGE_IDS[0] in terminal.text())
        text = terminal.text()
        assert "Models in service" in text and "MASE 0.800" in text
        assert "accuracy 96.11 %" in text and "74% fewer mistakes" in text

    perform(monkeypatch, workspace, with_pictures(workspace), scenario, size=size)


def test_a_classifier_alone_is_told_once(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        terminal.app.show("pulse")
        terminal.app.view.tick()
        await terminal.settled(lambda: IMAGE_IDS[0] in terminal.text())
        text = terminal.text()
        assert "Model in service" in text and text.count(IMAGE_IDS[0]) == 1
        assert "not measured yet" not in text, "no forecast is held against what came"

    perform(monkeypatch, workspace, with_pictures(workspace, alone=True), scenario)


def test_a_damaged_classifier_is_still_one() -> None:
    model = model_of({"id": "cnn-1", "model_type": "CNN", "data_type": "image", "lineage": []})
    assert model is not None and model.data_type == "image" and model.seen is not None
    assert model.seen.accuracy is None


# Runs


def test_a_run_on_pictures_tells_accuracy_beside_its_contenders(tmp_path: Path) -> None:
    outputs = {"version": IMAGE_IDS[0], "evaluation": measured()}
    said = outcome_text(outputs)
    assert said.startswith(f"deployed {IMAGE_IDS[0]} · accuracy 96.11 % CNN")
    assert "accuracy 85.00 % MeanPicture" in said and "accuracy 95.56 % champion" in said
    text = texts(artifacts_lines(outputs, [], str(tmp_path), 100))
    rows = [line.split() for line in text.split("\n")]
    heading = next(row for row in rows if "accuracy" in row)
    assert heading[:2] == ["180", "pictures"] and "folds" not in text
    assert ["CNN", "96.11", "%"] in [row[:3] for row in rows]


def test_the_best_of_each_measure_is_marked_and_columns_fit() -> None:
    for width in range(40, 120):
        lines = picture_scores(measured(), width)
        assert all(width_of(line) <= width for line in lines)
        own = next(line for line in lines if text_of(line).startswith(" CNN"))
        assert ("good" in {look for _, look in own}) and "96.11 %" in text_of(own)


def test_the_best_epoch_is_that_of_the_lowest_loss_whatever_the_accuracy() -> None:
    curves = Curves()
    events = [
        {"kind": "epoch", "step": "train_model", "done": at, "total": 3, "loss": 1.0 / at,
         "validation_accuracy": 0.4 + 0.1 * at, "validation_loss": loss}
        for at, loss in ((1, 0.9), (2, 0.4), (3, 0.6))
    ]  # fmt: skip
    curves.apply(events, 10)
    (curve,) = curves.curves
    assert curve.judged_by == "validation_loss" and curve.best == (2.0, 0.4)
    text = texts(metrics_lines(curves, 80, 60))
    assert "◆ 0.4" in text and text.count("train_model") == 2, "accuracy has a chart of its own"
