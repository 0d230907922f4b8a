"""What a backtest compares: which contenders, on which days, with which settings."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import models
from engine.config.files import files_not_read
from engine.config.layers import Layer
from engine.config.loading import Loaded, load_settings
from engine.config.names import HPARAMS
from engine.config.problems import ConfigProblemsError, Problem, joined, nearest, shown
from engine.config.series_settings import SeriesSettings
from engine.config.yaml_source import dotted
from engine.data.dataset import Dataset, open_dataset
from engine.environment import environment
from engine.errors import ConfigError, ConflictError, NotFoundError
from engine.ids import is_id
from engine.store import CHAMPION, PREVIOUS, AliasRegistry, Version, open_store
from engine.store.gate import BASELINE
from engine.store.seen import seen_too_much
from engine.tables.handoffs import Handoffs
from models import registry
from models.data_types import TIMESERIES
from models.errors import ModelProblem

if TYPE_CHECKING:
    from engine.workspace import Workspace

FORMAT = 1
TYPE, VERSION = "type", "version"
KIND_OF_BASELINE = "baseline"
_ID_CHARACTERS = 8
_KEY_CHARACTERS = 16
_ALIASES = (CHAMPION, PREVIOUS)
# A backtest takes its days from the data set; how a data_flow would split another one is no matter.
_ANY_SPLIT = {"dataset.split.test_days": 3660, "dataset.split.validation_days": 3660}


@dataclass(frozen=True)
class Options:
    """How it is measured; the settings of the same names say what each means.

    Attributes:
        level: Of the intervals, in percent.
        retrain: Whether each type is trained again before each origin.
        validation_days: Those of the data set.
    """

    folds: int
    step_days: int
    horizon: int
    window: int
    level: float
    season: int
    seed: int
    objective: str
    retrain: bool
    refit: bool
    threads: int
    validation_days: int


@dataclass(frozen=True)
class Contender:
    """A model type to be trained, or a stored version.

    Attributes:
        name: What it is called in tables: the type, or what the version was asked for by.
        kind: TYPE, VERSION or KIND_OF_BASELINE.
        model_type: Registered name.
        version: Id of the version; None for a type.
        hyperparameters: All that a type uses.
        code: Hash of the user's file that a type is from; "" for one that is shipped.
    """

    name: str
    kind: str
    model_type: str
    version: str | None
    hyperparameters: dict[str, Any]
    code: str = ""


@dataclass(frozen=True, eq=False)
class Request:
    """A backtest, before anything is trained.

    Attributes:
        dataset: The days.
        options: How it is measured.
        contenders: Seasonal naive last, unless it was asked for earlier.
        name: What its user calls it.
        first_origin: Column of the first forecast day.
        notes: What the user should know although nothing is wrong.
        environment: What trainings stand on.
    """

    dataset: Dataset
    options: Options
    contenders: tuple[Contender, ...]
    name: str
    first_origin: int
    notes: tuple[str, ...]
    environment: dict[str, str]

    @property
    def origins(self) -> range:
        """Column of the first forecast day of every origin."""
        options = self.options
        last = self.first_origin + options.folds * options.step_days
        return range(self.first_origin, last, options.step_days)

    @property
    def id(self) -> str:
        """Made from all that the result depends on, so that the same request is the same."""
        content = {
            "format": FORMAT,
            "keys": sorted(self.key(contender) for contender in self.contenders),
            "origins": [self.dataset.day(origin).isoformat() for origin in self.origins],
            "season": self.options.season,
            "name": self.name,
        }
        return _digest(content)[:_ID_CHARACTERS]

    def key(self, contender: Contender) -> str:
        """Made from all that forecasts of a contender at an origin depend on, beside the origin."""
        options = asdict(self.options)
        for name in ("folds", "step_days", "season"):
            del options[name]
        content = {
            "format": FORMAT,
            "dataset": self.dataset.id,
            "options": options,
            "trained_before": None if self.options.retrain else self.first_origin,
            "contender": {**asdict(contender), "name": ""},
            "environment": self.environment,
        }
        return _digest(content)[:_KEY_CHARACTERS]


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def make_request(
    workspace: Workspace,
    names: Sequence[str],
    *,
    overrides: Sequence[str],
    flags: Mapping[str, Any],
    retrain: bool,
    name: str,
) -> Request:
    """Resolve what was asked for as train_flow would, and check all of it.

    Args:
        workspace: The workspace.
        names: Model types, version ids, aliases.
        overrides: `key=value` texts of `--set`.
        flags: Flag name or dotted key to value, as `load_settings` takes them.
        retrain: Train again before each origin.
        name: What its user calls it.

    Raises:
        ConfigError: Settings, names or origins that cannot be; with every problem.
        NotFoundError: No data set, no champion, no such version.
        ConflictError: Nothing is left but seasonal naive.
    """
    loaded = load_settings(
        "train_flow",
        workspace_configs=workspace.configs,
        overrides=overrides,
        # Of all types the one that is always compared: the others are checked by their names.
        flags={**flags, **_ANY_SPLIT, "model_type": BASELINE, "data_type": TIMESERIES},
    )
    settings = loaded.settings
    assert isinstance(settings, SeriesSettings), "the flag says so"
    chosen = _Chosen.of(workspace, names)
    dataset = open_dataset(workspace.datasets, _dataset_id(workspace, loaded))
    options = _options(settings, dataset, retrain)
    first_origin = _first_origin(dataset, options)
    contenders = [_trained(model_type, settings) for model_type in chosen.types]
    notes = [*files_not_read(workspace.configs), *_unused(loaded, chosen.types)]
    for label, version in chosen.versions.items():
        comparable, said = _judge(label, version, dataset, first_origin)
        notes += said
        if comparable:
            contenders.append(Contender(label, VERSION, version.model_type, version.id, {}))
    if not contenders:
        raise ConflictError("; ".join(notes), fix="Name a model type, or prepare newer data")
    if BASELINE not in chosen.types:
        contenders.append(_trained(BASELINE, settings))
    return Request(
        dataset, options, tuple(contenders), name, first_origin, tuple(notes), environment()
    )


def _judge(
    label: str, version: Version, dataset: Dataset, first_origin: int
) -> tuple[bool, list[str]]:
    """Whether a version's errors say anything, and what has to be known of them."""
    who = f"version {version.id}" if label == version.id else f"the {label} {version.id}"
    if reason := seen_too_much(version, dataset.day(first_origin).isoformat(), who=who):
        return False, [reason]
    seen = version.last_day_seen
    known = dataset.day(first_origin - 1).isoformat()
    if seen < known:
        return True, [f"{who} was trained on days up to {seen}, the types on days up to {known}"]
    return True, []


@dataclass(frozen=True)
class _Chosen:
    """What the names stand for, each once."""

    types: list[str]
    versions: dict[str, Version]

    @classmethod
    def of(cls, workspace: Workspace, names: Sequence[str]) -> _Chosen:
        store = open_store(workspace)
        aliases = AliasRegistry(workspace.central_storage).read()
        known = registry.names()
        types: list[str] = []
        versions: dict[str, Version] = {}
        problems = []
        for name in dict.fromkeys(names):
            if name in known:
                types.append(name)
                continue
            target: str | None = name
            if name in _ALIASES:
                target = aliases.champion if name == CHAMPION else aliases.previous
                if target is None:
                    raise NotFoundError(
                        f"there is no {name} yet", fix="Deploy one: engine run full_flow"
                    )
            try:
                version = store.get(str(target)) if is_id(str(target)) else None
            except NotFoundError:
                version = None
            if version is None:
                problems.append(_unknown(name, known))
            elif version.data_type != TIMESERIES:
                what = f"version {version.id} tells classes of pictures, it forecasts nothing"
                problems.append(Problem(what))
            elif version.id not in {one.id for one in versions.values()}:
                versions[name] = version
        if problems:
            raise ConfigProblemsError(problems)
        return cls(types, versions)


def _unknown(name: str, known: Sequence[str]) -> Problem:
    return Problem(
        f"there is no model {shown(name)}",
        "TYPE",
        "model.model_type",
        f"{joined([*known, *_ALIASES])} | id of a version",
        nearest(name, [*known, *_ALIASES]),
    )


def _dataset_id(workspace: Workspace, loaded: Loaded) -> str:
    chosen = loaded.settings.train.dataset
    if chosen != "latest":
        return chosen
    newest = Handoffs(workspace.database).take("dataset")
    if newest is None:
        raise NotFoundError("there is no data set yet", fix="Prepare one: engine run data_flow")
    return newest.value


def _options(settings: SeriesSettings, dataset: Dataset, retrain: bool) -> Options:
    model, train, evaluate = settings.model, settings.train, settings.evaluate
    return Options(
        folds=evaluate.folds,
        step_days=evaluate.step_days,
        horizon=model.horizon,
        window=model.window,
        level=evaluate.level,
        season=evaluate.season,
        seed=train.seed,
        objective=model.objective,
        retrain=retrain,
        refit=train.refit,
        threads=train.threads,
        validation_days=dataset.split.validation_days,
    )


def _first_origin(dataset: Dataset, options: Options) -> int:
    """Column of the first origin: the last one has just its horizon behind it."""
    if options.validation_days < options.horizon:
        raise ConfigError(
            f"its {options.validation_days} validation days are fewer than the horizon "
            f"{options.horizon}",
            where=f"dataset {dataset.id}",
            fix="Lower --horizon, or prepare the data set with more validation days "
            "(dataset.split.validation_days)",
        )
    days = dataset.split.days
    tested = options.horizon + (options.folds - 1) * options.step_days
    learnt = options.window + options.horizon + options.validation_days
    if days - tested < learnt:
        raise ConfigError(
            f"{options.folds} origins, {options.step_days} days apart, with a horizon of "
            f"{options.horizon} test the last {tested} of {days} days; training needs "
            f"{learnt} before them (window {options.window} + horizon {options.horizon} + "
            f"validation {options.validation_days})",
            where=f"dataset {dataset.id}",
            fix="Lower --folds, --step-days, --horizon or --window, or prepare a longer data set",
        )
    return days - tested


def _trained(model_type: str, settings: SeriesSettings) -> Contender:
    try:
        model = registry.create(
            model_type,
            window=settings.model.window,
            horizon=settings.model.horizon,
            seed=settings.train.seed,
            threads=settings.train.threads,
            hparams=settings.train.hparams,
            objective=settings.model.objective,
        )
    except ModelProblem as problem:
        raise ConfigError(str(problem), where=model_type) from problem
    kind = KIND_OF_BASELINE if model_type == BASELINE else TYPE
    used = registry.used_hyperparameters(model_type)
    handed_on = {name: value for name, value in model.configured.items() if name in used}
    hparams = handed_on | asdict(model.hyperparameters)
    return Contender(model_type, kind, model_type, None, hparams, _code_of_plugin(type(model)))


def _code_of_plugin(cls: type) -> str:
    """A hash of the file that a user's model is from: `environment` knows only shipped code."""
    if cls.__module__.startswith(f"{models.__name__}."):
        return ""
    return hashlib.sha256(Path(inspect.getfile(cls)).read_bytes()).hexdigest()[:_KEY_CHARACTERS]


def _unused(loaded: Loaded, types: Sequence[str]) -> Iterator[str]:
    """Hyper-parameters that were given here and that none of the types uses."""
    used = {name for one in types for name in registry.used_hyperparameters(one)}
    for name in loaded.settings.train.hparams:
        origin = loaded.origins.get(f"{dotted(HPARAMS)}.{name}")
        if name not in used and origin is not None and origin.layer >= Layer.SET:
            yield f"none of these types uses {name}"
