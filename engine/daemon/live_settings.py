"""The engine's settings, read again when their file changes."""

from __future__ import annotations

import logging
from pathlib import Path

from engine.config.engine_settings import EngineSettings
from engine.config.files import ENGINE_FILE
from engine.config.loading import load_engine_settings
from engine.errors import ConfigError

logger = logging.getLogger(__name__)


class LiveSettings:
    """The current settings; a file that was edited to something invalid changes nothing."""

    def __init__(self, configs: Path) -> None:
        self._configs = configs
        self._seen = self._state()
        self._settings = load_engine_settings(workspace_configs=configs).settings
        self.problem = ""

    def __call__(self) -> EngineSettings:
        """The settings that hold now."""
        state = self._state()
        if state != self._seen:
            self._seen = state
            try:
                self._settings = load_engine_settings(workspace_configs=self._configs).settings
                self.problem = ""
            except ConfigError as error:
                self.problem = f"the settings of before still hold: {error}"
                logger.error("%s", self.problem)
        return self._settings

    def _state(self) -> tuple[int, int, int] | None:
        try:
            status = (self._configs / ENGINE_FILE).stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino
