from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.atomic import (
    publish_folder,
    sweep_unfinished,
    unfinished_folder,
    write_bytes,
    write_json,
)
from engine.errors import StorageError
from tests.unit.faults import disk_full_at_call

OLD, NEW = b"old content", b"new content, which is longer"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "state.json"
    path.write_bytes(OLD)
    return path


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_write_replaces_the_content_and_leaves_nothing_else(file: Path) -> None:
    write_bytes(file, NEW)

    assert file.read_bytes() == NEW
    assert names_in(file.parent) == [file.name]


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_the_file_gets_the_mode_that_was_asked_for(file: Path, mode: int) -> None:
    file.chmod(0o666)

    write_bytes(file, NEW, mode=mode)

    assert file.stat().st_mode & 0o777 == mode


def test_whichever_call_finds_the_disk_full_the_file_is_old_or_new_and_nothing_else_is_left(
    file: Path,
) -> None:
    failures = []
    for number in range(1, 50):
        file.write_bytes(OLD)
        with disk_full_at_call(number) as failed:
            try:
                write_bytes(file, NEW)
            except StorageError as error:
                assert str(file) in str(error)
                assert f"{len(NEW)} bytes" in str(error)
        # Only the sync of the folder comes after the rename.
        replaced = not failed or "replace" in failures
        assert file.read_bytes() == (NEW if replaced else OLD)
        assert names_in(file.parent) == [file.name]
        if not failed:
            break
        failures += failed

    assert {"open", "fsync", "chmod", "replace"} <= set(failures)


def test_a_disk_that_fills_up_half_way_leaves_the_old_content(file: Path) -> None:
    # In a process of its own: the limit holds for every file of a process, a test log included.
    code = (
        "import resource, signal, sys; from pathlib import Path; "
        "from engine.atomic import write_bytes; "
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); "
        "write_bytes(Path(sys.argv[1]), b'x' * 5000)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=False
    )

    assert "state.json: cannot be written (5000 bytes)" in done.stderr
    assert file.read_bytes() == OLD
    assert names_in(file.parent) == [file.name]


def test_ctrl_c_during_a_write_leaves_the_old_content(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(file, NEW)

    assert file.read_bytes() == OLD
    assert names_in(file.parent) == [file.name]


def test_a_folder_that_is_missing_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "state.json"

    with pytest.raises(StorageError, match=r"missing/state\.json: .*No such file or directory"):
        write_bytes(path, NEW)


def test_json_is_readable_and_keeps_every_character(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    value = {"재고": [1, 2.5, None], "not UTF-8": "\udcff.csv", "quote": '"\n'}

    write_json(path, value)

    assert json.loads(path.read_text(encoding="utf-8")) == value
    assert "재고" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"deep": [float("-inf")]}])
def test_json_with_a_number_that_is_not_finite_is_refused_before_anything_is_written(
    file: Path, value: object
) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(file, value)

    assert file.read_bytes() == OLD


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    folder = tmp_path / ".tmp-1"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.bin").write_bytes(NEW)
    return folder


def test_a_finished_folder_appears_under_its_name(finished: Path, tmp_path: Path) -> None:
    publish_folder(finished, tmp_path / "v1")

    assert (tmp_path / "v1" / "deep" / "a.bin").read_bytes() == NEW
    assert names_in(tmp_path) == ["v1"]


def test_the_second_of_two_equal_folders_gives_way(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1" / "first").touch()

    publish_folder(finished, tmp_path / "v1")

    assert names_in(tmp_path) == ["v1"]
    assert names_in(tmp_path / "v1") == ["first"]


def test_whichever_call_finds_the_disk_full_a_folder_is_published_whole_or_not_at_all(
    tmp_path: Path,
) -> None:
    failures = []
    for number in range(1, 50):
        temporary, final = tmp_path / f".tmp-{number}", tmp_path / f"v{number}"
        temporary.mkdir()
        (temporary / "a.bin").write_bytes(NEW)
        with disk_full_at_call(number) as failed:
            try:
                publish_folder(temporary, final)
            except StorageError as error:
                assert str(final) in str(error)
        renamed = not failed or "rename" in failures
        assert final.exists() == renamed
        assert temporary.exists() != renamed
        if not failed:
            break
        failures += failed

    assert {"open", "fsync", "rename"} <= set(failures)


def test_a_name_that_is_taken_by_a_file_is_an_error(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "v1").touch()

    with pytest.raises(StorageError, match="v1: cannot be written"):
        publish_folder(finished, tmp_path / "v1")


def make_old(folder: Path) -> Path:
    os.utime(folder, (1.0, 1.0))
    return folder


def test_a_folder_that_was_not_published_goes_at_the_end(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no"), unfinished_folder(tmp_path) as folder:
        (folder / "a.bin").write_bytes(NEW)
        raise RuntimeError("no")

    assert names_in(tmp_path) == []


def test_what_a_killed_writer_left_is_swept_and_what_a_living_one_fills_is_not(
    tmp_path: Path,
) -> None:
    code = (
        "import os, sys; from pathlib import Path; from engine.atomic import unfinished_folder; "
        "unfinished = unfinished_folder(Path(sys.argv[1])); folder = unfinished.__enter__(); "
        "(folder / 'a.bin').write_bytes(b'x'); print(folder, flush=True); os.kill(os.getpid(), 9)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    left = make_old(Path(done.stdout.strip()))
    (tmp_path / "v1").mkdir()
    make_old(tmp_path / "v1")
    young = tmp_path / ".tmp-young"
    young.mkdir()

    with unfinished_folder(tmp_path) as living:
        make_old(living)
        assert sweep_unfinished(tmp_path) == 1
        assert names_in(tmp_path) == sorted([living.name, young.name, "v1"])

    assert not left.exists()
    assert names_in(tmp_path) == [young.name, "v1"]


def test_a_link_to_another_folder_is_not_swept(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.bin").write_bytes(NEW)
    make_old(tmp_path / "elsewhere")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / ".tmp-link").symlink_to(tmp_path / "elsewhere")

    assert sweep_unfinished(tmp_path / "sub") == 0
    assert names_in(tmp_path / "elsewhere") == ["a.bin"]
