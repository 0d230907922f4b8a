"""The settings files: which there are, which sections each may hold, where they are read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path

from engine.config.names import unknown_key
from engine.config.problems import Problem, nearest, shown
from engine.config.settings import FlowName, Settings
from engine.config.yaml_source import YamlDocument, parse_yaml, read_yaml_file

SECTIONS: dict[FlowName, tuple[str, ...]] = {
    "data_flow": ("data_type", "dataset"),
    "train_flow": ("model", "train"),
    "eval_flow": ("evaluate",),
    "deploy_flow": ("deploy",),
    "full_flow": ("data_type", "dataset", "model", "train", "evaluate", "deploy"),
}
"""What each flow's file may hold beside its flow_module."""

ENGINE_FILE = "engine.yaml"

NO_DRAFTS: Mapping[str, Path] = {}


def file_of(flow: FlowName) -> str:
    """Return the name of a flow's settings file."""
    return f"{flow}_config.yaml"


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


def files_not_read(workspace_configs: Path | None) -> Iterator[str]:
    """Say which YAML files of a workspace are ignored because no flow has that name."""
    known = [*(file_of(flow) for flow in SECTIONS), ENGINE_FILE]
    if workspace_configs is None or not workspace_configs.is_dir():
        return
    for path in sorted(workspace_configs.iterdir()):
        if path.name.startswith("."):
            continue  # drafts and swap files of editors
        if path.suffix.lower() in (".yaml", ".yml") and path.name not in known:
            guess = nearest(path.name, known)
            advice = f'; did you mean "{guess}"?' if guess else ""
            yield f"{path} is not read: no flow has a file of that name{advice}"


def own_sections(document: YamlDocument, flow: FlowName) -> tuple[YamlDocument, list[Problem]]:
    """Keep what a flow's file may hold, and report the rest.

    Returns:
        The document with its own sections only, and the problems of its top level.
    """
    problems = list(_flow_module_problems(document, flow))
    for key in document.data:
        if key == "flow_module" or key in SECTIONS[flow]:
            continue
        source = document.sources[key,]
        where = f"{document.name}:{source.key.line}:{source.key.column}"
        problems.append(_misplaced(key, where, flow))
    kept = {key: value for key, value in document.data.items() if key in SECTIONS[flow]}
    return replace(document, data=kept), problems


def _misplaced(key: str, where: str, flow: FlowName) -> Problem:
    homes = [file_of(other) for other in SECTIONS if key in SECTIONS[other] and other != flow]
    allowed = ", ".join(("flow_module", *SECTIONS[flow]))
    if homes:
        what = f"this section does not belong here; move it to {homes[0]}"
        return Problem(what, where, key, allowed)
    unknown = unknown_key((key,), where, Settings)
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
