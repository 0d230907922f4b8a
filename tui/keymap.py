"""Which keys mean which action: the table's own, changed by the user's keymap file.

The file is `keymap.yaml` in the workspace's `configs` folder:

    cancel: ctrl+x            # one key
    bottom: [G, end]          # several
    top: g g                  # one after the other
    kill: []                  # none
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import combinations
from pathlib import Path

from tui.actions import ACTIONS, BY_ID, SCREENS, Action

FILE = "keymap.yaml"
_LARGEST_FILE = 100_000

# What Textual calls keys that print a character of their own.
_HANGUL = "ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔㅁㄴㅇㄹㅎㅗㅓㅏㅣㅋㅌㅊㅍㅠㅜㅡㅃㅉㄸㄲㅆㅒㅖ"
_LATIN = "qwertyuiopasdfghjklzxcvbnmQWERTOP"
_FROM_HANGUL = dict(zip(_HANGUL, _LATIN, strict=True))


@dataclass
class Keymap:
    """Key sequences of actions.

    Attributes:
        keys: The sequences of each action, by its id.
        problems: What is wrong with the user's file, as sentences.
    """

    keys: dict[str, tuple[str, ...]]
    problems: list[str] = field(default_factory=list)
    _by_screen: dict[str, dict[str, Action]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for screen in SCREENS:
            # Those of a screen come before those of everywhere.
            ordered = sorted(ACTIONS, key=lambda action: bool(action.screens))
            self._by_screen[screen] = {
                sequence: action
                for action in ordered
                if action.is_possible_on(screen)
                for sequence in self.keys[action.id]
            }

    def action(self, screen: str, sequence: str) -> Action | None:
        """What a whole sequence means on a screen."""
        return self._by_screen[screen].get(sequence)

    def goes_on(self, screen: str, sequence: str) -> list[tuple[str, Action]]:
        """What a sequence may still become: the next key, and what it would mean."""
        start = sequence + " "
        return [
            (keys[len(start) :].split(" ")[0], action)
            for keys, action in self._by_screen[screen].items()
            if keys.startswith(start)
        ]

    def first(self, action_id: str) -> str:
        """The first sequence of an action, "" if it has none."""
        keys = self.keys[action_id]
        return keys[0] if keys else ""


def key_of(key: str, character: str | None) -> str:
    """One name for a key press: the character where it prints one, else Textual's name.

    On a Korean keyboard in Hangul mode the letter on the same key is meant.
    """
    if key == "space":
        return "space"
    if character is not None and character.isprintable():
        return _FROM_HANGUL.get(character, character)
    return key


def default_keymap() -> Keymap:
    """The keys of the table."""
    return Keymap({action.id: action.keys for action in ACTIONS})


def load_keymap(configs: Path) -> Keymap:
    """The user's keymap; what is wrong in the file is left out and told in `problems`."""
    path = configs / FILE
    keys = {action.id: action.keys for action in ACTIONS}
    try:
        if not path.exists():
            return Keymap(keys)
        if path.stat().st_size > _LARGEST_FILE:
            return Keymap(keys, [f"{path}: too large for a keymap"])
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return Keymap(keys, [f"{path}: {error}"])
    import yaml

    try:
        given = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        return Keymap(keys, [f"{where}: {getattr(error, 'problem', None) or error}"])
    if given is None:
        return Keymap(keys)
    if not isinstance(given, dict):
        return Keymap(keys, [f"{path}: lines of `action: key` are expected"])
    problems = _take_over(keys, given, path)
    return Keymap(keys, problems + _conflicts(keys, path))


def _take_over(
    keys: dict[str, tuple[str, ...]], given: Mapping[object, object], path: Path
) -> list[str]:
    problems = []
    for name, value in given.items():
        if name not in BY_ID:
            near = get_close_matches(str(name), BY_ID, n=1)
            meant = f'; did you mean "{near[0]}"?' if near else ""
            problems.append(f"{path}: there is no action {str(name)!r}{meant}")
            continue
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(one, str | int) and str(one).strip() for one in values):
            problems.append(f"{path}: {name}: a key or a list of keys is expected")
            continue
        keys[str(name)] = tuple(" ".join(str(one).split()) for one in values)
    return problems


def _conflicts(keys: Mapping[str, Iterable[str]], path: Path) -> list[str]:
    """Sequences that mean two actions of one screen, or begin another one."""
    problems = []
    for screen in SCREENS:
        here = [
            (sequence, action)
            for action in ACTIONS
            if action.is_possible_on(screen)
            for sequence in keys[action.id]
        ]
        for (one, first), (two, second) in combinations(here, 2):
            if first.id == second.id:
                continue
            if one == two and bool(first.screens) == bool(second.screens):
                problems.append(f'{path}: "{one}" means both {first.id} and {second.id}')
            elif two.startswith(one + " ") or one.startswith(two + " "):
                short, long = sorted((one, two), key=len)
                problems.append(f'{path}: "{short}" hides "{long}"')
    return list(dict.fromkeys(problems))
