"""`engine prefect`: the Prefect server, for people who know Prefect."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import click

from engine.cli.options import CommandLine, json_option, pass_command_line, workspace_option

if TYPE_CHECKING:
    from engine.config.engine_settings import EngineSettings
    from engine.prefect_server.connection import Connection


@click.group("prefect")
def prefect() -> None:
    """The Prefect server: where it is, how workers reach it, its own pages."""


@prefect.command("info")
@json_option
@workspace_option
@pass_command_line
def info(line: CommandLine) -> None:
    """Show where the server is, and how a worker on another machine attaches to it.

    The credentials are not shown, but where they lie.
    """
    from engine.cli.output import write_json, write_text

    settings = _settings(line)
    data = _info(line, settings)
    if line.json:
        write_json(data)
        return
    write_text(f"API: {data['url'] or 'not started yet: engine up'}")
    write_text(f"credentials: {data['auth']}")
    write_text(f"work pool: {data['work_pool'] or 'none: runs are done on this machine'}")
    for one in data["workers"]:
        heard = "online" if one["online"] else "not heard of for a while"
        write_text(f"  worker {one['name']}: {heard}")
    if data["problem"]:
        write_text(f"! {data['problem']}")
    write_text("")
    for text in data["attach"]:
        write_text(text)


@prefect.command("ui")
@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="Default: any.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@workspace_option
@pass_command_line
def ui(line: CommandLine, port: int, no_browser: bool) -> int:
    """Serve Prefect's own pages of the engine's server, until Ctrl-C.

    They are on this machine alone, and open to who has the address that is printed. Of an existing
    server, its own pages are named.
    """
    from engine.cli.output import write_text

    settings = _settings(line)
    if settings.prefect_server.url:
        address = settings.prefect_server.url.rstrip("/").removesuffix("/api")
        write_text(f"Its own pages: {address}")
        _open(address, wanted=not no_browser)
        return 0
    return _serve(line, port, open_it=not no_browser)


def _settings(line: CommandLine) -> EngineSettings:
    from engine.config.loading import load_engine_settings

    workspace = line.workspace.create()
    return load_engine_settings(workspace_configs=workspace.configs).settings


def _serve(line: CommandLine, port: int, *, open_it: bool) -> int:
    from engine.cli.output import write_text
    from engine.errors import ServerError
    from engine.prefect_server.connection import client_environment
    from engine.prefect_server.launch import find_server

    home = line.workspace.prefect_home
    connection = find_server(home)
    if connection is None:
        raise ServerError("the Prefect server is not up", fix="Start it: engine up")
    environment = client_environment(home, connection) | {
        "MLOPS_PREFECT_UI_SECRET": secrets.token_urlsafe(24),
        "PREFECT_SERVER_UI_ENABLED": "true",
        # Not beside the program, which may be another user's.
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(home / "ui"),
    }
    command = [sys.executable, "-P", "-m", "engine.prefect_server.ui", str(port)]
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None and process.stdout is not None, "Popen was given pipes"
    try:
        said = process.stdout.readline()
        if said.startswith("ready "):
            address = said.removeprefix("ready ").strip()
            write_text(f"Prefect's own pages: {address}")
            write_text("They end with Ctrl-C.")
            _open(address, wanted=open_it)
        return process.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        process.terminate()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def _open(address: str, *, wanted: bool) -> None:
    """Open a browser, where there is a screen to open one on."""
    has_screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if wanted and (has_screen or sys.platform == "darwin"):
        import webbrowser

        webbrowser.open(address)


def _info(line: CommandLine, settings: EngineSettings) -> dict[str, Any]:
    from engine.errors import EngineError
    from engine.prefect_server.address import given_connection
    from engine.prefect_server.launch import ADDRESS_FILE, known_connection

    server = settings.prefect_server
    home = line.workspace.prefect_home
    problem = ""
    connection: Connection | None = None
    if server.url:
        auth = f"prefect_server.auth {server.auth}" if server.auth else "none"
        try:
            connection = given_connection(server.url, server.auth, line.workspace.secrets)
        except EngineError as error:
            problem = str(error)
    else:
        auth = f"auth in {home / ADDRESS_FILE} (made once for this workspace)"
        connection = known_connection(home)
    workers: list[dict[str, Any]] = []
    if connection is not None and server.work_pool and not problem:
        workers, problem = _workers(connection, server.work_pool)
    url = connection.url if connection else server.url
    return {
        "url": url or None,
        "own": not server.url,
        "auth": auth,
        "work_pool": server.work_pool or None,
        "workers": workers,
        "problem": problem or None,
        "attach": _how_to_attach(settings, url, auth),
    }


def _workers(connection: Connection, pool: str) -> tuple[list[dict[str, Any]], str]:
    from engine.errors import EngineError
    from engine.prefect_server.api import PrefectApi
    from engine.prefect_server.pools import read_pool

    try:
        with PrefectApi(connection, deadline_seconds=2.0) as api:
            found = read_pool(api, pool)
    except EngineError as error:
        return [], str(error)
    rows = [
        {"name": one.name, "online": one.is_online, "heard": one.heard} for one in found.workers
    ]
    return rows, "the pool is paused" if found.is_paused else ""


def _how_to_attach(settings: EngineSettings, url: str, auth: str) -> list[str]:
    server = settings.prefect_server
    lines = ["A worker on another machine, with mlops-tui installed there:"]
    if not server.url:
        if server.host == "127.0.0.1":
            lines.append(
                "  first let others reach this server: prefect_server.host: 0.0.0.0, a fixed "
                "prefect_server.port, engine restart"
            )
        url = url.replace("127.0.0.1", "THIS-MACHINE") or "http://THIS-MACHINE:PORT/api"
    lines += [
        f"  its engine.yaml: prefect_server: {{url: {url}, auth: ${{PREFECT_AUTH}}, "
        f"work_pool: {server.work_pool or 'NAME'}}}",
        f"  its secrets.env: PREFECT_AUTH=... ({auth})",
        f"  the same storage.url in both: {settings.storage.url or 'none is set yet'}",
        "  then: engine worker",
    ]
    return lines
