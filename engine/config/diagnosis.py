"""Validation errors, told in the words of the person who wrote the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from engine.config.layers import Tree
from engine.config.names import HPARAMS, unknown_key
from engine.config.problems import Problem, nearest, shown
from engine.config.reference import SettingDoc, describe_settings, section_docs
from engine.config.values import Section
from engine.config.yaml_source import KeyPath, dotted, kind_of

_OUT_OF_RANGE = {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}
_YAML_SWITCHES = {"yes", "no", "on", "off", "true", "false"}


def diagnose(
    error: ValidationError, tree: Tree, root: type[Section], *, conflicts: bool = True
) -> list[Problem]:
    """Turn validation errors into problems with their place, what is allowed and a guess.

    Args:
        error: What validating `tree.data` raised.
        tree: The data, with the origin of each value.
        root: The model that refused it.
        conflicts: Whether to tell of values that do not fit together; False when a file could
            not be read, as its values are missing then.
    """
    docs = {doc.key: doc for doc in describe_settings(root)}
    hparams = tree.section(HPARAMS)
    found: dict[KeyPath, Problem] = {}
    for details in error.errors(include_url=False, include_input=False):
        path = _written_path(details["loc"], tree, docs)
        setting = _setting_around(path, docs)
        # A union reports each of its members; one problem for each setting is enough.
        group = tuple(setting.key.split(".")) if setting else path
        if details["type"] == "settings_conflict":
            if conflicts:
                found[*path, "conflict"] = _conflict(path, details["ctx"], tree)
        elif details["type"] == "extra_forbidden":
            found[path] = unknown_key(path, tree.origin(path).where_key, root, hparams)
        elif setting is None:
            found[path] = _not_a_section(path, tree, root)
        elif group not in found:
            found[group] = _wrong_value(details["type"], path, details.get("ctx"), setting, tree)
    return list(found.values())


def _written_path(
    loc: tuple[int | str, ...], tree: Tree, docs: Mapping[str, SettingDoc]
) -> KeyPath:
    """Drop what the validator adds to a location: names of union members and of types."""
    path: KeyPath = ()
    for part in loc:
        if (*path, part) in tree.origins:
            path = (*path, part)
        elif _setting_around(path, docs) is None:
            return (*path, part)
    return path


def _setting_around(path: KeyPath, docs: Mapping[str, SettingDoc]) -> SettingDoc | None:
    for length in range(len(path), 0, -1):
        if found := docs.get(dotted(path[:length])):
            return found
    return None


def _conflict(path: KeyPath, context: Mapping[str, Any], tree: Tree) -> Problem:
    """Point at the value, of those that do not fit together, that was given most deliberately."""
    keys: Iterable[str] = context["keys"]
    paths = [(*path, *key.split(".")) for key in keys]
    blamed = max(paths, key=lambda candidate: tree.origin(candidate).layer)
    return Problem(context["what"], tree.origin(blamed).where_value, dotted(blamed))


def _not_a_section(path: KeyPath, tree: Tree, root: type[Section]) -> Problem:
    value = tree.get(path)
    inner = [
        key.rpartition(".")[2]
        for key in (*(doc.key for doc in describe_settings(root)), *section_docs(root))
        if key.rpartition(".")[0] == dotted(path)
    ]
    what = f"this is a section of `key: value` lines, not {kind_of(value)}"
    return Problem(what, tree.origin(path).where_value, dotted(path), ", ".join(inner))


def _wrong_value(
    kind: str,
    path: KeyPath,
    context: Mapping[str, Any] | None,
    setting: SettingDoc,
    tree: Tree,
) -> Problem:
    value, origin = tree.get(path), tree.origin(path)
    suggestion = ""
    if setting.is_secret and kind != "value_rejected":
        # Messages are kept and shown: what may be a secret is not repeated in them.
        what = f"{_expected(path, setting)} is expected, not what stands here"
    elif kind == "value_rejected" and context:
        what = str(context["what"])
        suggestion = nearest(str(value), context["candidates"])
    elif kind == "literal_error" and isinstance(value, str):
        what = f"{shown(value)} is not one of the choices"
        suggestion = nearest(value, setting.choices)
    elif kind in _OUT_OF_RANGE:
        what = f"{shown(value)} is out of range"
    elif kind.endswith("_type") or kind == "literal_error":
        what = f"{_expected(path, setting)} is expected, not {kind_of(value)}"
        what += _how_it_was_read(value, origin.text, setting)
    else:
        what = f"{shown(value)} is not accepted"
    allowed = "" if setting.type == "mapping" else setting.allowed
    return Problem(what, origin.where_value, dotted(path), allowed, suggestion)


def _expected(path: KeyPath, setting: SettingDoc) -> str:
    if setting.type == "mapping" and dotted(path) != setting.key:
        return "a number, a text or a switch"
    if setting.choices:
        return "one of the choices"
    words = "text" if isinstance(path[-1], int) else setting.type.removesuffix(" or null")
    return words if words in ("text", "true or false") else f"a {words}"


def _how_it_was_read(value: object, written: str | None, setting: SettingDoc) -> str:
    """Explain a value whose type surprises: `no` without quotes, a number in quotes."""
    takes_text = "text" in setting.type.split(" or ") or written in setting.choices
    if isinstance(value, bool) and written and written.lower() in _YAML_SWITCHES:
        return f'; {written} without quotes is a switch, write "{written}"' if takes_text else ""
    if isinstance(value, int | float) and written and takes_text:
        return f'; for text write "{written}"'
    if isinstance(value, str) and not takes_text and _is_number(value):
        return "; write it without quotes"
    return ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
