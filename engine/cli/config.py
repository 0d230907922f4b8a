"""`engine config`: the effective configuration, checks, and the reference of all settings."""

from __future__ import annotations

from collections.abc import Sequence

import click

from engine.cli.lazy import LazyGroup
from engine.cli.options import (
    CommandLine,
    data_type_option,
    json_option,
    pass_command_line,
    set_option,
    workspace_option,
)
from models.data_types import TIMESERIES

_FLOWS = ("data_flow", "train_flow", "eval_flow", "deploy_flow", "full_flow")
_ENGINE = "engine"


_COMMANDS = {
    "check": ("engine.cli.config_check:check", "Check the files, a draft, or a launch."),
    "form": ("engine.cli.config_form:form", "The settings of a flow as fields of a form."),
}


@click.group("config", cls=LazyGroup, lazy=_COMMANDS)
def config() -> None:
    """The configuration: shipped files, overridden key by key in WORKSPACE/configs.

    From weak to strong: the shipped files, the workspace's files of the same names, for full_flow
    also full_flow_config.yaml, `--set`, the command's own options.
    """


@config.command("show")
@click.argument("what", type=click.Choice([*_FLOWS, _ENGINE]), default="full_flow")
@data_type_option
@set_option
@json_option
@workspace_option
@pass_command_line
def show(line: CommandLine, what: str, data_type: str | None, overrides: Sequence[str]) -> None:
    """Print the effective settings of a flow, and where each value comes from."""
    from engine.cli.output import write_json, write_text
    from engine.config.dump import dump_settings
    from engine.config.effective import effective_values
    from engine.config.loading import load_engine_settings, load_settings

    configs = line.workspace.configs
    flags = {"data_type": data_type}
    loaded = (
        load_engine_settings(workspace_configs=configs, overrides=overrides)
        if what == _ENGINE
        else load_settings(what, workspace_configs=configs, overrides=overrides, flags=flags)
    )
    if line.json:
        origins = {key: str(origin) for key, origin in loaded.origins.items()}
        write_json(
            {
                "settings": loaded.settings.model_dump(mode="json"),
                "origins": origins,
                "values": [one.to_dict() for one in effective_values(loaded)],
            }
        )
    else:
        write_text(dump_settings(loaded).rstrip())


@config.command("reference")
@click.argument("prefix", required=False, default="", metavar="[KEY]")
@data_type_option
@json_option
@workspace_option
@pass_command_line
def reference(line: CommandLine, prefix: str, data_type: str | None) -> None:
    """Explain every setting, or those whose key begins with KEY."""
    from dataclasses import asdict

    from engine.cli.output import write_json, write_text
    from engine.config.engine_settings import EngineSettings
    from engine.config.files import SETTINGS
    from engine.config.reference import SettingDoc, describe_settings
    from engine.errors import NotFoundError

    def beginning(data_type: str) -> list[SettingDoc]:
        docs = (*describe_settings(SETTINGS[data_type]), *describe_settings(EngineSettings))
        return [doc for doc in docs if doc.key.startswith(prefix)]

    chosen = beginning(data_type or TIMESERIES)
    if not chosen:
        others = [other for other in SETTINGS if beginning(other)]
        fix = "`engine config reference` lists them all"
        if others:
            fix = f"One of data_type {others[0]} does: --data-type {others[0]}"
        raise NotFoundError(f"no setting begins with {prefix!r}", fix=fix)
    if line.json:
        write_json([asdict(doc) for doc in chosen])
        return
    for doc in chosen:
        write_text(f"{doc.key} = {doc.default}  ({doc.allowed})\n    {doc.doc}\n")
