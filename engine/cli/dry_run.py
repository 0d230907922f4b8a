"""`engine run FLOW --dry-run`: what a launch would do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from engine.cli.diagnostics import report_note
from engine.cli.exit_codes import ExitCode
from engine.cli.options import CommandLine, meant_here
from engine.cli.output import write_json, write_text
from engine.config.effective import Difference, differences
from engine.config.loading import load_settings
from engine.config.problems import ConfigProblemsError, shown
from engine.plan import Plan, plan_run
from engine.text import printable


def dry_run(
    line: CommandLine, flow: str, overrides: Sequence[str], flags: Mapping[str, Any]
) -> int:
    """Tell what a launch would do, and launch nothing.

    Returns:
        The exit code: that what the run would begin with is not there counts as not found.

    Raises:
        ConfigError: The launch would be refused; with every problem.
    """
    workspace = line.workspace.create()
    loaded = load_settings(
        flow, workspace_configs=workspace.configs, overrides=overrides, flags=meant_here(flags)
    )
    # Of the same kind of data: another has hardly a setting in common.
    usual = {"data_type": loaded.settings.data_type}
    try:
        before = load_settings(flow, workspace_configs=workspace.configs, flags=usual)
        changed = differences(loaded, before)
    except ConfigProblemsError:
        changed = []  # what is given here puts right what is wrong there
    plan = plan_run(workspace, loaded.settings)
    if line.json:
        data = [asdict(one) for one in changed]
        write_json({**plan.to_dict(), "differences": data, "notes": loaded.notes})
    else:
        for note in loaded.notes:
            report_note(note)
        _write(plan, changed)
    return ExitCode.OK if plan.can_begin else ExitCode.NOT_FOUND


def _write(plan: Plan, changed: Sequence[Difference]) -> None:
    write_text(f"{plan.flow} would run:")
    write_text(f"data type: {plan.data_type}")
    for planned in plan.flows:
        write_text(f"  {planned.flow}: {', '.join(planned.steps)}")
    begins = printable(plan.input.value) or "nothing"
    write_text(f"{plan.input.kind}: {begins}")
    if plan.input.problem:
        write_text(f"  it could not begin: {plan.input.problem}")
    if plan.model is not None:
        # What no setting says, such as the size of pictures, comes from the data.
        known = [f"{name} {part}" for name, part in plan.model.items() if part is not None]
        write_text(f"model: {', '.join(known)}")
    if plan.champion is not None:
        write_text(f"held against the champion: {plan.champion}")
    for one in changed:
        write_text(f"  {one.key}: {shown(one.value)} instead of {shown(one.was)}")
    write_text("nothing was launched")
