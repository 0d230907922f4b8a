from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.line_editor import LineEditor
from tui.paint import text_of, width_of


def typed(editor: LineEditor, *keys: str) -> LineEditor:
    for key in keys:
        editor.key(key, key if len(key) == 1 else None)
    return editor


def test_typing_moving_and_deleting() -> None:
    editor = typed(LineEditor(), *"hallo", "left", "left", "left", "backspace", "e", "end", "!")

    assert editor.text == "hello!"
    assert typed(editor, "home", "delete").text == "ello!"
    assert typed(editor, "end", "ctrl+u").text == ""


def test_words_and_rests_are_cut() -> None:
    editor = LineEditor("one two  three ")

    assert typed(editor, "ctrl+w").text == "one two  "
    assert typed(editor, "ctrl+w").text == "one "
    assert typed(LineEditor("abc"), "home", "ctrl+k").text == ""


def test_history_brings_back_what_was_being_typed() -> None:
    editor = typed(LineEditor(history=["first", "second"]), *"thi")

    assert typed(editor, "up").text == "second"
    assert typed(editor, "up", "up").text == "first"
    assert typed(editor, "down", "down").text == "thi"


def test_completion_goes_round() -> None:
    editor = LineEditor("m", complete=lambda text: ["models", "mark"])

    assert typed(editor, "tab").text == "models"
    assert typed(editor, "tab").text == "mark"
    assert typed(editor, "tab").text == "models"


def test_pasted_lines_become_one() -> None:
    editor = LineEditor()

    editor.insert("1\n2\t3\r\n")

    assert editor.text == "1 2 3"


@given(st.text(max_size=60), st.integers(1, 30), st.integers(0, 60))
def test_the_line_has_its_width_whatever_is_typed(text: str, width: int, cursor: int) -> None:
    editor = LineEditor(text)
    editor.cursor = min(cursor, len(text))

    assert width_of(editor.line(width)) == width


def test_the_cursor_is_always_seen() -> None:
    editor = LineEditor("x" * 100 + "end")

    assert text_of(editor.line(10)).rstrip().endswith("end")
