"""Which kind of data a launch is about, before its settings are read: each kind has its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from engine.config import files
from engine.config.flow_settings import FlowName
from engine.config.problems import ConfigProblemsError
from models.data_types import DATA_TYPES, TIMESERIES

_DATA_TYPE, _MODEL_TYPE = "data_type", "model.model_type"


def data_type_of_launch(
    flow: FlowName,
    *,
    workspace_configs: Path | None,
    overrides: Sequence[str],
    flags: Mapping[str, object],
    drafts: Mapping[str, Path] = files.NO_DRAFTS,
) -> str:
    """Find the data type of a launch.

    What the launch itself says comes first, then the kind of model that it names, then what the
    workspace's file of the flow says, then that of full_flow. What is wrong there is reported by
    whoever reads the settings.

    Args:
        flow: Which flow.
        workspace_configs: The workspace's `configs` folder, None for the shipped settings alone.
        overrides: `key=value` texts of `--set`, the last one strongest.
        flags: Flag name or dotted key to value.
        drafts: File name to a file that stands for the workspace's own of this name.
    """
    said = _said(overrides, flags, _DATA_TYPE)
    if said is not None:
        return said if said in DATA_TYPES else TIMESERIES
    usual = next(_of_files(flow, workspace_configs, drafts), TIMESERIES)
    model_type = _said(overrides, flags, _MODEL_TYPE)
    if model_type is None:
        return usual
    # models need numpy, which a launch without a model type does not.
    from models import registry

    able = registry.data_types_of(model_type)
    return usual if usual in able or not able else able[0]


def with_data_type(command: str, data_type: str) -> str:
    """A command line, told which kind of data it is about where it would not know by itself."""
    return command if data_type == TIMESERIES else f"{command} --data-type {data_type}"


def _said(overrides: Sequence[str], flags: Mapping[str, object], key: str) -> str | None:
    """What a flag says of a setting, or else the last `--set` of it."""
    flag = flags.get(key, flags.get(key.rpartition(".")[2]))
    if flag is not None:
        return str(flag)
    given = (text.partition("=") for text in reversed(overrides))
    return next((value.strip(" \"'") for name, _, value in given if name.strip() == key), None)


def _of_files(
    flow: FlowName, workspace_configs: Path | None, drafts: Mapping[str, Path]
) -> Iterator[str]:
    names: tuple[FlowName, ...] = (flow, "full_flow")
    for name in names:
        try:
            document = files.from_workspace(workspace_configs, files.file_of(name), drafts)
        except ConfigProblemsError:
            continue  # told when the settings are read
        if document is not None and _DATA_TYPE in document.data:
            yield files.type_of(document)
