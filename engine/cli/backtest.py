"""`engine backtest`: model types side by side on the last days of a data set."""

from __future__ import annotations

import click

from engine.cli.lazy import LazyGroup

_COMMANDS = {
    "run": ("engine.cli.backtest_run:run", "Train, forecast, measure; goes on where it stopped."),
    "list": ("engine.cli.backtests:list_", "List the backtests, the newest first."),
    "show": ("engine.cli.backtests:show", "Show one: ranks, verdicts, error by days ahead."),
    "delete": ("engine.cli.backtests:delete", "Delete backtests, with their forecasts."),
}


@click.group("backtest", cls=LazyGroup, lazy=_COMMANDS)
def backtest() -> None:
    """Hold model types against each other on the last days of a data set.

    Each is asked at several origins, with what was known on the morning of each, and held against
    the days that came (rolling origin). What differs by chance and what does not is told apart by
    a paired bootstrap over the series.
    """
