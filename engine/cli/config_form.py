"""`engine config form`: what a form that launches a flow asks for."""

from __future__ import annotations

from collections.abc import Sequence

import click

from engine.cli.options import (
    CommandLine,
    data_type_option,
    json_option,
    pass_command_line,
    set_option,
    workspace_option,
)

_FLOWS = ("data_flow", "train_flow", "eval_flow", "deploy_flow", "full_flow")


@click.command("form")
@click.argument("flow", type=click.Choice(_FLOWS))
@data_type_option
@set_option
@json_option
@workspace_option
@pass_command_line
def form(line: CommandLine, flow: str, data_type: str | None, overrides: Sequence[str]) -> None:
    """List the settings of a flow as the fields of a form, with their present values."""
    from engine.cli.output import write_json, write_text
    from engine.config.form import make_form
    from engine.config.launched_type import data_type_of_launch
    from engine.config.loading import load_settings
    from engine.config.problems import shown

    configs = line.workspace.configs
    flags = {"data_type": data_type}
    loaded = load_settings(flow, workspace_configs=configs, overrides=overrides, flags=flags)
    name = loaded.settings.flow_module
    usual = data_type_of_launch(name, workspace_configs=configs, overrides=overrides, flags={})
    made = make_form(name, loaded, usual)
    if line.json:
        write_json(made.to_dict())
        return
    section = ""
    for field in made.fields:
        if field.section != section:
            section = field.section
            write_text(f"\n{section}: {made.sections[section]}".lstrip("\n"))
        option = f" [{field.option}]" if field.option else ""
        write_text(f"  {field.name} = {shown(field.default)}  ({field.allowed}){option}")
        write_text(f"      {field.doc}")
