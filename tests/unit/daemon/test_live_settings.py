from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.config.engine_settings import EngineSettings
from engine.config.files import ENGINE_FILE
from engine.daemon.live_settings import LiveSettings
from engine.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ENGINE_FILE


def write(file: Path, max_concurrent: object) -> None:
    file.write_text(f"queue:\n  max_concurrent: {max_concurrent}\n")


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    settings = LiveSettings(tmp_path)

    assert settings() == EngineSettings()
    assert settings.problem == ""


def test_a_file_that_comes_changes_and_goes_is_noticed_each_time(file: Path) -> None:
    settings = LiveSettings(file.parent)
    default = settings().queue.max_concurrent

    write(file, 7)
    assert settings().queue.max_concurrent == 7
    write(file, 31)
    assert settings().queue.max_concurrent == 31
    file.unlink()
    assert settings().queue.max_concurrent == default
    write(file, 8)
    assert settings().queue.max_concurrent == 8


def test_a_file_that_is_replaced_by_one_of_the_same_size_and_time_is_noticed(file: Path) -> None:
    """As programs do that write a new file and rename it."""
    write(file, 7)
    status = file.stat()
    settings = LiveSettings(file.parent)

    new = file.with_suffix(".new")
    write(new, 8)
    os.utime(new, ns=(status.st_atime_ns, status.st_mtime_ns))
    new.replace(file)

    assert settings().queue.max_concurrent == 8


def test_a_file_that_has_not_changed_is_not_read_again(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(file, 7)
    settings = LiveSettings(file.parent)

    def never(**_: object) -> None:
        raise AssertionError("it was read")

    monkeypatch.setattr("engine.daemon.live_settings.load_engine_settings", never)
    assert settings() == settings()


def make_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda file: write(file, "many"), "max_concurrent"),
        (lambda file: write(file, 0), "max_concurrent"),
        (lambda file: file.write_text("queue:\n  max_concurent: 3\n"), "max_concurrent"),
        (lambda file: file.write_text("queue: ["), ENGINE_FILE),
        (lambda file: file.write_bytes(b"\xff\xfe\x00"), ENGINE_FILE),
        (make_folder, ENGINE_FILE),
    ],
    ids=["wrong type", "out of range", "unknown key", "no YAML", "no text", "no file"],
)
def test_a_file_that_becomes_invalid_changes_nothing_and_is_a_problem(
    file: Path, edit: object, says: str
) -> None:
    write(file, 7)
    settings = LiveSettings(file.parent)
    assert callable(edit)

    edit(file)

    for _ in range(2):
        assert settings().queue.max_concurrent == 7
        assert settings.problem.startswith("the settings of before still hold: ")
        assert says in settings.problem


def test_a_file_that_is_put_right_holds_again(file: Path) -> None:
    write(file, 7)
    settings = LiveSettings(file.parent)
    write(file, "many")
    settings()

    write(file, 9)

    assert settings().queue.max_concurrent == 9
    assert settings.problem == ""


def test_an_invalid_file_at_the_beginning_is_an_error(file: Path) -> None:
    write(file, "many")

    with pytest.raises(ConfigError, match="max_concurrent"):
        LiveSettings(file.parent)
