"""Files, `--set` and flags to one tree of checked settings.

From weak to strong: defaults of the models, shipped files, the workspace's files of the same
names, for full_flow the two full_flow files, `--set`, flags.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from engine.config import files
from engine.config.diagnosis import diagnose
from engine.config.engine_settings import EngineSettings
from engine.config.flow_settings import FLOWS, FlowName, FlowSettings
from engine.config.launched_type import data_type_of_launch
from engine.config.layers import DEFAULT, Layer, Origin, Tree
from engine.config.names import PLUGINS
from engine.config.overrides import lay_flags, lay_overrides
from engine.config.problems import ConfigProblemsError, Problem, joined, nearest, shown
from engine.config.reference import describe_settings
from engine.config.values import Section
from engine.config.yaml_source import KeyPath, read_yaml_file
from engine.errors import ConfigError

NO_FLAGS: Mapping[str, object] = {}

Root = TypeVar("Root", bound=Section)


@dataclass(frozen=True)
class Loaded:
    """The settings of one run.

    Attributes:
        settings: Checked and complete.
        origins: Dotted key of every setting to where its value comes from.
        notes: What the user should know although nothing is wrong.
    """

    settings: FlowSettings
    origins: dict[str, Origin]
    notes: list[str]


@dataclass(frozen=True)
class LoadedEngine:
    """The settings of the engine; the fields mean what they mean in `Loaded`."""

    settings: EngineSettings
    origins: dict[str, Origin]
    notes: list[str]


def load_settings(
    flow: str,
    *,
    workspace_configs: Path | None,
    overrides: Sequence[str] = (),
    flags: Mapping[str, object] = NO_FLAGS,
    drafts: Mapping[str, Path] = files.NO_DRAFTS,
) -> Loaded:
    """Resolve and check the settings of a flow.

    Args:
        flow: data_flow, train_flow, eval_flow, deploy_flow or full_flow.
        workspace_configs: The workspace's `configs` folder, which need not exist; None for the
            shipped settings alone. Relative plugin paths start from the folder around it.
        overrides: `key=value` texts of `--set`, the last one strongest.
        flags: Flag name (`data_type`, `model_type`, see overrides.FLAG_KEYS) or dotted key to
            value; None = the flag was not given.
        drafts: File name to a file that stands for the workspace's own of this name.

    Raises:
        ConfigProblemsError: With every problem of every file, override and flag.
    """
    name = _known_flow(flow)
    data_type = data_type_of_launch(
        name, workspace_configs=workspace_configs, overrides=overrides, flags=flags, drafts=drafts
    )
    root = files.SETTINGS[data_type]
    tree = Tree.of_defaults(root)
    problems = _lay_files(tree, name, data_type, workspace_configs, drafts)
    problems += lay_overrides(tree, overrides, root)
    problems += lay_flags(tree, flags, root)
    tree.lay_over({"flow_module": name}, lambda _: Origin(Layer.FLAG, "command"))
    workspace = workspace_configs.parent if workspace_configs else Path()
    settings, notes = _checked_settings(tree, root, workspace, problems)
    notes += files.files_not_read(workspace_configs)
    return Loaded(settings, _origins(tree, root), notes)


def load_engine_settings(
    *,
    workspace_configs: Path | None,
    overrides: Sequence[str] = (),
    flags: Mapping[str, object] = NO_FLAGS,
    drafts: Mapping[str, Path] = files.NO_DRAFTS,
) -> LoadedEngine:
    """Resolve and check the settings of the engine; the arguments are those of load_settings.

    Raises:
        ConfigProblemsError: With every problem of the file, the overrides and the flags.
    """
    tree = Tree.of_defaults(EngineSettings)
    tree.lay_document(files.shipped(files.ENGINE_FILE), Layer.SHIPPED)
    problems: list[Problem] = []
    try:
        own = files.from_workspace(workspace_configs, files.ENGINE_FILE, drafts)
    except ConfigProblemsError as error:
        problems.extend(error.problems)
    else:
        if own:
            tree.lay_document(own, Layer.WORKSPACE)
    problems += lay_overrides(tree, overrides, EngineSettings)
    problems += lay_flags(tree, flags, EngineSettings)
    settings = _validated(tree, EngineSettings, problems)
    return LoadedEngine(settings, _origins(tree, EngineSettings), [])


def names_plugins(
    flow: str,
    *,
    workspace_configs: Path | None,
    overrides: Sequence[str] = (),
    flags: Mapping[str, object] = NO_FLAGS,
) -> bool:
    """Whether these settings name files of the user's own code, which checking them would import.

    Problems are not reported here: `load_settings` finds them again.
    """
    name = _known_flow(flow)
    data_type = data_type_of_launch(
        name, workspace_configs=workspace_configs, overrides=overrides, flags=flags
    )
    root = files.SETTINGS[data_type]
    tree = Tree.of_defaults(root)
    _lay_files(tree, name, data_type, workspace_configs)
    lay_overrides(tree, overrides, root)
    lay_flags(tree, flags, root)
    return bool(tree.get(PLUGINS))


def load_effective(path: Path) -> FlowSettings:
    """Read back what `dump_settings` wrote, in the process of a run.

    The file stands for itself: shipped and workspace files are not looked at, and names of
    models are not checked again.

    Raises:
        ConfigProblemsError: The file cannot be read or was edited to something invalid.
    """
    document = read_yaml_file(path)
    root = files.SETTINGS[files.type_of(document)]
    tree = Tree.of_defaults(root)
    tree.lay_document(document, Layer.RUN)
    return _validated(tree, root, [])


def settings_of(values: Mapping[str, object]) -> FlowSettings:
    """Check settings that another machine sent as data: all of them, already effective.

    Raises:
        ConfigError: They are not what this version of the program knows.
    """
    root = files.SETTINGS.get(str(values.get("data_type")))
    try:
        if root is not None:
            return root.model_validate_json(json.dumps(dict(values)))
        problem = "an unknown data_type"
    except (ValidationError, ValueError, TypeError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        problem = f"{'.'.join(map(str, first['loc']))}: {first['msg']}" if first else str(error)
    raise ConfigError(
        f"the settings that were sent cannot be used here: {problem}",
        fix="Have the same version of mlops-tui on both machines",
    )


def _known_flow(flow: str) -> FlowName:
    for name in FLOWS:
        if name == flow:
            return name
    what = f"there is no flow {shown(flow)}"
    raise ConfigProblemsError(
        [Problem(what, allowed=joined(FLOWS), suggestion=nearest(flow, FLOWS))]
    )


def _lay_files(
    tree: Tree,
    flow: FlowName,
    data_type: str,
    workspace_configs: Path | None,
    drafts: Mapping[str, Path] = files.NO_DRAFTS,
) -> list[Problem]:
    problems: list[Problem] = []
    for part in files.files_read_by(flow):
        shipped = files.shipped(files.file_of(part, data_type))
        shipped, shipped_problems = files.own_sections(shipped, part, data_type)
        problems += shipped_problems
        tree.lay_document(shipped, Layer.SHIPPED)
        try:
            own = files.own_document(workspace_configs, part, data_type, drafts)
        except ConfigProblemsError as error:
            problems += error.problems
            continue
        if own:
            own, own_problems = files.own_sections(own, part, data_type)
            problems += own_problems
            tree.lay_document(own, Layer.WORKSPACE)
    return problems


def _checked_settings(
    tree: Tree, root: type[FlowSettings], workspace: Path, problems: list[Problem]
) -> tuple[FlowSettings, list[str]]:
    # models need numpy, which `engine --help` does not.
    from engine.config.model_checks import model_problems, unused_notes

    model = model_problems(tree, workspace)
    settings = _validated(tree, root, [*problems, *model])
    return settings, unused_notes(tree)


def _validated(tree: Tree, root: type[Root], problems: list[Problem]) -> Root:
    """Validate a tree, and raise what is wrong with it together with earlier problems."""
    try:
        settings = root.model_validate(tree.data)
    except ValidationError as error:
        found = diagnose(error, tree, root, conflicts=not problems)
        told = {(problem.where, problem.key) for problem in problems}
        new = [problem for problem in found if (problem.where, problem.key) not in told]
        raise ConfigProblemsError([*problems, *new]) from None
    if problems:
        raise ConfigProblemsError(problems)
    return settings


def _origins(tree: Tree, root: type[Section]) -> dict[str, Origin]:
    origins: dict[str, Origin] = {}
    for doc in describe_settings(root):
        path: KeyPath = tuple(doc.key.split("."))
        value = tree.get(path)
        if isinstance(value, dict):
            inner = ((*path, key) for key in value)
            origins |= {f"{doc.key}.{key[-1]}": tree.origin(key) for key in inner}
        else:
            origins[doc.key] = tree.origins.get(path, DEFAULT)
    return origins
