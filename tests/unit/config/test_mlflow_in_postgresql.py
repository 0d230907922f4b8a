"""MLflow's tables go where database.url says, unless another place is named."""

from __future__ import annotations

import pytest

from engine.config.engine_settings import TrackingSettings
from engine.config.loading import load_engine_settings
from engine.config.mlflow_address import mlflow_address
from engine.errors import EngineError
from engine.masking import Masker
from engine.tracking import connection
from engine.tracking.connection import Connection
from engine.workspace import Workspace

URL = 'database: {url: "postgresql://me:${PW}@127.0.0.1:1/stock"}\n'


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.delenv(name, raising=False)
    workspace.secrets.write_text("PW=swordfish\n")
    workspace.secrets.chmod(0o600)


def tracking(workspace: Workspace, text: str) -> TrackingSettings:
    (workspace.configs / "engine.yaml").write_text(text)
    return load_engine_settings(workspace_configs=workspace.configs).settings.tracking


def test_both_are_in_the_database_that_the_url_names(workspace: Workspace) -> None:
    found = mlflow_address(workspace, tracking(workspace, URL), {})

    assert found.tracking_uri == found.registry_uri
    assert found.tracking_uri.startswith("postgresql+psycopg2://me:swordfish@127.0.0.1:1/stock?")
    assert found.words == found.place == "postgresql://me:***@127.0.0.1:1/stock, schema mlflow"
    assert found.artifact_root == str(workspace.root / "mlflow")


def test_another_place_that_is_named_goes_before(workspace: Workspace) -> None:
    named = f"{URL}tracking: {{url: https://mlflow.example}}\n"

    found = mlflow_address(workspace, tracking(workspace, named), {})

    assert (found.tracking_uri, found.database) == ("https://mlflow.example", None)


def test_what_is_missing_is_told_before_mlflow_is_imported(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tracking(workspace, URL)
    address = mlflow_address(workspace, settings, {})
    monkeypatch.setattr("engine.database.address.find_spec", lambda _: None)

    with pytest.raises(EngineError) as caught:
        Connection(address, settings, Masker())
    assert "pip install 'mlops-tui[postgres]'" in str(caught.value)

    monkeypatch.setattr(connection, "missing_driver", lambda: None)
    with pytest.raises(EngineError) as caught:
        Connection(address, settings, Masker())
    assert "the database cannot be reached" in str(caught.value)
    assert "swordfish" not in str(caught.value)
