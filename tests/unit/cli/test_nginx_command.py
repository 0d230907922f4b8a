from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine import nginx
from engine.config.engine_settings import EngineSettings
from engine.daemon.web.asking import BODY_BYTES
from engine.nginx import Proxy, nginx_config
from engine.predictor.forecast_routes import BATCH_BYTES, FORECAST_BYTES
from engine.predictor.picture_routes import PICTURE_BYTES, PICTURES_BYTES
from engine.workspace import Workspace
from tests.unit.cli.conftest import EngineCommand

SHIPPED = Path(__file__).parents[3] / "deploy" / "nginx" / "mlops-tui.conf"
NAME = "flows.example.com"
TLS = ("--tls-cert", "/etc/ssl/certs/flows.pem", "--tls-key", "/etc/ssl/private/flows.key")


def settings(workspace: Workspace, text: str) -> None:
    (workspace.configs / "engine.yaml").write_text(text)


def test_the_shipped_file_is_what_the_command_prints(command: EngineCommand) -> None:
    answer = command("nginx", "config", "--server-name", NAME, *TLS)

    assert answer.code == 0
    assert answer.out == SHIPPED.read_text(), "write it anew: engine nginx config --output"


def test_each_worker_is_a_server_of_its_own_where_it_has_a_port(
    command: EngineCommand, workspace: Workspace
) -> None:
    settings(workspace, "predictor: {workers: 3, first_worker_port: 4301}\n")
    answer = command("nginx", "config", "--server-name", NAME)

    servers = re.findall(r"server (\S+) max_fails=3", answer.out)
    assert servers == ["127.0.0.1:4301", "127.0.0.1:4302", "127.0.0.1:4303"]
    assert "first_worker_port" not in answer.err

    settings(workspace, "predictor: {workers: 3}\n")
    answer = command("nginx", "config", "--server-name", NAME)
    assert re.findall(r"server (\S+) max_fails=3", answer.out) == ["127.0.0.1:4242"]
    assert "set predictor.first_worker_port" in answer.err


def test_predictors_of_other_machines_can_be_named(command: EngineCommand) -> None:
    answer = command("nginx", "config", "--predictors", "10.0.0.5:4242, host-b:4242,[fd00::1]:4242")

    assert re.findall(r"server (\S+) max_fails=3", answer.out) == [
        "10.0.0.5:4242",
        "host-b:4242",
        "[fd00::1]:4242",
    ]


def test_what_is_switched_off_is_not_forwarded_to(
    command: EngineCommand, workspace: Workspace
) -> None:
    settings(workspace, "web_page: {enabled: false}\npredictor: {enabled: false}\n")
    out = command("nginx", "config").out

    assert "mlops_api" in out
    assert "mlops_page" not in out
    assert "mlops_predictor" not in out
    settings(
        workspace,
        "web_page: {enabled: false}\npredictor: {enabled: false}\nflow_api: {enabled: false}\n",
    )
    assert command("nginx", "config").code == 2


def test_it_says_what_the_workspace_still_has_to_be_told(
    command: EngineCommand, workspace: Workspace
) -> None:
    err = command("nginx", "config", "--server-name", NAME).err
    for what in ("predictor.allowed_hosts", "flow_api.trusted_proxies", "tokens travel"):
        assert what in err

    settings(
        workspace,
        f"predictor: {{allowed_hosts: [{NAME}]}}\n"
        f"flow_api: {{allowed_hosts: [{NAME}], trusted_proxies: [127.0.0.1]}}\n"
        f"web_page: {{allowed_hosts: [{NAME}], trusted_proxies: [127.0.0.1]}}\n",
    )
    assert command("nginx", "config", "--server-name", NAME, *TLS).err == ""


def test_it_is_written_to_a_file_and_told_as_data(command: EngineCommand, tmp_path: Path) -> None:
    file = tmp_path / "mlops.conf"
    told = command("nginx", "config", "--output", file, "--json").json

    assert (told["file"], told["config"]) == (str(file), file.read_text())
    assert len(told["notes"]) == 3
    assert "nginx -t" in command("nginx", "config", "--output", file).out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--server-name", "a b"), "not the name of a server"),
        (("--server-name", "x; }"), "not the name of a server"),
        (("--predictors", "10.0.0.5"), "host:port"),
        (("--predictors", "a:1;b:2"), "host:port"),
        (("--predictors", "a:70000"), "host:port"),
        (("--log", "/var/log/$evil"), "cannot stand in a file of nginx"),
        (("--tls-cert", "/a"), "belong together"),
    ],
)
def test_what_nginx_would_take_for_something_else_is_refused(
    command: EngineCommand, options: tuple[str, ...], said: str
) -> None:
    answer = command("nginx", "config", *options)

    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err


def test_a_port_that_is_left_to_chance_is_refused(
    command: EngineCommand, workspace: Workspace
) -> None:
    settings(workspace, "flow_api: {port: 0}\n")
    answer = command("nginx", "config")

    assert answer.code == 2
    assert "Give flow_api.port a number" in answer.err


def test_a_path_is_quoted() -> None:
    text = nginx_config(EngineSettings(), Proxy("localhost", log=Path('/a "b"/c d.log')))

    assert r'access_log "/a \"b\"/c d.log" mlops;' in text


def test_the_limits_are_those_of_the_services() -> None:
    assert nginx.API_KILOBYTES * 1024 == BODY_BYTES
    assert nginx.FORECAST_KILOBYTES * 1024 == FORECAST_BYTES
    assert nginx.FORECASTS_MEGABYTES * 1024**2 == BATCH_BYTES
    assert nginx.PICTURE_MEGABYTES * 1024**2 == PICTURE_BYTES
    assert nginx.PICTURES_MEGABYTES * 1024**2 == PICTURES_BYTES
