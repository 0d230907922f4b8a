"""The control center as its user has it: in a terminal, over an engine that outlives it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.store import AliasRegistry
from tests.e2e.harness import Engine
from tests.e2e.tmux import Tmux

TERMINAL = Path(sys.executable).parent / "mlops-tui"
DATA = """flow_module: data_flow
dataset: {{file_path: {sample}, date_col: date, target_col: sales, series_col: product}}
"""
TRAIN = """flow_module: train_flow
model: {model_type: LSTM}
train: {hparams: {epochs: 40, patience: 40}}
"""
GATE = """flow_module: deploy_flow
deploy: {gate: {max_ratio_to_naive: 100, max_ratio_to_champion: 100, max_abs_bias: 100}}
"""

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]


@pytest.fixture
def configured(own_engine: Engine) -> Iterator[Engine]:
    """An engine whose configuration says where the data are: a form needs no more."""
    files = {
        "data_flow_config.yaml": DATA.format(sample=own_engine.sample),
        "train_flow_config.yaml": TRAIN,
        "deploy_flow_config.yaml": GATE,
    }
    for name, text in files.items():
        (own_engine.workspace.configs / name).write_text(text)
    yield own_engine
    for name in files:
        (own_engine.workspace.configs / name).unlink()


@contextmanager
def terminal(engine: Engine, size: tuple[int, int] = (120, 40)) -> Iterator[Tmux]:
    environment = {"MLOPS_WORKSPACE": str(engine.workspace.root), "LANG": "C.UTF-8"}
    command = [str(TERMINAL), "--theme", "dark", "--language", "en"]
    with Tmux(f"test-{os.getpid()}", command, environment, size) as window:
        yield window


def champion(engine: Engine) -> str | None:
    return AliasRegistry(engine.workspace.central_storage).read().champion


def test_a_run_outlives_the_terminal_and_its_model_is_deployed_rolled_back_and_back_again(
    configured: Engine,
) -> None:
    first = configured.json("run", "full_flow", "--model-type=SeasonalNaive")["outputs"]["version"]
    before = configured.run_ids()
    with terminal(configured) as window:
        window.wait_for("● ready")
        window.press("r")
        window.wait_for("Run a flow", "engine run full_flow")
        window.press("5")
        window.wait_for("engine run full_flow", "model type", "LSTM")
        window.press("C-l")
        window.wait_until(lambda: bool(configured.run_ids() - before), "for the launch")
        (run_id,) = configured.run_ids() - before
        window.wait_for(run_id[:8], "train_model")
        assert configured.table.get(run_id).state == "RUNNING"
        os.kill(window.pid, signal.SIGKILL)
        window.wait_until(lambda: window.has_ended)
    assert configured.table.get(run_id).state == "RUNNING"
    with terminal(configured) as window:
        window.wait_for("● ")
        window.press("2")
        window.wait_for(run_id[:8])
        assert configured.wait_closed(run_id).state == "COMPLETED"
        window.wait_for("✓ done")
        window.press("6")
        second = champion(configured)
        assert second is not None and second != first
        window.wait_for(first[:20], second[:12], "champion")
        window.press("B")
        window.wait_for("engine models rollback")
        window.press("y")
        window.wait_until(lambda: champion(configured) == first, "for the rollback")
        window.wait_for("engine models rollback")
        window.press("u")
        window.wait_until(lambda: champion(configured) == second, "for the undo")
        window.press("q")
        window.wait_until(lambda: window.has_ended)
    assert configured.run("status").returncode == 0


def test_a_hang_up_ends_the_terminal_and_nothing_else(own_engine: Engine) -> None:
    pid = int(own_engine.json("status")["pid"])
    with terminal(own_engine, (80, 24)) as window:
        window.wait_for("ready")
        os.kill(window.pid, signal.SIGHUP)
        window.wait_until(lambda: window.has_ended)
    assert own_engine.json("status")["pid"] == pid


def test_a_terminal_that_shows_no_screens_gets_text(own_engine: Engine) -> None:
    environment = own_engine.environment | {"TERM": "dumb"}

    piped = subprocess.run(
        [str(TERMINAL)], env=environment, capture_output=True, text=True, check=False
    )

    assert (piped.returncode, piped.stderr) == (0, "")
    assert "engine: process" in piped.stdout
    assert "\x1b" not in piped.stdout
