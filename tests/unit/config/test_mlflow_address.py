"""Where MLflow is, by settings, secrets and the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config.engine_settings import EngineSettings, TrackingSettings
from engine.config.loading import load_engine_settings
from engine.config.mlflow_address import mlflow_address
from engine.config.problems import ConfigProblemsError
from engine.errors import ConfigError
from engine.workspace import Workspace


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.delenv(name, raising=False)


def settings(**values: str) -> TrackingSettings:
    return EngineSettings.model_validate({"tracking": values}).tracking


def test_without_a_word_it_is_a_file_of_the_workspace(workspace: Workspace) -> None:
    found = mlflow_address(workspace, settings(), {})

    assert found.tracking_uri == found.registry_uri == f"sqlite:///{workspace.root}/mlflow.db"
    assert found.artifact_root == str(workspace.root / "mlflow")
    assert (found.is_server, found.place) == (False, "workspace")
    assert found.words == "mlflow.db in the workspace"


def test_the_settings_go_before_secrets_and_these_before_the_environment(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://environment:1")
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "http://registry:1")
    secrets = {"MLFLOW_TRACKING_URI": "http://secrets:2"}

    by_environment = mlflow_address(workspace, settings(), {})
    by_secrets = mlflow_address(workspace, settings(), secrets)
    by_settings = mlflow_address(
        workspace, settings(url="https://named:3", registry_url="https://models:4"), secrets
    )

    assert by_environment.tracking_uri == "http://environment:1"
    assert by_environment.place == "http://environment:1, models in http://registry:1"
    assert by_secrets.tracking_uri == "http://secrets:2"
    assert by_settings.tracking_uri == "https://named:3"
    assert by_settings.registry_uri == "https://models:4"
    for found in (by_environment, by_secrets, by_settings):
        assert (found.artifact_root, found.is_server) == (None, True)


def test_files_of_a_database_that_somebody_names_lie_in_the_workspace(workspace: Workspace) -> None:
    found = mlflow_address(workspace, settings(url="sqlite:////srv/mlflow.db"), {})

    assert (found.tracking_uri, found.place) == ("sqlite:////srv/mlflow.db",) * 2
    assert found.artifact_root == str(workspace.root / "mlflow")


def test_a_password_reaches_mlflow_and_nobody_else(workspace: Workspace) -> None:
    url = "postgresql://me:${DOOR}@db.example/mlflow"

    found = mlflow_address(workspace, settings(url=url), {"DOOR": "opensesame"})

    assert found.tracking_uri == "postgresql://me:opensesame@db.example/mlflow"
    assert found.place == found.words == "postgresql://me:***@db.example/mlflow"


def test_a_name_that_stands_for_nothing_is_refused_with_its_place(workspace: Workspace) -> None:
    with pytest.raises(ConfigError, match=r"tracking\.registry_url"):
        mlflow_address(workspace, settings(registry_url="https://a:${NO_SUCH_NAME}@b"), {})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tracking: {url: mlflow.example}", "not a URL such as https://mlflow.example"),
        ("tracking: {url: 'https://me:swordfish@host'}", "password in plain text"),
        ("tracking: {uri: 'https://host'}", 'did you mean "tracking.url"?'),
        ("tracking: {model_name: 'a/b'}", "a-z, 0-9"),
        ("tracking: {experiment: ''}", "tracking.experiment"),
        ("tracking: {enabled: 1}", "tracking.enabled"),
    ],
)
def test_what_cannot_be_is_refused_and_no_secret_repeated(
    configs: Path, text: str, words: str
) -> None:
    (configs / "engine.yaml").write_text(f"{text}\n")

    with pytest.raises(ConfigProblemsError) as caught:
        load_engine_settings(workspace_configs=configs)

    assert words in str(caught.value)
    assert "swordfish" not in str(caught.value)
