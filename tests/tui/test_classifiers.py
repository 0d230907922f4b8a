"""Versions that classify pictures, on the screen of models and beside forecasters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.workspace import Workspace
from tests.tui.classifiers import (
    BETTER,
    IMAGE_IDS,
    WORSE,
    deploy_classifier,
    image_champion,
    image_version,
    picture_story,
    told_pictures,
)
from tests.tui.commands import Commands
from tests.tui.stories import champion, deploy_story, story
from tests.tui.terminal import Terminal
from tests.tui.versions import IDS, NOW, look_at, told, use_engine, view_of
from tests.unit.engine_thread import EngineThread
from tui.models.facts import models_of
from tui.models.orders import best, kind_of, order_for, ordered
from tui.models.pictures import picture_evaluation_of
from tui.models.table import between, columns_for, part


def both() -> list[dict[str, Any]]:
    return [*told(), *told_pictures(NOW)]


def line_of(terminal: Terminal, version: str) -> str:
    return next(line for line in terminal.text().split("\n")[3:] if version in line)


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40), (200, 60)])
def test_forecasters_and_classifiers_stand_in_one_table(
    workspace: Workspace, size: tuple[int, int]
) -> None:
    async def scenario(terminal: Terminal) -> None:
        series, images = line_of(terminal, IDS[0]), line_of(terminal, IMAGE_IDS[0])
        assert "◆ champion" in series and "MASE 0.800*" in series
        assert "◆ champion" in images and "accuracy 96.11 %*" in images
        assert "○ previous" in line_of(terminal, IMAGE_IDS[1])
        if size[0] >= 120:
            assert " series " in series and " images " in images

    look_at(workspace, scenario, both(), size=size)


@pytest.mark.parametrize("told_of", [both, lambda: told_pictures(NOW)])
def test_columns_of_pictures_fit_whatever_the_width(told_of: Any) -> None:
    models, _ = models_of(told_of())
    for width in range(60, 201):
        columns = columns_for(models, width)
        assert 1 + sum(columns.values()) + len(columns) <= width
    assert "interval" in columns_for(models_of(told_pictures(NOW))[0], 120)


def test_only_classifiers_are_sorted_by_their_own_measures(workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        assert "95 % interval" in terminal.line(2) and "MASE" not in terminal.text()
        await terminal.press("o")
        assert "Accuracy↓" in terminal.line(2)
        assert IMAGE_IDS[0] in terminal.line(3) and IMAGE_IDS[1] in terminal.line(4)
        await terminal.press("O")
        assert IMAGE_IDS[1] in terminal.line(3)

    look_at(workspace, scenario, told_pictures(NOW), size=(120, 40))


def test_errors_of_different_kinds_are_not_mixed_when_sorting() -> None:
    models, aliases = models_of(both())
    assert kind_of(models) == "" and len(aliases) == 4
    by_score = [model.id for model in ordered(models, "score", turned=False)]
    assert by_score == [*IMAGE_IDS, *IDS]
    by_gain = [model.id for model in ordered(models, "gain", turned=False)]
    assert by_gain[0] == IMAGE_IDS[0], "of mistakes that are spared, all can be compared"
    found = best(models)
    assert found["image", "accuracy"] == pytest.approx(173 / 180)
    assert found["timeseries", "mase"] == 0.8
    assert order_for("", "mase") == "score" and order_for("image", "score") == "accuracy"
    assert order_for("timeseries", "ece") == "deployed"


def test_a_data_type_is_a_filter(workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        await terminal.press("slash")
        await terminal.type("image")
        text = terminal.text()
        assert all(id in text for id in IMAGE_IDS) and not any(id in text for id in IDS)
        await terminal.press("ctrl+u")
        await terminal.type("!image champ")
        assert IDS[0] in terminal.text() and IMAGE_IDS[0] not in terminal.text()

    look_at(workspace, scenario, both(), size=(120, 40))


def test_a_classifier_in_full(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    async def scenario(terminal: Terminal) -> None:
        monkeypatch.setattr(terminal.app, "open_run", opened.append)
        await terminal.press("enter")
        text = terminal.text()
        assert "180 pictures, 3 classes" in text and "93.1–98.1 %" in text
        assert "74.1 % fewer mistakes than mean picture 85.00 %" in text
        assert "trained in 8.3 s · round 6 of 8 kept" in text
        await terminal.press("]")
        lines = terminal.text().split("\n")
        rows = [line.split() for line in lines if "0.9" in line and "│" in line]
        assert [row[1] for row in rows[:3]] == ["dog", "cat", "bird"], "the hardest first"
        assert any("actual" in line and "dog" in line and "bird" in line for line in lines)
        assert "97 %" in terminal.text() and "most frequent mistakes" in terminal.text()
        await terminal.press("]")
        text = terminal.text()
        assert "dog taken for bird: 3 times (of 60)" in text
        assert "97.0 %" in text and "pets/dog/0000.jpg" in text
        assert "right less often than it was sure" in text
        await terminal.press("]", "G")
        assert "Accuracy by round" in terminal.text()
        await terminal.press("enter")

    look_at(workspace, scenario, told_pictures(NOW), size=(120, 50))
    assert opened == ["bfc78964-f953-452d-bfb7-9ce5b821d681"]


def test_two_classifiers_are_compared_class_by_class(workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        await terminal.press("space", "space", "c")
        lines = terminal.text().split("\n")
        accuracy = next(line for line in lines if "│ Accuracy" in line)
        assert "96.11 %*" in accuracy and "85.00 %  -11.11 %" in accuracy
        dog = next(line for line in lines if "│ dog " in line)
        assert "0.948*" in dog and "0.807" in dog
        assert any("! seed" in line for line in lines)
        assert "sees" in terminal.text() and "last day seen" not in terminal.text()

    look_at(workspace, scenario, told_pictures(NOW), size=(120, 50))


def test_a_forecaster_and_a_classifier_are_not_compared(workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        await terminal.press("space", "space", "c")
        assert "cannot be compared" in terminal.said
        assert not terminal.app.overlays

    look_at(workspace, scenario, [told()[0], told_pictures(NOW)[0]], size=(120, 40))


def test_a_classifier_is_held_against_the_champion_of_images(workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        await terminal.press("G", "k", "p")
        text = terminal.text()
        assert f"engine models promote {IMAGE_IDS[1]}" in text
        assert "accuracy 85.00 %" in text and f"champion {IMAGE_IDS[0]}: 96.11 %" in text
        assert IDS[0] not in text.split("promote")[0].split("Let ")[-1]

    look_at(workspace, scenario, both(), size=(120, 40))


def test_what_is_damaged_is_shown_as_far_as_it_is_known(workspace: Workspace) -> None:
    bare = image_version(IMAGE_IDS[0], "CNN", NOW, {"training": {}, "evaluation": {}}, "champion")
    uneven = picture_story()
    uneven["evaluation"]["scores"]["candidate"]["confusion"] = [[1, 2], [3]]
    told_of = [bare, image_version(IMAGE_IDS[1], "CNN", NOW, uneven)]

    async def scenario(terminal: Terminal) -> None:
        assert "◆ champion" in line_of(terminal, IMAGE_IDS[0])
        await terminal.press("enter", "escape", "j", "enter", "]", "]", "]")
        assert "What is taken for what" not in terminal.text()

    look_at(workspace, scenario, told_of, size=(120, 40))


def test_measures_are_never_rounded_to_all_of_it() -> None:
    assert part(1.0) == "100 %" and part(0.99999) == "99.99 %" and part(None) == "-"
    found = picture_evaluation_of(picture_story(WORSE)["evaluation"])
    assert between(found.own) == "82.0–87.0 %"
    assert found.confusion == WORSE and found.confusion != BETTER


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> Commands:
    """Commands are carried out in this process."""
    return Commands(monkeypatch, workspace)


def test_a_rollback_moves_the_champion_of_the_selected_kind_only(
    engine: EngineThread, workspace: Workspace, commands: Commands, tmp_path: Path
) -> None:
    series = [deploy_story(workspace, tmp_path, story(mase)).id for mase in (0.9, 0.8)]
    first, second = (deploy_classifier(workspace, tmp_path).id for _ in range(2))

    async def scenario(terminal: Terminal) -> None:
        assert "◆ champion" in line_of(terminal, second)
        assert "◆ champion" in line_of(terminal, series[1])
        while view_of(terminal).selected().id != second:  # type: ignore[union-attr]
            await terminal.press("j")
        await terminal.press("B")
        assert "engine models rollback --data-type image" in terminal.text()
        assert first in terminal.text().split("serve again")[0]
        await terminal.press("y")
        await terminal.until(lambda: image_champion(workspace) == first, "for the rollback")
        assert champion(workspace) == series[1], "that of series goes on serving"
        await terminal.until_shown(f"{first} serves")
        await terminal.press("u")
        await terminal.until(lambda: image_champion(workspace) == second, "for the undo")
        assert champion(workspace) == series[1]

    use_engine(workspace, scenario, size=(120, 40))
