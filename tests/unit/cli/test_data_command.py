from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from engine.config.loading import load_settings
from engine.data.sources import load_rows
from engine.workspace import Workspace
from tests.unit.cli.conftest import EngineCommand


@pytest.mark.parametrize("form", [[], ["--wide"]])
def test_the_sample_and_the_command_that_it_recommends_go_together(
    command: EngineCommand, workspace: Workspace, tmp_path: Path, form: list[str]
) -> None:
    path = tmp_path / "sample.csv"

    data = command(
        "data", "sample", "--output", path, "--series", "2", "--days", "60", "--json", *form
    ).json

    assert data["path"] == str(path)
    words = shlex.split(data["next"])
    assert words[:5] == ["engine", "run", "full_flow", "--data", str(path)]
    loaded = load_settings(
        "full_flow",
        workspace_configs=workspace.configs,
        overrides=[word for word in words if "=" in word],
        flags={"data": str(path)},
    )
    rows = load_rows(loaded.settings.dataset, root=workspace.root)
    assert len(rows.frame) == (60 if form else 120)


def test_without_an_output_it_lies_in_the_workspace(
    command: EngineCommand, workspace: Workspace
) -> None:
    answer = command("data", "sample", "--days", "60", "--series", "1")

    assert answer.code == 0
    assert answer.out.startswith(f"{workspace.data / 'sample.csv'}\ntrain on it: engine run ")
    assert (workspace.data / "sample.csv").exists()


def test_the_same_numbers_give_the_same_file(command: EngineCommand, tmp_path: Path) -> None:
    for name, seed in (("a", "7"), ("b", "7"), ("c", "8")):
        line = ["--series", "2", "--days", "60", "--seed", seed]
        command("data", "sample", "--output", tmp_path / name, *line)

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").read_bytes() != (tmp_path / "c").read_bytes()


@pytest.mark.parametrize(
    "options", [["--days", "59"], ["--series", "0"], ["--seed", "-1"], ["--days", "many"]]
)
def test_numbers_out_of_range_are_refused(command: EngineCommand, options: list[str]) -> None:
    assert command("data", "sample", *options).code == 2


def test_an_output_that_cannot_be_written_is_an_error_of_storage(command: EngineCommand) -> None:
    answer = command("data", "sample", "--days", "60", "--series", "1", "--output", "/proc/a.csv")

    assert answer.code == 7
    assert "/proc/a.csv" in answer.err
