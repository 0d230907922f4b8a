"""`engine backtest run`: the work itself, in the process of the command."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from engine.cli.options import (
    CommandLine,
    json_option,
    pass_command_line,
    set_option,
    workspace_option,
)

if TYPE_CHECKING:
    from engine.backtests.request import Request
    from engine.backtests.store import BacktestStore, StoredBacktest
    from engine.workspace import Workspace

_MOST_CHARACTERS = 100


def _name(_: click.Context, __: click.Parameter, value: str) -> str:
    if len(value) > _MOST_CHARACTERS:
        raise click.BadParameter(f"at most {_MOST_CHARACTERS} characters")
    return value


@click.command("run")
@click.argument("types", metavar="TYPE...", nargs=-1, required=True)
@click.option("--dataset", metavar="ID", help="Which data set; default: train.dataset.")
@click.option("--folds", type=int, metavar="N", help="Origins; default: evaluate.folds.")
@click.option("--step-days", type=int, metavar="N", help="Days from one origin to the next.")
@click.option("--horizon", type=int, metavar="N", help="Days ahead; default: model.horizon.")
@click.option("--window", type=int, metavar="N", help="Days that a type sees.")
@click.option("--level", type=float, metavar="PERCENT", help="Of the intervals, such as 80.")
@click.option("--seed", type=int, metavar="N", help="Seed of everything random.")
@click.option("--objective", type=click.Choice(["median", "stock"]), help="What the types aim at.")
@click.option("--retrain", is_flag=True, help="Train again before each origin, on all days then.")
@click.option("--name", metavar="TEXT", default="", callback=_name, help="What to call it.")
@set_option
@json_option
@workspace_option
@pass_command_line
def run(
    line: CommandLine,
    /,
    types: tuple[str, ...],
    overrides: Sequence[str],
    retrain: bool,
    name: str,
    **flags: Any,
) -> int:
    """Train model types and hold their forecasts against the last days of a data set.

    TYPE is a model type (LSTM, LightGBM, ...), or champion, previous or the id of a stored
    version: these are measured as they are, when they have not seen the days. Seasonal naive is
    always there. Settings are those of train_flow and eval_flow.

    The last origin is the last day with a whole horizon behind it, the others lie --step-days
    apart before it. Training sees only the days before the first one. With --retrain each type is
    trained again before each origin, as it would be in use, which takes as many times as long.

    The forecasts of each type and origin are kept as soon as they are there: the same command goes
    on where it was stopped, and another one takes over what both have in common. Ctrl-C stops it;
    a lost terminal does not.
    """
    from engine.backtests.request import make_request
    from engine.backtests.store import FINISHED, BacktestStore
    from engine.cli.diagnostics import report_note
    from engine.cli.exit_codes import ExitCode
    from engine.cli.output import write_json

    workspace = line.workspace.create()
    flags = {**flags, "model.objective": flags.pop("objective")}
    flags |= {f"evaluate.{key}": flags.pop(key) for key in ("step_days", "level")}
    request = make_request(
        workspace, types, overrides=overrides, flags=flags, retrain=retrain, name=name
    )
    store = BacktestStore(workspace.backtests)
    known = _known(store, request)
    if known is not None and known.state == FINISHED and _is_whole(known):
        report_note(f"measured already; to do it again: engine backtest delete {known.id}")
        data = known.data
    else:
        data = _measure(line, workspace, store, request)
    if line.json:
        write_json(data)
    else:
        from engine.cli.backtest_report import write_backtest

        write_backtest(data)
    return ExitCode.FAILED if any(one["problem"] for one in data["contenders"]) else ExitCode.OK


def _known(store: BacktestStore, request: Request) -> StoredBacktest | None:
    from engine.errors import NotFoundError

    try:
        return store.get(request.id)
    except NotFoundError:
        return None


def _is_whole(known: StoredBacktest) -> bool:
    """Whether every contender could be measured: what failed is tried again."""
    return not any(one["problem"] for one in known.data["contenders"])


def _measure(
    line: CommandLine, workspace: Workspace, store: BacktestStore, request: Request
) -> dict[str, Any]:
    from engine.atomic import write_json
    from engine.backtests.measuring import Measuring
    from engine.backtests.results import description, result
    from engine.backtests.store import FORECASTS_FOLDER, RESULT_FILE
    from engine.cli.backtest_watch import BacktestProgress, outliving_the_terminal
    from engine.cli.diagnostics import report_status
    from engine.errors import ModelError
    from engine.store import open_store

    _step_back(workspace)
    with store.measuring(request.id, description(request)) as folder, outliving_the_terminal():
        try:
            with BacktestProgress(request.id, quiet=line.json) as watch:
                versions = open_store(workspace)
                problems = Measuring(request, folder, store, versions, watch).all()
        except KeyboardInterrupt:
            kept = sum(1 for _ in (folder / FORECASTS_FOLDER).glob("*.npz"))
            if kept:
                total = len(request.contenders) * len(request.origins)
                report_status(f"{kept} of {total} forecasts are kept; the same command goes on")
            raise
        if len(problems) == len(request.contenders):
            name, problem = next(iter(problems.items()))
            raise ModelError(f"nothing could be measured; {name}: {problem}")
        data = result(request, folder, problems)
        write_json(folder / RESULT_FILE, data)
    return data


def _step_back(workspace: Workspace) -> None:
    """Work at the priority of runs: what serves forecasts comes first."""
    from engine.config.loading import load_engine_settings

    nice = load_engine_settings(workspace_configs=workspace.configs).settings.run.nice
    if nice > os.getpriority(os.PRIO_PROCESS, 0):
        os.setpriority(os.PRIO_PROCESS, 0, nice)
