"""The one place that opens MLflow: quietly, and with little patience when it is away."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.config.engine_settings import TrackingSettings
from engine.config.mlflow_address import MlflowAddress
from engine.database.address import MLFLOW_SCHEMA, missing_driver
from engine.errors import ConfigError, ServerError
from engine.masking import Masker
from engine.tracking.limits import cut

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
}
"""What MLflow's own processes and libraries are told, whatever the environment says."""

# Its own patience, of minutes for each request, would hold everything up that waits in line.
_PATIENCE = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_ARTIFACT_UPLOAD_DOWNLOAD_TIMEOUT": "120",
}


_MOST_WORDS = 500
_DEEPEST = 20


def use_environment(secrets: Mapping[str, str]) -> None:
    """Let this process talk to MLflow quietly; before anything of it is imported.

    Args:
        secrets: Lines of secrets.env: who may write there.
    """
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    os.environ.update(secrets)
    os.environ.update(QUIET)


class Connection:
    """An MLflow that answered.

    Args:
        address: Where it is.
        settings: Of the engine.
        masker: Blanks out secrets in what is said of it.

    Attributes:
        client: Its client.
        experiment_id: Of the experiment that runs are in; made when it did not exist.

    Raises:
        ServerError: It cannot be reached, or does not let us in.
        ConfigError: The experiment was deleted there, or the driver of its database is missing.
    """

    def __init__(self, address: MlflowAddress, settings: TrackingSettings, masker: Masker) -> None:
        _prepare(address)
        from mlflow.tracking import MlflowClient

        logging.getLogger("alembic").setLevel(logging.WARNING)
        self._address = address
        self._masker = masker
        try:
            self.client: MlflowClient = MlflowClient(address.tracking_uri, address.registry_uri)
            self.experiment_id = self._experiment(settings.experiment)
        except ConfigError:
            raise
        except Exception as error:
            raise ServerError(
                f"MLflow cannot be reached: {self.words(error)}", where=address.words
            ) from error

    def is_up(self) -> bool:
        """Whether it still answers."""
        try:
            self.client.get_experiment(self.experiment_id)
        except Exception:  # noqa: BLE001  every kind of store has errors of its own
            return False
        return True

    def words(self, error: Exception) -> str:
        """What went wrong, on one line without secrets."""
        text = _reason(error) or " ".join(str(error).split()) or type(error).__name__
        return cut(self._masker.mask(text), _MOST_WORDS)

    def _experiment(self, name: str) -> str:
        found = self.client.get_experiment_by_name(name)
        if found is None:
            return str(
                self.client.create_experiment(name, artifact_location=self._address.artifact_root)
            )
        if found.lifecycle_stage != "active":
            raise ConfigError(
                f"the experiment {name!r} was deleted in MLflow",
                where=self._address.words,
                fix="Restore it there, or name another: tracking.experiment in engine.yaml",
            )
        return str(found.experiment_id)


def _prepare(address: MlflowAddress) -> None:
    """See that PostgreSQL can be used, where that is what MLflow is kept in."""
    missing = missing_driver() if address.tracking_uri.startswith("postgresql") else None
    if missing is not None:
        raise missing
    if address.database is not None:
        # Only then: most have no such database.
        from engine.database.postgres import make_schema

        asyncio.run(make_schema(address.database, MLFLOW_SCHEMA))


def _reason(error: BaseException) -> str:
    """What the system said at the bottom of it, such as "Connection refused"; "" when nothing."""
    found = ""
    seen: BaseException | None = error
    for _ in range(_DEEPEST):
        if seen is None:
            break
        if isinstance(seen, OSError) and seen.strerror:
            found = seen.strerror
        # Libraries that wrap an error again and again often keep it as an argument only.
        inner = [one for one in seen.args if isinstance(one, BaseException)]
        seen = seen.__cause__ or seen.__context__ or (inner[0] if inner else None)
    return found
