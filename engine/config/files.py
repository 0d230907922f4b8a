"""The settings files: which there are, which sections each may hold, where they are read.

Those about images are named `image_train_flow_config.yaml` and so on, so that a workspace can
hold both kinds. One under a plain name that says `data_type: image` is about images as well.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path

from engine.config.flow_settings import FLOWS, FlowName, FlowSettings
from engine.config.image_settings import ImageSettings
from engine.config.names import unknown_key
from engine.config.problems import ConfigProblemsError, Problem, joined, nearest, shown
from engine.config.series_settings import SeriesSettings
from engine.config.yaml_source import YamlDocument, parse_yaml, read_yaml_file
from models.data_types import DATA_TYPES, IMAGE, TIMESERIES

SETTINGS: dict[str, type[FlowSettings]] = {TIMESERIES: SeriesSettings, IMAGE: ImageSettings}
"""The settings of each data type."""

SECTIONS: dict[FlowName, tuple[str, ...]] = {
    "data_flow": ("dataset",),
    "train_flow": ("model", "train"),
    "eval_flow": ("evaluate",),
    "deploy_flow": ("deploy",),
    "full_flow": ("dataset", "model", "train", "evaluate", "deploy"),
}
"""What each flow's file may hold beside its flow_module and data_type."""

ENGINE_FILE = "engine.yaml"

NO_DRAFTS: Mapping[str, Path] = {}

_EVERYWHERE = ("flow_module", "data_type")


def file_of(flow: FlowName, data_type: str = TIMESERIES) -> str:
    """Return the name of a flow's settings file."""
    prefix = "" if data_type == TIMESERIES else f"{data_type}_"
    return f"{prefix}{flow}_config.yaml"


def all_files() -> list[str]:
    """Return the name of every settings file."""
    flows = [file_of(flow, data_type) for data_type in DATA_TYPES for flow in FLOWS]
    return [*flows, ENGINE_FILE]


def flow_of(file_name: str) -> tuple[FlowName, str] | None:
    """Return the flow and the data type that a settings file is named for; None: of no flow."""
    named = {file_of(flow, kind): (flow, kind) for kind in DATA_TYPES for flow in FLOWS}
    return named.get(file_name)


def files_read_by(flow: FlowName) -> list[FlowName]:
    """List the flows whose files make up the settings of `flow`, the strongest last."""
    parts: list[FlowName] = ["data_flow", "train_flow", "eval_flow", "deploy_flow"]
    return [*parts, "full_flow"] if flow == "full_flow" else parts


def shipped(file_name: str) -> YamlDocument:
    """Read a settings file as it is installed with the package."""
    raw = resources.files("configs").joinpath(file_name).read_bytes()
    return parse_yaml(raw, f"configs/{file_name}")


def from_workspace(
    workspace_configs: Path | None, file_name: str, drafts: Mapping[str, Path] = NO_DRAFTS
) -> YamlDocument | None:
    """Read the workspace's own file of that name; None when it has none.

    Args:
        workspace_configs: The folder.
        file_name: Which file.
        drafts: Files that are read in place of those of these names, which messages name.

    Raises:
        ConfigProblemsError: The file exists and cannot be read as settings.
    """
    if workspace_configs is None:
        return None
    path = workspace_configs / file_name
    if file_name in drafts:
        return read_yaml_file(drafts[file_name], str(path))
    # A link to a file that is gone is an error to report, not an absent file.
    return read_yaml_file(path) if os.path.lexists(path) else None


def own_document(
    workspace_configs: Path | None,
    flow: FlowName,
    data_type: str,
    drafts: Mapping[str, Path] = NO_DRAFTS,
) -> YamlDocument | None:
    """Read what a workspace itself says of a flow, for one data type; None when it says nothing.

    Args:
        workspace_configs: The folder.
        flow: Whose file.
        data_type: For which data.
        drafts: Files that are read in place of those of these names.

    Raises:
        ConfigProblemsError: A file cannot be read as settings, or two say it.
    """
    plain = from_workspace(workspace_configs, file_of(flow), drafts)
    if plain is not None and type_of(plain) != data_type:
        plain = None
    if data_type == TIMESERIES:
        return plain
    own = from_workspace(workspace_configs, file_of(flow, data_type), drafts)
    if own is not None and plain is not None:
        place = plain.sources["data_type",].value
        where = f"{plain.name}:{place.line}:{place.column}"
        what = f"{own.name} says what holds for this data type, too; keep one of the two files"
        raise ConfigProblemsError([Problem(what, where, "data_type")])
    return own or plain


def type_of(document: YamlDocument) -> str:
    """Which data type a file is about, as it says; that of series where it says nothing."""
    said = document.data.get("data_type")
    return said if isinstance(said, str) and said in DATA_TYPES else TIMESERIES


def files_not_read(workspace_configs: Path | None) -> Iterator[str]:
    """Say which YAML files of a workspace are ignored because no flow has that name."""
    known = all_files()
    if workspace_configs is None or not workspace_configs.is_dir():
        return
    for path in sorted(workspace_configs.iterdir()):
        if path.name.startswith("."):
            continue  # drafts and swap files of editors
        if path.suffix.lower() in (".yaml", ".yml") and path.name not in known:
            guess = nearest(path.name, known)
            advice = f'; did you mean "{guess}"?' if guess else ""
            yield f"{path} is not read: no flow has a file of that name{advice}"


def own_sections(
    document: YamlDocument, flow: FlowName, data_type: str
) -> tuple[YamlDocument, list[Problem]]:
    """Keep what a flow's file may hold, and report the rest.

    Returns:
        The document with its own sections only, and the problems of its top level.
    """
    problems = list(_flow_module_problems(document, flow))
    problems += _data_type_problems(document, data_type)
    for key in document.data:
        if key in _EVERYWHERE or key in SECTIONS[flow]:
            continue
        source = document.sources[key,]
        where = f"{document.name}:{source.key.line}:{source.key.column}"
        problems.append(_misplaced(key, where, flow, data_type))
    kept = {
        key: value
        for key, value in document.data.items()
        if key == "data_type" or key in SECTIONS[flow]
    }
    return replace(document, data=kept), problems


def _misplaced(key: str, where: str, flow: FlowName, data_type: str) -> Problem:
    homes = [
        file_of(other, data_type) for other in SECTIONS if key in SECTIONS[other] and other != flow
    ]
    allowed = ", ".join((*_EVERYWHERE, *SECTIONS[flow]))
    if homes:
        what = f"this section does not belong here; move it to {homes[0]}"
        return Problem(what, where, key, allowed)
    unknown = unknown_key((key,), where, SETTINGS[data_type])
    return replace(unknown, allowed=allowed) if unknown.allowed else unknown


def _flow_module_problems(document: YamlDocument, flow: FlowName) -> Iterator[Problem]:
    if "flow_module" not in document.data:
        # A misspelt one is reported as the unknown key that it is.
        if not nearest("flow_module", [key for key in document.data if key not in SECTIONS[flow]]):
            yield Problem("missing", f"{document.name}:1:1", "flow_module", flow)
        return
    value = document.data["flow_module"]
    if value != flow:
        source = document.sources["flow_module",]
        where = f"{document.name}:{source.value.line}:{source.value.column}"
        what = f"{shown(value)} does not fit this file"
        yield Problem(what, where, "flow_module", flow)


def _data_type_problems(document: YamlDocument, data_type: str) -> Iterator[Problem]:
    said = document.data.get("data_type", data_type)
    if said == data_type:
        return
    place = document.sources["data_type",].value
    where = f"{document.name}:{place.line}:{place.column}"
    if said in DATA_TYPES:
        yield Problem(f"{shown(said)} does not fit this file", where, "data_type", data_type)
    elif isinstance(said, str):
        # Told here, because what is asked for at a launch would be laid over it.
        what = f"{shown(said)} is not one of the choices"
        yield Problem(what, where, "data_type", joined(DATA_TYPES))
