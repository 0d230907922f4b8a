"""Models by name.

A shipped model is a module of `models.forecasting` with a class under `@register(...)`. It is
found because it is there: adding one is adding a file.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
import sys
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TypeVar

import models.forecasting
from models.base import MEDIAN, Forecaster, read_description
from models.errors import ModelProblem
from models.hyperparameters import suggestion

_Model = TypeVar("_Model", bound=type[Forecaster])

_models: dict[str, type[Forecaster]] = {}
_plugin_files: dict[Path, tuple[str, ...]] = {}

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_REGISTERS = re.compile(r"^@register\(", re.MULTILINE)


def register(name: str) -> Callable[[_Model], _Model]:
    """Class decorator that makes a forecaster available under a name.

    Raises:
        ModelProblem: A name that is taken, or that could not be a file name.
    """

    def decorate(cls: _Model) -> _Model:
        if not _NAME.fullmatch(name):
            raise ModelProblem(f"{name!r} cannot be the name of a model", f"Use {_NAME.pattern}")
        taken = {other.casefold(): other for other in _models}
        if name.casefold() in taken:
            raise ModelProblem(
                f"a model named {taken[name.casefold()]!r} is registered already",
                "Give the new one another name; case does not make a difference.",
            )
        cls.model_type = name
        _models[name] = cls
        return cls

    return decorate


@cache
def _import_shipped() -> None:
    """Import the modules of `models.forecasting` that register a model, and only those.

    The others may need torch at the top; a look into the text tells them apart.
    """
    for module in pkgutil.iter_modules(models.forecasting.__path__):
        spec = importlib.util.find_spec(f"models.forecasting.{module.name}")
        if spec is None or spec.origin is None:
            continue
        if _REGISTERS.search(Path(spec.origin).read_text(encoding="utf-8")):
            importlib.import_module(spec.name)


def names() -> tuple[str, ...]:
    """Names of all registered models, sorted."""
    _import_shipped()
    return tuple(sorted(_models, key=str.casefold))


def get(name: str) -> type[Forecaster]:
    """The model registered under a name.

    Raises:
        ModelProblem: No such model; says which there are and which one may have been meant.
    """
    known = names()
    if name not in _models:
        raise ModelProblem(f"unknown model type {name!r}", suggestion(name, known))
    return _models[name]


def create(
    name: str,
    *,
    window: int,
    horizon: int,
    seed: int,
    threads: int,
    hparams: Mapping[str, object],
    objective: str = MEDIAN,
) -> Forecaster:
    """Make an unfitted model from configuration.

    Args:
        name: Registered model type.
        window: Values that the model sees.
        horizon: Days that it answers at a time.
        seed: Seed of everything random.
        threads: CPU threads, 0 to let the model choose.
        hparams: Hyperparameters of any registered models: one configuration serves several model
            types, and each takes what is its own.
        objective: What the model aims at, one of `models.base.OBJECTIVES`.

    Raises:
        ModelProblem: An unknown model, a hyperparameter that no model has, a wrong value.
    """
    cls = get(name)
    known = hyperparameter_names()
    for key in hparams:
        if key not in known:
            raise ModelProblem(f"unknown hyperparameter {key!r}", suggestion(key, tuple(known)))
    own = {key: value for key, value in hparams.items() if name in known[key]}
    model = cls(
        window=window,
        horizon=horizon,
        seed=seed,
        threads=threads,
        objective=objective,
        hyperparameters=cls.Hyperparameters.parse(own),
    )
    model.configured = dict(hparams)
    return model


def load(folder: Path) -> Forecaster:
    """Read a saved model of whatever type is in the folder."""
    return get(str(read_description(folder)["model_type"])).load(folder)


def hyperparameter_names() -> dict[str, set[str]]:
    """Every hyperparameter, and the model types that have it."""
    owners: dict[str, set[str]] = {}
    for name in names():
        for key in _models[name].Hyperparameters.names():
            owners.setdefault(key, set()).add(name)
    return dict(sorted(owners.items()))


def used_hyperparameters(name: str) -> set[str]:
    """The hyperparameters that make a difference to a type: its own, or all that it hands on."""
    cls = get(name)
    return set(hyperparameter_names() if cls.hands_on else cls.Hyperparameters.names())


def load_file(path: Path) -> tuple[str, ...]:
    """Import a user's Python file that registers further models.

    Loading the same file again changes nothing. A file that fails half-way registers nothing.

    Returns:
        The names that the file registered.

    Raises:
        ModelProblem: No such file, an error in it, a name that is taken, or no model in it.
    """
    path = path.resolve()
    if path in _plugin_files:
        return _plugin_files[path]
    before = names()
    # The path is in the name, so that two files called model.py in two folders do not meet.
    module_name = f"models_plugin_{path.stem}_{zlib.crc32(str(path).encode()):08x}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ModelProblem(f"{path} is not a Python file", "Give the path of a .py file.")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up there to resolve annotations.
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # a user's file may raise anything
        del sys.modules[module_name]
        for name in _models.keys() - set(before):
            del _models[name]
        raise ModelProblem(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    added = tuple(name for name in _models if name not in before)
    if not added:
        raise ModelProblem(f"{path} registers no model", 'Decorate a Forecaster: @register("Name")')
    _plugin_files[path] = added
    return added


def plugin_files() -> tuple[Path, ...]:
    """The files that `load_file` imported, in that order; another process needs them too."""
    return tuple(_plugin_files)
