"""The screen of logs: all runs together and one run, against a real engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from rich.cells import cell_len

from engine.client import EngineClient, calls
from engine.schema import ChooseRequest
from engine.tables.runs import RunTable
from engine.workspace import Workspace
from tests.tui.logs_of_runs import entry, write
from tests.tui.terminal import Terminal, use_terminal
from tests.unit.cli.rows import add_run
from tests.unit.engine_thread import EngineThread, process_of_a_run
from tui.logs.line import fold, highlight, log_spans
from tui.memory import FILE
from tui.paint import text_of
from tui.screens.logs import LogsView

OTTER = "3f2a77c1-0000-4000-8000-000000000001"
LYNX = "91bc0de2-0000-4000-8000-000000000002"


@pytest.fixture(autouse=True)
def begins_with_logs(workspace: Workspace) -> None:
    """As a terminal that was left on this screen: no other one is made."""
    (workspace.root / FILE).write_text(json.dumps({"screen": "logs"}))


@pytest.fixture
def table(workspace: Workspace) -> RunTable:
    return RunTable(workspace.database)


@pytest.fixture
def otter(workspace: Workspace, table: RunTable) -> Iterator[Path]:
    """The folder of a run of train_flow that goes on."""
    with ExitStack() as stack:
        add_run(table, OTTER, "train_flow", name="bold-otter")
        stack.enter_context(process_of_a_run(table, OTTER))
        yield write(workspace.run_folder(OTTER), [])


@pytest.fixture
def lynx(workspace: Workspace, table: RunTable) -> Path:
    """The folder of a run of data_flow that failed."""
    add_run(table, LYNX, "data_flow", name="swift-lynx")
    assert table.claim(LYNX, 0, pid=2**22 + 1, mark="gone", prefect_id=None)
    table.finish(LYNX, "FAILED", "no date", "DataError")
    table.set_closed(LYNX)
    return write(workspace.run_folder(LYNX), [])


def view_of(terminal: Terminal) -> LogsView:
    view = terminal.app.view
    assert isinstance(view, LogsView)
    return view


def shown(terminal: Terminal) -> list[str]:
    """The rows of the log, without what stands around them."""
    return [line for line in terminal.text().split("\n")[2:-2] if line.strip()]


def test_lines_of_all_runs_come_as_they_are_written(
    workspace: Workspace, otter: Path, lynx: Path, engine: EngineThread
) -> None:
    write(otter, [entry(1, "epoch 1"), entry(3, "epoch 2")])
    write(lynx, [entry(2, "no date", "ERROR")])

    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown("epoch 2")
        await terminal.until_shown("no date")
        rows = shown(terminal)
        assert [row.split()[-1] for row in rows] == ["1", "date", "2"]
        assert "train bold-otter" in rows[0]
        assert "data swift-lynx" in rows[1]
        assert "follows the end" in terminal.line(-2)
        write(otter, [entry(4, "epoch 3 수요")])
        await terminal.until_shown("epoch 3 수요")
        assert terminal.text().count("epoch 3") == 1

    use_terminal(workspace, scenario, screen="logs")


def test_the_log_of_one_run_is_opened_at_the_same_line_and_left_again(
    workspace: Workspace, otter: Path, lynx: Path, engine: EngineThread
) -> None:
    write(otter, [entry(number, f"epoch {number}") for number in range(300)])
    write(lynx, [entry(150, "in between")])

    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown("epoch 299")
        await terminal.press("k", "k")
        await terminal.press("enter")
        await terminal.until_shown("298/300")
        assert "train_flow bold-otter 3f2a77c1" in terminal.line(1)
        assert "swift-lynx" not in terminal.text()
        await terminal.press("g", "g")
        assert shown(terminal)[0].endswith("epoch 0")
        await terminal.press("escape")
        await terminal.until_shown("All runs")

    use_terminal(workspace, scenario, screen="logs", size=(100, 30))


def test_following_stops_when_one_leaves_the_end_and_goes_on_by_key(
    workspace: Workspace, otter: Path, engine: EngineThread
) -> None:
    write(otter, [f"line {number}" for number in range(100)])

    async def scenario(terminal: Terminal) -> None:
        terminal.app.open_log(OTTER)
        await terminal.until_shown("line 99")
        await terminal.press("k")
        assert "follows no longer" in terminal.said
        write(otter, ["line 100"])
        await terminal.until(lambda: view_of(terminal).pane.source.count == 101)
        assert "line 100" not in terminal.text()
        await terminal.press("f")
        assert "line 100" in terminal.text()
        write(otter, ["line 101"])
        await terminal.until_shown("line 101")

    use_terminal(workspace, scenario, screen="logs", size=(80, 24))


def test_the_wheel_leaves_the_end_and_a_click_selects(
    workspace: Workspace, lynx: Path, engine: EngineThread
) -> None:
    write(lynx, [f"line {number}" for number in range(100)])

    async def scenario(terminal: Terminal) -> None:
        terminal.app.open_log(LYNX)
        await terminal.until_shown("line 99")
        for wraps in (False, True):
            view_of(terminal).pane.wraps = wraps
            view_of(terminal).pane.follows = True
            terminal.app.draw()
            view_of(terminal).scroll(-3)
            assert "follows no longer" in terminal.said
            assert not view_of(terminal).pane.follows
        await terminal.click(10, 2)
        assert dict(view_of(terminal).yanks())["line"] == shown(terminal)[0].strip()

    use_terminal(workspace, scenario, screen="logs", size=(80, 24))


def test_a_log_of_a_deleted_run_says_so(
    workspace: Workspace, lynx: Path, engine: EngineThread
) -> None:
    write(lynx, ["one"])

    async def scenario(terminal: Terminal) -> None:
        terminal.app.open_log(LYNX)
        await terminal.until_shown("one")
        with EngineClient(workspace, autostart=False) as client:
            client.send(calls.delete(ChooseRequest(ids=(LYNX,))))
        await terminal.until_shown("it may have been deleted")

    use_terminal(workspace, scenario, screen="logs")


def test_a_filter_hides_enter_shows_the_context_and_n_goes_on(
    workspace: Workspace, lynx: Path, engine: EngineThread
) -> None:
    write(lynx, [entry(n, "hit" if n % 100 == 50 else "plain") for n in range(1000)])

    async def scenario(terminal: Terminal) -> None:
        terminal.app.open_log(LYNX)
        await terminal.until_shown("1,000/1,000")
        await terminal.press("/")
        await terminal.type("HIT")
        await terminal.press("enter")
        await terminal.until_shown("10 found")
        assert len(shown(terminal)) == 10
        assert "plain" not in terminal.text()
        await terminal.press("g", "g", "enter")
        assert "plain" in terminal.text()
        await terminal.until(lambda: terminal.app.view.title().startswith("51/1,000"))
        await terminal.press("n")
        assert terminal.app.view.title().startswith("151/1,000")
        await terminal.press("N", "N")
        assert terminal.app.view.title().startswith("51/1,000")
        assert "no other" in terminal.said
        await terminal.press("escape")
        assert view_of(terminal).filter_text() == ""
        assert terminal.app.view.title().startswith("51/1,000")

    use_terminal(workspace, scenario, screen="logs", size=(80, 24))


def test_a_filter_that_is_not_understood_says_why_and_changes_nothing(
    workspace: Workspace, lynx: Path, engine: EngineThread
) -> None:
    write(lynx, ["one", "two"])

    async def scenario(terminal: Terminal) -> None:
        terminal.app.open_log(LYNX)
        await terminal.until_shown("two")
        await terminal.press("/")
        await terminal.type("level:loud")
        assert "there is no level 'loud'" in terminal.text()
        await terminal.press("escape")
        assert "two" in terminal.text()

    use_terminal(workspace, scenario, screen="logs")


def test_the_first_error_is_gone_to_and_the_next_ones(
    workspace: Workspace, lynx: Path, engine: EngineThread
) -> None:
    lines = [entry(number, "fine") for number in range(500)]
    lines[123] = entry(123, "a mistake", "ERROR")
    lines[400] = "    Traceback (most recent call last):"
    write(lynx, lines)

    async def scenario(terminal: Terminal) -> None:
        terminal.app.open_log(LYNX)
        await terminal.until_shown("500/500")
        await terminal.press("e")
        await terminal.until_shown("a mistake")
        assert terminal.app.view.title().startswith("124/500")
        await terminal.press("n")
        await terminal.until_shown("Traceback")
        await terminal.press("n")
        await terminal.until(lambda: "no other error" in terminal.said)
        await terminal.press("N")
        await terminal.until(lambda: terminal.app.view.title().startswith("124/500"))

    use_terminal(workspace, scenario, screen="logs", size=(80, 24))


def test_runs_can_be_hidden_and_shown(
    workspace: Workspace, otter: Path, lynx: Path, engine: EngineThread
) -> None:
    write(otter, [entry(1, "from the otter")])
    write(lynx, [entry(2, "from the lynx")])

    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown("from the lynx")
        await terminal.until_shown("from the otter")
        await terminal.press("H")
        await terminal.until(lambda: "from the lynx" not in terminal.text())
        assert "from the otter" in terminal.text()
        assert "1 hidden" in terminal.line(1)
        await terminal.press("v")
        await terminal.type("lynx")
        await terminal.press("enter", "escape")
        await terminal.until_shown("from the lynx")
        await terminal.press("/")
        await terminal.type("run:otter")
        await terminal.press("enter")
        await terminal.until_shown("1 found")
        assert len(shown(terminal)) == 1

    use_terminal(workspace, scenario, screen="logs")


def test_what_would_act_on_the_terminal_is_escaped_and_long_lines_are_scrolled_or_wrapped(
    workspace: Workspace, lynx: Path, engine: EngineThread
) -> None:
    write(lynx, ["\x1b[2Jred [bold]not markup[/bold]", "x" * 100 + "수요예측" * 10 + "END"])

    async def scenario(terminal: Terminal) -> None:
        terminal.app.open_log(LYNX)
        await terminal.until_shown("not markup[/bold]")
        assert "\\x1b[2Jred [bold]" in terminal.text()
        assert "\x1b" not in terminal.text()
        assert "END" not in terminal.text()
        assert "›" in terminal.text()
        for _ in range(10):
            await terminal.press("l")
        assert "END" in terminal.text()
        await terminal.press("w")
        assert "END" in terminal.text()
        assert terminal.text().count("수요") == 10
        await terminal.press("enter")
        await terminal.until_shown("Line 2")

    use_terminal(workspace, scenario, screen="logs", size=(80, 24))


def test_times_are_told_in_the_chosen_mode(
    workspace: Workspace, lynx: Path, engine: EngineThread
) -> None:
    write(lynx, ["2026-01-31 21:00:05.250 +0900 INFO    train: begun"])

    async def scenario(terminal: Terminal) -> None:
        terminal.app.time_mode = "clock"
        terminal.app.open_log(LYNX)
        await terminal.until_shown("12:00:05.250 INFO")
        await terminal.press("t")
        assert "2026-01-31 12:00:05 INFO" in terminal.text()
        await terminal.press("t")
        assert "1 d ago" in terminal.text()

    noon_after = 1769860805.0 + 86400
    use_terminal(workspace, scenario, screen="logs", clock=lambda: noon_after)


def test_lines_are_copied_and_saved(
    workspace: Workspace,
    lynx: Path,
    engine: EngineThread,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    write(lynx, [f"line {number} \x07" for number in range(5000)])

    async def scenario(terminal: Terminal) -> None:
        terminal.app.open_log(LYNX)
        await terminal.until_shown("5,000/5,000")
        await terminal.press("g", "g", "space", "space")
        copies = dict(view_of(terminal).yanks())
        assert copies["line"] == "line 2 \x07"
        assert copies["marked lines"] == "line 0 \x07\nline 1 \x07\n"
        assert copies["visible lines"].startswith("line 0 \x07\nline 1 \x07\n")
        assert copies["command"] == "engine logs 91bc0de2"
        await terminal.press("S")
        await terminal.until(lambda: "saved: 5,000 lines" in terminal.said)

    use_terminal(workspace, scenario, screen="logs")
    (saved,) = tmp_path.glob("log-91bc0de2-*.txt")
    lines = saved.read_text().splitlines()
    assert len(lines) == 5000
    assert lines[-1] == "line 4999 \\x07"


def test_a_lost_engine_stops_no_log(
    workspace: Workspace, otter: Path, engine: EngineThread
) -> None:
    write(otter, ["before"])

    async def scenario(terminal: Terminal) -> None:
        terminal.app.open_log(OTTER)
        await terminal.until_shown("before")
        await terminal.until(lambda: terminal.board.status is not None)
        engine.do(lambda one: one.stop_requested.set())
        await terminal.until(lambda: terminal.board.lost is not None)
        write(otter, ["meanwhile"])
        await terminal.until_shown("meanwhile")
        assert [row.split()[-1] for row in shown(terminal)] == ["before", "meanwhile"]

    use_terminal(workspace, scenario, screen="logs")


def test_a_log_that_is_not_there_says_why(
    workspace: Workspace, table: RunTable, engine: EngineThread
) -> None:
    add_run(table, OTTER, "train_flow", name="bold-otter")

    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown("Nothing is written at the moment.")
        terminal.app.open_log(OTTER)
        await terminal.until_shown("its log appears once it begins")

    use_terminal(workspace, scenario, screen="logs", size=(60, 15))


def test_beside_a_wide_log_stand_runs_and_the_line(
    workspace: Workspace, otter: Path, lynx: Path, engine: EngineThread
) -> None:
    write(otter, [entry(1, "a long message " * 12 + "ends")])
    write(lynx, [entry(0, "short")])

    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown("short")
        await terminal.until_shown("ends")
        assert "✗ data swift-lynx" in terminal.text()
        await terminal.click(170, 2)
        await terminal.until_shown("1 hidden")
        await terminal.press("enter")
        await terminal.until_shown("bold-otter 3f2a77c1")

    use_terminal(workspace, scenario, screen="logs", size=(200, 60))


def test_the_next_start_finds_the_same_log(
    workspace: Workspace, lynx: Path, engine: EngineThread
) -> None:
    write(lynx, ["keep this", "not that"])

    async def first(terminal: Terminal) -> None:
        terminal.app.open_log(LYNX)
        view_of(terminal).use_filter("keep")
        await terminal.press("w")

    async def second(terminal: Terminal) -> None:
        await terminal.until_shown("keep this")
        assert "not that" not in terminal.text()
        assert "wrapped" in terminal.line(-2)

    use_terminal(workspace, first, screen="logs")
    use_terminal(workspace, second)


@pytest.mark.parametrize(
    "kept", [{"run": 5, "hidden": "x", "filter": ["~("]}, {"run": "../..", "filter": "~("}]
)
def test_damaged_memory_is_survived(workspace: Workspace, kept: dict[str, object]) -> None:
    (workspace.root / FILE).write_text(json.dumps({"screen": "logs", "views": {"logs": kept}}))

    async def scenario(terminal: Terminal) -> None:
        assert "All runs" in terminal.line(1)

    use_terminal(workspace, scenario, connect=False)


def test_no_row_is_wider_than_the_screen_and_no_character_is_lost() -> None:
    text = "수요 예측 demand 한글" * 30
    spans = highlight(log_spans(text, "clock", 0.0, None, 10_000), ())

    rows = fold(spans, 31, 1000)

    assert max(cell_len(text_of(row)) for row in rows) <= 31
    assert "".join(text_of(row)[2 * (at > 0) :] for at, row in enumerate(rows)) == text
