"""Models by name, those of each data type by themselves: both have an `auto`.

A shipped model is a module of `models.forecasting` or `models.imaging` with a class under
`@register(...)`. It is found because it is there: adding one is adding a file.
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
from types import ModuleType
from typing import TypeVar

import models.forecasting
import models.imaging
from models.base import MEDIAN, Forecaster
from models.data_types import DATA_TYPES, IMAGE, TIMESERIES
from models.errors import ModelProblem
from models.hyperparameters import Hyperparameters, suggestion
from models.imaging.classifier import Classifier
from models.learner import Learner, read_description

_Model = TypeVar("_Model", bound=type[Learner])

_models: dict[str, dict[str, type[Learner]]] = {data_type: {} for data_type in DATA_TYPES}
_PACKAGES: dict[str, ModuleType] = {TIMESERIES: models.forecasting, IMAGE: models.imaging}
_plugin_files: dict[Path, tuple[str, ...]] = {}

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_REGISTERS = re.compile(r"^@register\(", re.MULTILINE)


def register(name: str) -> Callable[[_Model], _Model]:
    """Class decorator that makes a model available under a name, for its data type.

    Raises:
        ModelProblem: A name that is taken, or that could not be a file name; no hyperparameters.
    """

    def decorate(cls: _Model) -> _Model:
        if not _NAME.fullmatch(name):
            raise ModelProblem(f"{name!r} cannot be the name of a model", f"Use {_NAME.pattern}")
        if not hasattr(cls, "Hyperparameters"):
            raise ModelProblem(
                f"the model {name!r} does not say which hyperparameters it has",
                "Give its class a `Hyperparameters`: a frozen dataclass, which may be empty.",
            )
        known = _models[cls.data_type]
        taken = {other.casefold(): other for other in known}
        if name.casefold() in taken:
            raise ModelProblem(
                f"a model named {taken[name.casefold()]!r} is registered already",
                "Give the new one another name; case does not make a difference.",
            )
        cls.model_type = name
        known[name] = cls
        return cls

    return decorate


@cache
def _import_shipped(data_type: str) -> None:
    """Import the modules that register a model of a data type, and only those.

    The others may need torch at the top; a look into the text tells them apart.
    """
    package = _PACKAGES[data_type]
    for module in pkgutil.iter_modules(package.__path__):
        spec = importlib.util.find_spec(f"{package.__name__}.{module.name}")
        if spec is None or spec.origin is None:
            continue
        if _REGISTERS.search(Path(spec.origin).read_text(encoding="utf-8")):
            importlib.import_module(spec.name)


def names(data_type: str = TIMESERIES) -> tuple[str, ...]:
    """Names of all registered models of a data type, sorted."""
    _import_shipped(data_type)
    return tuple(sorted(_models[data_type], key=str.casefold))


def data_types_of(name: str) -> tuple[str, ...]:
    """The data types that have a model of this name."""
    return tuple(data_type for data_type in DATA_TYPES if name in names(data_type))


def get(name: str) -> type[Forecaster]:
    """The forecaster registered under a name.

    Raises:
        ModelProblem: No such model; says which there are and which one may have been meant.
    """
    cls = model_class(name, TIMESERIES)
    assert issubclass(cls, Forecaster), "what is for series is a forecaster"
    return cls


def get_classifier(name: str) -> type[Classifier]:
    """The classifier registered under a name.

    Raises:
        ModelProblem: No such model; says which there are and which one may have been meant.
    """
    cls = model_class(name, IMAGE)
    assert issubclass(cls, Classifier), "what is for pictures is a classifier"
    return cls


def model_class(name: str, data_type: str) -> type[Learner]:
    """The model registered under a name for a data type.

    Raises:
        ModelProblem: No such model; says which there are and which one may have been meant.
    """
    known = names(data_type)
    if name not in _models[data_type]:
        advice = suggestion(name, known)
        others = [other for other in data_types_of(name) if other != data_type]
        if others:
            advice = f"It is one for data_type: {others[0]}. {advice}"
        raise ModelProblem(f"unknown model type {name!r}", advice)
    return _models[data_type][name]


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
    """Make an unfitted forecaster from configuration.

    Args:
        name: Registered model type.
        window: Values that the model sees.
        horizon: Days that it answers at a time.
        seed: Seed of everything random.
        threads: CPU threads, 0 to let the model choose.
        hparams: Hyperparameters of any registered forecasters: one configuration serves several
            model types, and each takes what is its own.
        objective: What the model aims at, one of `models.base.OBJECTIVES`.

    Raises:
        ModelProblem: An unknown model, a hyperparameter that no model has, a wrong value.
    """
    cls = get(name)
    model = cls(
        window=window,
        horizon=horizon,
        seed=seed,
        threads=threads,
        objective=objective,
        hyperparameters=_own_hyperparameters(cls, hparams),
    )
    model.configured = dict(hparams)
    return model


def create_classifier(
    name: str,
    *,
    height: int,
    width: int,
    channels: int,
    classes: tuple[str, ...],
    seed: int,
    threads: int,
    hparams: Mapping[str, object],
    pretrained: Path | None = None,
) -> Classifier:
    """Make an unfitted classifier from configuration.

    Args:
        name: Registered model type.
        height: Rows of a picture.
        width: Columns of a picture.
        channels: 1 (gray) or 3 (red, green, blue).
        classes: Their names, in the order of the labels.
        seed: Seed of everything random.
        threads: CPU threads, 0 to let the model choose.
        hparams: Hyperparameters of any registered classifiers, as for `create`.
        pretrained: Folder of a saved model, or .npz file, whose weights training starts from.

    Raises:
        ModelProblem: An unknown model, a hyperparameter that no model has, a wrong value.
    """
    cls = get_classifier(name)
    model = cls(
        height=height,
        width=width,
        channels=channels,
        classes=classes,
        seed=seed,
        threads=threads,
        hyperparameters=_own_hyperparameters(cls, hparams),
    )
    model.configured = dict(hparams)
    model.pretrained = pretrained
    return model


def _own_hyperparameters(cls: type[Learner], hparams: Mapping[str, object]) -> Hyperparameters:
    known = hyperparameter_names(cls.data_type)
    for key in hparams:
        if key not in known:
            raise ModelProblem(f"unknown hyperparameter {key!r}", suggestion(key, tuple(known)))
    own = {key: value for key, value in hparams.items() if cls.model_type in known[key]}
    return cls.Hyperparameters.parse(own)


def load_model(folder: Path, data_type: str) -> Learner:
    """Read a saved model of a data type, of whatever type is in the folder."""
    return model_class(str(read_description(folder)["model_type"]), data_type).load(folder)


def load(folder: Path) -> Forecaster:
    """Read a saved forecaster of whatever type is in the folder."""
    return get(str(read_description(folder)["model_type"])).load(folder)


def load_classifier(folder: Path) -> Classifier:
    """Read a saved classifier of whatever type is in the folder."""
    return get_classifier(str(read_description(folder)["model_type"])).load(folder)


def hyperparameter_names(data_type: str = TIMESERIES) -> dict[str, set[str]]:
    """Every hyperparameter of a data type's models, and the model types that have it."""
    owners: dict[str, set[str]] = {}
    for name in names(data_type):
        for key in _models[data_type][name].Hyperparameters.names():
            owners.setdefault(key, set()).add(name)
    return dict(sorted(owners.items()))


def used_hyperparameters(name: str, data_type: str = TIMESERIES) -> set[str]:
    """The hyperparameters that make a difference to a type: its own, or all that it hands on."""
    cls = model_class(name, data_type)
    return set(hyperparameter_names(data_type) if cls.hands_on else cls.Hyperparameters.names())


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
    before = _registered()
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
        for data_type, name in _registered() - before:
            del _models[data_type][name]
        raise ModelProblem(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    new = _registered() - before
    added = tuple(name for kind in _models for name in _models[kind] if (kind, name) in new)
    if not added:
        what = f"{path} registers no model"
        raise ModelProblem(what, 'Decorate a Forecaster or a Classifier: @register("Name")')
    _plugin_files[path] = added
    return added


def _registered() -> set[tuple[str, str]]:
    return {(data_type, name) for data_type in DATA_TYPES for name in names(data_type)}


def plugin_files() -> tuple[Path, ...]:
    """The files that `load_file` imported, in that order; another process needs them too."""
    return tuple(_plugin_files)
