"""The line that something is typed into."""

from __future__ import annotations

from tui.prompt import Prompt


def seen(prompt: Prompt, width: int = 80) -> str:
    return "".join(text for text, _ in prompt.line(width))


def test_a_label_in_words_stands_apart_from_what_is_typed() -> None:
    prompt = Prompt("Days ahead", lambda text: "", text="14")

    assert seen(prompt).startswith(" Days ahead 14")


def test_a_sign_and_what_is_typed_stand_together() -> None:
    assert seen(Prompt("/", lambda text: "", text="item")).startswith(" /item")


def test_what_is_allowed_is_told_until_something_is_typed() -> None:
    prompt = Prompt("On hand", lambda text: "", text="-", hint="- as in the data")

    assert "- as in the data" in seen(prompt)
    prompt.key("5", "5")
    assert "as in the data" not in seen(prompt)
    prompt.key("ctrl+u", None)
    assert "- as in the data" in seen(prompt)
