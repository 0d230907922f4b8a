from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import StorageError
from engine.workspace import Workspace


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MLOPS_WORKSPACE", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)


OWN_FOLDER = f"mlops-tui-{os.getuid()}"


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the user's own folder for sockets is made: as near to the root as /tmp is."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr("engine.workspace._SHORT_ROOT", Path(folder))
        yield Path(folder)


def deep(folder: Path, name: str = "x" * 100) -> Workspace:
    """A workspace whose path is too long for a socket in it."""
    return Workspace(folder / name / "ws")


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
        "backtests",
        "prefect",
        "predictor",
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


def test_what_belongs_to_the_engine_lies_in_the_workspace(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)

    assert workspace.database == tmp_path / "engine.db"
    assert workspace.secrets == tmp_path / "secrets.env"
    assert workspace.engine_lock == tmp_path / "engine.lock"
    assert workspace.engine_log == tmp_path / "engine.log"
    assert workspace.run_folder("a1") == tmp_path / "runs" / "a1"


def test_the_socket_lies_in_the_workspace_as_long_as_its_path_is_short_enough() -> None:
    longest = Path("/" + "x" * (107 - len("//engine.sock")))

    assert Workspace(Path("/srv/ws")).socket == Path("/srv/ws/engine.sock")
    assert Workspace(longest).socket == longest / "engine.sock"


@pytest.mark.parametrize(
    "name", ["x" * 95, "x" * 200, "재고" * 16], ids=["by one byte", "by far", "in bytes only"]
)
def test_the_socket_of_a_deep_workspace_has_a_short_path_in_a_private_folder(
    runtime: Path, name: str
) -> None:
    path = Workspace(Path("/") / name).socket

    assert len(os.fsencode(path)) <= 107
    assert path.parent == runtime / OWN_FOLDER
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_one_can_listen_at_the_socket_of_a_deep_workspace(runtime: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(deep(runtime).socket))


def test_each_workspace_has_a_socket_of_its_own_and_always_the_same(
    runtime: Path, tmp_path: Path
) -> None:
    first, second = deep(tmp_path, "a" * 150), deep(tmp_path, "b" * 150)

    assert first.socket != second.socket
    assert first.socket == deep(tmp_path, "a" * 150).socket


def test_two_ways_to_the_same_deep_workspace_lead_to_the_same_socket(
    runtime: Path, tmp_path: Path
) -> None:
    workspace = deep(tmp_path).create()
    other_name = "y" * 150
    (tmp_path / other_name).symlink_to(workspace.root.parent)

    assert deep(tmp_path, other_name).socket == workspace.socket


def test_a_short_way_to_a_deep_workspace_leads_to_the_same_socket(
    runtime: Path, tmp_path: Path
) -> None:
    workspace = deep(tmp_path).create()
    (tmp_path / "short").symlink_to(workspace.root)

    found = Workspace(tmp_path / "short").socket

    assert found.resolve() == workspace.socket.resolve()


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701, 0o777])
def test_a_folder_for_sockets_that_others_can_use_is_refused(runtime: Path, mode: int) -> None:
    folder = runtime / OWN_FOLDER
    folder.mkdir()
    folder.chmod(mode)

    with pytest.raises(StorageError, match="is not a folder of yours alone") as caught:
        _ = deep(runtime).socket

    assert caught.value.where == str(folder)


def test_a_link_to_a_folder_elsewhere_is_refused(runtime: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (runtime / OWN_FOLDER).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StorageError, match="is not a folder of yours alone"):
        _ = deep(runtime).socket


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_refused(runtime: Path) -> None:
    (runtime / OWN_FOLDER).mkdir(mode=0o700)
    os.chown(runtime / OWN_FOLDER, 65534, 65534)

    with pytest.raises(StorageError, match="is not a folder of yours alone"):
        _ = deep(runtime).socket


def test_a_file_in_the_place_of_the_folder_for_sockets_is_an_error_that_names_it(
    runtime: Path,
) -> None:
    (runtime / OWN_FOLDER).touch()

    with pytest.raises(StorageError) as caught:
        _ = deep(runtime).socket

    assert caught.value.where == str(runtime / OWN_FOLDER)


def test_a_folder_for_sockets_that_cannot_be_made_is_no_bare_error_of_the_system(
    runtime: Path,
) -> None:
    workspace = deep(runtime)
    runtime.rmdir()

    with pytest.raises(StorageError) as caught:
        _ = workspace.socket

    assert str(runtime) in str(caught.value.where)
