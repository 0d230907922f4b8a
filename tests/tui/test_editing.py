"""Which editor is run, and drafts as files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from engine.config.files import all_files
from engine.errors import ConfigError, ConflictError, NotFoundError
from tui.data import drafts
from tui.data.editor import editor_command
from tui.data.settings import OWNERS, value_text

NAME = "train_flow_config.yaml"


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder of programs that do nothing."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("vi", "nano", "code", "my editor"):
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    return folder


def test_the_editor_is_the_users_with_its_arguments(tools: Path) -> None:
    path = {"PATH": str(tools)}
    file = Path("/w/a b.yaml")

    def chosen(**variables: str) -> list[str]:
        return editor_command(path | variables, file, 7)

    assert chosen(VISUAL="code --wait", EDITOR="vi") == ["code", "--wait", str(file)]
    assert chosen(VISUAL=" ", EDITOR="vi -R") == ["vi", "-R", "+7", str(file)]
    assert chosen(EDITOR="'my editor'") == ["my editor", str(file)]
    assert chosen() == [str(tools / "nano"), "+7", str(file)]
    (tools / "nano").unlink()
    assert chosen()[0] == str(tools / "vi")


def test_an_editor_that_is_not_there_is_said(tools: Path) -> None:
    with pytest.raises(NotFoundError, match="EDITOR"):
        editor_command({"PATH": str(tools), "EDITOR": "emacs"}, Path("x"))
    with pytest.raises(ConfigError, match="EDITOR"):
        editor_command({"PATH": str(tools), "EDITOR": "vi '"}, Path("x"))
    with pytest.raises(NotFoundError, match="no nano and no vi"):
        editor_command({"PATH": str(tools / "empty")}, Path("x"))


@pytest.mark.parametrize("value", ["a: b # c", None, 3, 0.5, [1, "x"], True, "${NAME}"])
def test_a_new_file_holds_one_setting_at_its_value(value: object) -> None:
    found = yaml.safe_load(drafts.template("train_flow", "train.hparams.loss", value))

    assert found == {"flow_module": "train_flow", "train": {"hparams": {"loss": value}}}


def test_settings_belong_in_the_file_of_their_section() -> None:
    assert drafts.owner_of("train_flow", "dataset.url") == "data_flow"
    assert drafts.owner_of("full_flow", "dataset.url") == "full_flow"
    assert drafts.owner_of("engine", "queue.max_concurrent") == "engine"
    assert drafts.file_of("engine") == "engine.yaml"
    assert drafts.owner_of("image_train_flow", "dataset.height") == "image_data_flow"
    assert drafts.owner_of("image_full_flow", "dataset.height") == "image_full_flow"
    assert [drafts.file_of(owner) for owner in OWNERS] == all_files()


def test_a_draft_keeps_the_rights_and_the_link_of_its_file(tmp_path: Path) -> None:
    configs, elsewhere = tmp_path / "configs", tmp_path / "dotfiles.yaml"
    configs.mkdir()
    elsewhere.write_text("a: 1\n")
    elsewhere.chmod(0o640)
    (configs / NAME).symlink_to(elsewhere)

    draft = drafts.begin(configs, NAME, b"")
    draft.path.write_text("a: 2\n")
    before = drafts.publish(draft)

    assert before == b"a: 1\n"
    assert (configs / NAME).is_symlink()
    assert elsewhere.read_text() == "a: 2\n"
    assert elsewhere.stat().st_mode & 0o777 == 0o640
    drafts.put_back(draft.target, before, b"a: 2\n")
    assert elsewhere.read_text() == "a: 1\n"


def test_a_file_that_appeared_or_changed_is_left_alone(tmp_path: Path) -> None:
    draft = drafts.begin(tmp_path, NAME, b"new: 1\n")
    (tmp_path / NAME).write_text("theirs: 1\n")

    with pytest.raises(ConflictError, match="somebody else"):
        drafts.publish(draft)
    with pytest.raises(ConflictError, match="changed since"):
        drafts.put_back(tmp_path / NAME, None, b"new: 1\n")

    assert (tmp_path / NAME).read_text() == "theirs: 1\n"
    assert draft.path.read_bytes() == b"new: 1\n"


def test_drafts_of_terminals_that_live_are_not_touched(tmp_path: Path) -> None:
    other = tmp_path / f".draft-{os.getppid()}-new-{NAME}"
    other.write_text("")
    (tmp_path / ".draft-notes").write_text("")
    editing = drafts.begin(tmp_path, NAME, b"")

    assert drafts.leftovers(tmp_path, editing) == []
    drafts.sweep(tmp_path, now=4e9, editing=editing)
    assert other.exists()
    assert editing.path.exists()
    assert [draft.path for draft in drafts.leftovers(tmp_path)] == [editing.path]


def test_values_are_shown_without_secrets() -> None:
    assert value_text(None) == "null"
    assert value_text("") == '""'
    assert value_text([1, True]) == "[1, true]"
    assert value_text("postgresql://me:hush@db/x") == "postgresql://me:***@db/x"
    assert value_text({"key": "hush", "region": "x"}) == '{"key": "***", "region": "x"}'
    assert value_text("hush", secret=True) == "***"
    assert value_text("${HUSH}", secret=True) == "${HUSH}"
    assert value_text(["https://a.example/hush?x"], secret=True) == '["https://a.example/***"]'
    assert value_text("https://minio:9000", secret=True) == "https://minio:9000"
