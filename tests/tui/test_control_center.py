"""The application as a whole, against a real engine: keys, filters, memory, a lost engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.events import Key

from engine.client import EngineClient, calls
from engine.workspace import Workspace
from tests.tui.rows import run_info
from tests.tui.terminal import Terminal, use_terminal
from tests.unit.engine_thread import EngineThread
from tui.actions import SCREENS


def launch(workspace: Workspace, *flows: str, **options: object) -> list[str]:
    """Launch flows; they stay in the queue. Returns their ids."""
    with EngineClient(workspace) as client:
        return [
            client.send(calls.launch(flow, **options)).run.id  # type: ignore[arg-type]
            for flow in flows
        ]


def state_of(workspace: Workspace, run_id: str) -> str:
    with EngineClient(workspace, autostart=False) as client:
        return client.send(calls.run(run_id)).run.state


def test_runs_are_shown_and_cancelled_by_keys(engine: EngineThread, workspace: Workspace) -> None:
    (run_id,) = launch(workspace, "train_flow", flags={"model_type": "LightGBM"})

    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown(run_id[:8])
        assert "train_flow" in terminal.text()
        assert "LightGBM" in terminal.text()
        await terminal.press("x")
        await terminal.until_shown("cancelled")
        assert f"engine cancel {run_id[:8]}" in terminal.said

    use_terminal(workspace, scenario, screen="runs")
    assert state_of(workspace, run_id) == "CANCELLED"


def test_what_others_launch_appears_by_itself(engine: EngineThread, workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown("No runs yet.")
        (run_id,) = launch(workspace, "data_flow")
        await terminal.until_shown(run_id[:8])

    use_terminal(workspace, scenario, screen="runs")


def test_several_are_cancelled_only_after_a_yes(engine: EngineThread, workspace: Workspace) -> None:
    ids = launch(workspace, "data_flow", "eval_flow", "train_flow")

    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown(ids[0][:8])
        await terminal.press("space", "space", "x")
        assert "Cancel 2 runs?" in terminal.text()
        await terminal.press("n")
        assert all(state_of(workspace, run_id) == "PENDING" for run_id in ids)
        await terminal.press("x", "y")
        await terminal.until_shown("cancelled: 2")

    use_terminal(workspace, scenario, screen="runs")
    assert [state_of(workspace, run_id) for run_id in ids] == ["PENDING", "CANCELLED", "CANCELLED"]


def test_killing_wants_a_word(engine: EngineThread, workspace: Workspace) -> None:
    (run_id,) = launch(workspace, "train_flow")

    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown(run_id[:8])
        await terminal.press("X")
        await terminal.type("yes")
        await terminal.press("enter")
        assert state_of(workspace, run_id) == "PENDING"
        await terminal.press("ctrl+u")
        await terminal.type("kill")
        await terminal.press("enter")
        await terminal.until_shown("cancelled: 1")

    use_terminal(workspace, scenario, screen="runs")


def test_read_only_changes_nothing(engine: EngineThread, workspace: Workspace) -> None:
    (run_id,) = launch(workspace, "train_flow")

    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown(run_id[:8])
        await terminal.press("x")
        assert "read-only" in terminal.said
        assert "Cancel" not in terminal.line(-1)

    use_terminal(workspace, scenario, screen="runs", read_only=True)
    assert state_of(workspace, run_id) == "PENDING"


def test_a_filter_holds_as_it_is_typed_and_escape_brings_the_old_one_back(
    engine: EngineThread, workspace: Workspace
) -> None:
    data, train = launch(workspace, "data_flow", "train_flow")

    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown(data[:8])
        await terminal.press("slash")
        await terminal.type("flow:train")
        await terminal.until(lambda: data[:8] not in terminal.text(), "for the filter")
        assert train[:8] in terminal.text()
        await terminal.press("escape")
        await terminal.until_shown(data[:8])
        await terminal.press("slash")
        await terminal.type("stat:failed")
        await terminal.press("enter")
        assert 'mean "state"' in terminal.line(-2), "a mistake keeps the line open"
        await terminal.press("escape", "slash")
        await terminal.type("state:failed")
        await terminal.press("enter")
        await terminal.until_shown("no run fits the filter")
        await terminal.press("escape")
        await terminal.until_shown(data[:8])

    use_terminal(workspace, scenario, screen="runs")


def test_a_lost_engine_is_told_and_found_again(workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        with EngineThread(workspace):
            launch(workspace, "data_flow")
            await terminal.until(lambda: len(terminal.board.book) == 1)
        await terminal.until_shown("stale")
        assert "data_flow" in terminal.text(), "what was known is shown on"
        with EngineThread(workspace):
            await terminal.until(lambda: terminal.board.lost is None)
            (run_id,) = launch(workspace, "train_flow")
            await terminal.until_shown(run_id[:8])

    use_terminal(workspace, scenario, screen="runs", autostart=False)


def test_without_an_engine_it_says_so(workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown("no engine")
        await terminal.press("2")
        assert "no engine answers" in terminal.text()

    use_terminal(workspace, scenario, autostart=False)


def test_what_was_typed_and_chosen_is_there_after_a_restart(workspace: Workspace) -> None:
    async def first(terminal: Terminal) -> None:
        await terminal.press("2", "t", "T", "slash")
        await terminal.type("state:failed")
        await terminal.press("enter", "colon")
        await terminal.type("runs")
        await terminal.press("enter")

    async def second(terminal: Terminal) -> None:
        assert terminal.app.view.name == "runs"
        assert terminal.app.view.filter_text() == "state:failed"
        assert terminal.app.time_mode == "clock"
        assert terminal.app.theme_name == "light"
        assert terminal.app.command_history == ["runs"]
        await terminal.press("colon", "up")
        assert terminal.app.prompt is not None
        assert terminal.app.prompt.editor.text == "runs"

    use_terminal(workspace, first, connect=False)
    use_terminal(workspace, second, connect=False, theme_name=None)


GARBAGE = ["", "{", "[]", "null", '{"screen": 7, "views": [], "filters": {"a": 1}}', "\ud800"]
VALUES: list[object] = [
    None,
    7,
    -1,
    1.5,
    True,
    "text",
    "state:",
    [],
    [1],
    {},
    {"a": [{}]},
    "9" * 99,
]


@pytest.mark.parametrize("text", GARBAGE)
def test_a_damaged_memory_is_no_memory(workspace: Workspace, text: str) -> None:
    (workspace.root / "terminal.json").write_bytes(text.encode(errors="surrogatepass"))

    async def scenario(terminal: Terminal) -> None:
        assert terminal.app.view.name == "pulse"

    use_terminal(workspace, scenario, connect=False)


@pytest.mark.parametrize("screen", SCREENS)
def test_every_screen_survives_whatever_was_remembered(workspace: Workspace, screen: str) -> None:
    async def scenario(terminal: Terminal) -> None:
        view = terminal.app.show(screen)
        for name in view.remember():
            for value in VALUES:
                view.restore({name: value})
                terminal.text()
        view.restore({})
        terminal.text()

    use_terminal(workspace, scenario, connect=False)


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("size", [(60, 15), (80, 24), (140, 40), (200, 60)])
def test_every_screen_fits_every_terminal(
    workspace: Workspace, screen: str, size: tuple[int, int]
) -> None:
    async def scenario(terminal: Terminal) -> None:
        terminal.board.take_recent(tuple(run_info(number) for number in range(30)))
        lines = terminal.text().split("\n")
        assert len(lines) == size[1]
        assert terminal.app.view.lines(size[0], size[1] - 3)

    use_terminal(workspace, scenario, connect=False, screen=screen, size=size)


@pytest.mark.parametrize("screen", SCREENS)
def test_every_screen_survives_every_key(workspace: Workspace, screen: str) -> None:
    async def scenario(terminal: Terminal) -> None:
        for action in terminal.app.keymap.keys.items():
            for sequence in action[1]:
                if action[0] in ("quit", "edit"):
                    continue
                for key in sequence.split(" "):
                    character = key if len(key) == 1 else None
                    terminal.app.dispatcher.press(key, character)
                terminal.text()
                terminal.app.prompt = None
                terminal.app.overlays.clear()
                terminal.app.show(screen)

    use_terminal(workspace, scenario, connect=False, screen=screen, read_only=True)


def test_a_terminal_that_is_too_small_says_so(workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        assert "too small" in terminal.text()
        await terminal.resize(80, 24)
        assert "Pulse" in terminal.line(0)
        await terminal.resize(20, 5)
        assert "too small" in terminal.text().replace("\n", " ")

    use_terminal(workspace, scenario, connect=False, size=(50, 10))


def test_the_palette_finds_and_does(workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        await terminal.press("ctrl+p")
        await terminal.type("next the")
        assert "Next theme" in terminal.text()
        await terminal.press("enter")
        assert terminal.app.theme_name == "light"
        assert terminal.app.overlays == []

    use_terminal(workspace, scenario, connect=False)


@pytest.mark.parametrize("screen", SCREENS)
def test_the_help_lists_the_keys_of_the_screen(workspace: Workspace, screen: str) -> None:
    async def scenario(terminal: Terminal) -> None:
        await terminal.press("question_mark")
        text = terminal.text()
        assert "Help" in text
        await terminal.press("G", "question_mark")
        assert terminal.app.overlays == []

    use_terminal(workspace, scenario, connect=False, screen=screen, size=(100, 50))


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("logs", "logs"),
        ("sytem", 'there is no "sytem"; did you mean "system"?'),
        ("theme pink", "themes: dark"),
        ("theme light", "pulse"),
        ("run nothing_flow", "flows: data_flow"),
        ("promote", "promote belongs to: models"),
    ],
)
def test_the_command_line(workspace: Workspace, command: str, expected: str) -> None:
    async def scenario(terminal: Terminal) -> None:
        await terminal.press("colon")
        await terminal.type(command)
        await terminal.press("enter")
        if expected in SCREENS:
            assert terminal.app.view.name == expected
            assert terminal.app.prompt is None
        else:
            assert terminal.app.prompt is not None
            assert terminal.app.prompt.problem.startswith(expected)

    use_terminal(workspace, scenario, connect=False)


def test_keys_that_follow_are_shown(workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        await terminal.press("g")
        assert "To the top" in terminal.line(-2)
        await terminal.press("escape")
        assert terminal.app.pending == ""
        await terminal.press("g", "m")
        assert terminal.app.view.name == "models"
        await terminal.press("minus")
        assert terminal.app.view.name == "pulse"

    use_terminal(workspace, scenario, connect=False)


def test_a_key_of_a_hangul_keyboard_means_its_letter(workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        terminal.app.post_message(Key("ㅎ", "ㅎ"))
        await terminal.until(lambda: terminal.app.pending == "g")

    use_terminal(workspace, scenario, connect=False)


def test_copying_goes_through_the_terminal(
    engine: EngineThread, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run_id,) = launch(workspace, "data_flow")

    async def scenario(terminal: Terminal) -> None:
        written: list[str] = []
        assert terminal.app._driver is not None
        monkeypatch.setattr(terminal.app._driver, "write", written.append)
        await terminal.until_shown(run_id[:8])
        await terminal.press("y", "i")
        assert run_id[:8] in terminal.said
        assert any(text.startswith("\x1b]52;c;") for text in written)

    use_terminal(workspace, scenario, screen="runs")


def test_what_is_seen_and_all_of_it_is_saved(
    engine: EngineThread, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run_id,) = launch(workspace, "data_flow")
    monkeypatch.chdir(tmp_path)

    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown(run_id[:8])
        await terminal.press("s", "t", "s", "s", "S", "j")

    use_terminal(workspace, scenario, screen="runs")
    (text,) = tmp_path.glob("runs-*.txt")
    (picture,) = tmp_path.glob("runs-*.svg")
    (data,) = tmp_path.glob("runs-*.json")
    assert run_id[:8] in text.read_text()
    assert "<svg" in picture.read_text()
    for seen in (text, picture):
        assert "Save what is seen" not in seen.read_text(), "the menu that asked is no part of it"
    assert json.loads(data.read_text())[0]["id"] == run_id


def test_the_command_log_tells_what_was_done(engine: EngineThread, workspace: Workspace) -> None:
    (run_id,) = launch(workspace, "data_flow")

    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown(run_id[:8])
        await terminal.press("x")
        await terminal.until_shown("cancelled: 1")
        await terminal.press("exclamation_mark")
        assert f"engine cancel {run_id[:8]}" in terminal.text()

    use_terminal(workspace, scenario, screen="runs")


def test_the_mouse_selects_opens_and_changes_screens(
    engine: EngineThread, workspace: Workspace
) -> None:
    old, _new = launch(workspace, "data_flow", "train_flow")

    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown(old[:8])
        row = next(at for at, line in enumerate(terminal.text().split("\n")) if old[:8] in line)
        await terminal.click(10, row)
        assert terminal.app.view.subject()["run"] == old[:8]
        at = terminal.line(0).index("Flows")
        await terminal.click(at + 1, 0)
        assert terminal.app.view.name == "flows"

    use_terminal(workspace, scenario, screen="runs")


def test_korean_speaks_korean(workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        assert "현황" in terminal.line(0)
        await terminal.press("ctrl+k")
        assert "Pulse" in terminal.line(0)

    use_terminal(workspace, scenario, connect=False, chosen_language="ko")
