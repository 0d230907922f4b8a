"""Data and configuration: what is prepared, what is in force, and editing it without accidents."""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import time
from pathlib import Path

import pytest

from engine.data.dataset import Dataset
from engine.predictor.feedback import Feedback
from engine.workspace import Workspace
from tests.tui.terminal import Terminal, use_terminal
from tests.unit.deployments import prepare_dataset
from tui.data import drafts

TRAIN = "train_flow_config.yaml"
NEXT, BEFORE = "right_square_bracket", "left_square_bracket"
# What a terminal of now means by "a process that is gone": beyond what the kernel gives out.
GONE = 99_999_999


@pytest.fixture(autouse=True)
def begins_here(workspace: Workspace) -> None:
    """No engine is needed: the terminal asks commands."""
    (workspace.root / "terminal.json").write_text(json.dumps({"screen": "data"}))


@pytest.fixture
def dataset(workspace: Workspace, tmp_path: Path) -> Dataset:
    return prepare_dataset(workspace, tmp_path)


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An editor with an argument that appends what stands in a file, and says that it was here."""
    says = tmp_path / "says"
    script = tmp_path / "my editor"
    script.write_text(
        f"""#!{sys.executable}
import pathlib, sys
assert sys.argv[1] == "--wait", sys.argv
says = pathlib.Path({str(says)!r})
path = pathlib.Path(sys.argv[-1])
if says.exists():
    code = says.read_text()
    exec(code)
"""
    )
    script.chmod(0o755)
    monkeypatch.setenv("EDITOR", f"'{script}' --wait")
    monkeypatch.delenv("VISUAL", raising=False)
    return says


def config(workspace: Workspace, name: str = TRAIN) -> Path:
    return workspace.configs / name


def left_in(workspace: Workspace) -> list[str]:
    return sorted(path.name for path in workspace.configs.iterdir() if path.name.startswith("."))


def begin_at(workspace: Workspace, key: str, owner: str = "train_flow") -> None:
    """Let the terminal begin at a setting."""
    kept = {"tab": "config", "config": {"owner": owner, "key": key}}
    memory = {"screen": "data", "views": {"data": kept}}
    (workspace.root / "terminal.json").write_text(json.dumps(memory))


async def stand_on(terminal: Terminal, key: str) -> None:
    """Wait until the cursor stands there."""
    await terminal.until(lambda: dict(terminal.app.view.yanks()).get("key") == key, f"for {key}")


def use(workspace: Workspace, scenario, **options) -> None:
    use_terminal(workspace, scenario, screen="data", autostart=False, **options)


def test_without_a_data_set_it_says_how_to_get_one(workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown("No data set yet.")
        assert "data_flow prepares one" in terminal.text()

    use(workspace, scenario)


def test_a_data_set_is_shown_with_report_chart_and_series(
    workspace: Workspace, dataset: Dataset
) -> None:
    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown("no rule had to change anything")
        text = terminal.text()
        assert f"● {dataset.id}" in text
        assert "3 series" in text
        assert "total of all series" in text
        assert "product-001" in text
        await terminal.press("tab", "j")
        first, second = terminal.app.view.as_data()["shown"]["series"][:2]
        assert first["mean"] >= second["mean"]
        await terminal.until(
            lambda: f"⡠⠊ {second['id']}" in terminal.text(), "for the chart of the second series"
        )
        await terminal.press("slash")
        await terminal.type("001")
        await terminal.press("enter")
        assert "product-002" not in terminal.text()
        assert "1/3" in terminal.text()

    use(workspace, scenario)


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (200, 60)])
def test_every_size_shows_the_series_that_one_asks_for(
    workspace: Workspace, dataset: Dataset, size: tuple[int, int]
) -> None:
    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown("total of all series")
        await terminal.press("tab")
        await terminal.until_shown("product-001")

    use(workspace, scenario, size=size)


def test_drift_says_what_it_needs_and_that_nothing_was_checked_yet(
    workspace: Workspace, dataset: Dataset
) -> None:
    async def scenario(terminal: Terminal) -> None:
        await terminal.press(NEXT)
        await terminal.until_shown("not enough data yet")
        text = terminal.text()
        assert "○ forecasts of series with a series_id: 0" in text
        assert f"✓ a data set: {dataset.id}" in text
        assert "Not checked yet" in text
        assert "D Look for drift" in text

    use(workspace, scenario)


def test_the_live_error_of_what_serves_is_drawn_by_day(
    workspace: Workspace, dataset: Dataset
) -> None:
    ring = Feedback(workspace.predictor / "forecasts-0.jsonl", 1024**2)
    actual = dataset.panel().values[0, -9:].tolist()
    for start in range(2):
        origin = dataset.split.last_day - dt.timedelta(days=9 - start)
        ring.keep("v-good", dataset.ids[0], origin, [value + 2.0 for value in actual[start:]])
    ring.write()

    async def scenario(terminal: Terminal) -> None:
        await terminal.press(NEXT)
        await terminal.until_shown("v-good")
        text = terminal.text()
        assert "mean absolute error" in text
        assert f"data until {dataset.split.last_day}" in text
        assert "✓ newer data: 17 forecast days have come" in text
        row = dict(terminal.app.view.yanks())["row"].split("\t")
        assert row[:4] == ["v-good", "", "17", "2"], "always off by two"
        terminal.app.use_language("ko")
        assert "평균 절대 오차" in terminal.text()

    use(workspace, scenario)


def test_all_of_it_is_saved_whatever_the_size_of_the_screen(
    workspace: Workspace, dataset: Dataset
) -> None:
    async def scenario(terminal: Terminal) -> None:
        await terminal.until(lambda: terminal.app.view.as_data()["shown"], "for the report")
        text = terminal.app.view.as_text()
        assert all(name in text for name in dataset.ids)
        await terminal.press(BEFORE)
        await terminal.until_shown("dataset.ds_name")
        assert "deploy.canary_windows" in terminal.app.view.as_text()
        assert "deploy.canary_windows" not in terminal.text()

    use(workspace, scenario, size=(60, 15))


def test_settings_are_shown_with_where_they_come_from(workspace: Workspace) -> None:
    config(workspace).write_text("flow_module: train_flow\ntrain:\n  hparams:\n    epochs: 5\n")

    begin_at(workspace, "train.hparams.epochs")

    async def scenario(terminal: Terminal) -> None:
        await stand_on(terminal, "train.hparams.epochs")
        text = terminal.text()
        assert "● train.hparams.epochs" in text
        # Folded, where the path of the test's folder is long.
        preview = "".join(line.rpartition("│")[2].strip() for line in text.splitlines())
        assert f"{config(workspace)}:4" in preview, "the whole place in the preview"
        assert "1 to 10000" in text
        yanks = dict(terminal.app.view.yanks())
        assert (yanks["key"], yanks["value"]) == ("train.hparams.epochs", "5")
        assert yanks["place"] == f"{config(workspace)}:4"
        await terminal.press("d")
        rows = terminal.app.view.as_data()["settings"]
        assert [row["key"] for row in rows] == ["train.hparams.epochs"]

    use(workspace, scenario, size=(170, 40))


def test_secrets_stay_hidden(workspace: Workspace) -> None:
    config(workspace, "engine.yaml").write_text(
        'notifications:\n  webhooks: ["https://hooks.example.com/services/T0/hush"]\n'
    )
    begin_at(workspace, "notifications.webhooks", "engine")

    async def scenario(terminal: Terminal) -> None:
        await stand_on(terminal, "notifications.webhooks")
        assert "https://hooks.example.com/***" in terminal.text()
        assert "hush" not in terminal.text() + json.dumps(terminal.app.view.as_data())

    use(workspace, scenario, size=(200, 60))


def test_a_new_file_begins_with_the_setting_and_undo_removes_it(
    workspace: Workspace, editor: Path
) -> None:
    editor.write_text("path.write_text(path.read_text().replace('epochs: 20', 'epochs: 3'))")

    begin_at(workspace, "train.hparams.epochs")

    async def scenario(terminal: Terminal) -> None:
        await stand_on(terminal, "train.hparams.epochs")
        await terminal.press("E")
        await terminal.until_shown(f"{TRAIN} is changed")
        lines = config(workspace).read_text().splitlines()
        assert lines[0].startswith("#")
        assert lines[2:] == ["flow_module: train_flow", "train:", "  hparams:", "    epochs: 3"]
        await terminal.until_shown("● train.hparams.epochs")
        assert left_in(workspace) == []
        await terminal.press("u")
        assert not config(workspace).exists()
        await terminal.until(lambda: "● train.hparams.epochs" not in terminal.text())

    use(workspace, scenario)


def test_the_settings_of_pictures_are_looked_at_and_edited_in_files_of_their_own(
    workspace: Workspace, editor: Path
) -> None:
    path = config(workspace, f"image_{TRAIN}")
    editor.write_text(
        "path.write_text(path.read_text().replace('conv_layers: 2', 'conv_layers: 9'))"
    )

    begin_at(workspace, "train.hparams.conv_layers", "image_train_flow")

    async def scenario(terminal: Terminal) -> None:
        await stand_on(terminal, "train.hparams.conv_layers")
        yanks = dict(terminal.app.view.yanks())
        assert yanks["command"] == "engine config show train_flow --data-type image"
        await terminal.press("E")
        # It is judged as what it is about: so many layers no CNN has.
        await terminal.until_shown(f"image_{TRAIN} would not be right")
        editor.write_text(
            "path.write_text(path.read_text().replace('conv_layers: 9', 'conv_layers: 3'))"
        )
        await terminal.press("e")
        await terminal.until_shown(f"image_{TRAIN} is changed")
        await terminal.until_shown("● train.hparams.conv_layers")
        lines = path.read_text().splitlines()
        assert lines[2:] == [
            "flow_module: train_flow",
            "train:",
            "  hparams:",
            "    conv_layers: 3",
        ]
        assert "engine config show train_flow --data-type image" in lines[1]
        assert not config(workspace).exists()

    use(workspace, scenario)


def test_an_editor_that_changes_nothing_makes_nothing(workspace: Workspace, editor: Path) -> None:
    begin_at(workspace, "train.hparams.epochs")

    async def scenario(terminal: Terminal) -> None:
        await stand_on(terminal, "train.hparams.epochs")
        await terminal.press("E")
        assert "nothing was changed" in terminal.said
        assert list(workspace.configs.iterdir()) == []

    use(workspace, scenario)


def test_what_is_wrong_is_not_put_in_place_and_can_be_mended(
    workspace: Workspace, editor: Path
) -> None:
    config(workspace).write_text("flow_module: train_flow\ntrain:\n  seed: 8\n")
    before = config(workspace).read_bytes()
    editor.write_text("path.write_text(path.read_text() + '  sed: 9\\n')")

    begin_at(workspace, "train.seed")

    async def scenario(terminal: Terminal) -> None:
        await stand_on(terminal, "train.seed")
        await terminal.press("E")
        await terminal.until_shown(f"{TRAIN} would not be right")
        assert f"{TRAIN}:4:3" in terminal.text()
        assert "train.seed" in terminal.text(), "what was probably meant"
        assert config(workspace).read_bytes() == before
        editor.write_text(
            "path.write_text(path.read_text().replace('  sed: 9\\n', '  threads: 1\\n'))"
        )
        await terminal.press("e")
        await terminal.until_shown(f"{TRAIN} is changed")
        assert config(workspace).read_bytes() == before + b"  threads: 1\n"
        await terminal.press("u")
        assert config(workspace).read_bytes() == before

    use(workspace, scenario)


def test_a_draft_that_is_thrown_away_leaves_nothing(workspace: Workspace, editor: Path) -> None:
    editor.write_text("path.write_text('flow_module: [')")

    begin_at(workspace, "train.seed")

    async def scenario(terminal: Terminal) -> None:
        await stand_on(terminal, "train.seed")
        await terminal.press("E")
        await terminal.until_shown("would not be right")
        await terminal.press("x")
        assert list(workspace.configs.iterdir()) == []

    use(workspace, scenario)


def test_a_draft_that_is_kept_is_taken_up_again(workspace: Workspace, editor: Path) -> None:
    editor.write_text("path.write_text('flow_module: [')")
    begin_at(workspace, "train.seed")

    async def scenario(terminal: Terminal) -> None:
        await stand_on(terminal, "train.seed")
        await terminal.press("E")
        await terminal.until_shown("would not be right")
        await terminal.press("k", "escape")
        assert "the draft is kept" in terminal.said
        assert not config(workspace).exists()
        await terminal.press("E")
        assert "+flow_module: [" in terminal.text()
        editor.write_text("path.write_text('flow_module: train_flow\\ntrain:\\n  seed: 4\\n')")
        await terminal.press("g")
        await terminal.until_shown(f"{TRAIN} is changed")
        assert left_in(workspace) == []

    use(workspace, scenario)


def test_what_somebody_else_wrote_meanwhile_is_not_overwritten(
    workspace: Workspace, editor: Path
) -> None:
    config(workspace).write_text("flow_module: train_flow\ntrain:\n  seed: 8\n")
    theirs = "flow_module: train_flow\ntrain:\n  seed: 99\n"
    editor.write_text(
        f"path.write_text(path.read_text().replace('8', '10'));"
        f"pathlib.Path({str(config(workspace))!r}).write_text({theirs!r})"
    )

    begin_at(workspace, "train.seed")

    async def scenario(terminal: Terminal) -> None:
        await stand_on(terminal, "train.seed")
        await terminal.press("E")
        await terminal.until_shown("Changed meanwhile")
        assert "-  seed: 99" in terminal.text()
        assert "+  seed: 10" in terminal.text()
        assert config(workspace).read_text() == theirs
        editor.write_text("")
        await terminal.press("e")  # having seen both: what the draft says is wanted
        await terminal.until_shown(f"{TRAIN} is changed")
        assert "seed: 10" in config(workspace).read_text()

    use(workspace, scenario)


def test_drafts_of_a_killed_terminal_are_offered_and_old_ones_go(
    workspace: Workspace, editor: Path
) -> None:
    config(workspace).write_text("flow_module: train_flow\n")
    base = drafts.fingerprint(config(workspace))
    young = workspace.configs / f".draft-{GONE}-{base}-{TRAIN}"
    old = workspace.configs / f".draft-{GONE}-{base}-eval_flow_config.yaml"
    for path in (young, old):
        path.write_text("flow_module: train_flow\ntrain:\n  seed: 5\n")
    day_ago = time.time() - drafts.DAY_SECONDS - 60
    os.utime(old, (day_ago, day_ago))

    begin_at(workspace, "train.seed")

    async def scenario(terminal: Terminal) -> None:
        await stand_on(terminal, "train.seed")
        assert left_in(workspace) == [young.name]
        await terminal.press("E")
        assert "was left" in terminal.text()
        assert "+  seed: 5" in terminal.text()
        await terminal.press("g")
        await terminal.until_shown(f"{TRAIN} is changed")
        assert "seed: 5" in config(workspace).read_text()
        assert left_in(workspace) == []

    use(workspace, scenario)


def test_an_editor_that_fails_or_is_missing_changes_nothing(
    workspace: Workspace, editor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor.write_text("path.write_text('half'); sys.exit(3)")

    begin_at(workspace, "train.seed")

    async def scenario(terminal: Terminal) -> None:
        await stand_on(terminal, "train.seed")
        await terminal.press("E")
        assert "status 3" in terminal.said
        assert not config(workspace).exists()
        assert len(left_in(workspace)) == 1, "what was typed is kept"
        monkeypatch.setenv("EDITOR", "no-such-editor")
        await terminal.press("E", "x")
        assert "there is no editor no-such-editor" in terminal.said
        assert left_in(workspace) == []

    use(workspace, scenario)


def test_read_only_does_not_edit(workspace: Workspace, editor: Path) -> None:
    editor.write_text("path.write_text('x')")

    begin_at(workspace, "train.seed")

    async def scenario(terminal: Terminal) -> None:
        await stand_on(terminal, "train.seed")
        await terminal.press("E")
        assert "read-only" in terminal.said
        assert list(workspace.configs.iterdir()) == []

    use(workspace, scenario, read_only=True)


def test_a_broken_file_is_named_checked_and_opened(workspace: Workspace, editor: Path) -> None:
    broken = config(workspace, "eval_flow_config.yaml")
    broken.write_text("flow_module: eval_flow\nevaluate:\n  fods: 3\n")
    editor.write_text("path.write_text(path.read_text().replace('fods', 'folds'))")

    async def scenario(terminal: Terminal) -> None:
        await terminal.press(BEFORE)
        await terminal.until_shown("This configuration cannot be used.")
        await terminal.press("v")
        await terminal.until_shown("The configuration as it is")
        assert "eval_flow_config.yaml:3:3" in terminal.text()
        assert "evaluate.folds" in terminal.text()
        await terminal.press("escape", "E")
        await terminal.until_shown("eval_flow_config.yaml is changed")
        await terminal.until_shown("dataset.ds_name")

    use(workspace, scenario)
    assert "folds: 3" in broken.read_text()


def test_what_is_remembered_is_taken_up_and_garbage_does_no_harm(workspace: Workspace) -> None:
    kept = {"tab": "config", "sets": 3, "drift": None, "config": {"owner": "engine", "filter": [1]}}
    memory = {"screen": "data", "views": {"data": kept}}
    (workspace.root / "terminal.json").write_text(json.dumps(memory))

    async def scenario(terminal: Terminal) -> None:
        await terminal.until_shown("queue.max_concurrent")
        assert terminal.app.view.remember()["config"]["owner"] == "engine"

    use(workspace, scenario)


def test_the_mouse_selects_tabs_flows_and_settings(workspace: Workspace) -> None:
    async def scenario(terminal: Terminal) -> None:
        at = terminal.line(1).index("Configuration")
        await terminal.click(at + 2, 1)
        await terminal.until_shown("dataset.ds_name")
        await terminal.click(4, 4)
        await terminal.until_shown("Settings of train_flow")
        await terminal.until_shown("model.window")
        row = next(
            n for n, line in enumerate(terminal.text().split("\n")) if "model.window" in line
        )
        await terminal.click(40, row)
        assert dict(terminal.app.view.yanks())["key"] == "model.window"

    use(workspace, scenario)
