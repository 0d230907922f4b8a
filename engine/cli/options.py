"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from engine.workspace import ENVIRONMENT_VARIABLE, Workspace
from models.data_types import DATA_TYPES

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass
class CommandLine:
    """What was said before or after the command that concerns all of them."""

    workspace_option: str | None = None
    json: bool = False

    @property
    def workspace(self) -> Workspace:
        """The workspace that the user means; its folders may not exist yet."""
        return Workspace.locate(self.workspace_option)


def _set_workspace(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.ensure_object(CommandLine).workspace_option = value


def _set_json(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        context.ensure_object(CommandLine).json = True


def workspace_option(function: Function) -> Function:
    """`--workspace`, accepted before and after the command's name."""
    return click.option(
        "--workspace",
        type=click.Path(file_okay=False),
        metavar="FOLDER",
        expose_value=False,
        is_eager=True,
        callback=_set_workspace,
        help=f"Folder of all state (default: ${ENVIRONMENT_VARIABLE}, or the XDG data folder).",
    )(function)


def json_option(function: Function) -> Function:
    """`--json`: data only, on stdout only."""
    return click.option(
        "--json",
        "json_",
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_set_json,
        help="Print data as JSON on stdout, and nothing else.",
    )(function)


def set_option(function: Function) -> Function:
    """`--set KEY=VALUE`, repeatable."""
    return click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE",
        help="Override a setting for this command, e.g. --set train.hparams.epochs=5. Repeatable.",
    )(function)


data_type_option = click.option(
    "--data-type",
    type=click.Choice(DATA_TYPES),
    help="Kind of data (default: what the configuration or the model type says, or timeseries).",
)

alias_type_option = click.option(
    "--data-type",
    type=click.Choice(DATA_TYPES),
    help="Whose champion or previous is meant (default: of the only kind of data that has a "
    "champion, or of timeseries).",
)


def flow_options(function: Function) -> Function:
    """The settings that have an option of their own, for whatever may launch a flow."""
    options = (
        data_type_option,
        click.option("--model-type", metavar="NAME", help="Model to train: LSTM, CNN, auto, ..."),
        click.option("--epochs", type=int, metavar="N", help="Training epochs at most."),
        click.option(
            "--data",
            metavar="PATH",
            help="Input: a CSV or Parquet file; of images a folder or a CSV of paths and labels.",
        ),
        click.option("--seed", type=int, metavar="N", help="Seed of everything random."),
        click.option("--threads", type=int, metavar="N", help="Processor threads of training."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def meant_here(flags: Mapping[str, Any]) -> dict[str, Any]:
    """The flags that were given, with a relative file meant from the folder one stands in."""
    given = {key: value for key, value in flags.items() if value is not None}
    if "data" in given:
        given["data"] = str(Path(given["data"]).absolute())
    return given


@dataclass(frozen=True)
class LaunchOptions:
    """How a run is launched, whichever flow it is of."""

    detach: bool
    priority: int | None
    key: str | None
    tags: tuple[str, ...]


def _check_tags(_: click.Context, __: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    from engine.ids import MOST_TAGS, TAG_WORDS, is_tag

    for tag in value:
        if not is_tag(tag):
            raise click.BadParameter(f"{tag!r} cannot be a tag: use {TAG_WORDS}")
    if len(value) > MOST_TAGS:
        raise click.BadParameter(f"a run has at most {MOST_TAGS} tags")
    return value


def tag_option(text: str) -> Callable[[Function], Function]:
    """`--tag`, repeatable, with what it does as its help."""

    def decorate(function: Function) -> Function:
        option = click.option(
            "--tag", "tags", multiple=True, metavar="WORD", callback=_check_tags, help=text
        )
        return option(function)

    return decorate


def launch_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--detach`, `--priority`, `--key` and `--tag`, handed on as one `launch` argument."""

    @click.option("-d", "--detach", is_flag=True, help="Do not wait: print the run and return.")
    @click.option(
        "--priority",
        type=click.IntRange(-100, 100),
        metavar="N",
        help="Of runs that wait, those of a higher number start first (default 0).",
    )
    @click.option("--key", metavar="TEXT", help="Launching the same key again gives the same run.")
    @tag_option("A word to find the run by, later: engine runs --tag WORD. Repeatable.")
    @wraps(function)
    def wrapped(
        *args: Any,
        detach: bool,
        priority: int | None,
        key: str | None,
        tags: tuple[str, ...],
        **kwargs: Any,
    ) -> Any:
        return function(*args, launch=LaunchOptions(detach, priority, key, tags), **kwargs)

    return wrapped


pass_command_line = click.make_pass_decorator(CommandLine, ensure=True)
