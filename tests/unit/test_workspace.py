from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import StorageError
from engine.workspace import Workspace


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MLOPS_WORKSPACE", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)


@pytest.mark.parametrize(
    ("option", "variable", "data_home", "expected"),
    [
        ("/option", "/variable", "/xdg", "/option"),
        (None, "/variable", "/xdg", "/variable"),
        (None, "", "/xdg", "/xdg/mlops-tui"),
        (None, None, "/xdg", "/xdg/mlops-tui"),
    ],
)
def test_the_option_wins_over_the_variable_and_that_over_the_xdg_folder(
    monkeypatch: pytest.MonkeyPatch,
    option: str | None,
    variable: str | None,
    data_home: str,
    expected: str,
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", data_home)
    if variable is not None:
        monkeypatch.setenv("MLOPS_WORKSPACE", variable)

    assert Workspace.locate(option).root == Path(expected)


@pytest.mark.parametrize("data_home", [None, ""])
def test_without_any_of_them_it_lies_in_the_home_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data_home: str | None
) -> None:
    if data_home is not None:
        monkeypatch.setenv("XDG_DATA_HOME", data_home)

    assert Workspace.locate().root == tmp_path / "home" / ".local" / "share" / "mlops-tui"


def test_a_relative_folder_is_meant_from_where_one_stands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)

    assert Workspace.locate("ws").root == tmp_path / "ws"
    assert Workspace.locate("~/ws").root == tmp_path / "home" / "ws"


def test_all_folders_are_for_their_owner_alone(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "deep" / "ws").create()

    folders = [workspace.root, *(path for path in workspace.root.iterdir() if path.is_dir())]
    assert {path.name for path in folders[1:]} == {
        "configs",
        "data",
        "datasets",
        "central_storage",
        "runs",
        "prefect",
    }
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}


def test_creating_it_again_changes_nothing(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path).create()
    (workspace.configs / "engine.yaml").write_text("timezone: UTC\n")

    workspace.create()

    assert (workspace.configs / "engine.yaml").read_text() == "timezone: UTC\n"


@pytest.mark.parametrize("taken", ["ws", "ws/runs"])
def test_a_file_in_the_place_of_a_folder_is_an_error_that_names_it_and_the_way_out(
    tmp_path: Path, taken: str
) -> None:
    (tmp_path / taken).parent.mkdir(exist_ok=True)
    (tmp_path / taken).touch()

    with pytest.raises(StorageError) as caught:
        Workspace(tmp_path / "ws").create()

    assert caught.value.where == str(tmp_path / taken)
    assert "--workspace" in str(caught.value.fix)


def test_a_file_system_that_refuses_is_an_error_that_names_the_folder() -> None:
    # Not even root can make a folder there.
    with pytest.raises(StorageError, match=r"^/proc/ws: the workspace cannot be written"):
        Workspace(Path("/proc/ws")).create()
