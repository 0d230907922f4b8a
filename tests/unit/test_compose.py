"""deploy/compose, checked as far as that is possible without containers."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.config.loading import load_engine_settings
from engine.nginx import Proxy, nginx_config

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "compose"
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")

TEXT, LIST, MAPPING = (str,), (list,), (dict,)
# Of the Compose specification, what is used here, with its types.
KEYS: dict[str, tuple[type, ...]] = {
    "build": MAPPING,
    "cap_drop": LIST,
    "command": LIST,
    "depends_on": MAPPING,
    "environment": MAPPING,
    "healthcheck": MAPPING,
    "image": TEXT,
    "init": (bool,),
    "logging": MAPPING,
    "network_mode": TEXT,
    "ports": LIST,
    "restart": TEXT,
    "security_opt": LIST,
    "stop_grace_period": TEXT,
    "volumes": LIST,
}
HEALTH = {"test", "interval", "timeout", "retries", "start_period", "disable"}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}

each_service = pytest.mark.parametrize("name", list(SERVICES))


def test_there_is_nothing_at_the_top_that_compose_does_not_know() -> None:
    own = {key for key in COMPOSE if not key.startswith("x-")}
    assert own == {"name", "services", "volumes"}


@each_service
def test_a_service_has_keys_of_the_specification_with_their_types(name: str) -> None:
    service = SERVICES[name]

    assert set(service) <= set(KEYS)
    for key, value in service.items():
        assert isinstance(value, KEYS[key]), key
    assert set(service.get("healthcheck", {})) <= HEALTH
    assert set(service.get("build", {})) <= {"context", "dockerfile", "args"}
    for text in service.get("environment", {}).values():
        assert isinstance(text, str), "a number or switch would be refused"


@each_service
def test_an_image_has_a_version(name: str) -> None:
    tag = SERVICES[name]["image"].rpartition(":")[2]

    assert re.match(r"v?\d+\.\d+|\d+-", tag), tag


def test_the_image_of_the_engine_has_its_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert SERVICES["engine"]["image"] == f"mlops-tui:{version}"


@each_service
def test_what_a_service_needs_is_there(name: str) -> None:
    service = SERVICES[name]

    for other, how in service.get("depends_on", {}).items():
        assert how["condition"] in CONDITIONS
        if how["condition"] == "service_healthy":
            assert "test" in SERVICES[other]["healthcheck"], other
    if mode := service.get("network_mode"):
        kind, _, other = mode.partition(":")
        assert (kind, other in SERVICES) == ("service", True)
        assert "ports" not in service, "they belong to the service that has the network"
    for volume in service.get("volumes", ()):
        source, target = volume.split(":")[:2]
        assert target.startswith("/")
        if source.startswith("."):
            assert (FOLDER / source).exists(), source
            assert volume.endswith(":ro")
        else:
            assert source in COMPOSE["volumes"]


def test_every_volume_is_used() -> None:
    used = {volume.split(":")[0] for one in SERVICES.values() for volume in one.get("volumes", ())}

    assert set(COMPOSE["volumes"]) == {source for source in used if not source.startswith(".")}


@each_service
def test_ports_are_open_to_this_machine_alone(name: str) -> None:
    for port in SERVICES[name].get("ports", ()):
        assert port.startswith("127.0.0.1:")


def test_what_is_to_be_chosen_is_in_the_example_without_a_value() -> None:
    lines = (FOLDER / ".env.example").read_text().splitlines()
    example = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    used = VARIABLE.findall((FOLDER / "compose.yaml").read_text())

    assert {name for name, _, _ in used} == set(example)
    for name, how, default in used:
        assert example[name] == ("" if how == "?" else default), name
        is_secret = name.endswith("PASSWORD")
        assert (how == "?") == is_secret, "a secret has no default, everything else has one"


def test_the_settings_of_the_engine_are_valid(tmp_path: Path) -> None:
    (tmp_path / "engine.yaml").write_text((FOLDER / "engine.yaml").read_text())
    settings = load_engine_settings(workspace_configs=tmp_path).settings

    assert "postgres" in settings.database.url
    assert settings.tracking.url == "http://mlflow:5000"
    shipped = (FOLDER / "nginx.conf").read_text()
    made = nginx_config(settings, Proxy("localhost", log=Path("/dev/stdout")))
    assert made == shipped, (
        "write it anew: engine nginx config --log /dev/stdout --output deploy/compose/nginx.conf"
    )
    # The names in these addresses are services.
    hosts = re.findall(r"@(\w+)/|//(\w+):", f"{settings.database.url} {settings.tracking.url}")
    assert {one or other for one, other in hosts} <= {*SERVICES, "mlops"}


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", (FOLDER / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines) if word]


def arguments_of(instruction: str) -> list[str]:
    return [rest for word, rest in instructions() if word == instruction]


def test_the_image_is_made_in_two_stages_and_runs_as_nobody_of_importance() -> None:
    stages = arguments_of("FROM")
    words = [word for word, _ in instructions()]

    assert len(stages) == 2
    assert all(re.match(r"python:3\.1[123]-slim", stage) for stage in stages)
    assert "ADD" not in words
    (user,) = arguments_of("USER")
    assert user not in ("root", "0")
    assert words.index("USER") < words.index("CMD")
    assert "useradd" in " ".join(arguments_of("RUN"))
    assert arguments_of("CMD") == ['["engine", "serve"]']
    (health,) = arguments_of("HEALTHCHECK")
    assert health.endswith('CMD ["engine", "status"]')


def test_nothing_is_left_behind_by_the_installation() -> None:
    runs = arguments_of("RUN")
    installing = [run for run in runs if "apt-get install" in run]

    assert all("--no-install-recommends" in run for run in installing)
    assert all("rm -rf /var/lib/apt/lists/*" in run for run in installing)
    assert any("PIP_NO_CACHE_DIR=1" in rest for rest in arguments_of("ENV"))


def test_what_is_copied_is_there_and_not_ignored() -> None:
    kept = (FOLDER / "Dockerfile.dockerignore").read_text().splitlines()
    assert kept[1] == "*"
    for rest in arguments_of("COPY"):
        words = [word for word in shlex.split(rest) if not word.startswith("--")]
        if "--from=" in rest:
            continue
        for source in words[:-1]:
            assert (ROOT / source).exists(), source
            assert f"!{source.removeprefix('./')}" in kept, source


def test_the_extras_and_the_pin_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    runs = " ".join(arguments_of("RUN"))

    (extras,) = re.findall(r"'\.\[([\w,]+)\]'", runs)
    assert set(extras.split(",")) <= set(project["optional-dependencies"])
    (torch,) = re.findall(r"'(torch==[^']+)'", runs)
    assert torch in project["dependencies"]
