"""How classifiers look beside forecasters: versions, predictions, data and models in service.

The pictures are kept with those of `test_pictures`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.workspace import Workspace
from tests.tui.album import Album
from tests.tui.classifiers import (
    DATA_SET,
    IMAGE_IDS,
    listed_pictures,
    shown_pictures,
    told_pictures,
)
from tests.tui.stage import Script, StagedTerminal, at_work, perform, recorded
from tests.unit.picture_bundles import png
from tui import verbs
from tui.predict import classifying
from tui.predict.classifying import Classified

SIZES = {"80x24": (80, 24), "120x40": (120, 40), "200x60": (200, 60)}
# What is seen, each in two sizes; some also on a wide screen, or in Korean.
SEEN = ("classifiers", "confusion", "mistakes", "picture", "heat", "pictures", "both")
WIDE = ("classifiers", "picture", "pictures")
SPOKEN = ("classifiers", "confusion", "picture", "pictures")

SHARES = (("dog", 0.874), ("cat", 0.119), ("bird", 0.007))


@pytest.fixture
def album(tmp_path: Path) -> Album:
    return Album(tmp_path / "pictures")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Its folder, and that of a picture, are called the same wherever the tests run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dog.png").write_bytes(png(drawn_dog()))
    return Workspace(Path("mlops")).create()


def drawn_dog() -> np.ndarray:
    """A brown blot on a meadow."""
    rows, columns = np.mgrid[0:24, 0:32]
    found = np.zeros((24, 32, 3), dtype=np.uint8)
    found[:] = (60, 150, 60)
    found[:8] = (120, 180, 240)
    found[(rows - 13) ** 2 + (columns - 16) ** 2 < 45] = (130, 80, 30)
    return found


def both(workspace: Workspace) -> Script:
    """A workspace at work in which two classifiers are deployed beside the forecasters."""
    script = at_work(workspace)
    known = recorded("commands")
    images = told_pictures(script.now)
    answers = {
        "models": [*known["models"]["data"], *images],
        "models show champion --data-type image": images[0],
        "data list": [*known["data list"]["data"], listed_pictures(script.now - 86400)],
        f"data show {DATA_SET}": shown_pictures(),
    }
    script.commands |= {name: verbs.Answer(0, data, "") for name, data in answers.items()}
    return script


def answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A predictor that sees a dog, at the lower right."""
    answer = Classified(
        version=IMAGE_IDS[0],
        model_type="CNN",
        prediction="dog",
        probabilities=SHARES,
        classes=3,
        sees=(32, 32, 3),
        latency_ms=1.84,
        address="http://127.0.0.1:4242",
    )
    heat = np.clip(np.add.outer(np.linspace(-0.5, 0.5, 24), np.linspace(-0.5, 0.5, 32)), 0, 1)
    monkeypatch.setattr(classifying, "_classify", lambda *_: answer)
    monkeypatch.setattr(classifying, "_heat", lambda *_: heat)
    monkeypatch.setattr(classifying, "_serving", lambda _: None)


def test_classifiers_beside_forecasters(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace, album: Album
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        async def look(name: str, *, shown: str) -> None:
            for size in SIZES if name in WIDE else ("80x24", "120x40"):
                await terminal.resize(*SIZES[size])
                await terminal.settled(lambda: shown in terminal.text())
                album.add(f"{name}-{size}", terminal.picture())
            await terminal.resize(*SIZES["120x40"])
            if name in SPOKEN:
                terminal.app.use_language("ko")
                await terminal.settled()
                album.add(f"{name}-korean", terminal.picture())
                terminal.app.use_language("en")

        terminal.app.show("pulse")
        terminal.app.view.tick()
        await look("both", shown=IMAGE_IDS[0])
        terminal.app.show("models")
        await terminal.settled(lambda: IMAGE_IDS[0] in terminal.text())
        await look("classifiers", shown=IMAGE_IDS[0])
        await terminal.press("enter", "]")
        await look("confusion", shown="actual")
        await terminal.press("]")
        await look("mistakes", shown="taken for")
        await terminal.press("escape")
        terminal.app.show("predict")
        await terminal.settled(lambda: "Pictures" in terminal.text())
        await terminal.press("]")
        await terminal.paste("dog.png\nmeadow.png")
        await look("picture", shown="87.4 %")
        await terminal.press("e")
        await look("heat", shown="bright speaks for dog")
        terminal.app.show("data")
        await terminal.settled(lambda: "pets" in terminal.text())
        await terminal.press("G")
        await look("pictures", shown="280")

    answered(monkeypatch)
    perform(monkeypatch, workspace, both(workspace), scenario)
    album.check()
