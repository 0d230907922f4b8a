"""What a form that launches a flow needs: its settings as fields, with their present values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from engine.config.effective import EffectiveValue, effective_values
from engine.config.files import SECTIONS
from engine.config.flow_settings import FlowName
from engine.config.loading import Loaded
from engine.config.names import HPARAMS
from engine.config.overrides import FLAG_KEYS
from engine.config.reference import describe_settings, section_docs
from engine.config.values import Section
from engine.config.yaml_source import dotted
from models import registry
from models.data_types import TIMESERIES

OPTIONS = ("model_type", "epochs", "data", "seed", "threads", "force")
"""Settings of flows that the command line has options of their own for, by name in FLAG_KEYS."""

_MODEL_TYPE = "model.model_type"
_ALSO_READ: dict[str, tuple[str, ...]] = {"data_flow": ("model.window", "model.horizon")}
_SENTENCE = re.compile(r".*?[.](?=\s|$)")


@dataclass(frozen=True)
class Field:
    """One setting as an input.

    Attributes:
        key: Dotted key, as `--set` takes it.
        section: Dotted key of the section around it.
        name: Its last part.
        kind: bool, int, float, text, choice, list or mapping.
        choices: What may be chosen, for a choice.
        low: Smallest number allowed, or the one that it must be above; None: no limit.
        high: Largest number allowed.
        is_optional: Whether null may stand there.
        default: What a launch without overrides would use.
        origin: Where that comes from.
        doc: What it means, in one sentence.
        help: What it means, in full.
        allowed: What may stand there, in words.
        option: Option of the command line that sets it, "" when only `--set` does.
        models: Model types that use this hyper-parameter; empty for other settings.
        owners: Those of them that have it themselves, and do not only hand it on.
    """

    key: str
    section: str
    name: str
    kind: str
    choices: tuple[str, ...]
    low: float | None
    high: float | None
    is_optional: bool
    default: Any
    origin: str
    doc: str
    help: str
    allowed: str
    option: str
    models: tuple[str, ...]
    owners: tuple[str, ...]


@dataclass(frozen=True)
class Form:
    """The form of one flow.

    Attributes:
        flow: Which flow.
        data_type: The kind of data that it would run on.
        usual_data_type: That of a launch that says nothing of it.
        sections: Dotted key and meaning of each section that has fields.
        fields: Its fields, in the order of the reference.
    """

    flow: str
    data_type: str
    usual_data_type: str
    sections: dict[str, str]
    fields: tuple[Field, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-able data."""
        return asdict(self)


def make_form(flow: FlowName, loaded: Loaded, usual_data_type: str = TIMESERIES) -> Form:
    """Make the form of a flow.

    Args:
        flow: Which flow.
        loaded: Its settings as a launch without overrides would have them.
        usual_data_type: The kind of data of a launch that says nothing of it.
    """
    keys = (*SECTIONS[flow], *_ALSO_READ.get(flow, ()))
    fields = tuple(
        _field(one, loaded.settings.data_type)
        for one in effective_values(loaded, of_all_models=True)
        if any(one.key == key or one.key.startswith(f"{key}.") for key in keys)
    )
    root = type(loaded.settings)
    docs = {**section_docs(root), dotted(HPARAMS): _doc_of(dotted(HPARAMS), root)}
    used = dict.fromkeys(field.section for field in fields)
    sections = {key: first_sentence(docs.get(key, "")) for key in used}
    return Form(flow, loaded.settings.data_type, usual_data_type, sections, fields)


def _doc_of(key: str, root: type[Section]) -> str:
    return next(doc.doc for doc in describe_settings(root) if doc.key == key)


def _field(one: EffectiveValue, data_type: str) -> Field:
    doc = one.doc
    section, _, name = one.key.rpartition(".")
    choices: Sequence[str] = doc.choices
    kind = doc.kind
    if one.key == _MODEL_TYPE:
        kind, choices = "choice", registry.names(data_type)
    options = {FLAG_KEYS[option]: f"--{option.replace('_', '-')}" for option in OPTIONS}
    owners: tuple[str, ...] = ()
    if section == dotted(HPARAMS) and isinstance(doc.default, dict):
        owners = tuple(doc.default)
    return Field(
        key=one.key,
        section=section,
        name=name,
        kind=kind,
        choices=tuple(choices),
        low=doc.low,
        high=doc.high,
        is_optional=doc.is_optional,
        default=one.value,
        origin=one.origin,
        doc=first_sentence(doc.doc),
        help=doc.doc,
        allowed=doc.allowed,
        option=options.get(one.key, ""),
        models=_users(name, owners, data_type) if owners else (),
        owners=owners,
    )


def _users(name: str, owners: Iterable[str], data_type: str) -> tuple[str, ...]:
    """The types that have a hyper-parameter, then those that hand it on to these."""
    others = (
        one
        for one in registry.names(data_type)
        if name in registry.used_hyperparameters(one, data_type)
    )
    return tuple(dict.fromkeys((*owners, *others)))


def first_sentence(text: str) -> str:
    """The first sentence of a documentation, with its full stop."""
    found = _SENTENCE.match(text)
    return found[0] if found else text
