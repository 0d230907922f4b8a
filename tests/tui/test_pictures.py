"""How every screen looks: each size, theme and language, with nothing to show, and in trouble.

The pictures are in tests/tui/pictures. Of one that has changed, the new one is written beside it
(MLOPS_TEST_PICTURES says where), and MLOPS_UPDATE_SNAPSHOTS=1 stores how everything looks now.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from engine.errors import ConfigError, DataError, ModelError, StorageError
from engine.workspace import Workspace
from tests.tui import learning, test_classifier_pictures
from tests.tui.album import FOLDER, Album, first_difference
from tests.tui.rows import NOW, run_info
from tests.tui.stage import Script, StagedTerminal, at_work, no, perform, recorded, untouched
from tui import verbs
from tui.actions import SCREENS

SIZES = {"80x24": (80, 24), "120x40": (120, 40), "200x60": (200, 60)}
LOOKS = ("light", "korean", "no-colour", "empty", "broken")
TABS = ("logs", "params", "metrics", "artifacts", "error")
OVERLAYS = ("help", "palette", "question", "filter", "comparison", "copy", "small",
            "terminal-theme", "colour-blind", "ascii", "drift", "configuration",
            "history")  # fmt: skip
# What the learning side tells, each in two sizes; some also on a wide screen, or in Korean.
LEARNED = ("members", "features", "backtests", "backtest", "why", "stock", "anomalies")
WIDE = ("backtests", "why", "anomalies", "members")
SPOKEN = ("members", "backtests", "why", "anomalies")

# A run that has deployed a version, and one that the gate refused.
DONE, FAILED = "631fadca", "b8f4c1b1"
CHAMPION = "lightgbm-0f503f238d07"
# What stands on a screen when everything has come.
SIGNS: dict[str, tuple[str, ...]] = {
    "pulse": ("live MASE", "13:50"),
    "runs": ("skinny-lionfish",),
    "run": ("train_model",),
    "logs": ("189/189",),
    "flows": ("nightly", "✓"),
    "models": (CHAMPION,),
    "predict": ("2018-01-01",),
    "data": ("no rule had to change", "YOGURT"),
    "system": ("python", "CPU"),
}
EMPTY = {"pulse": ("none: full_flow",), "models": ("No version",), "data": ("No data set",)}
BROKEN = {"pulse": ("the disk is full",), "models": ("[b]Odd",), "data": ("damaged",)}

Scenario = Callable[[StagedTerminal], Awaitable[None]]


@pytest.fixture
def album(tmp_path: Path) -> Album:
    return Album(tmp_path / "pictures")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Its folder is called the same wherever the tests run."""
    monkeypatch.chdir(tmp_path)
    return Workspace(Path("mlops")).create()


def run_of(terminal: StagedTerminal, short: str) -> str:
    """A whole id."""
    return next(run.id for run in terminal.link.script.runs if run.id.startswith(short))


async def go(terminal: StagedTerminal, screen: str, *signs: str) -> None:
    """Go to a screen, and wait until it shows all that it has been told."""
    if screen == "run" and terminal.link.script.details:
        terminal.app.open_run(run_of(terminal, DONE))
    terminal.app.show(screen)
    await terminal.settled(lambda: all(sign in terminal.text() for sign in signs))


def learned(workspace: Workspace) -> Script:
    """A workspace with a blend, boosted trees, backtests, reasons, stock and odd days in it."""
    script = at_work(workspace)
    known = recorded("commands")
    boosted, blend, *others = known["models"]["data"]
    told = [
        _retold(boosted, learning.boosted),
        _retold(blend, learning.searched) | {"id": "auto-5a931fdd9e36", "model_type": "auto"},
        *others,
    ]
    since = script.now - NOW
    listed = [one | {"created": one["created"] + since} for one in learning.backtests()]
    whole = learning.whole_backtest(created=listed[1]["created"])
    forecast = learning.explained(learning.stocked(known["predict"]["data"]))
    script.commands |= {
        name: verbs.Answer(0, data, "")
        for name, data in {
            "models": told,
            "backtest list": listed,
            "backtest show": whole,
            "predict": forecast,
            "data anomalies": learning.anomalies(),
        }.items()
    }
    return script


def _retold(version: dict[str, Any], tell: Callable[[Any], Any]) -> dict[str, Any]:
    lineage = version["lineage"]
    return version | {"lineage": lineage | {"training": tell(lineage["training"])}}


async def become(terminal: StagedTerminal, size: tuple[int, int]) -> None:
    """Another size, and everything drawn for it."""
    await terminal.resize(*size)
    await terminal.settled()


@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_at_work(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace, album: Album, screen: str
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        await go(terminal, screen, *SIGNS[screen])
        for name, size in SIZES.items():
            await become(terminal, size)
            album.add(f"{screen}-{name}", terminal.picture())
        await become(terminal, SIZES["120x40"])
        terminal.app.use_theme("light")
        album.add(f"{screen}-light", terminal.picture())
        terminal.app.use_theme("dark")
        terminal.app.use_language("ko")
        await terminal.settled()
        album.add(f"{screen}-korean", terminal.picture())

    perform(monkeypatch, workspace, at_work(workspace), scenario)
    album.check()


def tour(album: Album, look: str, signs: dict[str, tuple[str, ...]]) -> Scenario:
    """All screens one after the other."""

    async def scenario(terminal: StagedTerminal) -> None:
        for screen in SCREENS:
            await go(terminal, screen, *signs.get(screen, ()))
            album.add(f"{screen}-{look}", terminal.picture())

    return scenario


def test_without_colours(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace, album: Album
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    perform(monkeypatch, workspace, at_work(workspace), tour(album, "no-colour", SIGNS))
    album.check()


def test_with_nothing_to_show(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace, album: Album
) -> None:
    perform(monkeypatch, workspace, untouched(), tour(album, "empty", EMPTY))
    album.check()


def damaged(workspace: Workspace) -> Script:
    """Names with escape codes and markup, impossible times, unreadable files, refused commands."""
    script = at_work(workspace)
    first, second, third, *others = script.runs
    script.runs = [
        replace(first, name="\x1b[2J\x1b[31m[bold]evil[/] \u202e\u0007", state="EXPLODED"),
        replace(second, ended=(second.started or 0) - 4000, state="COMPLETED"),
        replace(third, name="한국어-이름-" * 6, message="[red]" + "no end " * 60, state="CRASHED"),
        *others,
    ]
    script.details = {
        key: replace(detail, steps=(), outputs={"evaluation": ["?"], "gate": 7}, folder="")
        for key, detail in script.details.items()
    }
    unreadable = StorageError("the disk is full", where="/srv/mlops", fix="Make room")
    known = recorded("commands")
    script.commands = {
        "models": verbs.Answer(0, [_bare(one) for one in known["models"]["data"]], ""),
        "models show": no(unreadable, 7),
        "data list": verbs.Answer(0, [_unread(one) for one in known["data list"]["data"]], ""),
        "data": no(DataError("manifest.json is damaged", where="datasets/4fe9"), 3),
        "quality": no(unreadable, 7),
        "doctor": verbs.Answer(3, None, "Traceback (most recent call last): \x1b[31mboom"),
        "config": no(ConfigError("unknown key", where="engine.yaml:3:3", fix="Remove it"), 2),
        "predict": no(ModelError("the golden forecast differs"), 3),
    }
    script.predictor = False
    return script


def _bare(version: dict[str, object]) -> dict[str, object]:
    """A version of which nothing is known but that it is there."""
    return version | {"lineage": {}, "summary": {}, "model_type": "[b]Odd[/]"}


def _unread(dataset: dict[str, object]) -> dict[str, object]:
    return dataset | {"problem": "manifest.json is damaged"}


def test_in_trouble(monkeypatch: pytest.MonkeyPatch, workspace: Workspace, album: Album) -> None:
    script = damaged(workspace)

    async def scenario(terminal: StagedTerminal) -> None:
        for screen in SCREENS:
            await go(terminal, screen, *BROKEN.get(screen, ()))
            board, terminal.link.is_lost = terminal.board, True
            board.lost, board.answered = script.now - 9, script.now - 12
            board.trouble = "the engine does not answer"
            album.add(f"{screen}-broken", terminal.picture())
            board.lost, terminal.link.is_lost = None, False

    perform(monkeypatch, workspace, script, scenario)
    album.check()


def test_the_tabs_of_a_run(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace, album: Album
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        await go(terminal, "run", *SIGNS["run"])
        for tab in TABS:
            if tab == "error":
                terminal.app.open_run(run_of(terminal, FAILED))
                await terminal.until_shown("prophetic-partridge")
            await terminal.settled()
            while f"run-{tab}" != f"run-{terminal.app.view.remember()['tab']}":
                await terminal.press("]")
            await terminal.settled(lambda: "asking" not in terminal.text())
            album.add(f"run-{tab}", terminal.picture())

    perform(monkeypatch, workspace, at_work(workspace), scenario)
    album.check()


def test_the_middle_of_ten_thousand_runs(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace, album: Album
) -> None:
    states = ("COMPLETED", "COMPLETED", "FAILED", "COMPLETED", "CANCELLED", "CRASHED")
    script = at_work(workspace)
    script.runs = [
        run_info(n, state=states[n % 6], created=script.now - 60 * n, started=script.now - 60 * n,
                 ended=script.now - 60 * n + 21)
        for n in range(10_000)
    ]  # fmt: skip

    async def scenario(terminal: StagedTerminal) -> None:
        await go(terminal, "runs", "swift-otter-3")
        await terminal.press("ctrl+d")
        view = terminal.app.view
        view.listing.cursor = 5_000  # type: ignore[attr-defined]
        view.moved()  # type: ignore[attr-defined]
        await terminal.until_shown("swift-otter-5000")
        await terminal.until(lambda: script.runs[5_000].id in terminal.board.details)
        # The first chart of a process is not there at once.
        await terminal.settled(lambda: "drawing" not in terminal.text())
        # Where the list begins depends on what stood below it when the cursor came.
        view.listing.first = 4_985  # type: ignore[attr-defined]
        album.add("runs-10k", terminal.picture())

    perform(monkeypatch, workspace, script, scenario)
    album.check()


def test_what_lies_over_a_screen(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace, album: Album
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        async def look(name: str, *keys: str, shown: str) -> None:
            await terminal.press(*keys)
            await terminal.settled(lambda: shown in terminal.text())
            album.add(f"over-{name}", terminal.picture())

        await go(terminal, "runs", *SIGNS["runs"], "13:50")
        await look("help", "?", shown="Runs")
        await terminal.press("escape")
        await look("palette", "ctrl+p", *"ca", shown="Cancel")
        await terminal.press("escape")
        await look("copy", "y", shown="Copy")
        await terminal.press("escape")
        await look("question", "j", "X", shown="--now")
        await terminal.press("escape")
        await look("filter", "/", *"state:faild", shown="faild")
        await terminal.press("escape")
        await look("comparison", "G", "space", "k", "space", "c", shown="compared")
        await terminal.press("escape")
        await go(terminal, "data", *SIGNS["data"])
        await look("drift", "]", shown="MASE")
        await look("configuration", "]", "]", shown="Meaning")
        await go(terminal, "models", *SIGNS["models"])
        await look("history", "]", shown="champion")
        await go(terminal, "pulse", *SIGNS["pulse"])
        for theme in ("terminal", "colour-blind"):
            terminal.app.use_theme(theme)
            await look(theme.replace("terminal", "terminal-theme"), shown="Pulse")
        await terminal.resize(50, 12)
        await look("small", shown="too small")

    perform(monkeypatch, workspace, at_work(workspace), scenario)
    album.check()


def test_what_the_learning_side_tells(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace, album: Album
) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        async def look(name: str, *, shown: str) -> None:
            for size in SIZES if name in WIDE else ("80x24", "120x40"):
                await become(terminal, SIZES[size])
                await terminal.settled(lambda: shown in terminal.text())
                album.add(f"{name}-{size}", terminal.picture())
            await become(terminal, SIZES["120x40"])
            if name in SPOKEN:
                terminal.app.use_language("ko")
                await terminal.settled()
                album.add(f"{name}-korean", terminal.picture())
                terminal.app.use_language("en")

        await go(terminal, "models", "auto-5a931fdd9e36")
        await terminal.press("enter", "]")
        await look("features", shown="zeros_28")
        await terminal.press("escape", "j", "enter", "]")
        await look("members", shown="its best member")
        await terminal.press("escape", "[", "j")
        await look("backtests", shown="GRU: no difference")
        await terminal.press("enter")
        await look("backtest", shown="GRU: no difference")
        await terminal.press("escape")
        await go(terminal, "data", *SIGNS["data"])
        await terminal.press("]", "]")
        await look("anomalies", shown="18 Dec")
        await go(terminal, "predict", *SIGNS["predict"])
        await terminal.press("o")
        await terminal.type("620, 5, 95")
        await terminal.press("enter", "l", "l", "l", "l", "l")
        await look("stock", shown="order 123 now")
        await terminal.press("e")
        await look("why", shown="Why 122.73")

    perform(monkeypatch, workspace, learned(workspace), scenario)
    album.check()


def test_in_ascii(monkeypatch: pytest.MonkeyPatch, workspace: Workspace, album: Album) -> None:
    async def scenario(terminal: StagedTerminal) -> None:
        await go(terminal, "run", *SIGNS["run"])
        assert terminal.text().isascii()
        album.add("over-ascii", terminal.picture())

    perform(monkeypatch, workspace, at_work(workspace), scenario, ascii=True)
    album.check()


def test_every_stored_picture_is_one_of_these() -> None:
    names = {f"{screen}-{look}" for screen in SCREENS for look in (*SIZES, *LOOKS)}
    names |= {f"run-{tab}" for tab in TABS} | {f"over-{name}" for name in OVERLAYS} | {"runs-10k"}
    names |= {f"{name}-{size}" for name in LEARNED for size in ("80x24", "120x40")}
    names |= {f"{name}-200x60" for name in WIDE} | {f"{name}-korean" for name in SPOKEN}
    seen = test_classifier_pictures
    names |= {f"{name}-{size}" for name in seen.SEEN for size in ("80x24", "120x40")}
    names |= {f"{name}-200x60" for name in seen.WIDE}
    names |= {f"{name}-korean" for name in seen.SPOKEN}

    assert {path.stem for path in FOLDER.glob("*.svg")} == names


def test_stored_pictures_ask_for_nothing_from_elsewhere() -> None:
    for path in FOLDER.glob("*.svg"):
        links = path.read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert "url(" not in links, path
        assert "href" not in links, path


def test_a_difference_is_told_as_words_where_there_are_some() -> None:
    stored = (FOLDER / "pulse-120x40.svg").read_text(encoding="utf-8")

    other = stored.replace(">brilliant-raptor", ">dull-raptor")
    assert "dull-raptor" in first_difference(stored, other)
    assert "brilliant-raptor" in first_difference(stored, other)
