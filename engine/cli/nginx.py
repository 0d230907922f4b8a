"""`engine nginx config`: the file with which an nginx stands in front of this workspace."""

from __future__ import annotations

from pathlib import Path

import click

from engine.cli.options import CommandLine, json_option, pass_command_line, workspace_option


@click.group("nginx")
def nginx() -> None:
    """Put nginx in front of the page, the flow API and the predictors."""


def _addresses(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...]:
    return () if value is None else tuple(one.strip() for one in value.split(",") if one.strip())


_PORT = click.IntRange(1, 65535)
_FILE = click.Path(dir_okay=False, path_type=Path)


@nginx.command("config")
@click.option(
    "--server-name",
    default="localhost",
    show_default=True,
    metavar="NAME",
    help="The name that users call it by.",
)
@click.option(
    "--predictors",
    callback=_addresses,
    metavar="HOST:PORT,...",
    help="Predictors to spread forecasts over, also of other machines (default: the workers of "
    "this workspace).",
)
@click.option("--tls-cert", type=_FILE, metavar="FILE", help="Certificate, with its chain.")
@click.option("--tls-key", type=_FILE, metavar="FILE", help="Its key.")
@click.option("--port", type=_PORT, metavar="N", help="Default: 443 with TLS, 80 without.")
@click.option(
    "--redirect-port",
    type=_PORT,
    default=80,
    show_default=True,
    metavar="N",
    help="With TLS: the port whose requests are sent on to the other one.",
)
@click.option(
    "--log",
    type=_FILE,
    default=Path("/var/log/nginx/mlops-tui.log"),
    show_default=True,
    metavar="FILE",
    help="Where nginx writes a line for each request.",
)
@click.option(
    "--output",
    type=_FILE,
    metavar="FILE",
    help="Write it there instead of to the terminal.",
)
@json_option
@workspace_option
@pass_command_line
def config(
    line: CommandLine,
    server_name: str,
    predictors: tuple[str, ...],
    tls_cert: Path | None,
    tls_key: Path | None,
    port: int | None,
    redirect_port: int,
    log: Path,
    output: Path | None,
) -> None:
    """Print a complete configuration, made from the settings of the workspace.

    Forecasts go to the predictor that has the fewest requests, and to another one when it dies.
    Limits and time-outs are those of the services. What the workspace still has to be told is
    printed beside it.

    \b
      engine nginx config --server-name flows.example.com \\
        --tls-cert /etc/ssl/flows.pem --tls-key /etc/ssl/flows.key \\
        --output /etc/nginx/conf.d/mlops-tui.conf
    """  # noqa: D301  # the backslashes are those of a shell
    from engine.atomic import write_bytes
    from engine.cli.diagnostics import report_note
    from engine.cli.output import write_json, write_text
    from engine.config.loading import load_engine_settings
    from engine.nginx import Proxy, Tls, advice, nginx_config

    if (tls_cert is None) != (tls_key is None):
        raise click.UsageError("--tls-cert and --tls-key belong together")
    tls = None
    if tls_cert is not None and tls_key is not None:
        tls = Tls(tls_cert.absolute(), tls_key.absolute(), redirect_port)
    proxy = Proxy(server_name, port, tls, predictors, log.absolute())
    settings = load_engine_settings(workspace_configs=line.workspace.configs).settings
    text = nginx_config(settings, proxy)
    notes = advice(settings, proxy)
    if output is not None:
        write_bytes(output, text.encode(), mode=0o644)
    if line.json:
        written = None if output is None else str(output.absolute())
        write_json({"config": text, "notes": notes, "file": written})
        return
    for note in notes:
        report_note(note)
    if output is None:
        write_text(text.removesuffix("\n"))
    else:
        write_text(f"written: {output}; check it with nginx -t")
