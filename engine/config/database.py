"""The PostgreSQL database that a workspace's engine.yaml names."""

from __future__ import annotations

import os

from engine.config.files import ENGINE_FILE
from engine.database.address import DatabaseAddress, read_address
from engine.workspace import Workspace


def database_address(workspace: Workspace) -> DatabaseAddress | None:
    """The address in `database.url`, with its secrets put in; None for SQLite.

    Raises:
        ConfigError: engine.yaml or secrets.env cannot be used.
    """
    if not os.path.lexists(workspace.configs / ENGINE_FILE):
        return None  # reading the settings costs more than all the rest
    from engine.config.loading import load_engine_settings

    settings = load_engine_settings(workspace_configs=workspace.configs).settings
    return read_address(settings.database.url, workspace.secrets)
