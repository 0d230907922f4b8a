"""Entry point of the `engine` command."""

from __future__ import annotations

import sys

import click

from engine.cli.lazy import LazyGroup
from engine.cli.options import CommandLine, workspace_option

_COMMANDS = {
    "run": ("engine.cli.run:run", "Run a flow, or show a run: `run full_flow`, `run show ID`."),
    "watch": ("engine.cli.logs:watch", "Watch a run until it ends."),
    "runs": ("engine.cli.runs:runs", "List runs, the newest first."),
    "logs": ("engine.cli.logs:logs", "Print the log of a run, or follow it."),
    "cancel": ("engine.cli.manage:cancel", "End runs."),
    "retry": ("engine.cli.manage:retry", "Run again what a run was asked to do."),
    "rerun": ("engine.cli.manage:rerun", "Run it again with changes."),
    "delete": ("engine.cli.manage:delete", "Delete runs that have ended."),
    "schedule": ("engine.cli.schedule:schedule", "Launch flows again and again."),
    "notifications": ("engine.cli.notifications:notifications", "Who is told of failures."),
    "models": ("engine.cli.models:models", "List and show deployed versions; roll back."),
    "reproduce": ("engine.cli.reproduce:reproduce", "Train a version again and compare."),
    "predict": ("engine.cli.predict:predict", "Forecast a series, or tell what pictures show."),
    "backtest": ("engine.cli.backtest:backtest", "Hold forecasters against each other."),
    "quality": ("engine.cli.quality:quality", "How good the served forecasts turned out."),
    "mlflow": ("engine.cli.tracking:mlflow", "Runs and versions in MLflow; its own pages."),
    "actuals": ("engine.cli.actuals:actuals", "What came: add, list and show actual values."),
    "drift": ("engine.cli.drift:drift", "Whether what serves has drifted, and why."),
    "token": ("engine.cli.token:token", "Who may do what over the network."),
    "nginx": ("engine.cli.nginx:nginx", "A proxy in front of page, flow API and predictors."),
    "data": ("engine.cli.data:data", "Prepared data sets, drift; demo and sample data."),
    "db": ("engine.cli.db:db", "Databases: look at them, back up, restore, tidy."),
    "config": ("engine.cli.config:config", "Show, check and explain the configuration."),
    "up": ("engine.cli.lifecycle:up", "Start the engine, or see that it runs."),
    "down": ("engine.cli.lifecycle:down", "Stop the engine; runs go on."),
    "restart": ("engine.cli.lifecycle:restart", "Stop it and start it again; runs go on."),
    "status": ("engine.cli.lifecycle:status", "Show how the engine is doing."),
    "serve": ("engine.cli.lifecycle:serve", "Be the engine in the foreground (systemd)."),
    "prefect": ("engine.cli.prefect:prefect", "The Prefect server: where it is, its own pages."),
    "worker": ("engine.cli.worker:worker", "Do runs of an engine on another machine."),
    "doctor": ("engine.cli.doctor:doctor", "Check this machine and this workspace."),
}


@click.group(
    cls=LazyGroup,
    lazy=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit status: 0 done, 1 failed, 2 usage or configuration, 3 data, 4 refused by the "
    "deploy gate, 5 not found, 6 server, 7 storage, 8 not in this state, 130 cancelled.",
)
@click.version_option(package_name="mlops-tui", prog_name="engine")
@workspace_option
@click.pass_context
def engine(context: click.Context) -> None:
    """Train, evaluate, deploy, forecast series and classify pictures, without a screen."""
    context.ensure_object(CommandLine)


def main() -> None:
    """Run the command and end the process with one of the documented exit codes."""
    # Imported late: `--help` needs neither.
    from engine.cli.guard import run_guarded

    sys.exit(run_guarded(engine, sys.argv[1:]))
