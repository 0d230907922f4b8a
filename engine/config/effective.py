"""Every effective value of loaded settings with where it comes from and what it means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.config.layers import DEFAULT
from engine.config.loading import Loaded, LoadedEngine
from engine.config.names import HPARAMS
from engine.config.reference import SettingDoc, describe_settings
from engine.config.yaml_source import dotted

_HPARAMS_KEY = dotted(HPARAMS)


@dataclass(frozen=True)
class EffectiveValue:
    """One setting.

    Attributes:
        key: Dotted key, as `--set` takes it.
        value: What holds, as JSON-able data.
        origin: Where it comes from: a file and line, `--set`, an option, or "default".
        layer: The same in one word: default, shipped, workspace, set or flag.
        default: What holds when nobody says anything.
        doc: What it means and what may stand there.
    """

    key: str
    value: Any
    origin: str
    layer: str
    default: Any
    doc: SettingDoc

    def to_dict(self) -> dict[str, Any]:
        """JSON-able data."""
        return {
            "key": self.key,
            "value": self.value,
            "origin": self.origin,
            "layer": self.layer,
            "default": self.default,
            "kind": self.doc.kind,
            "type": self.doc.type,
            "allowed": self.doc.allowed,
            "doc": self.doc.doc,
            "is_secret": self.doc.is_secret,
        }


def effective_values(
    loaded: Loaded | LoadedEngine, *, of_all_models: bool = False
) -> list[EffectiveValue]:
    """List the value of every setting, in the order of the reference.

    A setting that holds names of somebody else's choice is listed name by name. Of hyper-parameters
    also those are listed that no file mentions and the chosen model has.

    Args:
        loaded: The settings.
        of_all_models: List those of the other models, too.
    """
    data = loaded.settings.model_dump(mode="json")
    return list(_values(loaded, data, of_all_models))


def _values(
    loaded: Loaded | LoadedEngine, data: Mapping[str, Any], of_all_models: bool
) -> Iterator[EffectiveValue]:
    for doc in describe_settings(type(loaded.settings)):
        value: Any = data
        for part in doc.key.split("."):
            value = value[part]
        if doc.key == _HPARAMS_KEY and isinstance(loaded, Loaded):
            yield from _hparams(loaded, value, of_all_models)
        elif isinstance(value, dict) and value:
            inner = {f"{doc.key}.{name}": part for name, part in value.items()}
            yield from (_one(loaded, key, part, None, doc) for key, part in inner.items())
        else:
            yield _one(loaded, doc.key, value, doc.default, doc)


def _hparams(
    loaded: Loaded, given: Mapping[str, Any], of_all_models: bool
) -> Iterator[EffectiveValue]:
    from engine.config.model_checks import describe_hparams

    settings = loaded.settings
    model_type = settings.model.model_type
    for doc in describe_hparams(model_type, settings.data_type):
        defaults: Any = doc.default
        name = doc.key.rpartition(".")[2]
        if not (of_all_models or name in given or model_type in defaults):
            continue
        default = defaults.get(model_type, next(iter(defaults.values())))
        yield _one(loaded, doc.key, given.get(name, default), default, doc)


def _one(
    loaded: Loaded | LoadedEngine, key: str, value: Any, default: Any, doc: SettingDoc
) -> EffectiveValue:
    origin = loaded.origins.get(key, DEFAULT)
    return EffectiveValue(key, value, str(origin), origin.layer.name.lower(), default, doc)


@dataclass(frozen=True)
class Difference:
    """A setting that one configuration has otherwise than another.

    Attributes:
        key: Dotted key.
        value: What holds now; None also when it does not exist now.
        was: What holds in the other.
        origin: Where the value comes from.
    """

    key: str
    value: Any
    was: Any
    origin: str


def differences(now: Loaded | LoadedEngine, before: Loaded | LoadedEngine) -> list[Difference]:
    """List the settings whose value differs, in the order of the reference."""
    others = {one.key: one for one in effective_values(before)}
    own = {one.key: one for one in effective_values(now)}
    return [
        Difference(
            key,
            own[key].value if key in own else None,
            others[key].value if key in others else None,
            own[key].origin if key in own else DEFAULT.source,
        )
        for key in {**own, **others}
        if key not in own or key not in others or own[key].value != others[key].value
    ]
