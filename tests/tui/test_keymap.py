from __future__ import annotations

from pathlib import Path

import pytest

from tui.actions import ACTIONS, BY_ID, SCREENS, possible_on
from tui.keymap import FILE, _conflicts, default_keymap, key_of, load_keymap


def write(folder: Path, text: str) -> Path:
    (folder / FILE).write_text(text, encoding="utf-8")
    return folder


def test_the_table_names_each_action_once_and_has_no_conflict() -> None:
    assert len(BY_ID) == len(ACTIONS)
    assert _conflicts({action.id: action.keys for action in ACTIONS}, Path("table")) == []


def test_a_screen_gives_its_own_meaning_to_a_key() -> None:
    keymap = default_keymap()

    assert keymap.action("models", "p") is BY_ID["promote"]
    assert keymap.action("predict", "p") is BY_ID["paste"]
    assert keymap.action("runs", "p") is None


def test_a_sequence_tells_what_may_follow() -> None:
    following = dict(default_keymap().goes_on("runs", "g"))

    assert following["g"] is BY_ID["top"]
    assert following["f"] is BY_ID["show-flows"]
    assert default_keymap().goes_on("runs", "j") == []


@pytest.mark.parametrize("screen", SCREENS)
def test_paging_and_moving_never_destroy(screen: str) -> None:
    keymap = default_keymap()

    for key in ("ctrl+d", "ctrl+u", "j", "k", "h", "l", "G", "enter", "escape"):
        action = keymap.action(screen, key)
        assert action is not None and not action.changes, (screen, key)


def test_every_action_that_changes_something_says_the_command() -> None:
    for action in ACTIONS:
        if action.changes and action.id != "undo":
            assert action.command, action.id


def test_the_file_of_the_user_changes_keys(tmp_path: Path) -> None:
    keymap = load_keymap(write(tmp_path, "cancel: ctrl+x\nbottom: [G, end, g e]\nkill: []\n"))

    assert keymap.problems == []
    assert keymap.action("runs", "ctrl+x") is BY_ID["cancel"]
    assert keymap.action("runs", "x") is None
    assert keymap.action("runs", "g e") is BY_ID["bottom"]
    assert keymap.keys["kill"] == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cancle: x", "no action 'cancle'; did you mean \"cancel\"?"),
        ("cancel: {a: b}", "cancel: a key or a list of keys is expected"),
        ("cancel: [1.5]", "a key or a list of keys"),
        ("- a\n- b", "lines of `action: key` are expected"),
        ("cancel: [x", f"{FILE}:1: "),
        ("cancel: D", '"D" means both cancel and delete'),
        ("palette: g", '"g" hides "g g"'),
    ],
)
def test_a_mistake_in_the_file_is_told_and_the_rest_holds(
    tmp_path: Path, text: str, said: str
) -> None:
    keymap = load_keymap(write(tmp_path, text))

    assert any(said in problem for problem in keymap.problems), keymap.problems
    assert keymap.action("runs", "j") is BY_ID["down"]


def test_garbage_for_a_file_is_no_end(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"\xff\xfe\x00")

    assert load_keymap(tmp_path).problems
    (tmp_path / FILE).write_text("[" * 5000)
    assert load_keymap(tmp_path).problems


def test_a_hangul_keyboard_means_the_letters_on_its_keys() -> None:
    assert key_of("ㅓ", "ㅓ") == "j"
    assert key_of("ㅃ", "ㅃ") == "Q"
    assert key_of("question_mark", "?") == "?"
    assert key_of("space", " ") == "space"
    assert key_of("ctrl+d", None) == "ctrl+d"


def test_every_screen_can_be_left_for_every_other() -> None:
    for screen in SCREENS:
        ids = {action.id for action in possible_on(screen)}
        assert {f"show-{name}" for name in SCREENS} <= ids
