"""`engine worker`: do runs of an engine on another machine."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from engine.cli.options import CommandLine, pass_command_line, workspace_option

if TYPE_CHECKING:
    from engine.config.engine_settings import EngineSettings
    from engine.prefect_server.connection import Connection


@click.command("worker")
@click.option("--pool", metavar="NAME", help="Work pool (default: prefect_server.work_pool).")
@click.option("--url", metavar="URL", help="API of the server (default: prefect_server.url).")
@click.option("--name", metavar="NAME", help="What it calls itself (default: after this machine).")
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Runs at once (default: queue.max_concurrent).",
)
@workspace_option
@pass_command_line
def worker(
    line: CommandLine, pool: str | None, url: str | None, name: str | None, limit: int | None
) -> None:
    """Do runs that an engine on another machine places in a work pool, until stopped.

    This machine needs a workspace of its own, the server's address and credentials, and the same
    storage.url: the engine.yaml of the other machine does, with prefect_server.url set. A pool
    that is not there is made. Ctrl-C or SIGTERM ends the worker, and tells its runs to end.
    """
    from engine.config.loading import load_engine_settings
    from engine.errors import ConfigError, ConflictError
    from engine.execution.worker_process import default_name, environment
    from engine.locks import FileLock
    from engine.prefect_server.address import check_server
    from engine.prefect_server.connection import client_environment

    workspace = line.workspace.create()
    settings = load_engine_settings(workspace_configs=workspace.configs).settings
    pool = pool or settings.prefect_server.work_pool
    if not pool:
        raise ConfigError(
            "no work pool is named", fix="Set prefect_server.work_pool in engine.yaml, or --pool"
        )
    if not settings.storage.url:
        raise ConfigError(
            "runs need a storage that this machine and the one that they belong to both reach",
            fix="Set the same storage.url in both engine.yaml",
        )
    connection = _connection(line, settings, url)
    check_server(connection)
    lock = FileLock(workspace.worker_lock)
    if not lock.acquire(wait=False):
        raise ConflictError(
            "a worker runs already in this workspace",
            where=str(workspace.root),
            fix="Give another one a workspace of its own: --workspace FOLDER",
        )
    if name:
        # One that is called after its workspace is the only one of its name: it has the lock.
        _warn_of_namesake(connection, pool, name)
    name = name or default_name(workspace.root)
    os.set_inheritable(lock.descriptor, True)
    arguments = [pool, name, str(limit or settings.queue.max_concurrent)]
    # The same process goes on: whoever started it stops it, and the lock is its own.
    os.chdir(workspace.root)
    os.execve(
        sys.executable,
        [
            sys.executable,
            "-P",
            "-m",
            "engine.execution.worker",
            str(workspace.root),
            *arguments,
        ],
        client_environment(workspace.prefect_home, connection)
        | environment(workspace.root, lock.descriptor),
    )


def _connection(line: CommandLine, settings: EngineSettings, url: str | None) -> Connection:
    from engine.errors import ConfigError
    from engine.prefect_server.address import given_connection
    from engine.prefect_server.connection import Connection, write_short_certificates

    write_short_certificates(line.workspace.prefect_home)
    server = settings.prefect_server
    if url or server.url:
        return given_connection(url or server.url, server.auth, line.workspace.secrets)
    own = Connection.read(line.workspace.prefect_home)
    if own is None:
        raise ConfigError(
            "it is not said where the Prefect server is",
            fix="Set prefect_server.url and prefect_server.auth in engine.yaml; `engine prefect "
            "info` on the other machine says what they are",
        )
    return own


def _warn_of_namesake(connection: Connection, pool: str, name: str) -> None:
    from engine.cli.diagnostics import report_status
    from engine.errors import NotFoundError
    from engine.prefect_server.api import PrefectApi
    from engine.prefect_server.pools import read_pool

    try:
        with PrefectApi(connection) as api:
            found = read_pool(api, pool)
    except NotFoundError:
        return
    if any(one.name == name for one in found.online):
        report_status(
            f"a worker {name!r} was heard of in {pool} a moment ago: if it lives, the two are "
            "told as one; give one of them another --name"
        )
