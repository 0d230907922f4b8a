"""The screen of one run, against a real engine."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from engine.client import EngineClient, calls
from engine.runs.log import segment_path
from engine.runs.progress import ProgressWriter
from engine.schema import ChooseRequest
from engine.tables.runs import RunTable
from engine.workspace import Workspace
from tests.tui.terminal import Terminal, use_terminal
from tests.tui.whole_runs import BEGAN, EPOCHS, leave_full_run, log_text, write_progress
from tests.unit.cli.rows import add_run, write_log
from tests.unit.engine_thread import EngineThread, process_of_a_run
from tui import memory
from tui.actions import possible_on
from tui.paint import width_of
from tui.run.tabs import TABS
from tui.screens.run import RunView

RUN = "bbbbbbbb-0000-4000-8000-000000000001"
FAILED = "cccccccc-0000-4000-8000-000000000001"
LIVE = "dddddddd-0000-4000-8000-000000000001"


@pytest.fixture(autouse=True)
def begins_on_this_screen(workspace: Workspace) -> None:
    memory.save(workspace.root, {"screen": "run"})


@pytest.fixture
def table(workspace: Workspace) -> RunTable:
    return RunTable(workspace.database)


@pytest.fixture
def ended(workspace: Workspace, table: RunTable) -> Iterator[EngineThread]:
    """An engine that knows three usual runs, a slow one, and one that failed."""
    for number in range(1, 4):
        created = BEGAN - timedelta(hours=4 - number)
        leave_full_run(workspace, table, f"a{number}", f"brave-otter-{number}", created=created)
    leave_full_run(workspace, table, RUN, slower=12)
    leave_full_run(
        workspace,
        table,
        FAILED,
        "sad-newt",
        state="FAILED",
        message="ValueError: the loss is not finite",
        created=BEGAN + timedelta(hours=1),
    )
    with EngineThread(workspace) as thread:
        yield thread


@pytest.fixture
def live(workspace: Workspace, table: RunTable) -> Iterator[EngineThread]:
    """An engine with a run of train_flow that is in its third epoch."""
    add_run(table, LIVE, "train_flow", name="swift-lynx")
    folder = workspace.run_folder(LIVE)
    write_log(folder, log_text(3))
    progress = ProgressWriter(folder)
    progress.write("task", id="t1", name="train_model", flow="train_flow", state="RUNNING")
    progress.close()
    write_progress(workspace, LIVE, range(1, 4))
    with process_of_a_run(table, LIVE), EngineThread(workspace) as thread:
        yield thread


async def open_run(terminal: Terminal, run_id: str = RUN) -> None:
    """Go to a run and wait for its steps."""
    await terminal.until(lambda: terminal.board.status is not None)
    terminal.app.open_run(run_id)
    await terminal.until(lambda: run_id in terminal.board.details, "for the run")
    await terminal.until(lambda: "asking" not in terminal.text(), "for its steps")


def line_with(terminal: Terminal, text: str) -> str:
    return next((line for line in terminal.text().split("\n") if text in line), "")


def test_a_run_is_told_with_its_pace_its_result_and_its_steps(
    ended: EngineThread, workspace: Workspace
) -> None:
    async def scenario(terminal: Terminal) -> None:
        await open_run(terminal)
        await terminal.until_shown("2.3x slower than the median of the last 20")
        shown = terminal.text()
        assert "✓ done  full_flow  delicate-capuchin  bbbbbbbb" in shown
        assert "deployed lstm-0f2b86e024d6 · MASE 0.820 LSTM" in shown
        assert "waited 2.0 s" in shown
        train = line_with(terminal, "train_model")
        assert "▇░" in train and "░▇" in train, "two attempts, and waiting between them"
        assert "▸ score_fold x6" in shown, "many of a kind are one row"
        assert "score_fold-3" not in shown

    use_terminal(workspace, scenario, size=(80, 24))


def test_groups_and_flows_are_folded_and_a_task_is_told_in_full(
    ended: EngineThread, workspace: Workspace
) -> None:
    async def scenario(terminal: Terminal) -> None:
        await open_run(terminal)
        await terminal.press(*["j"] * 8, "enter")
        assert "▾ score_fold x6" in terminal.text()
        assert "score_fold-3" in terminal.text()
        await terminal.press("j", "h", "o")
        assert "score_fold-3" not in terminal.text(), "h goes to the group, o folds it"
        await terminal.press("g", "g", "j", "o")
        assert "validate_data" not in terminal.text()
        assert "data_flow (2)" in terminal.text()
        await terminal.press("j", "j", "j", "enter")
        assert "attempt 2    14:02:13  +2.6 s" in terminal.text()
        assert "in           full_flow › train_flow" in terminal.text()

    use_terminal(workspace, scenario)


def test_the_critical_path_and_the_run_before_are_drawn_on_request(
    ended: EngineThread, workspace: Workspace
) -> None:
    async def scenario(terminal: Terminal) -> None:
        await open_run(terminal)
        await terminal.press("p")
        assert line_with(terminal, "train_model").startswith(" ✓◆")
        assert "┊" not in terminal.text()
        await terminal.press("b")
        await terminal.until_shown("┊ brave-otter-3")
        assert "┊" in line_with(terminal, "train_model")
        await terminal.press(*["j"] * 6, "enter")
        assert "last time    ended 5.0 s after the start; 12.0 s later now" in terminal.text()
        await terminal.press("escape", "b", "p")
        assert "┊" not in terminal.text() and "◆" not in terminal.text()

    use_terminal(workspace, scenario)


def test_time_is_zoomed_and_moved(ended: EngineThread, workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        await open_run(terminal)
        whole = terminal.text()
        await terminal.press("j", "j", "z", "z", "z")
        close = line_with(terminal, "load_rows").count("▇")
        assert close > 3 * max(1, sum("▇" in line for line in whole.split("\n")) // 10)
        assert "14:02:" in line_with(terminal, "Timeline"), "the window is told"
        assert "›" in line_with(terminal, "gate"), "what lies beyond is pointed to"
        before = terminal.text()
        await terminal.press("greater_than_sign")
        assert terminal.text() != before
        await terminal.press("0", "g", "g")
        assert terminal.text() == whole

    use_terminal(workspace, scenario)


def test_tabs_tell_the_request_and_the_results(ended: EngineThread, workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        await open_run(terminal)
        await terminal.press("right_square_bracket", "right_square_bracket")
        await terminal.until_shown("dataset.rules.gaps")
        assert "--set" in line_with(terminal, "dataset.rules.gaps")
        assert "ds_name" not in "".join(terminal.text().partition("Effective")[0])
        await terminal.press("right_square_bracket", "right_square_bracket")
        await terminal.until_shown("progress.jsonl")
        assert "0.820" in line_with(terminal, "LSTM  ")
        assert "✓ MASE 0.820 is 0.774" in terminal.text()
        await terminal.press("escape")
        assert "score_fold x6" in terminal.text()

    use_terminal(workspace, scenario)


def test_curves_are_drawn_with_the_best_epoch_marked(
    ended: EngineThread, workspace: Workspace
) -> None:
    async def scenario(terminal: Terminal) -> None:
        await open_run(terminal)
        await terminal.press("left_square_bracket", "left_square_bracket", "left_square_bracket")
        await terminal.until_shown("best: epoch 6")
        assert "◆ 0.8" in line_with(terminal, " validation_loss  ")
        assert f"epoch {EPOCHS}/20" in terminal.text()
        assert "by epoch" in terminal.text()

    use_terminal(workspace, scenario)


def test_a_failure_is_told_with_traceback_and_what_to_do(
    ended: EngineThread, workspace: Workspace
) -> None:
    async def scenario(terminal: Terminal) -> None:
        await open_run(terminal, FAILED)
        await terminal.press("n")
        assert "train_flow" in terminal.line(-3), "n goes to what failed"
        await terminal.press("left_square_bracket")
        await terminal.until_shown("loss.backward()")
        assert "engine retry cccccccc" in terminal.text()
        assert "✗ train_model" in terminal.text()
        await terminal.press("e")
        await terminal.until_shown("ERROR train_model Task run failed")
        assert "401/405" in terminal.line(-2), "the cursor stands on the first error"

    use_terminal(workspace, scenario)


def test_three_panes_where_there_is_room(ended: EngineThread, workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        await open_run(terminal)
        await terminal.until_shown("line 400")
        assert "score_fold x6" in terminal.text()
        await terminal.press("j")
        assert "in           full_flow" in terminal.text(), "the step under the cursor"
        await terminal.press("tab", "g", "g")
        await terminal.until_shown("line 1")
        assert "in           full_flow" in terminal.text(), "the cursor of the timeline stays"
        await terminal.press("right_square_bracket")
        await terminal.until_shown("dataset.rules.gaps")

    use_terminal(workspace, scenario, size=(160, 40))


def test_the_mouse_selects_rows_and_tabs(ended: EngineThread, workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        await open_run(terminal)
        rows = terminal.text().split("\n")
        at = next(number for number, line in enumerate(rows) if "score_fold x6" in line)
        await terminal.click(12, at, times=2)
        assert "score_fold-0" in terminal.text()
        bar = next(number for number, line in enumerate(rows) if "Timeline" in line)
        await terminal.click(rows[bar].index("Artifacts") + 2, bar)
        await terminal.until_shown("Data report")

    use_terminal(workspace, scenario)


def test_steps_are_filtered(ended: EngineThread, workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        await open_run(terminal)
        await terminal.press("slash")
        await terminal.type("fold-3")
        await terminal.press("enter")
        shown = terminal.text()
        assert "score_fold-3" in shown and "eval_flow" in shown
        assert "score_fold-2" not in shown and "train_model" not in shown
        await terminal.press("escape")
        assert "train_model" in terminal.text()

    use_terminal(workspace, scenario)


def test_it_is_copied_and_saved_whole(ended: EngineThread, workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        await open_run(terminal)
        await terminal.press("j", "j")
        copied = dict(terminal.app.view.yanks())
        assert copied["id"] == RUN
        assert copied["command"] == f"engine run show {RUN}"
        assert json.loads(copied["JSON"])["outputs"]["version"] == "lstm-0f2b86e024d6"
        assert json.loads(copied["step"])["name"] == "load_rows"
        assert Path(copied["folder"]) == workspace.run_folder(RUN)
        text = terminal.app.view.as_text()
        assert "gate" in text and "2026-03-05 14:02:09" in text and "\x1b" not in text
        assert terminal.app.view.as_data()["run"]["id"] == RUN

    use_terminal(workspace, scenario, size=(80, 15))


def test_a_run_that_waits_says_why_and_is_cancelled(
    engine: EngineThread, workspace: Workspace
) -> None:
    with EngineClient(workspace) as client:
        run = client.send(calls.launch("train_flow")).run

    async def scenario(terminal: Terminal) -> None:
        terminal.app.open_run(run.id[:8])
        await terminal.until(lambda: run.id in terminal.board.details, "for the run")
        why = terminal.board.details[run.id].run.waiting
        assert why
        await terminal.until_shown(why)
        assert "as soon as it begins" in terminal.text()
        await terminal.press("x")
        await terminal.until_shown("⊘ cancelled")

    use_terminal(workspace, scenario, size=(100, 24))
    with EngineClient(workspace, autostart=False) as client:
        assert client.send(calls.run(run.id)).run.state == "CANCELLED"


def test_progress_curves_and_log_follow_a_run(live: EngineThread, workspace: Workspace) -> None:
    log = segment_path(workspace.run_folder(LIVE), 0)

    async def scenario(terminal: Terminal) -> None:
        await open_run(terminal, LIVE)
        await terminal.until_shown("epoch 3/20")
        assert " 15% " in terminal.text()
        assert "left" in line_with(terminal, "15%")
        await terminal.press("left_square_bracket", "left_square_bracket", "left_square_bracket")
        await terminal.until_shown("best: epoch 3")
        write_progress(workspace, LIVE, range(4, 8))
        await terminal.until_shown("best: epoch 6")
        assert "epoch 7/20" in terminal.line(3)
        await terminal.press("f")
        await terminal.until_shown("line 3")
        for first in (4, 7, 10):
            with log.open("a") as file:
                file.write("".join(f"INFO line {number}\n" for number in range(first, first + 3)))
            await terminal.until_shown(f"line {first + 2}")
        shown = [line.split("line ")[1] for line in terminal.text().split("\n") if "line " in line]
        assert [int(number) for number in shown if number.isdigit()] == list(range(1, 13))

    use_terminal(workspace, scenario)


def test_a_log_that_is_read_up_stays_where_it_is(live: EngineThread, workspace: Workspace) -> None:
    log = segment_path(workspace.run_folder(LIVE), 0)
    log.write_text(log_text(200))

    async def scenario(terminal: Terminal) -> None:
        await open_run(terminal, LIVE)
        await terminal.press("f")
        await terminal.until_shown("line 200")
        await terminal.press("ctrl+u", "k", "k")
        await terminal.press("G", "k", "k")
        with log.open("a") as file:
            file.write("INFO line 201\n")
        await terminal.until(lambda: "198/201" in terminal.text(), "for the new line to be counted")
        assert "line 201" not in terminal.text()
        await terminal.press("G")
        assert "line 201" in terminal.text()

    use_terminal(workspace, scenario)


def test_there_may_be_no_such_run(engine: EngineThread, workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown("No runs yet.")
        terminal.app.open_run("0123456789")
        await terminal.until_shown("0123456789")
        assert "lists the runs" in terminal.text()

    use_terminal(workspace, scenario, size=(60, 15))


def test_a_run_that_is_deleted_meanwhile_is_said_to_be_gone(
    ended: EngineThread, workspace: Workspace
) -> None:
    async def scenario(terminal: Terminal) -> None:
        await open_run(terminal, FAILED)
        with EngineClient(workspace, autostart=False) as client:
            client.send(calls.delete(ChooseRequest(ids=(FAILED,))))
        await terminal.until(lambda: FAILED not in terminal.board.details)
        await terminal.until_shown("lists the runs that there are")
        assert FAILED in terminal.text()

    async def later(terminal: Terminal) -> None:
        await terminal.until_shown("delicate-capuchin")

    use_terminal(workspace, scenario)
    use_terminal(workspace, later)


def test_what_was_shown_is_shown_again_and_damaged_memory_is_harmless(
    ended: EngineThread, workspace: Workspace
) -> None:
    async def first(terminal: Terminal) -> None:
        await open_run(terminal)
        await terminal.press("right_square_bracket", "right_square_bracket")

    async def again(terminal: Terminal) -> None:
        await terminal.until_shown("dataset.rules.gaps")
        assert "delicate-capuchin" in terminal.text()

    async def damaged(terminal: Terminal) -> None:
        await terminal.until_shown("sad-newt")
        await terminal.until_shown("score_fold x6")

    use_terminal(workspace, first)
    use_terminal(workspace, again)
    memory.save(workspace.root, {"screen": "run", "views": {"run": {"run": 7, "tab": ["x"]}}})
    use_terminal(workspace, damaged)


def test_names_do_not_act_on_the_terminal(workspace: Workspace, table: RunTable) -> None:
    add_run(table, LIVE, "train_flow", name="[red]x\x1b[2J")
    write_log(workspace.run_folder(LIVE), "\x1b[31mred\n")
    progress = ProgressWriter(workspace.run_folder(LIVE))
    progress.write("task", id="1", name="\x1b]0;owned\x07[b]", flow="train_flow", state="RUNNING")
    progress.close()

    async def scenario(terminal: Terminal) -> None:
        await open_run(terminal, LIVE)
        await terminal.until_shown("\\x1b]0;owned")
        await terminal.press("f")
        await terminal.until_shown("\\x1b[31mred")
        assert "[red]x" in terminal.text()
        assert "\x1b" not in terminal.text()

    with process_of_a_run(table, LIVE), EngineThread(workspace):
        use_terminal(workspace, scenario)


def test_a_run_of_thousands_of_tasks(workspace: Workspace, table: RunTable) -> None:
    add_run(table, LIVE, "train_flow", name="many-tasks")
    workspace.run_folder(LIVE).mkdir()
    began = time.time() - 600
    lines = [
        {"at": began + at + part, "kind": "task", "id": f"t{at}", "name": f"fit-{at}",
         "flow": "train_flow", "state": state}
        for at in range(2000)
        for part, state in ((0.0, "RUNNING"), (0.3, "COMPLETED"))
    ]  # fmt: skip
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (workspace.run_folder(LIVE) / "progress.jsonl").write_text(text)

    async def scenario(terminal: Terminal) -> None:
        await open_run(terminal, LIVE)
        await terminal.until_shown("fit x2000")
        await terminal.press("j", "o", "G")
        await terminal.until_shown("fit-1999")
        assert "2,002/2,002" in terminal.line(-2)
        assert "fit-1900" not in terminal.text()

    with process_of_a_run(table, LIVE), EngineThread(workspace):
        use_terminal(workspace, scenario)


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (139, 30), (140, 30), (200, 60)])
def test_every_tab_fits_every_terminal(
    ended: EngineThread, workspace: Workspace, size: tuple[int, int]
) -> None:
    async def scenario(terminal: Terminal) -> None:
        await open_run(terminal)
        await terminal.press("p", "b", "j", "z")
        for tab in TABS:
            view = terminal.app.view_of("run")
            assert isinstance(view, RunView)
            view.tab = tab
            lines = view.lines(size[0], size[1] - 3)
            assert len(lines) <= size[1] - 3, tab
            assert all(width_of(line) <= size[0] for line in lines), tab
            terminal.text()

    use_terminal(workspace, scenario, size=size)


def test_a_loaded_run_survives_every_key(ended: EngineThread, workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        await open_run(terminal, FAILED)
        for tab in TABS:
            for action in possible_on("run"):
                if not action.screens and action.section != "Moving":
                    continue
                view = terminal.app.view_of("run")
                assert isinstance(view, RunView)
                view.tab = tab
                terminal.app.perform(action)
                assert "sad-newt" in terminal.text() or terminal.app.view.name != "run"
                terminal.app.overlays.clear()
                terminal.app.prompt = None
                terminal.app.show("run")

    use_terminal(workspace, scenario, read_only=True, size=(150, 30))
