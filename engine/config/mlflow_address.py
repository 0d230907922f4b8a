"""Where MLflow is: a server or database that somebody names, or a file in the workspace."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from engine.config.database import database_address
from engine.config.engine_settings import TrackingSettings
from engine.database.address import MLFLOW_SCHEMA, DatabaseAddress
from engine.errors import ConfigError
from engine.masking import Masker
from engine.secrets_file import expand, values_of
from engine.workspace import Workspace

OWN_PLACE = "workspace"
"""The place that is the workspace's own, wherever the workspace lies."""

_DATABASES = ("sqlite:", "postgresql:", "postgresql+", "mysql:", "mysql+", "mssql:", "mssql+")
_TRACKING = "MLFLOW_TRACKING_URI"
_REGISTRY = "MLFLOW_REGISTRY_URI"


@dataclass(frozen=True)
class MlflowAddress:
    """An MLflow.

    Attributes:
        tracking_uri: Of its runs, with any password.
        registry_uri: Of its registered models, likewise.
        place: Names it in tables and messages, without passwords.
        artifact_root: Folder for the files of new experiments; None where a server decides.
        database: The PostgreSQL database of database.url, where that is what is used.
    """

    tracking_uri: str
    registry_uri: str
    place: str
    artifact_root: str | None
    database: DatabaseAddress | None = None

    @property
    def is_server(self) -> bool:
        """Whether a server answers there, by HTTP."""
        return self.tracking_uri.startswith(("http://", "https://"))

    @property
    def words(self) -> str:
        """For people: where it is."""
        return "mlflow.db in the workspace" if self.place == OWN_PLACE else self.place


def mlflow_address(
    workspace: Workspace, settings: TrackingSettings, secrets: Mapping[str, str]
) -> MlflowAddress:
    """Say where MLflow is: the settings first, then the environment, then the workspace.

    Args:
        workspace: The workspace.
        settings: Of the engine.
        secrets: Lines of secrets.env; they go before the environment.

    Raises:
        ConfigError: A `${NAME}` stands for nothing.
    """
    environment = {**os.environ, **secrets}
    named = _named("url", settings.url, secrets) or environment.get(_TRACKING, "")
    database = None if named else database_address(workspace)
    own = database.mlflow_url if database else own_backend_uri(workspace)
    tracking = named or own
    named_registry = _named("registry_url", settings.registry_url, secrets)
    registry = named_registry or environment.get(_REGISTRY, "") or tracking
    # A database that somebody names has no server that keeps files: MLflow would put them into the
    # folder that a process happens to be in.
    decides = bool(named) and not named.startswith(_DATABASES)
    own_place = f"{database.masked}, schema {MLFLOW_SCHEMA}" if database else OWN_PLACE
    return MlflowAddress(
        tracking_uri=tracking,
        registry_uri=registry,
        # A workspace may be moved, and its database with it.
        place=_place_of(tracking, registry, {own: own_place}),
        artifact_root=None if decides else str(workspace.mlflow_artifacts.absolute()),
        database=database,
    )


def own_backend_uri(workspace: Workspace) -> str:
    """The database of an MLflow that nobody names otherwise, without a database.url."""
    return f"sqlite:///{workspace.mlflow_database.absolute()}"


def _named(key: str, value: str, secrets: Mapping[str, str]) -> str:
    try:
        return expand(value, values_of(value, secrets))
    except ConfigError as error:
        raise ConfigError(
            error.what, where=f"engine.yaml: tracking.{key}", fix=error.fix
        ) from error


def _place_of(tracking: str, registry: str, own: Mapping[str, str]) -> str:
    masker = Masker()
    place = own.get(tracking) or masker.mask(tracking)
    return place if registry == tracking else f"{place}, models in {masker.mask(registry)}"
