"""A real nginx, with the file that `engine nginx config` makes, before a real engine."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.predictor_options import read_record
from engine.workspace import Workspace
from tests.e2e.harness import Engine
from tests.services.conftest import free_ports, need, wait_until
from tests.unit.deployments import deploy, make_bundle

pytestmark = pytest.mark.long

NAME = "flows.shop.example"
WORKERS = 3
VALUES = [float(number % 7) for number in range(30)]
MAIN = """
daemon off;
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 2;
events {{ worker_connections 512; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/mlops-tui.conf;
}}
"""


@dataclass
class House:
    """An engine with a model and several workers, and where they answer."""

    engine: Engine
    ports: list[int]
    """Of the predictor, of each worker, of the flow API and of the page."""

    @property
    def workspace(self) -> Workspace:
        return self.engine.workspace

    @property
    def worker_ports(self) -> list[int]:
        return self.ports[1 : 1 + WORKERS]

    def pid(self, worker: int) -> int:
        return int(read_record(self.workspace.predictor_record(worker))["pid"])

    def token(self) -> str:
        return self.workspace.token.read_text().strip()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    workspace = Workspace(folder / "workspace").create()
    deploy(workspace, make_bundle(folder / "bundle", window=30))
    ports = free_ports(3 + WORKERS)
    own = f"allowed_hosts: [{NAME}]"
    (workspace.configs / "engine.yaml").write_text(
        f"predictor: {{port: {ports[0]}, workers: {WORKERS}, first_worker_port: {ports[1]},"
        f" {own}}}\n"
        f"flow_api: {{port: {ports[-2]}, trusted_proxies: [127.0.0.1], {own}}}\n"
        f"web_page: {{port: {ports[-1]}, trusted_proxies: [127.0.0.1], {own}}}\n"
        "prefect_server: {idle_exit_seconds: 1}\n"
    )
    engine = Engine(workspace, folder / "none.csv")
    try:
        assert engine.run("up").returncode == 0
        made = House(engine, ports)
        wait_until(lambda: all(_answers(port) for port in ports))
        yield made
    finally:
        engine.run("down", "--cancel-runs")


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/docs", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


@dataclass
class Nginx:
    """An nginx, and a client of it."""

    folder: Path
    port: int
    options: dict[str, Any] = field(default_factory=dict)
    scheme: str = "http"

    @property
    def address(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def client(self, **more: Any) -> httpx.Client:
        headers = {"host": NAME, **more.pop("headers", {})}
        return httpx.Client(
            base_url=self.address, headers=headers, timeout=30, **self.options, **more
        )

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        with self.client(headers=options.pop("headers", {})) as client:
            return client.request(method, path, **options)

    def asked(self, *, after: int = 0) -> list[tuple[str, str]]:
        """The upstreams that forecasts were asked of, and their statuses, request by request."""
        lines = (self.folder / "access.log").read_text().splitlines()[after:]
        told = [line.split(" s, ")[1].rsplit(" ", 1)[0] for line in lines if "/predict_" in line]
        found = []
        for one in told:
            # Of a request that was repeated: "first, second 502, 200".
            words = [word.strip(",") for word in one.split()]
            found += list(zip(words[: len(words) // 2], words[len(words) // 2 :], strict=True))
        return found


@contextmanager
def nginx(house: House, folder: Path, *options: str) -> Iterator[Nginx]:
    """Start it with what the command makes of the workspace's settings, and end it."""
    program = need("nginx")
    port, redirect = free_ports(2)
    file = folder / "mlops-tui.conf"
    made = house.engine.run(
        *("nginx", "config", "--server-name", NAME, "--port", str(port)),
        *("--redirect-port", str(redirect), "--log", str(folder / "access.log")),
        *("--output", str(file), *options),
    )
    assert made.returncode == 0, made.stderr
    main = folder / "nginx.conf"
    user = "user root;" if os.getuid() == 0 else ""
    main.write_text(MAIN.format(folder=folder, user=user))
    command = [program, "-p", str(folder), "-c", str(main), "-e", str(folder / "error.log")]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "warn" not in checked.stderr
    process = subprocess.Popen(command)
    try:
        wait_until(lambda: _accepts(port))
        yield Nginx(folder, port)
    finally:
        process.send_signal(signal.SIGQUIT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait(10)


def _accepts(port: int) -> bool:
    try:
        httpx.get(f"http://127.0.0.1:{port}/nothing", timeout=5)
    except httpx.TransportError:
        return False
    return True


@pytest.fixture
def proxy(house: House, tmp_path: Path) -> Iterator[Nginx]:
    with nginx(house, tmp_path) as started:
        yield started


class Load:
    """Asks for forecasts over several connections until it is left."""

    def __init__(self, proxy: Nginx, connections: int = 6) -> None:
        self._proxy = proxy
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(connections)]
        self.statuses: Counter[int | str] = Counter()

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def answered(self) -> int:
        return self.statuses.total()

    def _ask(self) -> None:
        with self._proxy.client() as client:
            while not self._stop.is_set():
                try:
                    answer = client.post("/predict_timeseries", json={"input_data": VALUES})
                    self.statuses[answer.status_code] += 1
                except httpx.TransportError as error:
                    self.statuses[repr(error)] += 1


def test_forecasts_are_spread_over_the_workers_and_none_is_lost_when_one_is_killed(
    house: House, proxy: Nginx
) -> None:
    victim, own = 1, f"127.0.0.1:{house.worker_ports[1]}"
    with Load(proxy) as load:
        wait_until(lambda: load.answered > 1500)
        balance = Counter(server for server, _ in proxy.asked())
        for _ in range(3):
            pid = house.pid(victim)
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda pid=pid: house.pid(victim) != pid)  # type: ignore[misc]
            before = load.answered
            wait_until(lambda before=before: load.answered > before + 500)  # type: ignore[misc]
        # It was left out for two seconds at most, and comes back.
        after = len((proxy.folder / "access.log").read_text().splitlines())
        wait_until(lambda: (own, "200") in proxy.asked(after=after))

    assert set(load.statuses) == {200}, load.statuses
    shares = {server: count / balance.total() for server, count in balance.items()}
    assert set(shares) == {f"127.0.0.1:{port}" for port in house.worker_ports}
    assert min(shares.values()) > 0.6 / WORKERS, shares
    lost = [status for server, status in proxy.asked() if server == own and status != "200"]
    assert lost, "the kills met no request: they proved nothing"


def test_the_metrics_of_the_workers_outlive_one_that_was_killed(house: House) -> None:
    address = f"http://127.0.0.1:{house.ports[0]}"

    def workers() -> list[str]:
        page = httpx.get(f"{address}/metrics").text
        return [line for line in page.splitlines() if line.startswith("mlops_predictor_model_w")]

    wait_until(lambda: [line.split()[-1] for line in workers()] == ["3.0"])
    pid = house.pid(2)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: house.pid(2) != pid)
    wait_until(lambda: [line.split()[-1] for line in workers()] == ["3.0"])


def test_the_flow_api_answers_through_it_who_brings_a_token(house: House, proxy: Nginx) -> None:
    bearer = {"authorization": f"Bearer {house.token()}"}
    for path in ("/api/flow-monitoring-data", "/api/v1/status"):
        assert proxy.ask("GET", path).status_code == 401, "a stranger, not a neighbour"
        assert proxy.ask("GET", path, headers=bearer).status_code == 200
    claims = {"x-forwarded-for": "127.0.0.1", "x-real-ip": "127.0.0.1"}
    assert proxy.ask("GET", "/api/v1/status", headers=claims).status_code == 401
    launched = proxy.ask(
        "POST", "/api/run_flow/data_flow", headers=bearer, json={"data_type": "timeseries"}
    )
    assert launched.status_code == 200
    run_id = launched.json()["flow_run_id"]
    audit = [json.loads(line) for line in house.workspace.audit.read_text().splitlines()]
    assert audit[-1]["client"] == "127.0.0.1"
    house.engine.end(run_id)
    assert proxy.ask("GET", "/api/v1/status", headers={"host": "evil.example"}).status_code == 421


def test_the_page_and_its_live_feed_come_through(house: House, proxy: Nginx) -> None:
    first = proxy.ask("GET", "/")
    assert (first.status_code, first.headers["location"]) == (302, "/flow-monitoring")
    page = proxy.ask("GET", "/flow-monitoring")
    assert page.status_code == 200
    assert "content-security-policy" in page.headers
    assert page.headers["content-encoding"] == "gzip"
    assert page.headers.get_list("x-content-type-options") == ["nosniff"]
    assert len(page.headers["x-request-id"]) == 32
    assert "nginx/" not in page.headers["server"]

    bearer = {"authorization": f"Bearer {house.token()}"}
    began = time.monotonic()
    with (
        proxy.client(headers=bearer) as client,
        client.stream("GET", "/api/v1/events") as feed,
    ):
        lines = feed.iter_lines()
        while not next(lines).startswith("data: "):
            pass
    assert time.monotonic() - began < 20, "it was kept back"


def test_what_is_not_for_others_does_not_come_through(house: House, proxy: Nginx) -> None:
    bearer = {"authorization": f"Bearer {house.token()}"}
    for path in ("/metrics", "/update_model/x/manifest.json", "/api2", "/etc/passwd"):
        answer = proxy.ask("GET", path, headers=bearer)
        assert (answer.status_code, answer.json()["status"]) == (404, "error"), path
    assert proxy.ask("GET", "/health_check").status_code == 200


@pytest.mark.parametrize(
    ("path", "fits", "too_much"),
    [
        ("/api/run_flow/data_flow", 60_000, 70_000),
        ("/predict_timeseries", 60_000, 70_000),
        ("/forecast", 4_000_000, 4_300_000),
        ("/classify", 33_000_000, 34_000_000),
    ],
)
def test_a_body_is_let_through_as_far_as_the_service_takes_it(
    proxy: Nginx, path: str, fits: int, too_much: int
) -> None:
    # JSON that means nothing: who takes it says what is wrong with it.
    kind = {"content-type": "application/json"}
    taken = proxy.ask("POST", path, content=b" " * fits, headers=kind)
    refused = proxy.ask("POST", path, content=b" " * too_much, headers=kind)

    assert taken.status_code not in (413, 502, 503), taken.text
    assert (refused.status_code, refused.json()["status"]) == (413, "error")


def test_who_asks_the_flow_api_too_often_is_told_so(proxy: Nginx) -> None:
    with proxy.client() as client:
        answers = [client.get("/api/run_flow_api_check") for _ in range(120)]

    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused, "nobody was kept back"
    assert (refused[0].json()["status"], refused[0].headers["retry-after"]) == ("error", "1")
    assert {answer.status_code for answer in answers} == {200, 429}


def test_with_no_predictor_at_all_the_answer_says_when_to_come_again(
    house: House, tmp_path: Path
) -> None:
    (nobody,) = free_ports(1)
    with nginx(house, tmp_path, "--predictors", f"127.0.0.1:{nobody}") as proxy:
        answer = proxy.ask("POST", "/predict_timeseries", json={"input_data": VALUES})

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "try again" in answer.json()["message"]


def test_with_a_certificate_it_speaks_tls_and_sends_others_there(
    house: House, tmp_path: Path
) -> None:
    openssl = need("openssl")
    certificate, key = tmp_path / "a certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", f"/CN={NAME}", "-keyout", str(key)),
            *("-addext", f"subjectAltName=DNS:{NAME},IP:127.0.0.1", "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    files = ("--tls-cert", str(certificate), "--tls-key", str(key))
    with nginx(house, tmp_path, *files) as proxy:
        proxy.scheme = "https"
        proxy.options["verify"] = ssl.create_default_context(cafile=str(certificate))
        answer = proxy.ask("POST", "/predict_timeseries", json={"input_data": VALUES})
        assert answer.status_code == 200
        assert "max-age" in answer.headers["strict-transport-security"]

        # What the page sends: its own address, as the browser sees it.
        page = {"authorization": f"Bearer {house.token()}", "sec-fetch-site": "same-origin"}
        for origin, status in ((f"https://{NAME}", 422), ("https://evil.example", 403)):
            answer = proxy.ask(
                "POST", "/api/run_flow/data_flow?epochs=x", headers={**page, "origin": origin}
            )
            assert answer.status_code == status, answer.text

        plain = httpx.post(
            f"http://127.0.0.1:{proxy.port + 1}/predict_timeseries?a=b", headers={"host": NAME}
        )
        assert plain.status_code == 308
        assert plain.headers["location"] == f"https://{NAME}:{proxy.port}/predict_timeseries?a=b"

        old = ssl.create_default_context(cafile=str(certificate))
        old.set_ciphers("DEFAULT:@SECLEVEL=0")
        old.minimum_version = ssl.TLSVersion.TLSv1_2
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        old.set_ciphers("AES128-SHA:@SECLEVEL=0")
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{proxy.address}/health_check", verify=old)
