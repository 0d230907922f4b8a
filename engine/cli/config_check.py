"""`engine config check`: what is wrong, of files, of a draft, or of a launch that is not made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
from models.data_types import DATA_TYPES, TIMESERIES

if TYPE_CHECKING:
    from engine.config.effective import Difference
    from engine.config.loading import Loaded, LoadedEngine
    from engine.config.problems import Problem

FLOWS = ("data_flow", "train_flow", "eval_flow", "deploy_flow", "full_flow")
ENGINE = "engine"

Asked = tuple[str, dict[str, Any]]
"""A flow, or the engine, and the options of its launch."""


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

    Without FLOW every file is checked, of each kind of data. With FLOW it is what a launch of it
    with these options would use, and how that differs from a launch without; nothing is launched.
    With --file a draft is checked in place of the file that it would replace.
    """
    from engine.cli.exit_codes import ExitCode

    given = meant_here(flags)
    if what is None and (overrides or given):
        raise click.UsageError("Of which flow? Name it: engine config check FLOW ...")
    if name is not None and draft is None:
        raise click.UsageError("--as goes with --file.")
    drafts, of_draft = _draft(draft, name)
    asked = [(what, given)] if what else of_draft or _everything()
    found = _check(line, asked, overrides, drafts)
    if what is not None and found.loaded is not None:
        found.differences = _differences(line, what, found.loaded)
    _report(line, found, what, draft)
    return ExitCode.USAGE if found.problems else ExitCode.OK


def _everything() -> list[Asked]:
    return [*(one for kind in DATA_TYPES for one in _of_kind(FLOWS, kind)), (ENGINE, {})]


def _of_kind(flows: Iterable[str], data_type: str) -> list[Asked]:
    return [(flow, {"data_type": data_type}) for flow in flows]


def _draft(draft: str | None, name: str | None) -> tuple[dict[str, Path], list[Asked]]:
    """The draft by the name of the file that it would replace, and whose settings that touches."""
    from engine.config import files
    from engine.errors import ConfigError

    if draft is None:
        return {}, []
    path = Path(draft)
    file_name = name or path.name
    if file_name == files.ENGINE_FILE:
        return {file_name: path}, [(ENGINE, {})]
    named = files.flow_of(file_name)
    if named is None:
        raise ConfigError(
            f"no file of the configuration is called {file_name!r}",
            where="--as" if name else "--file",
            fix=f"Say with --as which one it is: {', '.join(files.all_files())}",
        )
    flow, data_type = named
    if data_type == TIMESERIES:
        data_type = _said_by(path)
    return {file_name: path}, _of_kind(dict.fromkeys((flow, "full_flow")), data_type)


def _said_by(draft: Path) -> str:
    """The data type that a draft under a plain name says it is about."""
    from engine.config import files
    from engine.config.problems import ConfigProblemsError
    from engine.config.yaml_source import read_yaml_file

    try:
        return files.type_of(read_yaml_file(draft))
    except ConfigProblemsError:
        return TIMESERIES  # told when it is checked


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
    asked: Iterable[Asked],
    overrides: Sequence[str],
    drafts: Mapping[str, Path],
) -> _Findings:
    from engine.config.problems import ConfigProblemsError

    found = _Findings()
    for name, flags in asked:
        try:
            found.loaded = _load(line, name, overrides, flags, drafts)
            found.notes |= dict.fromkeys(found.loaded.notes)
        except ConfigProblemsError as error:
            found.problems |= dict.fromkeys(error.problems)
    return found


def _differences(line: CommandLine, what: str, now: Loaded | LoadedEngine) -> list[Difference]:
    """What these settings have otherwise than those of a launch without options and drafts.

    Both are of one kind of data: those of another have hardly a setting in common.
    """
    from engine.config.effective import differences
    from engine.config.flow_settings import FlowSettings
    from engine.config.problems import ConfigProblemsError

    settings = now.settings
    flags = {"data_type": settings.data_type} if isinstance(settings, FlowSettings) else {}
    try:
        before = _load(line, what, (), flags, {})
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
