"""Forecasts through nginx, with the file that `engine nginx config` makes: its cost, and kill -9.

Two workers of the predictor answer; the peer is the same load on their shared port without a proxy.
Then a worker is killed each second and started again, as its engine would: of what is asked through
the proxy nothing may fail. The peer of that is the same without a proxy. Needs nginx and wrk.

    python benchmarks/proxy.py [--seconds 8] [--json]
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
from _claims import Claim, at_least, at_most, parser_of, report
from _load import free_port, need_wrk
from serving import Server, deploy_networks, hammer, wait_for

from engine.config.engine_settings import EngineSettings
from engine.nginx import Proxy, nginx_config
from engine.predictor_options import PredictorOptions, encode
from engine.workspace import Workspace

WORKERS = 2
MAIN = """
daemon off;
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 1024; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/mlops-tui.conf;
}}
"""


class Worker:
    """A worker of the predictor that can be killed and started again."""

    def __init__(self, workspace: Workspace, index: int, port: int, own_port: int) -> None:
        self._options = PredictorOptions(
            workspace=str(workspace.root),
            index=index,
            workers=WORKERS,
            port=port,
            own_port=own_port,
        )
        self.address = f"http://127.0.0.1:{own_port}"
        self._log = workspace.predictor / f"log-{index}"
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with self._log.open("ab") as log:
            command = [sys.executable, "-P", "-m", "engine.predictor.main"]
            self._process = subprocess.Popen(
                [*command, encode(self._options)], stdout=log, stderr=log
            )
        wait_for(Server(self.address))

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End it."""
        psutil.Process(self._process.pid).send_signal(number)
        self._process.wait(30)


@contextmanager
def nginx(folder: Path, predictors: list[str]) -> Iterator[Server]:
    """An nginx in front of predictors."""
    port = free_port()
    proxy = Proxy("127.0.0.1", port, predictors=tuple(predictors), log=folder / "access.log")
    (folder / "mlops-tui.conf").write_text(nginx_config(EngineSettings(), proxy))
    user = "user root;" if os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user=user))
    arguments = ["-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "e.log")]
    process = subprocess.Popen(["nginx", *arguments])
    try:
        server = Server(f"http://127.0.0.1:{port}")
        wait_for(server)
        yield server
    finally:
        process.terminate()
        process.wait(30)


def failed_with_kills(server: Server, folder: Path, worker: Worker, seconds: int) -> int:
    """Requests that failed while a worker was killed and started again, over and over."""
    stop = threading.Event()

    def kill() -> None:
        while not stop.wait(1.0):
            worker.kill()
            worker.start()

    killing = threading.Thread(target=kill)
    killing.start()
    try:
        return hammer(server, folder, 64, seconds).failed
    finally:
        stop.set()
        killing.join()


def measure(seconds: int) -> Iterator[Claim]:
    """Measure everything, one claim after the other."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        workspace = Workspace(folder / "workspace").create()
        deploy_networks(workspace, folder)
        port = free_port()
        workers = [Worker(workspace, index, port, free_port()) for index in range(WORKERS)]
        for worker in workers:
            stack.callback(worker.kill, signal.SIGTERM)
        direct = Server(f"http://127.0.0.1:{port}")
        direct_one = hammer(direct, folder, 1, seconds)
        direct_many = hammer(direct, folder, 64, seconds)
        own = [worker.address.removeprefix("http://") for worker in workers]
        with nginx(folder, own) as proxy:
            one, many = hammer(proxy, folder, 1, seconds), hammer(proxy, folder, 64, seconds)
            killed = failed_with_kills(proxy, folder, workers[0], seconds)
        peer = "without a proxy"
        yield at_most("p50 at one connection", one.p50, "ms", 1.0, peer, direct_one.p50)
        yield at_least("requests at 64", many.rate, "a second", 3000, peer, direct_many.rate)
        yield at_most("p99 at 64 connections", many.p99, "ms", 60, peer, direct_many.p99)
        alone = failed_with_kills(direct, folder, workers[0], seconds)
        yield at_most("failed while workers are killed", killed, "requests", 0, peer, alone)
        with nginx(folder, [f"127.0.0.1:{port}"]) as proxy:
            shared = failed_with_kills(proxy, folder, workers[0], seconds)
        peer = "one port of all workers"
        yield at_most("failed, each worker on a port", killed, "requests", 0, peer, shared)


def main() -> int:
    """Measure, print the table or the JSON lines; exit status 1 when a goal is missed."""
    parser = parser_of(__doc__)
    parser.add_argument("--seconds", type=int, default=8)
    arguments = parser.parse_args()
    need_wrk()
    if shutil.which("nginx") is None:
        sys.exit("nginx is needed: apt-get install nginx")
    return max(report([claim], as_json=arguments.json) for claim in measure(arguments.seconds))


if __name__ == "__main__":
    sys.exit(main())
