"""The store of a workspace, as its engine.yaml says."""

from __future__ import annotations

import os
from typing import Any

from engine.errors import ConfigError
from engine.secrets_file import expand, read_secrets, values_of
from engine.store.depot import Depot
from engine.store.remote import RemoteVersions
from engine.store.versions import VersionStore
from engine.workspace import Workspace

_ENGINE_FILE = "engine.yaml"


def open_store(workspace: Workspace) -> VersionStore:
    """Return the versions of a workspace, wherever `storage.url` says that they are.

    Raises:
        ConfigError: engine.yaml cannot be used, or a `${NAME}` in it stands for nothing.
    """
    if not os.path.lexists(workspace.configs / _ENGINE_FILE):
        # Nothing names another place, and reading settings costs more than all the rest.
        return VersionStore(workspace.central_storage)
    # The predictor, which is small, comes by here only when versions lie elsewhere.
    shared = _shared(workspace)
    if shared is None:
        return VersionStore(workspace.central_storage)
    return VersionStore(workspace.central_storage, RemoteVersions(*shared))


def open_depot(workspace: Workspace) -> Depot | None:
    """Return where this workspace shares data sets and candidates with others; None: nowhere.

    Raises:
        ConfigError: engine.yaml cannot be used, or a `${NAME}` in it stands for nothing.
    """
    shared = _shared(workspace)
    return None if shared is None else Depot(*shared)


def _shared(workspace: Workspace) -> tuple[str, dict[str, Any]] | None:
    from engine.config.loading import load_engine_settings

    storage = load_engine_settings(workspace_configs=workspace.configs).settings.storage
    if not storage.url:
        return None
    secrets = read_secrets(workspace.secrets)
    try:
        options = {
            name: expand(value, values_of(value, secrets)) if isinstance(value, str) else value
            for name, value in storage.options.items()
        }
    except ConfigError as error:
        raise ConfigError(
            error.what, where=f"{workspace.configs / _ENGINE_FILE}: storage.options", fix=error.fix
        ) from error
    return storage.url, options
