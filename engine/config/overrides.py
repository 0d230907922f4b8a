"""Values of one run: `--set key=value` and the flags of the command line."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence

from engine.config.layers import Layer, Origin, Tree
from engine.config.names import HPARAMS, all_keys, unknown_key
from engine.config.problems import (
    MAX_SHOWN_CHARACTERS,
    ConfigProblemsError,
    Problem,
    printable,
)
from engine.config.reference import mappings
from engine.config.values import Section, without_passwords
from engine.config.yaml_scalars import MAX_NUMBER_CHARACTERS, ScalarError, resolve_plain
from engine.config.yaml_source import KeyPath, dotted, parse_yaml

MAX_CHARACTERS = 10_000
# A flag's number has no length cap of its own, and beyond a double's range it cannot be compared.
MAX_BITS = 128

FLAG_KEYS: dict[str, str] = {
    "data": "dataset.file_path",
    "model_type": "model.model_type",
    "window": "model.window",
    "horizon": "model.horizon",
    "epochs": "train.hparams.epochs",
    "seed": "train.seed",
    "threads": "train.threads",
    "dataset": "train.dataset",
    "folds": "evaluate.folds",
    "force": "deploy.force",
}
"""Flags with a name of their own; any other flag is given by its dotted key."""


def lay_overrides(tree: Tree, overrides: Sequence[str], root: type[Section]) -> list[Problem]:
    """Lay `key=value` texts over a tree, the last one strongest; return what is wrong."""
    problems: list[Problem] = []
    for text in overrides:
        where = f"--set {_short_text(text)}"
        try:
            key, value = _split(text, where)
        except ConfigProblemsError as error:
            problems.extend(error.problems)
            continue
        origin = Origin(Layer.SET, where, text=text.partition("=")[2])
        problems.extend(_lay(tree, key, value, origin, root))
    return problems


def lay_flags(tree: Tree, flags: Mapping[str, object], root: type[Section]) -> list[Problem]:
    """Lay flags over a tree; return what is wrong.

    Args:
        tree: Changed in place.
        flags: Name in FLAG_KEYS, or dotted key, to value; None = the flag was not given.
        root: The tree's model.
    """
    problems: list[Problem] = []
    for name, value in flags.items():
        if value is None:
            continue
        key = FLAG_KEYS.get(name, name)
        origin = Origin(Layer.FLAG, f"--{name.rpartition('.')[2].replace('_', '-')}")
        problems.extend(_lay(tree, key, _as_list(value), origin, root))
    return problems


def _as_list(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _lay(
    tree: Tree, key: str, value: object, origin: Origin, root: type[Section]
) -> Iterable[Problem]:
    path: KeyPath = tuple(key.split("."))
    hparams = tree.section(HPARAMS)
    # What may stand in a mapping is for others to say: the models, the driver of a storage.
    is_free = dotted(path[:-1]) in mappings(root)
    if key == "flow_module":
        what = "the flow is chosen by the command, not by a setting"
        return [Problem(what, origin.source, key)]
    if not is_free and key not in all_keys(root):
        return [unknown_key(path, origin.source, root, hparams)]
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        return [Problem("this number is too large", origin.source, key)]
    section = tree.get(path[:-1])
    if isinstance(section, dict):  # else a file put a value there, which is reported on its own
        tree.lay_over({str(path[-1]): value}, lambda _: origin, path[:-1])
    return []


def _short_text(text: str) -> str:
    safe = printable(without_passwords(text))
    return safe if len(safe) <= MAX_SHOWN_CHARACTERS else f"{safe[:MAX_SHOWN_CHARACTERS]}..."


def _split(text: str, where: str) -> tuple[str, object]:
    key, equals, value_text = text.partition("=")
    key = key.strip()
    if not equals or not key or not all(key.split(".")):
        raise _error("this is not key=value, such as train.seed=3", where)
    if len(text) > MAX_CHARACTERS:
        raise _error(f"longer than {MAX_CHARACTERS} characters", where)
    try:
        return key, _value(value_text.strip())
    except ScalarError as error:
        raise _error(str(error), where, key) from None
    except ConfigProblemsError as error:
        raise _error(error.problems[0].what, where, key) from None


def _value(text: str) -> object:
    """Read a value: JSON first, then what YAML would make of it."""
    try:
        return json.loads(
            text,
            parse_int=_short,
            parse_float=_finite,
            parse_constant=_finite,
            object_pairs_hook=_unique,
        )
    except json.JSONDecodeError:
        pass
    except RecursionError:
        raise ScalarError("nested too deeply") from None
    if text[:1] in ("[", "{", '"', "'"):
        # The space after the colon keeps the brackets of [a, b] in a value position.
        return parse_yaml(f"value: {text}".encode(), "--set").data["value"]
    return resolve_plain(text)


def _short(digits: str) -> int:
    if len(digits) > MAX_NUMBER_CHARACTERS:
        raise ScalarError(f"a number of {len(digits)} characters is too long")
    return int(digits)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ScalarError("infinity and NaN are not settings")
    return number


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    data = dict(pairs)
    if len(data) < len(pairs):
        raise ScalarError("a key stands twice")
    return data


def _error(what: str, where: str, key: str = "") -> ConfigProblemsError:
    return ConfigProblemsError([Problem(what, where, printable(key))])
