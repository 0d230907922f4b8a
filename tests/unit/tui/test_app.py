from __future__ import annotations

import re

import pytest

from engine.cli.main import engine
from tui.app import main


def test_the_command_names_only_commands_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0

    named = re.findall(r"^  engine (\w+)", capsys.readouterr().out, flags=re.MULTILINE)
    assert named
    with engine.make_context("engine", ["runs"]) as context:
        assert set(named) <= set(engine.list_commands(context))
