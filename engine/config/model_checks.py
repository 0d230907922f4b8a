"""Checks of model names and hyper-parameters against the models that are registered."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.config.layers import Layer, Tree
from engine.config.names import DROPPED, HPARAMS, PLUGINS, RENAMED, likely_key
from engine.config.problems import Problem, joined, nearest, printable, shown
from engine.config.reference import SettingDoc, kind_of, words_for
from engine.config.yaml_source import KeyPath, dotted
from models import registry
from models.data_types import DATA_TYPES, TIMESERIES
from models.errors import ModelProblem
from models.hyperparameters import Hyperparameters
from models.learner import Learner

MODEL_TYPE: KeyPath = ("model", "model_type")
_DATA_TYPE: KeyPath = ("data_type",)


def model_problems(tree: Tree, workspace: Path) -> list[Problem]:
    """Load the plugins, then check the model type and every hyper-parameter.

    Works on data that may not be valid otherwise, so all problems of a file appear at once.

    Args:
        tree: The merged settings.
        workspace: Folder that relative plugin paths start from.
    """
    problems = list(_load_plugins(tree, workspace))
    if problems:
        # Names that a broken plugin would have registered must not be called unknown.
        return problems
    return [*_model_type_problems(tree), *_hparam_problems(tree)]


def _load_plugins(tree: Tree, workspace: Path) -> Iterator[Problem]:
    plugins = tree.get(PLUGINS)
    if not isinstance(plugins, list):
        return
    for index, plugin in enumerate(plugins):
        if not isinstance(plugin, str):
            continue
        path = workspace / plugin
        where = tree.origin((*PLUGINS, index)).where_value
        if not path.is_file():
            what = f"there is no file {shown(plugin)} in {printable(str(workspace.resolve()))}"
            yield Problem(what, where, dotted(PLUGINS))
            continue
        try:
            registry.load_file(path)
        except ModelProblem as error:
            yield Problem(str(error), where, dotted(PLUGINS))


def _model_type_problems(tree: Tree) -> Iterator[Problem]:
    model_type, data_type = tree.get(MODEL_TYPE), _data_type(tree)
    names = registry.names(data_type)
    if not isinstance(model_type, str) or model_type in names:
        return
    what = f"there is no model {shown(model_type)}"
    others = registry.data_types_of(model_type)
    if others:
        what += f" of data_type {data_type}; it is one of data_type {others[0]}"
    yield Problem(
        what,
        tree.origin(MODEL_TYPE).where_value,
        dotted(MODEL_TYPE),
        joined(names),
        "" if others else nearest(model_type, _all_names(names)),
    )


def _all_names(first: Sequence[str]) -> list[str]:
    """Names of the models of every data type, so that `cnn` finds CNN."""
    return [*first, *(name for data_type in DATA_TYPES for name in registry.names(data_type))]


def _hparam_problems(tree: Tree) -> Iterator[Problem]:
    data_type = _data_type(tree)
    owners = _types_by_hparam(data_type, first=tree.get(MODEL_TYPE))
    for name, value in tree.section(HPARAMS).items():
        path = (*HPARAMS, name)
        origin = tree.origin(path)
        if name not in owners:
            yield _unknown_hparam(path, origin.where_key, owners)
            continue
        for model_type in owners[name]:
            if refusal := _refusal(registry.model_class(model_type, data_type), name, value):
                what = f"{refusal} (as {model_type} takes it)"
                yield Problem(what, origin.where_value, dotted(path))
                break


def _unknown_hparam(path: KeyPath, where: str, names: Collection[str]) -> Problem:
    name = str(path[-1])
    if reason := DROPPED.get(name):
        return Problem(reason, where, dotted(path))
    known = [dotted((*HPARAMS, other)) for other in names]
    renamed = RENAMED.get(name, "")
    suggestion = renamed if renamed in known else likely_key(path, known)
    what = "no model has a hyper-parameter of this name"
    return Problem(what, where, dotted(path), ", ".join(names), suggestion)


def _data_type(tree: Tree) -> str:
    """The data type of the settings; that of series where something else stands there."""
    said = tree.get(_DATA_TYPE)
    return said if isinstance(said, str) and said in DATA_TYPES else TIMESERIES


def _types_by_hparam(data_type: str, first: object) -> dict[str, list[str]]:
    """Map each hyper-parameter to the model types that have it, the chosen type first."""
    owners: dict[str, list[str]] = {}
    for model_type in sorted(registry.names(data_type), key=lambda name: name != first):
        for name in registry.model_class(model_type, data_type).Hyperparameters.names():
            owners.setdefault(name, []).append(model_type)
    return owners


def _refusal(cls: type[Learner], name: str, value: object) -> str:
    try:
        cls.Hyperparameters.parse({name: value})
    except ModelProblem as error:
        fix = f"; {error.fix.rstrip('.')}" if error.fix else ""
        return f"{error.what.removeprefix(f'hyperparameter {name!r} ')}{fix}"
    return ""


def unused_notes(tree: Tree) -> list[str]:
    """Say which hyper-parameters of this run the chosen model, which must exist, does not use."""
    model_type = str(tree.get(MODEL_TYPE))
    used = registry.used_hyperparameters(model_type, _data_type(tree))
    return [
        f"{model_type} does not use {name}"
        for name in tree.section(HPARAMS)
        if name not in used and tree.origin((*HPARAMS, name)).layer >= Layer.SET
    ]


def describe_hparams(
    first: str | None = None, data_type: str = TIMESERIES
) -> tuple[SettingDoc, ...]:
    """Describe the hyper-parameters of a data type's models, as describe_settings does.

    `default` maps each model type that has the hyper-parameter to its default.

    Args:
        first: The model type whose hyper-parameters stand first; their kind, range and choices are
            as this model takes them.
        data_type: Whose models.
    """
    return tuple(
        _describe(
            name,
            {owner: registry.model_class(owner, data_type).Hyperparameters for owner in owners},
        )
        for name, owners in _types_by_hparam(data_type, first=first).items()
    )


def _describe(name: str, classes: Mapping[str, type[Hyperparameters]]) -> SettingDoc:
    fields = {
        owner: next(field for field in dataclasses.fields(cls) if field.name == name)
        for owner, cls in classes.items()
    }
    types = [words_for(cls.types()[name]) for cls in classes.values()]
    allowed = [
        f"{words}{_range(fields[owner])}" for owner, words in zip(fields, types, strict=True)
    ]
    own = next(iter(fields.values()))
    return SettingDoc(
        key=dotted((*HPARAMS, name)),
        type=" or ".join(dict.fromkeys(types)),
        default={owner: field.default for owner, field in fields.items()},
        allowed=" | ".join(dict.fromkeys(allowed)),
        doc=" ".join(dict.fromkeys(cls.documentation()[name] for cls in classes.values())),
        choices=tuple(own.metadata.get("choices", ())),
        kind="choice" if "choices" in own.metadata else kind_of(type(own.default)),
        low=own.metadata.get("low"),
        high=own.metadata.get("high"),
    )


def _range(field: dataclasses.Field[Any]) -> str:
    low, high = field.metadata.get("low"), field.metadata.get("high")
    if low is not None and high is not None:
        return f", {low} to {high}"
    if low is not None:
        return f", at least {low}"
    return f", at most {high}" if high is not None else ""
