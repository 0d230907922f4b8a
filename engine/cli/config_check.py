"""`engine config check`: what is wrong, of files, of a draft, or of a launch that is not made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.options import (
    CommandLine,
    flow_options,
    json_option,
    meant_here,
    pass_command_line,
    set_option,
    workspace_option,
)

if TYPE_CHECKING:
    from engine.config.effective import Difference
    from engine.config.loading import Loaded, LoadedEngine
    from engine.config.problems import Problem

FLOWS = ("data_flow", "train_flow", "eval_flow", "deploy_flow", "full_flow")
ENGINE = "engine"
_ENGINE_FILE = "engine.yaml"
_SUFFIX = "_config.yaml"


@dataclass
class _Findings:
    """What a check came to: each problem and each note once, however many flows have it.

    Of several the settings that could be loaded last are kept.
    """

    problems: dict[Problem, None] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    loaded: Loaded | LoadedEngine | None = None


@click.command("check")
@click.argument("what", type=click.Choice([*FLOWS, ENGINE]), required=False, metavar="[FLOW]")
@flow_options
@click.option("--force", metavar="REASON", help="Deploy although the gate refuses.")
@set_option
@click.option(
    "--file",
    "draft",
    metavar="PATH",
    type=click.Path(exists=True, dir_okay=False),
    help="A draft that would replace a file of WORKSPACE/configs.",
)
@click.option("--as", "name", metavar="NAME.yaml", help="Which one; default: that of its name.")
@json_option
@workspace_option
@pass_command_line
def check(
    line: CommandLine,
    /,
    what: str | None,
    overrides: Sequence[str],
    draft: str | None,
    name: str | None,
    **flags: Any,
) -> int:
    """Check the workspace's configuration; all problems are listed at once.

    Without FLOW every file is checked. With FLOW it is what a launch of it with these options would
    use, and how that differs from a launch without; nothing is launched. With --file a draft is
    checked in place of the file that it would replace.
    """
    from engine.cli.exit_codes import ExitCode

    given = meant_here(flags)
    if what is None and (overrides or given):
        raise click.UsageError("Of which flow? Name it: engine config check FLOW ...")
    if name is not None and draft is None:
        raise click.UsageError("--as goes with --file.")
    drafts, of_draft = _draft(draft, name)
    everything = of_draft or (*FLOWS, ENGINE)
    found = _check(line, (what,) if what else everything, overrides, given, drafts)
    if what is not None and found.loaded is not None:
        found.differences = _differences(line, what, found.loaded)
    _report(line, found, what, draft)
    return ExitCode.USAGE if found.problems else ExitCode.OK


def _draft(draft: str | None, name: str | None) -> tuple[dict[str, Path], tuple[str, ...]]:
    """The draft by the name of the file that it would replace, and whose settings that touches."""
    from engine.errors import ConfigError

    if draft is None:
        return {}, ()
    path = Path(draft)
    file_name = name or path.name
    if file_name == _ENGINE_FILE:
        return {file_name: path}, (ENGINE,)
    flow = file_name.removesuffix(_SUFFIX)
    if flow not in FLOWS or not file_name.endswith(_SUFFIX):
        known = ", ".join([*(f"{flow}{_SUFFIX}" for flow in FLOWS), _ENGINE_FILE])
        raise ConfigError(
            f"no file of the configuration is called {file_name!r}",
            where="--as" if name else "--file",
            fix=f"Say with --as which one it is: {known}",
        )
    return {file_name: path}, tuple(dict.fromkeys((flow, "full_flow")))


def _load(
    line: CommandLine,
    what: str,
    overrides: Sequence[str],
    flags: Mapping[str, Any],
    drafts: Mapping[str, Path],
) -> Loaded | LoadedEngine:
    from engine.config.loading import load_engine_settings, load_settings

    told: dict[str, Any] = {
        "workspace_configs": line.workspace.configs,
        "overrides": overrides,
        "flags": flags,
        "drafts": drafts,
    }
    return load_engine_settings(**told) if what == ENGINE else load_settings(what, **told)


def _check(
    line: CommandLine,
    names: Sequence[str],
    overrides: Sequence[str],
    flags: Mapping[str, Any],
    drafts: Mapping[str, Path],
) -> _Findings:
    from engine.config.problems import ConfigProblemsError

    found = _Findings()
    for name in names:
        try:
            found.loaded = _load(line, name, overrides, flags, drafts)
            found.notes |= dict.fromkeys(found.loaded.notes)
        except ConfigProblemsError as error:
            found.problems |= dict.fromkeys(error.problems)
    return found


def _differences(line: CommandLine, what: str, now: Loaded | LoadedEngine) -> list[Difference]:
    """What these settings have otherwise than those of a launch without options and drafts."""
    from engine.config.effective import differences
    from engine.config.problems import ConfigProblemsError

    try:
        before = _load(line, what, (), {}, {})
    except ConfigProblemsError:
        return []  # what is said here puts right what is wrong there: there is nothing to compare
    return differences(now, before)


def _report(line: CommandLine, found: _Findings, what: str | None, draft: str | None) -> None:
    from engine.cli.diagnostics import report_error, report_note
    from engine.cli.output import write_json, write_text
    from engine.config.problems import ConfigProblemsError
    from engine.config.problems import shown as shown_value

    if line.json:
        data: dict[str, Any] = {
            "ok": not found.problems,
            "problems": [problem.to_dict() for problem in found.problems],
            "notes": list(found.notes),
        }
        if what is not None:
            data["differences"] = [asdict(one) for one in found.differences]
        write_json(data)
        return
    for note in found.notes:
        report_note(note)
    if found.problems:
        report_error(ConfigProblemsError(found.problems))
        return
    write_text(f"the configuration is fine ({draft or line.workspace.configs})")
    for one in found.differences:
        write_text(f"  {one.key}: {shown_value(one.value)} instead of {shown_value(one.was)}")
