from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import ConfigError
from engine.secrets_file import expand, read_secrets, values_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "secrets.env"


def write(path: Path, content: str | bytes, mode: int = 0o600) -> None:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)


def test_no_file_means_no_secrets(path: Path) -> None:
    assert read_secrets(path) == {}


@pytest.mark.parametrize("content", ["", "\n\n", "# a remark\n\n  # and another\n"])
def test_an_empty_file_means_no_secrets(path: Path, content: str) -> None:
    write(path, content)

    assert read_secrets(path) == {}


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("NAME=hunter2", "hunter2"),
        ("  NAME = hunter2  ", "hunter2"),
        ("NAME=", ""),
        ("NAME=a=b==", "a=b=="),
        ("NAME=two words # no remark", "two words # no remark"),
        ("NAME='hunter2'", "hunter2"),
        ('NAME=" with space "', " with space "),
        ('NAME="it\'s"', "it's"),
        ("NAME='half", "'half"),
        ("NAME='other\"", "'other\""),
        ("NAME='", "'"),
        ("NAME=''", ""),
        ("NAME=암호", "암호"),
        ("NAME=$HOME\\n${X}", "$HOME\\n${X}"),
    ],
)
def test_a_value_is_what_stands_behind_the_first_equals_sign(
    path: Path, line: str, value: str
) -> None:
    write(path, f"{line}\n")

    assert read_secrets(path) == {"NAME": value}


def test_every_line_is_read_and_the_last_of_a_name_counts(path: Path) -> None:
    write(path, "# for the warehouse\nA=1\r\n_b2=2\n\nA=3")

    assert read_secrets(path) == {"A": "3", "_b2": "2"}


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_file_for_its_owner_alone_is_read(path: Path, mode: int) -> None:
    write(path, "A=1\n", mode)

    assert read_secrets(path) == {"A": "1"}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o644, 0o666])
def test_a_file_that_others_may_use_is_refused_with_the_way_out(path: Path, mode: int) -> None:
    write(path, "A=hunter2\n", mode)

    with pytest.raises(ConfigError, match="others may read it") as caught:
        read_secrets(path)

    assert caught.value.where == str(path)
    assert caught.value.fix == f"chmod 600 {path}"


@pytest.mark.parametrize(
    "line",
    [
        "hunter2",
        "=hunter2",
        "A B=hunter2",
        "1A=hunter2",
        "A-B=hunter2",
        "export A=hunter2",
        "이름=hunter2",
        "A: hunter2",
        "A\0=hunter2",
        "A=hunter2\0",  # no environment can hold it
    ],
)
def test_a_line_that_cannot_be_used_is_named_and_not_shown(path: Path, line: str) -> None:
    write(path, f"# a remark\nA=1\n{line}\n")

    with pytest.raises(ConfigError) as caught:
        read_secrets(path)

    assert caught.value.where == f"{path}:3"
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_not_utf8_is_refused_and_not_shown(path: Path) -> None:
    write(path, b"A=hunter2\xff\n")

    with pytest.raises(ConfigError, match="cannot be read") as caught:
        read_secrets(path)

    assert caught.value.where == str(path)
    assert "hunter2" not in str(caught.value)


def test_a_folder_in_its_place_is_an_error_that_names_it(path: Path) -> None:
    path.mkdir()

    with pytest.raises(ConfigError, match="cannot be read") as caught:
        read_secrets(path)

    assert caught.value.where == str(path)


@pytest.mark.parametrize(
    ("address", "expanded"),
    [
        ("${HOOK}", "https://chat.example/x"),
        ("https://chat.example/${TOKEN}/${TOKEN}", "https://chat.example/t0ken/t0ken"),
        ("mailto://me:${TOKEN}@example.com", "mailto://me:t0ken@example.com"),
        ("https://chat.example/$TOKEN/{TOKEN}", "https://chat.example/$TOKEN/{TOKEN}"),
        # What a value holds is not looked at again.
        ("https://chat.example/${NESTED}", "https://chat.example/${TOKEN}"),
    ],
)
def test_names_in_an_address_are_replaced_by_their_secrets(address: str, expanded: str) -> None:
    secrets = {"HOOK": "https://chat.example/x", "TOKEN": "t0ken", "NESTED": "${TOKEN}"}

    assert expand(address, secrets) == expanded


def test_a_secret_of_the_workspace_counts_more_than_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOOK", "of the environment")
    monkeypatch.setenv("OTHER", "of the environment")

    assert values_of("${HOOK}, ${OTHER}", {"HOOK": "of the workspace"}) == {
        "HOOK": "of the workspace",
        "OTHER": "of the environment",
    }


def test_a_name_that_stands_for_nothing_is_an_error_that_says_where_to_write_it() -> None:
    with pytest.raises(ConfigError, match=r"\$\{NO_SUCH_HOOK\} stands for nothing.*secrets\.env"):
        values_of("https://chat.example/${NO_SUCH_HOOK}", {"HOOK": "x"})
