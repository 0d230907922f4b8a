from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import tui
from tui import language
from tui.actions import ACTIONS
from tui.korean import texts
from tui.overlays.help import PURPOSES

ROOT = Path(tui.__file__).parent
KOREAN = re.compile("[가-힣]")
# What is written the same in both languages.
SAME = {"SVG", "JSON", "ID", "CPU", "MLflow"}


def used() -> dict[str, str]:
    """Every text that is handed to `tr` as it stands, with where."""
    found: dict[str, str] = {}
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "tr"
                and isinstance(node.args[0], ast.Constant)
            ):
                found[str(node.args[0].value)] = f"{path.name}:{node.lineno}"
    return found


def test_every_text_of_the_interface_is_there_in_korean() -> None:
    known = texts()
    wanted = used()
    wanted.update({action.title: action.id for action in ACTIONS})
    wanted.update({action.section: action.id for action in ACTIONS})
    wanted.update({purpose: screen for screen, purpose in PURPOSES.items()})

    missing = {text: where for text, where in wanted.items() if text not in known}
    assert not missing


def test_translations_keep_the_fields_and_are_korean() -> None:
    for english, korean in texts().items():
        fields = re.findall(r"{\w+}", english)
        assert sorted(fields) == sorted(re.findall(r"{\w+}", korean)), english
        assert KOREAN.search(korean) or korean in SAME or not re.sub(r"{\w+}|\W", "", english), (
            english
        )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LC_MESSAGES": "ko"}, "ko"),
        ({}, "en"),
    ],
)
def test_the_language_is_that_of_the_locale(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], expected: str
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in values.items():
        monkeypatch.setenv(name, value)

    assert language.from_environment() == expected
