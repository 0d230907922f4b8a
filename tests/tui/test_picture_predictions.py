"""Which class a picture belongs to: the tab of pictures, a real predictor, and real files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import DataError
from engine.store import Version
from engine.workspace import Workspace
from tests.faults.predictor_process import PredictorProcess, predictor_process
from tests.tui.classifiers import deploy_classifier, image_champion
from tests.tui.commands import Commands
from tests.tui.terminal import Terminal, use_terminal
from tests.unit.picture_bundles import colour_picture, jpeg, png
from tui.predict.picture_paths import complete_path, read_paths
from tui.predict.picture_tab import PictureTab
from tui.screens.predict import PredictView


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PredictorProcess]:
    """A model that tells colours, and a predictor that serves it."""
    folder = tmp_path_factory.mktemp("served")
    workspace = Workspace(folder / "w").create()
    deploy_classifier(workspace, folder)
    with predictor_process(workspace) as process:
        yield process


@pytest.fixture
def predictor(served: PredictorProcess, monkeypatch: pytest.MonkeyPatch) -> PredictorProcess:
    """The same; commands are carried out in this process."""
    Commands(monkeypatch, served.workspace)
    return served


@pytest.fixture
def version(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Version:
    """A model that tells colours, and no predictor."""
    Commands(monkeypatch, workspace)
    return deploy_classifier(workspace, tmp_path)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Pictures of two colours and of none, and what only looks like pictures."""
    folder = tmp_path / "my pictures"
    folder.mkdir()
    contents = {
        "red.png": png(colour_picture("red", 24, seed=3)),
        "blue.jpg": jpeg(colour_picture("blue", 40, seed=4)),
        "cut.png": png(colour_picture("red", 24))[:80],
        "notes.gif": b"GIF89a" + bytes(40),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return {name: folder / name for name in contents}


def look(workspace: Workspace, scenario: Any, **options: Any) -> None:
    """Use a terminal that begins at the screen and reaches for no engine."""
    kept = {"screen": "predict"} | options.pop("memory", {})
    (workspace.root / "terminal.json").write_text(json.dumps(kept))
    use_terminal(workspace, scenario, connect=False, **options)


def tab_of(terminal: Terminal) -> PictureTab:
    view = terminal.app.view
    assert isinstance(view, PredictView)
    assert isinstance(view.seen, PictureTab), "a classifier alone is asked about pictures"
    return view.seen


async def ready(terminal: Terminal) -> PictureTab:
    await terminal.until_shown("Which class is a picture?")
    return tab_of(terminal)


def colours(terminal: Terminal) -> set[str]:
    """The colours behind what is seen."""
    terminal.app.draw()
    return {
        str(segment.style.bgcolor)
        for strip in terminal.app._window.strips
        for segment in strip
        if segment.style is not None and segment.style.bgcolor is not None
    }


def test_the_class_of_a_typed_path_is_told_with_its_picture(
    predictor: PredictorProcess, files: dict[str, Path]
) -> None:
    version = image_champion(predictor.workspace) or "none"

    async def scenario(terminal: Terminal) -> None:
        tab = await ready(terminal)
        assert version in terminal.text(), "what answers is told before it is asked"
        await terminal.press("p")
        await terminal.paste(str(files["red.png"].parent) + "/re")
        await terminal.press("tab", "enter")
        await terminal.until(lambda: tab.asked.pictures and tab.asked.pictures[0].is_known)
        answer = tab.asked.pictures[0].answer
        assert answer is not None and answer.prediction == "red" and answer.confidence > 0.9
        for size in ((80, 24), (120, 40), (200, 60)):
            await terminal.resize(*size)
            await check(terminal)

    async def check(terminal: Terminal) -> None:
        text = terminal.text()
        assert "24 × 24 colours" in text and version in text and " ms · predictor 127." in text
        assert any("red" in line and "█" in line for line in text.split("\n"))
        plain = colours(terminal)
        assert len(plain) > 50, "the picture is drawn, pixel by pixel"
        await terminal.press("e")
        await terminal.until_shown("bright speaks for red")
        assert len(colours(terminal) - plain) > 20
        await terminal.press("escape")
        assert colours(terminal) == plain

    look(predictor.workspace, scenario)


def test_several_are_asked_about_at_once_and_problems_are_told_in_place(
    predictor: PredictorProcess, files: dict[str, Path], tmp_path: Path
) -> None:
    async def scenario(terminal: Terminal) -> None:
        tab = await ready(terminal)
        paths = [*(f"'{path}'" for path in files.values()), str(tmp_path), "/nowhere/at all.png"]
        await terminal.paste("\n".join(paths))
        await terminal.until(lambda: all(one.is_known for one in tab.asked.pictures))
        said = [one.answer.prediction if one.answer else "" for one in tab.asked.pictures]
        assert said == ["red", "blue", "", "", "", ""], "all, not only what the cursor stands on"
        assert terminal.text().count("✗ no answer") == 4
        told = ("blue.jpg", "the PNG is cut off", "a GIF", "that is a folder", "No such file")
        for key, expected in zip(("j", "j", "j", "j", "j"), told, strict=True):
            await terminal.press(key)
            assert expected in terminal.text(), expected
        assert not terminal.app.message
        await terminal.press("slash")
        await terminal.type("blue")
        await terminal.press("enter")
        assert tab.count() == 1
        data = tab.as_data()
        assert data["prediction"] == "blue" and data["picture"] == str(files["blue.jpg"])
        copied = dict(tab.yanks())
        assert copied["curl"].startswith("curl -sS -F ") and "/predict_image" in copied["curl"]
        assert copied["command"].endswith("--through-predictor")

    look(predictor.workspace, scenario, size=(120, 40))


def test_a_stored_version_answers_where_no_predictor_runs(
    workspace: Workspace, version: Version, files: dict[str, Path], tmp_path: Path
) -> None:
    other = deploy_classifier(workspace, tmp_path)

    async def scenario(terminal: Terminal) -> None:
        tab = await ready(terminal)
        await terminal.paste(str(files["red.png"]))
        await terminal.until(lambda: tab.asked.pictures[0].is_known, "for the command")
        answer = tab.asked.pictures[0].answer
        assert answer is not None, tab.asked.pictures[0].problem
        assert (answer.version, answer.prediction, answer.address) == (other.id, "red", "")
        assert " ms · engine predict" in terminal.text()
        await terminal.press("v")
        await terminal.type(version.id)
        await terminal.press("enter")
        await terminal.until(lambda: tab.asked.pictures[0].is_known, "for the other version")
        answer = tab.asked.pictures[0].answer
        assert answer is not None and answer.version == version.id
        assert tab.command().endswith(f"--version {version.id}")
        await terminal.press("e")
        await terminal.until(lambda: tab.asked.pictures[0].is_located, "for the heat")
        assert tab.asked.pictures[0].overlaid is not None

    look(workspace, scenario, size=(120, 40))


def test_what_was_asked_is_found_again(predictor: PredictorProcess, files: dict[str, Path]) -> None:
    async def first(terminal: Terminal) -> None:
        tab = await ready(terminal)
        await terminal.paste(f"{files['blue.jpg']}\n{files['red.png']}")
        await terminal.until(lambda: all(one.answer for one in tab.asked.pictures))

    async def second(terminal: Terminal) -> None:
        await terminal.until_shown("blue.jpg")
        tab = tab_of(terminal)
        await terminal.until(lambda: tab.asked.pictures[0].answer, "for the selected one")
        assert tab.asked.pictures[1].answer is None, "others are asked when the cursor comes"
        await terminal.press("j")
        await terminal.until(lambda: tab.asked.pictures[1].answer)

    look(predictor.workspace, first)
    kept = json.loads((predictor.workspace.root / "terminal.json").read_text())
    look(predictor.workspace, second, memory=kept)


def test_another_version_in_service_is_asked_anew(
    predictor: PredictorProcess, files: dict[str, Path], tmp_path: Path
) -> None:
    async def scenario(terminal: Terminal) -> None:
        tab = await ready(terminal)
        await terminal.paste(str(files["red.png"]))
        await terminal.until(lambda: tab.asked.pictures[0].answer)
        other = deploy_classifier(predictor.workspace, tmp_path)

        def is_answered_by_it() -> bool:
            terminal.app.view.tick()
            answer = tab.asked.pictures[0].answer
            return answer is not None and answer.version == other.id

        await terminal.until(is_answered_by_it, "for the new version")

    look(predictor.workspace, scenario)


def test_without_a_classifier_there_is_no_tab(workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown("No model is deployed yet.")
        assert "Pictures" not in terminal.text()
        await terminal.press("]")
        assert terminal.said == "not possible here"

    look(workspace, scenario)


def test_the_tabs_turn_and_name_their_own_keys(workspace: Workspace, version: Version) -> None:
    async def scenario(terminal: Terminal) -> None:
        await ready(terminal)
        assert "p Type or paste a path" in terminal.line(-1)
        await terminal.press("[")
        await terminal.until_shown("No model is deployed yet.")
        assert "p Type or paste values" in terminal.line(-1)
        await terminal.click(terminal.line(1).index("Pictures") + 1, 1)
        assert "Which class is a picture?" in terminal.text()
        await terminal.press("question_mark")
        assert "Where that is seen" in terminal.text() and "--heat-map" in terminal.text()

    look(workspace, scenario, size=(120, 60))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/a/b.png", ["/a/b.png"]),
        ("'/a/my cat.png'\n\"/b.jpg\"\n", ["/a/my cat.png", "/b.jpg"]),
        (r"/a/my\ cat.png", ["/a/my cat.png"]),
        ("file:///a/my%20cat.png", ["/a/my cat.png"]),
        ("/a/it's one.png", ["/a/it's one.png"]),
        ("~/x.png", [str(Path.home() / "x.png")]),
    ],
)
def test_paths_are_read_as_they_are_dropped(text: str, expected: list[str]) -> None:
    assert read_paths(text) == expected


@pytest.mark.parametrize("text", ["", " \n ", "\n".join(f"/{n}.png" for n in range(21))])
def test_no_path_or_too_many_are_refused(text: str) -> None:
    with pytest.raises(DataError):
        read_paths(text)


def test_folders_and_pictures_are_offered(files: dict[str, Path], tmp_path: Path) -> None:
    folder = files["red.png"].parent
    (folder / "more").mkdir()
    offers = [Path(one).name for one in complete_path(f"{folder}/")]
    assert offers == ["blue.jpg", "cut.png", "more", "red.png"]
    assert complete_path(f"{folder}/mo") == [f"{folder}/more/"]
    assert complete_path("/nowhere/x") == []
